//! An answer's body as it comes: bounded in time and size, and measured.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker, ready};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use futures::stream::BoxStream;
use futures::{Stream, StreamExt};
use tokio::time::{Instant, Sleep, sleep_until};

use crate::call::{CallError, Which};
use crate::cell::Cell;
use crate::connector::Line;
use crate::limits;
use crate::pool::{Exchange, Pool, poll_more};
use crate::settings::Settings;
use crate::wire::Decoder;

/// Until when a call must show a sign of life.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Deadlines {
    pub(crate) sent: Instant,
    first_byte: Duration,
    silence: Duration,
    total: Option<Duration>,
}

impl Deadlines {
    pub(crate) fn new(settings: &Settings) -> Self {
        let Settings { connect, first_byte, silence, total, .. } = settings;
        // The connection has its own deadline and may be made first.
        let first_byte = connect.saturating_add(*first_byte);
        Self { sent: Instant::now(), first_byte, silence: *silence, total: *total }
    }

    /// All at once, for what is short.
    pub(crate) fn within(time: Duration) -> Self {
        Self { sent: Instant::now(), first_byte: time, silence: time, total: Some(time) }
    }

    /// Before the first byte.
    pub(crate) fn first(&self) -> (Instant, Which) {
        self.sooner(self.sent + self.first_byte, Which::FirstByte)
    }

    /// After it, when nothing came since then.
    fn next(&self, since: Instant) -> (Instant, Which) {
        self.sooner(since + self.silence, Which::Silence)
    }

    fn sooner(&self, at: Instant, which: Which) -> (Instant, Which) {
        match self.total.map(|total| self.sent + total) {
            Some(end) if end < at => (end, Which::Total),
            Some(_) | None => (at, which),
        }
    }
}

/// An answer's body. Dropped before its end it closes the connection, and counts as neither success nor
/// failure.
pub struct ReplyBody {
    source: Source,
    deadlines: Deadlines,
    alarm: Pin<Box<Sleep>>,
    /// Since when nothing came although somebody waits.
    waiting: Option<Instant>,
    began: bool,
    over: bool,
    bytes: u64,
    cell: Option<Arc<Cell>>,
}

/// Where it comes from.
enum Source {
    Direct(Direct),
    /// Somebody else reads it; none once it is over.
    Carried(Option<BoxStream<'static, Result<Bytes, CallError>>>),
}

/// Over a connection of this computer's own.
struct Direct {
    /// None once the end came: it is kept for the next call, or closed.
    line: Option<Line>,
    pool: Arc<Pool>,
    keeps: bool,
    decoder: Decoder,
    /// What came together with the head.
    early: Bytes,
}

impl ReplyBody {
    pub(crate) fn new(
        exchange: Exchange,
        pool: Arc<Pool>,
        deadlines: Deadlines,
        cell: Option<Arc<Cell>>,
    ) -> Self {
        let Exchange { head, line, early, .. } = exchange;
        let (keeps, decoder) = (head.keeps, Decoder::new(head.framing));
        let direct = Direct { line: Some(line), pool, keeps, decoder, early };
        Self::of(Source::Direct(direct), deadlines, cell)
    }

    /// One that somebody else reads.
    pub(crate) fn carried(
        body: BoxStream<'static, Result<Bytes, CallError>>,
        deadlines: Deadlines,
        cell: Arc<Cell>,
    ) -> Self {
        Self::of(Source::Carried(Some(body)), deadlines, Some(cell))
    }

    fn of(source: Source, deadlines: Deadlines, cell: Option<Arc<Cell>>) -> Self {
        Self {
            source,
            deadlines,
            alarm: Box::pin(sleep_until(deadlines.first().0)),
            waiting: None,
            began: false,
            over: false,
            bytes: 0,
            cell,
        }
    }

    /// All of it, if it is not larger than this.
    ///
    /// # Errors
    /// It is larger, or broke off.
    pub async fn whole(mut self, most: usize) -> Result<Bytes, CallError> {
        let mut body = BytesMut::new();
        while let Some(piece) = self.next().await {
            let piece = piece?;
            if body.len() + piece.len() > most {
                return Err(CallError::TooLarge);
            }
            body.extend_from_slice(&piece);
        }
        Ok(body.freeze())
    }

    fn take(&mut self, piece: &[u8]) -> Result<(), CallError> {
        let now = Instant::now();
        if let Some(cell) = &self.cell {
            if self.began {
                let since = self.waiting.map_or(Duration::ZERO, |since| now - since);
                cell.gap.count(since);
            } else {
                cell.first_byte.count(now - self.deadlines.sent);
            }
        }
        self.began = true;
        self.waiting = None;
        self.bytes = self.bytes.saturating_add(piece.len() as u64);
        if self.bytes > limits::REPLY_BYTES { Err(CallError::TooLarge) } else { Ok(()) }
    }

