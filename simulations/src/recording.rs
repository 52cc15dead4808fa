//! A recording of a real node, lived through again by a fresh scheduler: whatever the node's asked
//! for, this one must ask for as well.

use std::collections::BTreeMap;

use pumasi_scheduler::recording::{
    ActionDigest, Actions, Entry, RecordingError, RecordingReader, kind_of,
};
use pumasi_scheduler::{Action, Scheduler, Time};

/// Actions of the differing stretch that are shown.
const SHOWN: usize = 50;

/// Why a recording cannot be replayed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ReplayError {
    /// It is none, or damaged.
    #[error(transparent)]
    Recording(#[from] RecordingError),
    /// It does not begin with how the scheduler was made, or says that twice.
    #[error("the recording does not say once, at its start, how the scheduler was made")]
    Beginning,
}

/// Where the fresh scheduler asked for something else.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Difference {
    /// After how many inputs and deadlines.
    pub after: u64,
    /// The time of the last of them.
    pub at: Time,
    /// How many actions the node's scheduler had asked for until then, and how many this one.
    pub recorded: u64,
    /// See `recorded`.
    pub replayed: u64,
    /// What this one asked for since the last comparison that held, in words; at most fifty.
    pub actions: Vec<String>,
}

/// What came of it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Replayed {
    /// Inputs by kind.
    pub kinds: BTreeMap<&'static str, u64>,
    /// Times at which deadlines were due.
    pub timeouts: u64,
    /// Actions that were compared.
    pub actions: u64,
    /// Comparisons that held.
    pub compared: u64,
    /// The time of the last input, since the node's start.
    pub until: Time,
    /// The end was cut off in the middle of an entry, as a kill leaves it.
    pub cut: bool,
    /// The first difference.
    pub difference: Option<Difference>,
}

impl Replayed {
    /// Inputs in all.
    #[must_use]
    pub fn inputs(&self) -> u64 {
        self.kinds.values().sum()
    }
}

/// Lives through a recording, up to its end or the first difference.
///
/// # Errors
/// When it is no recording, or damaged before its end.
pub fn replay(bytes: &[u8]) -> Result<Replayed, ReplayError> {
    let mut reader = RecordingReader::new(bytes)?;
    let mut replayed = Replayed::default();
    let Some(first) = reader.next_entry()? else {
        replayed.cut = reader.is_cut();
        return Ok(replayed);
    };
    let Entry::Begin { me, config, seed, now } = first else { return Err(ReplayError::Beginning) };
    let mut again = Again {
        scheduler: Scheduler::new(me, *config, seed, now),
        actions: Actions::default(),
        latest: Vec::new(),
    };
    while let Some(entry) = reader.next_entry()? {
        match entry {
            Entry::Begin { .. } => return Err(ReplayError::Beginning),
            Entry::Input { at, input } => {
                *replayed.kinds.entry(kind_of(&input)).or_default() += 1;
                replayed.until = at;
                again.scheduler.handle(at, *input);
            }
            Entry::Timeout { at } => {
                replayed.timeouts += 1;
                replayed.until = at;
                again.scheduler.handle_timeout(at);
            }
            Entry::Asked { count, digest } => {
                if let Err(actions) = again.compare(count, &digest) {
                    replayed.difference = Some(Difference {
                        after: replayed.inputs() + replayed.timeouts,
                        at: replayed.until,
                        recorded: count,
                        replayed: again.actions.count(),
                        actions,
                    });
                    return Ok(replayed);
                }
                (replayed.actions, replayed.compared) = (count, replayed.compared + 1);
            }
        }
    }
    replayed.cut = reader.is_cut();
    Ok(replayed)
}

/// The fresh scheduler, and what it asked for.
struct Again {
    scheduler: Scheduler,
    actions: Actions,
    latest: Vec<Action>,
}

impl Again {
    /// Whether it asked for the same until here; if not, what it asked for lately.
    fn compare(&mut self, count: u64, digest: &ActionDigest) -> Result<(), Vec<String>> {
        self.latest.clear();
        while let Some(action) = self.scheduler.poll_action() {
            self.actions.add(&action);
            self.latest.push(action);
        }
        if self.actions.count() == count && self.actions.digest() == *digest {
            return Ok(());
        }
        Err(self.latest.iter().take(SHOWN).map(|action| format!("{action:?}")).collect())
    }
}

#[cfg(test)]
mod tests {
    use pumasi_protocol::NodeId;
    use pumasi_scheduler::recording::Recording;
    use pumasi_scheduler::{Config, Input, Link};

    use super::*;

    fn job() -> Input {
        use pumasi_protocol::{
            Capabilities, Constraints, Epoch, JobId, JobKind, Need, PersonId, Priority,
        };
        let need = Need {
            kind: JobKind::Chat,
            model: "m".parse().expect("a name"),
            file: None,
            capabilities: Capabilities::default(),
            person: PersonId([1; 16]),
            priority: Priority::Interactive,
            constraints: Constraints::default(),
            prompt_tokens: 1,
            max_tokens: None,
            prefix: Vec::new(),
        };
        Input::Submit { job: JobId::from_parts(1, [1; 10]), need: Box::new(need), floor: Epoch(0) }
    }

    /// What a node would have written; `forgets` leaves out its second input.
    fn recorded(forgets: bool) -> Vec<u8> {
        let (me, config) = (NodeId([1; 32]), Config::default());
        let mut scheduler = Scheduler::new(me, config.clone(), 3, Time::START);
        let mut recording = Recording::default();
        let mut bytes = Recording::begin(me, &config, 3, Time::START).expect("small");
        let up = Input::Peer { node: NodeId([2; 32]), link: Link::Up { rtt_us: 5 } };
        for (number, input) in [up, job()].into_iter().enumerate() {
            let at = Time::from_ms(number as u64);
            if number == 0 || !forgets {
                bytes.extend(recording.input(at, &input).expect("small"));
            }
            scheduler.handle(at, input);
            while let Some(action) = scheduler.poll_action() {
                recording.action(&action);
            }
            bytes.extend(recording.asked().expect("small").unwrap_or_default());
        }
        bytes
    }

    #[test]
    fn the_same_inputs_ask_for_the_same() {
        let replayed = replay(&recorded(false)).expect("it is a recording");
        assert_eq!(replayed.difference, None);
        assert_eq!((replayed.inputs(), replayed.cut), (2, false));
        assert!(replayed.actions > 0 && replayed.compared > 0);
    }

    #[test]
    fn what_is_missing_shows_as_a_difference() {
        let replayed = replay(&recorded(true)).expect("it is a recording");
        let difference = replayed.difference.expect("an input is missing");
        assert_eq!((difference.after, difference.replayed), (1, 0));
        assert!(difference.recorded > 0);
    }
}
