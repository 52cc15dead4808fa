//! The bytes of a connection on their way to the HTTP library, and the judge of each request's head:
//! what two readers could frame differently (RFC 9112, section 11) never reaches it, and neither does a
//! head that is too large or too slow. A refused head is replaced by one whose path only we can write,
//! so that the refusal is answered in turn, behind the requests before it.

use std::cell::RefCell;
use std::future::Future;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::{Buf, Bytes, BytesMut};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::sync::oneshot;
use tokio::time::{Instant, Sleep};

use super::head::{self, Framing, HeadError};
use crate::limits;
use crate::settings::Patience;

/// What a connection's gate and its requests share.
#[derive(Debug, Default)]
pub(crate) struct Activity {
    /// A request is being answered, so that silence is not idleness.
    pub(crate) answering: AtomicBool,
}

/// The path under which a refused head is handed on: random, so that nobody can ask for it.
#[derive(Debug, Clone)]
pub(crate) struct RefusalPath(Arc<str>);

impl RefusalPath {
    pub(crate) fn new(random: [u8; 16]) -> Self {
        Self(format!("/{}/", hex::encode(random)).into())
    }

    fn head(&self, error: HeadError) -> Bytes {
        let path = &self.0;
        let name = error.name();
        Bytes::from(format!("GET {path}{name} HTTP/1.1\r\nhost: localhost\r\n\r\n"))
    }

    /// The refusal that this path stands for.
    pub(crate) fn read(&self, path: &str) -> Option<HeadError> {
        HeadError::from_name(path.strip_prefix(&*self.0)?)
    }
}

thread_local! {
    /// What is read goes through here: most connections wait most of the time, and hold no buffer then.
    static SCRATCH: RefCell<Box<[u8]>> = RefCell::new(vec![0; 16 * 1024].into_boxed_slice());
}

#[derive(Debug)]
enum Mode {
    /// Before or inside a head.
    Head,
    /// This many bytes of a body are to come.
    Body(u64),
    /// A chunked body: the connection ends with this request, so where it ends is not ours to find.
    LastBody,
    /// A refusal was handed on; its answer ends the connection.
    Refused,
    /// Nothing more is taken.
    Ended,
}

/// A connection's bytes, judged.
pub(crate) struct Gate<S> {
    io: Option<S>,
    /// Takes the connection back when the HTTP library lets go of it.
    back: Option<oneshot::Sender<S>>,
    mode: Mode,
    /// Read, but not judged or handed on yet.
    raw: BytesMut,
    /// Judged, to be handed on.
    ready: Bytes,
    patience: Patience,
    refusals: RefusalPath,
    activity: Arc<Activity>,
    /// When to lose patience. The timer may ring before, and is set again then: this changes with every
    /// request, and setting a timer costs more than that.
    read_until: Instant,
    read_timer: Pin<Box<Sleep>>,
    write_timer: Pin<Box<Sleep>>,
    write_waits: bool,
}

impl<S> Gate<S> {
    pub(crate) fn new(
        io: S,
        patience: Patience,
        refusals: RefusalPath,
        activity: Arc<Activity>,
    ) -> (Self, oneshot::Receiver<S>) {
        let (back, returned) = oneshot::channel();
        let gate = Self {
            io: Some(io),
            back: Some(back),
            mode: Mode::Head,
            raw: BytesMut::new(),
            ready: Bytes::new(),
            patience,
            refusals,
            activity,
            // A client that connects has something to say.
            read_until: Instant::now() + patience.head,
            read_timer: Box::pin(tokio::time::sleep(patience.head)),
            write_timer: Box::pin(tokio::time::sleep(patience.stalled)),
            write_waits: false,
        };
        (gate, returned)
    }

    fn arm(&mut self, patience: Duration) {
        self.read_until = Instant::now() + patience;
        if self.read_until < self.read_timer.deadline() {
            self.read_timer.as_mut().reset(self.read_until);
        }
    }

    /// Ready when patience has run out.
    fn poll_silence(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        loop {
            ready!(self.read_timer.as_mut().poll(cx));
            if self.read_timer.deadline() >= self.read_until {
                return Poll::Ready(());
            }
            self.read_timer.as_mut().reset(self.read_until);
        }
    }

    /// Moves what can be handed on from `raw` to `ready`.
    fn judge(&mut self) {
        match self.mode {
            Mode::Head => self.judge_head(),
            Mode::Body(left) => {
                let take = usize::try_from(left).unwrap_or(usize::MAX).min(self.raw.len());
                self.ready = self.raw.split_to(take).freeze();
                self.spend(take);
            }
            Mode::LastBody => self.ready = self.raw.split().freeze(),
            Mode::Refused | Mode::Ended => self.raw.clear(),
        }
    }

    fn spend(&mut self, bytes: usize) {
        if let Mode::Body(left) = self.mode {
            let left = left - bytes as u64;
            self.mode = if left == 0 { Mode::Head } else { Mode::Body(left) };
            if left == 0 {
                self.arm(self.patience.keep_alive);
            }
        }
    }

    fn judge_head(&mut self) {
        let Some(end) = head::end(&self.raw) else {
            if self.raw.len() > limits::HEAD_BYTES {
                self.refuse(HeadError::TooLarge);
            }
            return;
        };
        match head::judge(&self.raw[..end]) {
            Err(error) => self.refuse(error),
            Ok(framing) => {
                self.ready = self.raw.split_to(end).freeze();
                self.mode = match framing {
                    Framing::Length(0) => Mode::Head,
                    Framing::Length(bytes) => Mode::Body(bytes),
                    Framing::Chunked => Mode::LastBody,
                };
                self.arm(self.patience.keep_alive);
            }
        }
    }

