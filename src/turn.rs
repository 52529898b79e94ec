//! The order in which the connections of a core read and write.
//!
//! A write wakes the program that waits for it on the same machine, and that costs more than the write: an interrupt of another
//! core. A program that finds the next bytes before it sleeps again is not woken for them. So a core first handles what all its
//! sockets have got, and writes then.
//!
//! `tokio::task::yield_now` lets the others go first too, but asks the system for events in between, which costs two more calls
//! for a request of a client that is alone.

use std::future::poll_fn;
use std::task::{Context, Poll};

/// Writes of more bytes do not wait: they would leave the processor's cache meanwhile.
const MOST: usize = 16 * 1024;

/// The turn of a connection's writes: behind the tasks of its core that are ready when there is something to write.
#[derive(Debug, Default)]
pub(crate) struct Turn {
    has_come: bool,
}

impl Turn {
    /// Pending once while `waiting` bytes are to be written; then it is their turn until they are [written](Self::written). The
    /// task is woken.
    pub(crate) fn poll(&mut self, cx: &mut Context<'_>, waiting: usize) -> Poll<()> {
        if self.has_come || waiting > MOST {
            return Poll::Ready(());
        }
        self.has_come = true;
        cx.waker().wake_by_ref();
        Poll::Pending
    }

    /// Nothing is waiting any more.
    pub(crate) const fn written(&mut self) {
        self.has_come = false;
    }
}

/// Waits for the turn of what the task writes next.
pub(crate) async fn turn() {
    let mut turn = Turn::default();
    poll_fn(|cx| turn.poll(cx, 0)).await;
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::channel;

    use super::*;

    #[tokio::test]
    async fn all_that_are_ready_read_before_one_writes() {
        let (done, all) = channel();
        let connection = |name: &'static str, waiting: usize| {
            let done = done.clone();
            tokio::spawn(async move {
                let mut turn = Turn::default();
                for _ in 0..2 {
                    done.send((name, "read")).unwrap();
                    poll_fn(|cx| turn.poll(cx, waiting)).await;
                    poll_fn(|cx| turn.poll(cx, waiting)).await;
                    done.send((name, "write")).unwrap();
                    turn.written();
                }
            })
        };
        let (one, two) = (connection("1", 1), connection("2", MOST));
        one.await.unwrap();
        two.await.unwrap();
        let round = [("1", "read"), ("2", "read"), ("1", "write"), ("1", "read")];
        assert_eq!(all.try_iter().take(4).collect::<Vec<_>>(), round);
        connection("large", MOST + 1).await.unwrap();
        let large = all.try_iter().filter(|(name, _)| *name == "large");
        let large: Vec<_> = large.map(|(_, what)| what).collect();
        assert_eq!(large, ["read", "write", "read", "write"]);
    }
}