    /// The end came: the connection is free at once, whether or not somebody asks again.
    fn end(&mut self) {
        self.over = true;
        self.source.end();
        if let Some(cell) = self.cell.take() {
            cell.total.count(self.deadlines.sent.elapsed());
        }
    }

    /// Nothing is there: is it too late? The alarm is set anew only when it rings, not for each piece.
    fn poll_late(&mut self, cx: &mut Context<'_>) -> Poll<CallError> {
        let since = *self.waiting.get_or_insert_with(Instant::now);
        let (end, which) =
            if self.began { self.deadlines.next(since) } else { self.deadlines.first() };
        loop {
            if end < self.alarm.deadline() {
                self.alarm.as_mut().reset(end);
            }
            if self.alarm.as_mut().poll(cx).is_pending() {
                return Poll::Pending;
            }
            if Instant::now() >= end {
                return Poll::Ready(CallError::Timeout(which));
            }
            self.alarm.as_mut().reset(end);
        }
    }

    fn poll_piece(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Bytes, CallError>>> {
        let outcome = match self.source.poll(cx) {
            Poll::Pending => Err(ready!(self.poll_late(cx))),
            Poll::Ready(outcome) => outcome,
        };
        let outcome = outcome.and_then(|(piece, is_last)| {
            if !piece.is_empty() {
                self.take(&piece)?;
            }
            if is_last {
                self.end();
            }
            Ok(piece)
        });
        if outcome.is_err() {
            self.source.drop_it();
            self.over = true;
        }
        Poll::Ready(
            Some(outcome).filter(|outcome| !matches!(outcome, Ok(piece) if piece.is_empty())),
        )
    }
}

impl Source {
    /// What came since the last time, and whether nothing follows. Empty where only the end came.
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Result<(Bytes, bool), CallError>> {
        match self {
            Self::Direct(direct) => {
                let piece = ready!(direct.poll_bytes(cx))?;
                Poll::Ready(Ok((piece.freeze(), direct.decoder.is_done())))
            }
            Self::Carried(body) => {
                let Some(body) = body else { return Poll::Ready(Err(CallError::Reset)) };
                Poll::Ready(match ready!(body.poll_next_unpin(cx)) {
                    Some(piece) => piece.map(|piece| (piece, false)),
                    None => Ok((Bytes::new(), true)),
                })
            }
        }
    }

    fn end(&mut self) {
        match self {
            Self::Direct(direct) => {
                if let Some(line) = direct.line.take().filter(|_| direct.keeps) {
                    direct.pool.put(line);
                }
            }
            Self::Carried(body) => *body = None,
        }
    }

    /// Nothing more is wanted of it.
    fn drop_it(&mut self) {
        match self {
            Self::Direct(direct) => direct.line = None,
            Self::Carried(body) => *body = None,
        }
    }
}

impl Direct {
    /// What came since the last time: empty where only the end came. An end that is none is an error.
    fn poll_bytes(&mut self, cx: &mut Context<'_>) -> Poll<Result<BytesMut, CallError>> {
        let mut body = BytesMut::new();
        let early = std::mem::take(&mut self.early);
        let mut pushed = self.decoder.push(&early, &mut body).map(<[u8]>::is_empty);
        loop {
            // What nobody asked for came behind the end: this connection is not used again.
            self.keeps &= pushed?;
            if !body.is_empty() || self.decoder.is_done() {
                return Poll::Ready(Ok(body));
            }
            let Some(line) = &mut self.line else { return Poll::Ready(Err(CallError::Reset)) };
            pushed = Ok(true);
            let take = |read: &[u8]| {
                pushed = self.decoder.push(read, &mut body).map(<[u8]>::is_empty);
            };
            match ready!(poll_more(line, cx, take)) {
                Ok(0) if self.decoder.ends() => {}
                Ok(0) | Err(_) => return Poll::Ready(Err(CallError::Reset)),
                Ok(_) => {}
            }
        }
    }
}

impl Stream for ReplyBody {
    type Item = Result<Bytes, CallError>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        if self.over { Poll::Ready(None) } else { self.poll_piece(cx) }
    }
}

impl Drop for ReplyBody {
    /// Who reads events stops at the last one. If the end has come by then, the connection is kept.
    fn drop(&mut self) {
        if self.over || !self.began {
            return;
        }
        let mut cx = Context::from_waker(Waker::noop());
        if let Poll::Ready(Ok((rest, true))) = self.source.poll(&mut cx)
            && rest.is_empty()
        {
            self.end();
        }
    }
}

impl fmt::Debug for ReplyBody {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ReplyBody").field("bytes", &self.bytes).finish_non_exhaustive()
    }
}
