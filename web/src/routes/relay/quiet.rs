//! When a stream has been quiet for so long that the client wants a sign of life.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::time::{Instant, Sleep, sleep};

/// The stream was quiet for as long as is bearable.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct TooQuiet;

/// Its timer is not set for each piece: it may ring early, and is then set again.
#[derive(Debug)]
pub(super) struct Quiet {
    bearable: Duration,
    /// Since when nothing came although somebody waits.
    since: Option<Instant>,
    alarm: Pin<Box<Sleep>>,
}

impl Quiet {
    pub(super) fn new(bearable: Duration) -> Self {
        Self { bearable, since: None, alarm: Box::pin(sleep(bearable)) }
    }

    /// What came, or that nothing came for too long.
    pub(super) fn poll<T>(
        &mut self,
        polled: Poll<T>,
        cx: &mut Context<'_>,
    ) -> Poll<Result<T, TooQuiet>> {
        if let Poll::Ready(piece) = polled {
            self.since = None;
            return Poll::Ready(Ok(piece));
        }
        let until = *self.since.get_or_insert_with(Instant::now) + self.bearable;
        loop {
            ready!(self.alarm.as_mut().poll(cx));
            if Instant::now() >= until {
                self.since = None;
                self.alarm.as_mut().reset(Instant::now() + self.bearable);
                return Poll::Ready(Err(TooQuiet));
            }
            self.alarm.as_mut().reset(until);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_sign_of_life_is_due_after_each_silence_and_never_within_one() {
        let bearable = Duration::from_secs(10);
        let mut quiet = Quiet::new(bearable);
        let mut begun = Instant::now();
        for pieces in 1..4 {
            // Pieces come faster than that, so that the timer rings among them.
            for piece in 0..pieces {
                let mut pause = Box::pin(sleep(Duration::from_secs(7)));
                let came = poll_fn(|cx| quiet.poll(pause.as_mut().poll(cx), cx)).await;
                assert_eq!(came, Ok(()), "piece {piece}");
                begun = Instant::now();
            }
            for _ in 0..2 {
                let late = poll_fn(|cx| quiet.poll(Poll::<()>::Pending, cx)).await;
                assert_eq!(late, Err(TooQuiet));
                assert_eq!(begun.elapsed(), bearable);
                begun = Instant::now();
            }
        }
    }
}
