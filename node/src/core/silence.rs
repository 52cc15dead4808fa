//! When silence means that an executor is gone: a knock at its port, a limit for each phase of an
//! attempt, and a question over the control plane before the verdict, because slow is not dead.
//! Knows no job and no text.

use std::time::Duration;

use futures::future::BoxFuture;
use pumasi_protocol::message::{Request, Response};
use pumasi_protocol::stream::AttemptEvent;
use pumasi_protocol::{AttemptId, NodeId};
use tokio::sync::{mpsc, watch};
use tokio::time::{Instant, sleep_until, timeout};

use crate::net::{NetError, NetHandle, Opening};

/// How long an executor may be silent. A frozen one is replaced within three seconds: the longest
/// silence that goes unquestioned, the longest wait for an answer, and placing the job anew.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Patience {
    /// After one missed sign of life it is looked whether its port is still open: the system of a
    /// process that ended says so at once.
    pub(crate) knock: Duration,
    /// Until the next knock, while it stays silent: a system answers six at once and then one in a
    /// second (Linux, `icmp_ratelimit`), and retransmissions use these answers up.
    pub(crate) knock_again: Duration,
    /// Until its stream is open.
    pub(crate) connect: Duration,
    /// From then until its first event; each piece of a long prompt that it takes counts.
    pub(crate) first: Duration,
    /// Between two events: two missed signs of life, and a knock that nobody answered.
    pub(crate) next: Duration,
    /// How long it may take to answer that it lives.
    pub(crate) check: Duration,
    /// How long nothing may come of an attempt whose executor lives.
    pub(crate) most: Duration,
    /// How long a last event may still be on its way from who has no such attempt any more.
    pub(crate) last_words: Duration,
}

/// What owners grant (guesses, but for the sum; a loaded machine is late by tenths of a second).
pub(crate) const PATIENCE: Patience = Patience {
    knock: Duration::from_millis(300),
    knock_again: Duration::from_millis(50),
    connect: Duration::from_millis(600),
    first: Duration::from_millis(600),
    next: Duration::from_millis(600),
    check: Duration::from_millis(1_000),
    most: Duration::from_millis(2_500),
    last_words: Duration::from_millis(250),
};

/// What an executor says when it is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Standing {
    /// The attempt is bound there.
    Lives,
    /// It is not.
    Absent,
    /// It cannot be asked, or does not answer.
    Unknown,
}

/// Finds something out about an executor.
pub(crate) type Question<T> = Box<dyn Fn() -> BoxFuture<'static, T> + Send + Sync>;

/// How an executor can be asked.
pub(crate) struct Questions {
    /// Whether nothing listens at its port any more.
    pub(crate) is_closed: Question<bool>,
    /// Whether the attempt lives.
    pub(crate) standing: Question<Standing>,
}

impl Questions {
    /// To another node: at its data port, and over the control plane.
    pub(crate) fn to(net: NetHandle, executor: NodeId, attempt: AttemptId) -> Self {
        let door = net.clone();
        let is_closed: Question<bool> = Box::new(move || {
            let net = door.clone();
            Box::pin(async move { net.is_closed(executor).await })
        });
        let standing: Question<Standing> = Box::new(move || {
            let net = net.clone();
            Box::pin(async move { standing(&net, executor, attempt).await })
        });
        Self { is_closed, standing }
    }

    /// To this node's own engine: there is nobody else to ask.
    pub(crate) fn to_self() -> Self {
        Self {
            is_closed: Box::new(|| Box::pin(std::future::ready(false))),
            standing: Box::new(|| Box::pin(std::future::ready(Standing::Lives))),
        }
    }
}

async fn standing(net: &NetHandle, executor: NodeId, attempt: AttemptId) -> Standing {
    match net.request(executor, Request::Attempt(attempt)).await {
        Ok(Response::NotFound) => Standing::Absent,
        // Whatever else it says: it lives.
        Ok(
            Response::Done
            | Response::Refused(_)
            | Response::Roster(_)
            | Response::Advert(_)
            | Response::Jobs(_)
            | Response::JobsSince(..)
            | Response::Job(_)
            | Response::HeldJob(_)
            | Response::Why(_)
            | Response::Settings(_)
            | Response::JobProblem(_)
            | Response::Inspection(_),
        )
        | Err(NetError::Protocol) => Standing::Lives,
        Err(_) => Standing::Unknown,
    }
}

/// What came of waiting for an event.
#[derive(Debug, PartialEq)]
pub(crate) enum Heard {
    Event(AttemptEvent),
    /// Nothing more will come.
    Closed,
    /// The executor is gone, or as good as gone.
    Silent,
}

