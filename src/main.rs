//! The program `ajpgate`.

fn main() {}
