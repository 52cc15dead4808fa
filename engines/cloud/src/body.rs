//! An answer's body as it comes: bounded in time and size, and measured.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use futures::{Stream, StreamExt};
use hyper::body::{Body, Incoming};
use tokio::time::{Instant, Sleep, sleep_until};

use crate::call::{CallError, Which};
use crate::cell::Cell;
use crate::fault;
use crate::limits;
use crate::settings::Settings;

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

/// An answer's body. Read it until nothing more comes, else its connection cannot be used again: what is
/// dropped before its end closes the connection, and counts as neither success nor failure.
#[derive(Debug)]
pub struct ReplyBody {
    incoming: Incoming,
    deadlines: Deadlines,
    alarm: Pin<Box<Sleep>>,
    /// Since when nothing came although somebody waits.
    waiting: Option<Instant>,
    began: bool,
    over: bool,
    bytes: u64,
    cell: Option<Arc<Cell>>,
}

impl ReplyBody {
    pub(crate) fn new(incoming: Incoming, deadlines: Deadlines, cell: Option<Arc<Cell>>) -> Self {
        let alarm = Box::pin(sleep_until(deadlines.first().0));
        Self {
            incoming,
            deadlines,
            alarm,
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

    fn take(&mut self, piece: &Bytes) -> Result<(), CallError> {
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

    fn end(&mut self) {
        self.over = true;
        if let Some(cell) = &self.cell {
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
}

impl Stream for ReplyBody {
    type Item = Result<Bytes, CallError>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = &mut *self;
        if this.over {
            return Poll::Ready(None);
        }
        loop {
            let outcome = match Pin::new(&mut this.incoming).poll_frame(cx) {
                Poll::Ready(None) => {
                    this.end();
                    return Poll::Ready(None);
                }
                Poll::Ready(Some(Ok(frame))) => match frame.into_data() {
                    Ok(piece) if !piece.is_empty() => this.take(&piece).map(|()| piece),
                    Ok(_) | Err(_) => continue,
                },
                Poll::Ready(Some(Err(error))) => Err(fault::of_body(&error)),
                Poll::Pending => match this.poll_late(cx) {
                    Poll::Pending => return Poll::Pending,
                    Poll::Ready(error) => Err(error),
                },
            };
            this.over = outcome.is_err();
            return Poll::Ready(Some(outcome));
        }
    }
}
