//! Where lines are written to.

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::os::fd::AsFd;

use ajpgate_config::Sink;

/// Bytes that a pipe takes as a whole (`PIPE_BUF` of Linux): the program's own log may go into the same pipe.
const WHOLE: usize = 4096;

/// Bytes that are kept when they cannot be written.
const MAX_REST: usize = 5 * 1024 * 1024;

/// An open file, pipe or terminal, and what could not be written to it so far.
#[derive(Debug)]
pub(super) struct Out<W = File> {
    to: W,
    /// Most bytes of one call, where lines that are shorter are to stay whole.
    most: usize,
    /// Begins in the middle of a line when a part of the line has been written.
    rest: Vec<u8>,
    in_line: bool,
}

impl Out {
    pub(super) fn open(sink: &Sink) -> io::Result<Self> {
        let file = match sink {
            Sink::Stdout => duplicate(io::stdout())?,
            Sink::Stderr => duplicate(io::stderr())?,
            // Appended to, so that a tool may truncate it.
            Sink::File(path) => OpenOptions::new().append(true).create(true).open(path)?,
        };
        let most = match file.metadata()?.is_file() {
            true => usize::MAX,
            false => WHOLE,
        };
        Ok(Self::new(file, most))
    }
}

fn duplicate(stream: impl AsFd) -> io::Result<File> {
    Ok(stream.as_fd().try_clone_to_owned()?.into())
}

impl<W: Write> Out<W> {
    const fn new(to: W, most: usize) -> Self {
        Self {
            to,
            most,
            rest: Vec::new(),
            in_line: false,
        }
    }

    /// Writes lines, or keeps what cannot be written now.
    pub(super) fn write(&mut self, lines: &[u8]) {
        self.write_rest();
        if self.rest.is_empty() {
            let written = self.put(lines);
            self.rest
                .extend_from_slice(lines.get(written..).unwrap_or_default());
        } else if self.rest.len().saturating_add(lines.len()) <= MAX_REST {
            self.rest.extend_from_slice(lines);
        }
    }

    /// Tries again to write what could not be written.
    pub(super) fn write_rest(&mut self) {
        if self.is_stuck() {
            let rest = std::mem::take(&mut self.rest);
            let written = self.put(&rest);
            self.rest
                .extend_from_slice(rest.get(written..).unwrap_or_default());
        }
    }

    /// Whether something could not be written so far.
    pub(super) const fn is_stuck(&self) -> bool {
        !self.rest.is_empty()
    }

    /// Goes on in this file. A line whose beginning is in the old one is not continued.
    pub(super) fn go_on_in(&mut self, new: Self) {
        let rest = std::mem::take(&mut self.rest);
        let cut = match self.in_line {
            true => rest.iter().position(|byte| *byte == b'\n').map(|at| at + 1),
            false => Some(0),
        };
        let whole = cut.and_then(|cut| rest.get(cut..)).unwrap_or_default();
        *self = new;
        self.rest.extend_from_slice(whole);
    }

    /// Writes until nothing is left or the file takes no more; returns how many bytes it took.
    fn put(&mut self, text: &[u8]) -> usize {
        let mut left = text;
        while !left.is_empty() {
            let piece = self.piece(left);
            match self.to.write(piece) {
                Ok(written @ 1..) => {
                    let end = piece.get(written - 1);
                    self.in_line = end != Some(&b'\n');
                    left = left.get(written..).unwrap_or_default();
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Ok(0) | Err(_) => break,
            }
        }
        text.len().saturating_sub(left.len())
    }

    /// As many whole lines as one call may write, or one line that is longer.
    fn piece<'t>(&self, text: &'t [u8]) -> &'t [u8] {
        let Some(most) = text.get(..self.most) else {
            return text;
        };
        let end = most.iter().rposition(|byte| *byte == b'\n');
        let end = end.or_else(|| text.iter().position(|byte| *byte == b'\n'));
        end.and_then(|end| text.get(..=end)).unwrap_or(text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Takes so many bytes, and keeps each piece that it has got.
    #[derive(Default)]
    struct Disk {
        free: usize,
        got: Vec<String>,
    }

    impl Write for Disk {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            let taken = bytes.len().min(self.free);
            if taken == 0 {
                return Err(io::ErrorKind::StorageFull.into());
            }
            self.free -= taken;
            let taken = String::from_utf8(bytes[..taken].to_vec()).unwrap();
            self.got.push(taken.clone());
            Ok(taken.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn disk(free: usize) -> Disk {
        Disk {
            free,
            ..Disk::default()
        }
    }

    #[test]
    fn a_file_gets_all_lines_with_one_call_and_a_pipe_as_many_as_it_takes_whole() {
        let lines = b"one\ntwo\nmuch longer\nx\n";
        for (most, expected) in [
            (usize::MAX, vec!["one\ntwo\nmuch longer\nx\n"]),
            (9, vec!["one\ntwo\n", "much longer\n", "x\n"]),
        ] {
            let mut out = Out::new(disk(1000), most);
            out.write(lines);
            assert!(!out.is_stuck());
            assert_eq!(out.to.got, expected);
        }
    }

    #[test]
    fn what_a_full_disk_does_not_take_is_written_later_and_no_line_is_cut() {
        let mut out = Out::new(disk(6), usize::MAX);
        out.write(b"one\ntwo\n");
        assert!(out.is_stuck());
        out.write(b"three\n");
        out.write_rest();
        assert!(out.is_stuck());
        out.to.free = 1000;
        out.write_rest();
        assert!(!out.is_stuck());
        assert_eq!(out.to.got.concat(), "one\ntwo\nthree\n");
    }

    #[test]
    fn a_new_file_begins_with_a_whole_line() {
        for (free, expected) in [
            (6, "three\n"),
            (4, "two\nthree\n"),
            (0, "one\ntwo\nthree\n"),
        ] {
            let mut out = Out::new(disk(free), usize::MAX);
            out.write(b"one\ntwo\nthree\n");
            out.go_on_in(Out::new(disk(1000), usize::MAX));
            out.write_rest();
            assert_eq!(out.to.got.concat(), expected);
        }
    }
}
