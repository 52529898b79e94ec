//! Commands of the gateway: each is one line (RFC 959 section 4.1).

use std::net::{IpAddr, SocketAddr, SocketAddrV4};

/// An argument with CR, LF or NUL: the server would read the rest of it as another command.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("CR, LF or NUL in the argument of an FTP command")]
pub struct BadArgument;

/// How the bytes of a file are transferred (RFC 959 section 3.1.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TransferType {
    /// `I`: as they are.
    Image,
    /// `A`: the server may change line ends.
    Ascii,
}

/// A command with its argument. Paths are the bytes that the server uses, without escapes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Command<'a> {
    /// `USER`: name of the user.
    User(&'a [u8]),
    /// `PASS`: password of the user.
    Pass(&'a [u8]),
    /// `PBSZ 0`: size of the protection buffer, which TLS does not need (RFC 4217 section 8).
    Pbsz,
    /// `PROT P`: data connections use TLS (RFC 4217 section 9).
    Prot,
    /// `PWD`: which directory is the current one.
    Pwd,
    /// `CWD`: change the current directory.
    Cwd(&'a [u8]),
    /// `TYPE`.
    Type(TransferType),
    /// `SIZE`: number of bytes of a file (RFC 3659 section 4).
    Size(&'a [u8]),
    /// `MDTM`: when a file was changed (RFC 3659 section 3).
    Mdtm(&'a [u8]),
    /// `EPSV`: listen for a data connection (RFC 2428 section 3).
    Epsv,
    /// `PASV`: the same, IPv4 only.
    Pasv,
    /// `EPRT`: make a data connection to this address (RFC 2428 section 2).
    Eprt(SocketAddr),
    /// `PORT`: the same, IPv4 only.
    Port(SocketAddrV4),
    /// `REST`: the next transfer begins at this byte (RFC 3659 section 5).
    Rest(u64),
    /// `RETR`: send a file.
    Retr(&'a [u8]),
    /// `STOR`: receive a file.
    Stor(&'a [u8]),
    /// `DELE`: delete a file.
    Dele(&'a [u8]),
    /// `MLSD`: list the current directory (RFC 3659 section 7).
    Mlsd,
    /// `LIST`: the same in a format of the server's choice.
    List,
}

impl Command<'_> {
    /// Whether the command starts a transfer, so that its first reply may be a preliminary one (1xx).
    #[must_use]
    pub const fn starts_transfer(&self) -> bool {
        matches!(
            self,
            Self::Retr(_) | Self::Stor(_) | Self::Mlsd | Self::List
        )
    }

    /// The line, with its end.
    ///
    /// # Errors
    /// For an argument that would end the line early.
    pub fn encode(&self) -> Result<Vec<u8>, BadArgument> {
        match *self {
            Self::User(name) => line("USER", name),
            Self::Pass(password) => line("PASS", password),
            Self::Pbsz => line("PBSZ", b"0"),
            Self::Prot => line("PROT", b"P"),
            Self::Pwd => line("PWD", b""),
            Self::Cwd(path) => line("CWD", path),
            Self::Type(TransferType::Image) => line("TYPE", b"I"),
            Self::Type(TransferType::Ascii) => line("TYPE", b"A"),
            Self::Size(path) => line("SIZE", path),
            Self::Mdtm(path) => line("MDTM", path),
            Self::Epsv => line("EPSV", b""),
            Self::Pasv => line("PASV", b""),
            Self::Eprt(address) => line("EPRT", extended(address).as_bytes()),
            Self::Port(address) => line("PORT", six_numbers(address).as_bytes()),
            Self::Rest(offset) => line("REST", offset.to_string().as_bytes()),
            Self::Retr(path) => line("RETR", path),
            Self::Stor(path) => line("STOR", path),
            Self::Dele(path) => line("DELE", path),
            Self::Mlsd => line("MLSD", b""),
            Self::List => line("LIST", b""),
        }
    }
}

fn line(verb: &str, argument: &[u8]) -> Result<Vec<u8>, BadArgument> {
    if ends_line(argument) {
        return Err(BadArgument);
    }
    let space: &[u8] = if argument.is_empty() { b"" } else { b" " };
    Ok([verb.as_bytes(), space, argument, b"\r\n"].concat())
}

/// Whether a text contains CR, LF or NUL.
pub(crate) fn ends_line(text: &[u8]) -> bool {
    text.iter().any(|byte| matches!(byte, b'\r' | b'\n' | 0))
}

/// `|1|192.0.2.7|6446|`; the first number is 1 for IPv4 and 2 for IPv6.
fn extended(address: SocketAddr) -> String {
    let ip = address.ip().to_canonical();
    let family = match ip {
        IpAddr::V4(_) => 1,
        IpAddr::V6(_) => 2,
    };
    format!("|{family}|{ip}|{}|", address.port())
}

/// `192,0,2,7,25,46`: the bytes of the address and of the port.
fn six_numbers(address: SocketAddrV4) -> String {
    let [a, b, c, d] = address.ip().octets();
    let [high, low] = address.port().to_be_bytes();
    format!("{a},{b},{c},{d},{high},{low}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_command_has_its_line() {
        for (command, line) in [
            (Command::User(b"me"), "USER me"),
            (Command::Pass(b""), "PASS"),
            (Command::Pass(b"a b"), "PASS a b"),
            (Command::Pbsz, "PBSZ 0"),
            (Command::Prot, "PROT P"),
            (Command::Pwd, "PWD"),
            (Command::Cwd(b"/a b"), "CWD /a b"),
            (Command::Type(TransferType::Image), "TYPE I"),
            (Command::Type(TransferType::Ascii), "TYPE A"),
            (Command::Size(b"/a"), "SIZE /a"),
            (Command::Mdtm(b"/a"), "MDTM /a"),
            (Command::Epsv, "EPSV"),
            (Command::Pasv, "PASV"),
            (
                Command::Eprt("192.0.2.7:6446".parse().unwrap()),
                "EPRT |1|192.0.2.7|6446|",
            ),
            (
                Command::Eprt("[::ffff:192.0.2.7]:1".parse().unwrap()),
                "EPRT |1|192.0.2.7|1|",
            ),
            (
                Command::Eprt("[2001:db8::7]:1".parse().unwrap()),
                "EPRT |2|2001:db8::7|1|",
            ),
            (
                Command::Port("192.0.2.7:6446".parse().unwrap()),
                "PORT 192,0,2,7,25,46",
            ),
            (Command::Rest(1 << 40), "REST 1099511627776"),
            (Command::Retr(b"-rf"), "RETR -rf"),
            (Command::Stor(b"/\xfc"), "STOR /\u{fc}"),
            (Command::Dele(b"/a"), "DELE /a"),
            (Command::Mlsd, "MLSD"),
            (Command::List, "LIST"),
        ] {
            let latin: Vec<u8> = line.chars().map(|c| u8::try_from(c).unwrap()).collect();
            let expected = [latin.as_slice(), b"\r\n"].concat();
            assert_eq!(command.encode(), Ok(expected), "{line}");
        }
    }

    #[test]
    fn an_argument_that_ends_the_line_is_refused() {
        for text in [&b"a\r\nDELE b"[..], b"a\n", b"\r", b"a\0b"] {
            for command in [
                Command::User(text),
                Command::Pass(text),
                Command::Cwd(text),
                Command::Size(text),
                Command::Mdtm(text),
                Command::Retr(text),
                Command::Stor(text),
                Command::Dele(text),
            ] {
                assert_eq!(command.encode(), Err(BadArgument), "{command:?}");
            }
        }
    }
}