/// Listens to one attempt.
pub(crate) struct Ear {
    pub(crate) source: mpsc::Receiver<AttemptEvent>,
    pub(crate) opening: watch::Receiver<Opening>,
    pub(crate) patience: Patience,
    pub(crate) questions: Questions,
    begun: bool,
}

impl Ear {
    pub(crate) fn new(
        source: mpsc::Receiver<AttemptEvent>,
        opening: watch::Receiver<Opening>,
        patience: Patience,
        questions: Questions,
    ) -> Self {
        Self { source, opening, patience, questions, begun: false }
    }

    /// Whether anything has come yet.
    pub(crate) fn has_begun(&self) -> bool {
        self.begun
    }

    /// Waits for the next event, or for the verdict that there will be none.
    pub(crate) async fn next(&mut self) -> Heard {
        let mut since = Instant::now();
        let mut deadline = since + self.limit();
        let mut answer: Option<BoxFuture<'static, Standing>> = None;
        let mut verdict = None;
        let (mut next_knock, mut knock) = (since + self.patience.knock, None);
        loop {
            tokio::select! {
                biased;
                event = self.source.recv() => {
                    self.begun = true;
                    return event.map_or(Heard::Closed, Heard::Event);
                }
                Ok(()) = self.opening.changed(), if !self.begun => {
                    since = Instant::now();
                    deadline = since + self.limit();
                    (answer, verdict) = (None, None);
                    (next_knock, knock) = (since + self.patience.knock, None);
                }
                is_closed = answered(&mut knock) => match is_closed {
                    true => return Heard::Closed,
                    false => {
                        next_knock = Instant::now() + self.patience.knock_again;
                        knock = None;
                    }
                },
                () = sleep_until(next_knock), if knock.is_none() => {
                    knock = Some((self.questions.is_closed)());
                }
                standing = answered(&mut answer) => {
                    answer = None;
                    (deadline, verdict) = match standing {
                        Standing::Unknown => return Heard::Silent,
                        Standing::Lives => (since + self.patience.most, Some(Heard::Silent)),
                        Standing::Absent => {
                            (Instant::now() + self.patience.last_words, Some(Heard::Closed))
                        }
                    };
                }
                () = sleep_until(deadline), if answer.is_none() => match verdict {
                    Some(verdict) => return verdict,
                    None => answer = Some(self.ask()),
                },
            }
        }
    }

    fn limit(&self) -> Duration {
        match *self.opening.borrow() {
            _ if self.begun => self.patience.next,
            Opening::Connecting => self.patience.connect,
            Opening::Sending(_) | Opening::Open => self.patience.first,
        }
    }

    fn ask(&self) -> BoxFuture<'static, Standing> {
        let asked = timeout(self.patience.check, (self.questions.standing)());
        Box::pin(async move { asked.await.unwrap_or(Standing::Unknown) })
    }
}

