//! The program `ajpgate`.

use std::process::ExitCode;

/// A request allocates memory one or two dozen times and frees what another thread allocated; the allocator of the system
/// takes about twice as long for that.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    ajpgate::main(std::env::args_os())
}