    fn refuse(&mut self, error: HeadError) {
        self.ready = self.refusals.head(error);
        self.raw.clear();
        self.mode = Mode::Refused;
    }

    /// The read timer ran out: between requests the connection ends, inside a head it is refused.
    fn on_silence(&mut self) {
        match self.mode {
            Mode::Head if self.raw.is_empty() => {
                if self.activity.answering.load(Ordering::Relaxed) {
                    self.arm(self.patience.keep_alive);
                } else {
                    self.mode = Mode::Ended;
                }
            }
            Mode::Head => self.refuse(HeadError::Timeout),
            // Whoever reads the body has a clock of its own.
            Mode::Body(_) | Mode::LastBody | Mode::Refused | Mode::Ended => {
                self.arm(self.patience.keep_alive);
            }
        }
    }
}

impl<S: AsyncRead + Unpin> Gate<S> {
    /// Reads from the connection into `raw`. `Ready(0)` is its end.
    fn poll_fill(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<usize>> {
        let Some(io) = self.io.as_mut() else { return Poll::Ready(Ok(0)) };
        let first_of_head = matches!(self.mode, Mode::Head) && self.raw.is_empty();
        let raw = &mut self.raw;
        let read = SCRATCH.with_borrow_mut(|scratch| {
            let mut buffer = ReadBuf::new(scratch);
            ready!(Pin::new(io).poll_read(cx, &mut buffer))?;
            raw.extend_from_slice(buffer.filled());
            Poll::Ready(io::Result::Ok(buffer.filled().len()))
        });
        let count = ready!(read)?;
        if first_of_head && count > 0 {
            self.arm(self.patience.head);
        }
        Poll::Ready(Ok(count))
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Gate<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let gate = &mut *self;
        loop {
            if gate.ready.has_remaining() {
                let count = gate.ready.remaining().min(buffer.remaining());
                buffer.put_slice(&gate.ready.split_to(count));
                return Poll::Ready(Ok(()));
            }
            if !gate.raw.is_empty() {
                gate.judge();
                if gate.ready.has_remaining() {
                    continue;
                }
            }
            match gate.mode {
                Mode::Ended => return Poll::Ready(Ok(())),
                // The end of the bytes would be taken for a client that left.
                Mode::Refused => return Poll::Pending,
                Mode::Head | Mode::Body(_) | Mode::LastBody => {}
            }
            match gate.poll_fill(cx) {
                Poll::Ready(Ok(0)) => gate.mode = Mode::Ended,
                Poll::Ready(Ok(_)) => {}
                Poll::Ready(Err(error)) => return Poll::Ready(Err(error)),
                Poll::Pending => {
                    ready!(gate.poll_silence(cx));
                    gate.on_silence();
                }
            }
        }
    }
}

impl<S: AsyncWrite + Unpin> Gate<S> {
    /// Lets a client that reads nothing wait no longer than patience allows.
    fn guard_write<T>(
        &mut self,
        cx: &mut Context<'_>,
        outcome: Poll<io::Result<T>>,
    ) -> Poll<io::Result<T>> {
        if outcome.is_ready() {
            self.write_waits = false;
            return outcome;
        }
        if !self.write_waits {
            self.write_waits = true;
            let until = Instant::now() + self.patience.stalled;
            self.write_timer.as_mut().reset(until);
        }
        ready!(self.write_timer.as_mut().poll(cx));
        Poll::Ready(Err(io::ErrorKind::TimedOut.into()))
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Gate<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let Some(io) = self.io.as_mut() else { return Poll::Ready(Ok(0)) };
        let outcome = Pin::new(io).poll_write(cx, bytes);
        self.guard_write(cx, outcome)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let Some(io) = self.io.as_mut() else { return Poll::Ready(Ok(0)) };
        let outcome = Pin::new(io).poll_write_vectored(cx, slices);
        self.guard_write(cx, outcome)
    }

    fn is_write_vectored(&self) -> bool {
        self.io.as_ref().is_some_and(AsyncWrite::is_write_vectored)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let Some(io) = self.io.as_mut() else { return Poll::Ready(Ok(())) };
        let outcome = Pin::new(io).poll_flush(cx);
        self.guard_write(cx, outcome)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let Some(io) = self.io.as_mut() else { return Poll::Ready(Ok(())) };
        let outcome = Pin::new(io).poll_shutdown(cx);
        self.guard_write(cx, outcome)
    }
}

impl<S> Drop for Gate<S> {
    fn drop(&mut self) {
        if let (Some(io), Some(back)) = (self.io.take(), self.back.take()) {
            // Nobody takes it back when the server itself is stopping.
            let _ = back.send(io);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cat_h25_a_refusal_has_a_path_that_only_its_server_reads() {
        let [one, other] = [[1; 16], [2; 16]].map(RefusalPath::new);
        let head = one.head(HeadError::TooLarge);
        let head = std::str::from_utf8(&head).expect("text");
        let path = head.split(' ').nth(1).expect("a path");
        assert_eq!(one.read(path), Some(HeadError::TooLarge));
        assert_eq!(other.read(path), None);
        for guessed in ["/too-large", "//too-large", "/malformed", "", "/"] {
            assert_eq!(one.read(guessed), None);
        }
    }
}