async fn answered<T>(answer: &mut Option<BoxFuture<'static, T>>) -> T {
    match answer {
        Some(answer) => answer.await,
        None => std::future::pending().await,
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicU32, Ordering};

    use pumasi_protocol::{Fault, Phase};

    use super::*;

    const SOON: Duration = Duration::from_millis(20);
    const NEVER: Duration = Duration::from_secs(600);
    /// Asks soon; waits for everything else.
    const ASKING: Patience = Patience {
        knock: NEVER,
        knock_again: SOON,
        connect: SOON,
        first: SOON,
        next: SOON,
        check: NEVER,
        most: NEVER,
        last_words: NEVER,
    };

    fn alive() -> AttemptEvent {
        AttemptEvent::Alive { phase: Phase::Decode, step: 1 }
    }

    /// What the executor's side holds.
    #[derive(Clone)]
    struct Executor {
        events: mpsc::Sender<AttemptEvent>,
        opening: watch::Sender<Opening>,
        asked: Arc<AtomicU32>,
    }

    /// An ear towards an executor that does `when_asked`, and answers what that says; `None`: never.
    fn rig(
        patience: Patience,
        when_asked: impl Fn(&Executor, u32) -> Option<Standing> + Send + Sync + 'static,
    ) -> (Ear, Executor) {
        let (events, source) = mpsc::channel(8);
        let (opening, seen) = watch::channel(Opening::Connecting);
        let executor = Executor { events, opening, asked: Arc::default() };
        let there = executor.clone();
        let standing: Question<Standing> = Box::new(move || {
            let times = there.asked.fetch_add(1, Ordering::Relaxed) + 1;
            match when_asked(&there, times) {
                Some(standing) => Box::pin(std::future::ready(standing)),
                None => Box::pin(std::future::pending()),
            }
        });
        let is_closed: Question<bool> = Box::new(|| Box::pin(std::future::ready(true)));
        let questions = Questions { is_closed, standing };
        (Ear::new(source, seen, patience, questions), executor)
    }

    #[test]
    fn a_frozen_executor_is_given_up_half_a_second_before_three_seconds_are_over() {
        let Patience { knock: _, knock_again: _, connect, first, next, check, most, last_words } =
            PATIENCE;
        let unquestioned = connect.max(first).max(next);
        let limit = Duration::from_millis(2_500);
        assert!(unquestioned + check <= limit && most <= limit);
        assert!(unquestioned + last_words <= limit);
    }

    #[tokio::test]
    async fn cat_p22_who_does_not_answer_either_is_given_up() {
        for opening in [Opening::Connecting, Opening::Sending(0), Opening::Open] {
            let (mut ear, executor) = rig(Patience { check: SOON, ..ASKING }, |_, _| None);
            executor.opening.send_replace(opening);
            assert_eq!(ear.next().await, Heard::Silent, "{opening:?}");
            executor.events.send(alive()).await.expect("it listens");
            assert_eq!(ear.next().await, Heard::Event(alive()));
            assert_eq!(ear.next().await, Heard::Silent, "{opening:?}, begun");
        }
    }

    #[tokio::test]
    async fn whose_port_is_closed_is_given_up_at_once() {
        let knocking = Patience { knock: SOON, first: NEVER, next: NEVER, ..ASKING };
        let (mut ear, executor) = rig(Patience { connect: NEVER, ..knocking }, |_, _| None);
        assert_eq!(ear.next().await, Heard::Closed);
        executor.events.send(alive()).await.expect("it listens");
        assert_eq!(ear.next().await, Heard::Event(alive()));
        assert_eq!(ear.next().await, Heard::Closed);
        assert_eq!(executor.asked.load(Ordering::Relaxed), 0);
    }

    #[tokio::test]
    async fn a_knock_that_is_not_answered_is_repeated() {
        let knocking = Patience { knock: SOON, connect: NEVER, ..ASKING };
        let (mut ear, _executor) = rig(knocking, |_, _| None);
        let knocks = AtomicU32::new(0);
        ear.questions.is_closed = Box::new(move || {
            let third = knocks.fetch_add(1, Ordering::Relaxed) == 2;
            Box::pin(std::future::ready(third))
        });
        assert_eq!(ear.next().await, Heard::Closed);
    }

    #[tokio::test]
    async fn cat_p22_who_only_answers_questions_is_given_up_as_well() {
        let (mut ear, executor) =
            rig(Patience { most: SOON * 4, ..ASKING }, |_, _| Some(Standing::Lives));
        assert_eq!(ear.next().await, Heard::Silent);
        assert_eq!(executor.asked.load(Ordering::Relaxed), 1);
    }

    #[tokio::test]
    async fn slow_is_not_dead() {
        let (mut ear, executor) = rig(ASKING, |executor, _| {
            let later = executor.clone();
            tokio::spawn(async move { later.events.send(alive()).await });
            Some(Standing::Lives)
        });
        for times in 1..4 {
            assert_eq!(ear.next().await, Heard::Event(alive()));
            assert_eq!(executor.asked.load(Ordering::Relaxed), times);
        }
    }

    #[tokio::test]
    async fn a_prompt_that_is_still_being_taken_is_no_silence() {
        let (mut ear, _executor) = rig(ASKING, |executor, times| {
            let later = executor.clone();
            if times < 4 {
                later.opening.send_replace(Opening::Sending(times as usize));
            } else {
                tokio::spawn(async move { later.events.send(alive()).await });
            }
            None
        });
        assert_eq!(ear.next().await, Heard::Event(alive()));
    }

    #[tokio::test]
    async fn who_has_no_such_attempt_gets_a_moment_for_its_last_event() {
        let brief = Patience { last_words: SOON, ..ASKING };
        let (mut ear, _executor) = rig(brief, |_, _| Some(Standing::Absent));
        assert_eq!(ear.next().await, Heard::Closed);
        let last = AttemptEvent::Failed(Fault::Cancelled);
        let sent = last.clone();
        let (mut ear, _executor) = rig(ASKING, move |executor, _| {
            let (later, last) = (executor.clone(), sent.clone());
            tokio::spawn(async move { later.events.send(last).await });
            Some(Standing::Absent)
        });
        assert_eq!(ear.next().await, Heard::Event(last));
    }
}
