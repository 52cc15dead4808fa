//! A job that this node owns: what was asked, where it stands, and what its client has of it.

use std::time::Duration;

use pumasi_protocol::{
    AttemptId, BlobId, Epoch, Fault, JobId, JobState, ModelName, Need, NodeId, Phase, Timings,
    Usage,
};
use pumasi_web::mesh::{Run, RunEvent};
use tokio::sync::mpsc;
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
    /// With the pump while an attempt runs.
    pub(crate) transcript: Option<Transcript>,
    /// The file that the answer was begun with.
    pub(crate) file: Option<BlobId>,
    /// Fires when it is over.
    pub(crate) over: CancellationToken,
    /// The attempt that is under way, and how to end it.
    pub(crate) attempt: Option<(AttemptId, CancellationToken)>,
    /// The next attempt, until the one before has given its transcript back.
    pub(crate) next: Option<Next>,
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
            transcript: Some(Transcript::default()),
            file: None,
            over: CancellationToken::new(),
            attempt: None,
            next: None,
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
