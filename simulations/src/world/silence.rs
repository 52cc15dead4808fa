//! When silence means that an executor is gone, as a node's own ear decides: a limit between two signs
//! of life, a question over the control plane before the verdict, and a limit for who only answers
//! questions. (The knock at a closed port is the broken connection of `breaks`.)

use pumasi_protocol::{AttemptId, Fault};
use pumasi_scheduler::{Outcome, Time};

use crate::canary::Canary;
use crate::shell::Doubt;
use crate::situations::Situation;

use super::World;
use super::events::Event;

/// How long an executor may be silent while its stream opens, until its first event and between two,
/// before it is asked; all three as nodes grant it, in milliseconds.
const UNASKED_MS: u64 = 1_250;
/// Until who does not answer is given up: the same, and the wait for an answer.
const UNANSWERED_MS: u64 = UNASKED_MS + 1_000;
/// Until who answers, but gives no sign of life, is given up.
const MOST_MS: u64 = 2_500;
/// How long the last word of who has no such attempt any more may be on its way.
const LAST_WORDS_MS: u64 = 250;

impl World<'_> {
    /// The owner of an attempt begins to listen.
    pub(super) fn listen(&mut self, node: usize, attempt: AttemptId) {
        let shell = &self.shells[node];
        let boot = shell.boots;
        let deadline = shell.clock.when(shell.clock.at(self.now).after_ms(UNASKED_MS));
        self.at(deadline, Event::Silence { node, boot, attempt });
    }

    /// The stream of an attempt is open: that counts as a sign of life.
    pub(super) fn on_opened(&mut self, owner: usize, attempt: AttemptId) {
        let shell = &mut self.shells[owner];
        let heard = shell.clock.at(self.now);
        if let Some(pump) = shell.pumps.get_mut(&attempt).filter(|pump| !pump.begun) {
            (pump.heard, pump.doubt) = (heard, Doubt::None);
        }
    }

    /// Whether the executor was heard of in time, and what follows if not.
    pub(super) fn on_silence(&mut self, node: usize, boot: u64, attempt: AttemptId) {
        let shell = &self.shells[node];
        if shell.boots != boot || self.canary == Some(Canary::SilenceBorne) {
            return;
        }
        let Some(pump) = shell.pumps.get(&attempt) else { return };
        let own = shell.clock.at(self.now);
        let deadline = match pump.doubt {
            // Who does not read on hears nothing.
            _ if shell.chats.get(&attempt.job).is_some_and(|chat| chat.stalled) => {
                own.after_ms(UNASKED_MS)
            }
            Doubt::None => pump.heard.after_ms(UNASKED_MS),
            Doubt::Asked => pump.heard.after_ms(UNANSWERED_MS),
            Doubt::Lives => pump.heard.after_ms(MOST_MS),
            Doubt::Absent(told) => told.after_ms(LAST_WORDS_MS),
        };
        if own < deadline {
            let at = shell.clock.when(deadline);
            return self.at(at, Event::Silence { node, boot, attempt });
        }
        let (begun, doubt) = (pump.begun, pump.doubt);
        match doubt {
            Doubt::None => self.ask_standing(node, attempt),
            Doubt::Asked | Doubt::Lives => {
                self.saw(if begun { Situation::SilentLater } else { Situation::SilentFirst });
                self.end_pump(node, attempt, Outcome::Failed(Fault::Silent), true);
            }
            Doubt::Absent(_) => {
                self.end_pump(node, attempt, Outcome::Failed(Fault::Connection), true);
            }
        }
    }

    /// Asks an executor whether an attempt lives; and waits for the answer, or for a sign of life.
    fn ask_standing(&mut self, node: usize, attempt: AttemptId) {
        let shell = &mut self.shells[node];
        let boot = shell.boots;
        let Some(pump) = shell.pumps.get_mut(&attempt) else { return };
        let (to, heard) = (pump.executor, pump.heard);
        pump.doubt = if to == node { Doubt::Lives } else { Doubt::Asked };
        self.later(0, Event::Silence { node, boot, attempt });
        if to != node && self.shells[to].is_alive() && !self.wire.is_apart(node, to) {
            let delay = self.wire.stream(node, to);
            self.later(delay, Event::Standing { from: node, to, attempt, heard });
        }
    }

    /// An executor is asked whether an attempt lives.
    pub(super) fn on_standing(&mut self, from: usize, to: usize, attempt: AttemptId, heard: Time) {
        if !self.shells[to].is_alive() || self.wire.is_apart(from, to) {
            return;
        }
        let shell = &self.shells[to];
        let lives = shell.expected.contains_key(&attempt)
            || shell.told.contains_key(&attempt)
            || shell.at_hand.contains_key(&attempt);
        let delay = self.wire.stream(to, from);
        let boot = self.shells[from].boots;
        self.later(delay, Event::StandingTold { node: from, boot, attempt, heard, lives });
    }

    /// The answer comes; it counts unless a sign of life came meanwhile.
    pub(super) fn on_standing_told(
        &mut self,
        node: usize,
        boot: u64,
        attempt: AttemptId,
        heard: Time,
        lives: bool,
    ) {
        let shell = &mut self.shells[node];
        let own = shell.clock.at(self.now);
        let Some(pump) = shell.pumps.get_mut(&attempt) else { return };
        if shell.boots != boot || pump.heard != heard || pump.doubt != Doubt::Asked {
            return;
        }
        pump.doubt = if lives { Doubt::Lives } else { Doubt::Absent(own) };
        self.saw(if lives { Situation::SilentAlive } else { Situation::SilentAbsent });
        self.later(0, Event::Silence { node, boot, attempt });
    }
}
