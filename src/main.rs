//! The program `ajpgate`.

use std::process::ExitCode;

/// A request allocates a few dozen times and frees what another thread allocated; the system's allocator takes
/// about twice as long for that.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    ajpgate::main(std::env::args_os())
}
