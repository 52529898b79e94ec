//! The AJP13 wire protocol, both directions, without I/O.
