//! The program `ajpgate`.

use std::process::ExitCode;

/// A request allocates memory 10 to 20 times, and often frees memory of another thread. The allocator of the system takes
/// about twice as long for that.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    ajpgate::main(std::env::args_os())
}
