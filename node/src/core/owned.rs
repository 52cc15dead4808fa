//! A job that this node owns: what was asked, where it stands, and what its client has of it.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use pumasi_protocol::{
    AttemptId, BlobId, Epoch, Fault, JobId, JobState, ModelName, Need, NodeId, Phase, Timings,
    Usage,
};
use pumasi_web::mesh::{Placed, Run, RunEvent};
use tokio::sync::{Mutex, MutexGuard, mpsc};
use tokio_util::sync::CancellationToken;

use super::transcript::Transcript;
use crate::store::RepeatKey;

/// Attempts of one job that are remembered.
const PASSAGES: usize = 16;

/// An attempt to be made.
#[derive(Debug, Clone)]
pub(crate) struct Next {
    pub(crate) attempt: AttemptId,
    pub(crate) executor: NodeId,
    pub(crate) model: ModelName,
}

/// Which of a job's tries writes to its client: the first that has something to write, for good.
#[derive(Debug, Default)]
pub(crate) struct Race {
    winner: OnceLock<JobId>,
    /// Held by whoever speaks to the client while nobody has won.
    turn: Mutex<()>,
}

impl Race {
    /// Whether the try of this id may write. The first to ask wins.
    pub(crate) fn is_won_by(&self, id: JobId) -> bool {
        *self.winner.get_or_init(|| id) == id
    }

    /// Who writes, if anybody does yet.
    pub(crate) fn winner(&self) -> Option<JobId> {
        self.winner.get().copied()
    }

    /// Waits until no other try speaks.
    pub(crate) async fn turn(&self) -> MutexGuard<'_, ()> {
        self.turn.lock().await
    }
}

/// One of at most two tries at a job, each over as many attempts as the scheduler makes.
#[derive(Debug)]
pub(crate) struct Try {
    /// The job's id, or its hedge's.
    pub(crate) id: JobId,
    /// With the pump while an attempt runs.
    pub(crate) transcript: Option<Transcript>,
    /// The file that the answer was begun with.
    pub(crate) file: Option<BlobId>,
    /// The attempt that is under way, and how to end it.
    pub(crate) attempt: Option<(AttemptId, CancellationToken)>,
    /// The next attempt, until the one before has given its transcript back.
    pub(crate) next: Option<Next>,
    /// Where its latest attempt is.
    pub(crate) placed: Option<Placed>,
}

impl Try {
    pub(crate) fn new(id: JobId) -> Self {
        let transcript = Some(Transcript::default());
        Self { id, transcript, file: None, attempt: None, next: None, placed: None }
    }
}

/// What one attempt gave to the answer, for people.
#[derive(Debug, Clone)]
pub(crate) struct Passage {
    pub(crate) epoch: Epoch,
    /// Tokens that the client had when it ended, those of earlier ones included.
    pub(crate) delivered: u32,
    /// Between the last token of an earlier attempt and its first.
    pub(crate) gap: Option<Duration>,
    /// Why it ended without the result.
    pub(crate) fault: Option<Fault>,
}

/// A job while it lives, and for a while after.
#[derive(Debug)]
pub(crate) struct OwnedJob {
    pub(crate) id: JobId,
    pub(crate) run: Run,
    pub(crate) need: Need,
    /// The person it is for, as the roster names them.
    pub(crate) person: Option<String>,
    pub(crate) durable: bool,
    /// What tells a repeated submission of it from a new one.
    pub(crate) repeat: Option<RepeatKey>,
    /// Of a lasting job: its outcome is on the disk.
    pub(crate) kept: bool,
    /// Of a lasting job: the file with what was asked.
    pub(crate) input: Option<BlobId>,
    /// Of a lasting job: the file with the result, once it is on the disk.
    pub(crate) result: Option<BlobId>,
    /// When it last changed, in the owner's count of changes.
    pub(crate) revision: u64,
    /// Where its events go; closed once it is over.
    pub(crate) client: Option<mpsc::Sender<RunEvent>>,
    pub(crate) first: Try,
    /// Its hedge, if the first token was late.
    pub(crate) second: Option<Try>,
    /// Which of the two writes.
    pub(crate) race: Arc<Race>,
    /// Fires when it is over.
    pub(crate) over: CancellationToken,
    /// Its attempts so far, oldest first, at most [`PASSAGES`].
    pub(crate) passages: Vec<Passage>,
    pub(crate) state: JobState,
    pub(crate) attempts: u32,
    pub(crate) node: Option<NodeId>,
    pub(crate) why: Option<String>,
    pub(crate) progress: Option<(Phase, u32)>,
    pub(crate) usage: Option<Usage>,
    pub(crate) timings: Option<Timings>,
    pub(crate) accepted_ms: u64,
    pub(crate) ended_ms: Option<u64>,
}

impl OwnedJob {
    pub(crate) fn new(id: JobId, run: Run, need: Need, accepted_ms: u64) -> Self {
        Self {
            id,
            run,
            need,
            person: None,
            durable: false,
            repeat: None,
            kept: false,
            input: None,
            result: None,
            revision: 0,
            client: None,
            first: Try::new(id),
            second: None,
            race: Arc::default(),
            over: CancellationToken::new(),
            passages: Vec::new(),
            state: JobState::Waiting,
            attempts: 0,
            node: None,
            why: None,
            progress: None,
            usage: None,
            timings: None,
            accepted_ms,
            ended_ms: None,
        }
    }

    pub(crate) fn try_mut(&mut self, id: JobId) -> Option<&mut Try> {
        [Some(&mut self.first), self.second.as_mut()].into_iter().flatten().find(|t| t.id == id)
    }

    /// Where an attempt runs that is under way.
    pub(crate) fn executor(&self, attempt: AttemptId) -> Option<NodeId> {
        let tries = [Some(&self.first), self.second.as_ref()];
        let current = tries.into_iter().flatten().find(|tried| tried.id == attempt.job)?;
        let placed = current.placed.as_ref()?;
        (placed.epoch == attempt.epoch).then_some(placed.node)
    }

    /// Whether an attempt of it runs on a node.
    pub(crate) fn runs_on(&self, node: NodeId) -> bool {
        let tries = [Some(&self.first), self.second.as_ref()];
        let on = |placed: &Placed| placed.node == node;
        let runs = |t: &Try| t.attempt.is_some() && t.placed.as_ref().is_some_and(on);
        tries.into_iter().flatten().any(runs)
    }

    /// Says where its answer comes from.
    pub(crate) fn show(&mut self, placed: &Placed) {
        self.node = Some(placed.node);
        self.why = Some(placed.why.clone());
    }

    /// An attempt begins.
    pub(crate) fn begin_passage(&mut self, epoch: Epoch) {
        if self.passages.len() >= PASSAGES {
            self.passages.remove(0);
        }
        self.passages.push(Passage { epoch, delivered: 0, gap: None, fault: None });
    }

    pub(crate) fn passage_mut(&mut self, epoch: Epoch) -> Option<&mut Passage> {
        self.passages.iter_mut().find(|passage| passage.epoch == epoch)
    }

    /// Why the attempt before the latest ended.
    pub(crate) fn latest_fault(&self) -> Option<Fault> {
        self.passages.iter().rev().find_map(|passage| passage.fault.clone())
    }
}
