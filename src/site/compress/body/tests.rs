//! What clients decode of compressed bodies, while they come and at their end.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Wake, Waker};

use async_compression::codecs::{BrotliDecoder, DecodeV2, GzipDecoder, ZstdDecoder};
use async_compression::core::util::{PartialBuffer, WriteBuffer};
use proptest::prelude::*;

use super::super::super::coding::Coding;
use super::*;

const CODINGS: [Coding; 3] = Coding::CHEAPEST_FIRST;

/// What a scripted body does at a poll.
#[derive(Debug, Clone)]
enum Step {
    Data(Vec<u8>),
    Pause,
    Break,
}

#[derive(Debug, Default, PartialEq, Eq)]
struct Broken;

/// A body that does as its script says, and ends behind it.
#[derive(Debug)]
struct Script(VecDeque<Step>);

impl Body for Script {
    type Data = Bytes;
    type Error = Broken;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Broken>>> {
        match self.0.pop_front() {
            Some(Step::Data(data)) => Poll::Ready(Some(Ok(Frame::data(data.into())))),
            Some(Step::Pause) => Poll::Pending,
            Some(Step::Break) => Poll::Ready(Some(Err(Broken))),
            None => Poll::Ready(None),
        }
    }
}

/// Counts how often it was woken.
#[derive(Default)]
struct Count(AtomicUsize);

impl Wake for Count {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

/// What a client has decoded whenever nothing more was there, and at the end; the last is `None` where the body broke off.
fn decoded(coding: Coding, steps: &[Step]) -> Vec<Option<Vec<u8>>> {
    let mut body = Compressed::new(Script(steps.to_vec().into()), Encoder::new(coding).unwrap());
    let waker = Waker::from(Arc::<Count>::default());
    let mut cx = Context::from_waker(&waker);
    let (mut bytes, mut seen) = (Vec::new(), Vec::new());
    while !body.is_end_stream() {
        match Pin::new(&mut body).poll_frame(&mut cx) {
            Poll::Ready(Some(Ok(frame))) => {
                let data = frame.into_data().unwrap();
                assert!(!data.is_empty() && data.len() <= 16 * 1024);
                bytes.extend_from_slice(&data);
            }
            Poll::Ready(Some(Err(Broken))) => {
                seen.push(None);
                return seen;
            }
            Poll::Ready(None) => panic!("the end was said before"),
            Poll::Pending => seen.push(Some(decode(coding, &bytes))),
        }
    }
    seen.push(Some(decode(coding, &bytes)));
    seen
}

/// As much as a decoder gets of these bytes.
fn decode(coding: Coding, bytes: &[u8]) -> Vec<u8> {
    let mut decoder: Box<dyn DecodeV2> = match coding {
        Coding::Gzip => Box::new(GzipDecoder::new()),
        Coding::Br => Box::new(BrotliDecoder::new()),
        Coding::Zstd => Box::new(ZstdDecoder::new()),
    };
    let mut input = PartialBuffer::new(bytes);
    let mut all = Vec::new();
    loop {
        let mut piece = vec![0; 64 * 1024];
        let mut out = WriteBuffer::new_initialized(&mut piece);
        let before = input.written_len();
        let ended = match input.unwritten().is_empty() {
            false => decoder.decode(&mut input, &mut out).unwrap(),
            // It may hold more than fits a piece.
            true => decoder.flush(&mut out).unwrap() && out.written_len() == 0,
        };
        let written = out.written_len();
        all.extend_from_slice(&piece[..written]);
        if ended || written == 0 && input.written_len() == before {
            return all;
        }
    }
}

fn text(bytes: usize) -> Vec<u8> {
    let words = b"the quick brown fox jumps over the lazy dog 0123456789 ";
    let all = (0_usize..).map(|at| words[(at * at / 7) % words.len()]);
    all.take(bytes).collect()
}

#[test]
fn a_client_can_decode_all_that_came_before_a_pause() {
    for coding in CODINGS {
        let steps = [
            Step::Data(b"one ".to_vec()),
            Step::Pause,
            Step::Pause,
            Step::Data(b"two ".to_vec()),
            Step::Data(text(5000)),
            Step::Pause,
            Step::Pause,
            Step::Data(b"three".to_vec()),
        ];
        let two = [&b"one two "[..], &text(5000)].concat();
        let three = [two.as_slice(), b"three"].concat();
        // At the first pause all is given, and at the second one nothing more is there.
        let expected = [b"one ".to_vec(), two, three];
        assert_eq!(decoded(coding, &steps), expected.map(Some), "{coding:?}");
    }
}

#[test]
fn a_body_without_bytes_is_one() {
    for coding in CODINGS {
        assert_eq!(decoded(coding, &[]), [Some(Vec::new())], "{coding:?}");
        assert_eq!(
            decoded(coding, &[Step::Pause]),
            [Some(Vec::new()), Some(Vec::new())]
        );
    }
}

#[test]
fn a_body_that_breaks_off_breaks_off() {
    for coding in CODINGS {
        let steps = [Step::Data(text(100_000)), Step::Break];
        assert_eq!(decoded(coding, &steps).last(), Some(&None), "{coding:?}");
    }
}

#[test]
fn other_requests_have_their_turn_while_a_large_piece_is_encoded() {
    for coding in CODINGS {
        let script = Script(VecDeque::from([Step::Data(text(1_000_000))]));
        let mut body = Compressed::new(script, Encoder::new(coding).unwrap());
        let count = Arc::<Count>::default();
        let waker = Waker::from(Arc::clone(&count));
        let mut turns = 0;
        while !body.is_end_stream() {
            let mut cx = Context::from_waker(&waker);
            turns += usize::from(Pin::new(&mut body).poll_frame(&mut cx).is_pending());
        }
        assert_eq!(turns, 1_000_000 / SHARE, "{coding:?}");
        assert_eq!(count.0.load(Ordering::Relaxed), turns, "{coding:?}");
    }
}

proptest! {
    #[test]
    fn whatever_comes_is_decoded(
        steps in prop::collection::vec(
            prop_oneof![
                Just(Step::Pause),
                prop::collection::vec(any::<u8>(), 0..2000).prop_map(Step::Data),
                (0_usize..90_000).prop_map(|bytes| Step::Data(text(bytes))),
            ],
            0..12,
        ),
        coding in prop::sample::select(CODINGS.to_vec()),
    ) {
        let whole: Vec<u8> = steps.iter().flat_map(|step| match step {
            Step::Data(data) => data.clone(),
            Step::Pause | Step::Break => Vec::new(),
        }).collect();
        let last = decoded(coding, &steps).pop().flatten();
        prop_assert_eq!(last, Some(whole));
    }
}
