//! What FTP servers say and what an HTTP gateway makes of it, without I/O.
//!
//! Bytes go in, values come out, and the other way round: no sockets, tasks, clocks or logging. Whoever uses the crate
//! owns the control connection and the data connection.
//!
//! | Between | Module | What it knows |
//! |---|---|---|
//! | server and gateway | [`reply`] | where a reply ends, its code and its text |
//! | | [`command`] | the bytes of each command that the gateway sends |
//! | | [`passive`] | the port in the replies to EPSV and PASV |
//! | | [`listing`] | the lines of MLSD and LIST |
//! | | [`moment`] | dates of MDTM, MLSD, LIST and HTTP |
//! | | [`download`] | when a file is complete, and when the client may see its last bytes |
//! | client and gateway | [`path`] | the file that a URL names |
//! | | [`login`] | whose user name and password a request uses |
//! | | [`range`], [`accept`] | `Range` and `Accept` |
//! | | [`page`] | a directory as HTML and as JSON |
//! | | [`status`] | the HTTP status for a refusal of the server |
//!
//! Sources: RFC 959 (FTP), RFC 2428 (EPSV, EPRT), RFC 3659 (SIZE, MDTM, MLSD), RFC 4217 (FTP through TLS), RFC 1738
//! (`ftp:` URLs), RFC 9110 (HTTP); and what vsftpd 3.0, ProFTPD 1.3 and Pure-FTPd 1.0 send.
//!
//! ```
//! use ajpgate_ftp::command::Command;
//! use ajpgate_ftp::passive;
//! use ajpgate_ftp::reply::ReplyReader;
//! use bytes::BytesMut;
//!
//! assert_eq!(Command::Size(b"/pub/a b").encode()?, b"SIZE /pub/a b\r\n");
//!
//! let mut input = BytesMut::from(&b"229 Entering Extended Passive Mode (|||6446|)\r\n"[..]);
//! let reply = ReplyReader::default().decode(&mut input)?.ok_or("incomplete")?;
//! assert_eq!((reply.code, passive::epsv_port(&reply)), (229, Some(6446)));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
#![cfg_attr(not(test), warn(clippy::arithmetic_side_effects))]

pub mod accept;
pub mod command;
pub mod download;
pub mod listing;
pub mod login;
pub mod moment;
pub mod page;
pub mod passive;
pub mod path;
pub mod range;
pub mod reply;
pub mod status;
