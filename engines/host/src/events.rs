//! The events of one request, from an engine to whoever asked. The sender never waits: signs of
//! life and adjacent tokens merge while nobody takes them, so that one slow reader stalls nobody.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use pumasi_protocol::Fault;
use pumasi_protocol::limits::TOKENS_PER_EVENT;
use pumasi_protocol::stream::{AttemptEvent, EventOrder, OrderError};
use tokio::sync::Notify;

use crate::limits::WAITING_EVENTS;

/// Why an event did not reach its receiver.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SendError {
    /// The engine broke the order of events. Nothing more will be taken.
    #[error("the engine broke the order of events: {0}")]
    Order(#[from] OrderError),
    /// The receiver is gone: the request should end.
    #[error("nobody waits for these events")]
    Closed,
    /// The receiver takes nothing, and the bound is reached: the request should end.
    #[error("too many events wait")]
    Full,
}

#[derive(Debug, Default)]
struct Queue {
    waiting: VecDeque<AttemptEvent>,
    sender_gone: bool,
    receiver_gone: bool,
}

#[derive(Debug)]
struct Shared {
    queue: Mutex<Queue>,
    arrived: Notify,
    /// Told when the receiver goes; shared by all requests of an engine.
    left: Arc<Notify>,
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Queue> {
        // No code that can panic runs under this lock, so a poisoned queue is still whole.
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The engine's end.
#[derive(Debug)]
pub struct EventSender {
    shared: Arc<Shared>,
    order: EventOrder,
    ended: bool,
}

/// The receiving end. Dropping it cancels the request.
#[derive(Debug)]
pub struct Events {
    shared: Arc<Shared>,
}

/// A sender and its receiver, for a request that continues after `delivered` tokens. `left` is
/// notified when a receiver is dropped; [`EventSender::is_closed`] tells which.
#[must_use]
pub fn channel(delivered: u32, left: Arc<Notify>) -> (EventSender, Events) {
    let shared =
        Arc::new(Shared { queue: Mutex::new(Queue::default()), arrived: Notify::new(), left });
    let order = EventOrder::after(delivered);
    (EventSender { shared: Arc::clone(&shared), order, ended: false }, Events { shared })
}

impl EventSender {
    /// Checks and hands on the next event.
    ///
    /// # Errors
    /// [`SendError`]; the event is dropped.
    pub fn send(&mut self, event: AttemptEvent) -> Result<(), SendError> {
        self.order.check(&event)?;
        self.ended |= event.is_last();
        let mut queue = self.shared.lock();
        if queue.receiver_gone {
            return Err(SendError::Closed);
        }
        if let Some(event) = merge(queue.waiting.back_mut(), event) {
            if queue.waiting.len() >= WAITING_EVENTS && !event.is_last() {
                return Err(SendError::Full);
            }
            queue.waiting.push_back(event);
        }
        drop(queue);
        self.shared.arrived.notify_one();
        Ok(())
    }

    /// Ends the request with a fault, whatever came before; a second end is ignored.
    pub fn fail(&mut self, fault: Fault) {
        if self.ended {
            return;
        }
        self.ended = true;
        let mut queue = self.shared.lock();
        if !queue.receiver_gone {
            queue.waiting.push_back(AttemptEvent::Failed(fault));
        }
        drop(queue);
        self.shared.arrived.notify_one();
    }

    /// Whether the last event was sent.
    #[must_use]
    pub fn is_ended(&self) -> bool {
        self.ended
    }

    /// Whether the receiver is gone.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        self.shared.lock().receiver_gone
    }
}

/// Merges into the last waiting event; gives back what has to wait by itself.
fn merge(last: Option<&mut AttemptEvent>, next: AttemptEvent) -> Option<AttemptEvent> {
    match (last, next) {
        (
            Some(AttemptEvent::Alive { phase, step }),
            AttemptEvent::Alive { phase: new_phase, step: new_step },
        ) => {
            (*phase, *step) = (new_phase, new_step);
            None
        }
        (
            Some(AttemptEvent::Tokens { tokens: waiting, .. }),
            AttemptEvent::Tokens { mut tokens, .. },
        ) if waiting.len() + tokens.len() <= TOKENS_PER_EVENT => {
            waiting.append(&mut tokens);
            None
        }
        (_, next) => Some(next),
    }
}

impl Drop for EventSender {
    fn drop(&mut self) {
        self.fail(Fault::EngineCrash);
        self.shared.lock().sender_gone = true;
        self.shared.arrived.notify_one();
    }
}

impl Events {
    /// The next event; `None` after the last one. Safe to drop and call again.
    pub async fn recv(&mut self) -> Option<AttemptEvent> {
        loop {
            let arrived = self.shared.arrived.notified();
            {
                let mut queue = self.shared.lock();
                if let Some(event) = queue.waiting.pop_front() {
                    return Some(event);
                }
                if queue.sender_gone {
                    return None;
                }
            }
            arrived.await;
        }
    }
}

impl Drop for Events {
    fn drop(&mut self) {
        let mut queue = self.shared.lock();
        queue.receiver_gone = true;
        queue.waiting.clear();
        drop(queue);
        self.shared.left.notify_one();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use pumasi_protocol::{Phase, Token};

    fn started() -> AttemptEvent {
        AttemptEvent::Started { prompt: vec![1], cached: 0, syntax: Default::default() }
    }

    fn tokens(index: u32, count: usize) -> AttemptEvent {
        let token = Token { id: 1, bytes: b"a".to_vec(), logprob: None, top: Vec::new() };
        AttemptEvent::Tokens { index, tokens: vec![token; count] }
    }

    fn alive(step: u32) -> AttemptEvent {
        AttemptEvent::Alive { phase: Phase::Decode, step }
    }

    #[tokio::test]
    async fn what_waits_merges_and_ends_once() {
        let (mut sender, mut events) = channel(0, Arc::default());
        for event in [alive(1), alive(2), started(), tokens(0, 1), tokens(1, 2)] {
            assert_eq!(sender.send(event), Ok(()));
        }
        sender.fail(Fault::EngineSilent);
        sender.fail(Fault::EngineCrash);
        drop(sender);
        assert_eq!(events.recv().await, Some(alive(2)));
        assert_eq!(events.recv().await, Some(started()));
        assert_eq!(events.recv().await, Some(tokens(0, 3)));
        assert_eq!(events.recv().await, Some(AttemptEvent::Failed(Fault::EngineSilent)));
        assert_eq!(events.recv().await, None);
    }

    #[tokio::test]
    async fn disorder_is_refused_and_a_dropped_sender_is_a_crash() {
        let (mut sender, mut events) = channel(5, Arc::default());
        assert_eq!(sender.send(started()), Ok(()));
        let jump = OrderError::Index { expected: 5, got: 6 };
        assert_eq!(sender.send(tokens(6, 1)), Err(SendError::Order(jump)));
        drop(sender);
        assert_eq!(events.recv().await, Some(started()));
        assert_eq!(events.recv().await, Some(AttemptEvent::Failed(Fault::EngineCrash)));
        assert_eq!(events.recv().await, None);
    }

    #[tokio::test]
    async fn a_dropped_receiver_is_told_and_a_full_queue_refuses_all_but_the_last_event() {
        let left = Arc::new(Notify::new());
        let (mut sender, events) = channel(0, Arc::clone(&left));
        assert_eq!(sender.send(started()), Ok(()));
        drop(events);
        left.notified().await;
        assert!(sender.is_closed());
        assert_eq!(sender.send(alive(1)), Err(SendError::Closed));

        let (mut sender, events) = channel(0, left);
        assert_eq!(sender.send(started()), Ok(()));
        for i in 1..WAITING_EVENTS {
            let index = u32::try_from(i - 1).expect("small") * 256;
            assert_eq!(sender.send(tokens(index, 256)), Ok(()));
        }
        assert_eq!(sender.send(alive(1)), Err(SendError::Full));
        assert_eq!(sender.send(AttemptEvent::Failed(Fault::Cancelled)), Ok(()));
        drop(events);
    }
}
