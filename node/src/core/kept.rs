//! The files of a lasting job: what was asked, and what came of it; how they are written, read and
//! checked. A file of another node is only believed as far as it makes sense.

use std::time::Duration;

use pumasi_protocol::custody::{Blob, End, Ended};
use pumasi_protocol::stream::{AttemptEvent, EventOrder};
use pumasi_protocol::{
    BlobId, Constraints, Epoch, Fault, JobId, JobKind, ModelName, NodeId, NodeName, Priority, Term,
    Timings, Usage, Work, frame,
};
use pumasi_web::mesh::{Abroad, Caller, Kept, Placed, Run, RunEvent};
use serde::{Deserialize, Serialize};
use tokio::sync::mpsc;

use super::owned::OwnedJob;
use super::owner::is_kept;
use super::unix_ms;
use crate::store::{Store, StoreError};

/// Largest kept question or outcome, in bytes: sixteen times the largest frame.
pub(super) const KEPT_BYTES: usize = 64 * 1024 * 1024;
/// How long an outcome waits for a disk that refuses it before it is tried again.
const WRITE_AGAIN: Duration = Duration::from_secs(2);

/// What was asked, as it is kept.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Question {
    kind: JobKind,
    model: ModelName,
    work: Work,
    constraints: Constraints,
    priority: Priority,
    /// The API key's person; none: this install itself.
    key: Option<String>,
    /// The hash of the request, if it came with an idempotency key.
    body: Option<[u8; 32]>,
}

/// What came of it, as it is kept.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Outcome {
    node: Option<(NodeId, NodeName, String, u32)>,
    events: Vec<AttemptEvent>,
    ended_ms: u64,
}

/// What an outcome tells of how it came about.
#[derive(Debug, Clone)]
pub(crate) struct Account {
    /// Bindings under its last owner.
    pub(super) attempts: u32,
    /// None for embeddings, which do not count tokens.
    pub(super) usage: Option<Usage>,
    pub(super) timings: Timings,
    pub(super) why: String,
}

impl Outcome {
    fn account(self) -> Option<Account> {
        let (.., why, epoch) = self.node?;
        let floor = Term::of(Epoch(epoch)).floor();
        let (usage, timings) = match self.events.last()? {
            AttemptEvent::Finished { usage, timings, .. } => (Some(*usage), *timings),
            AttemptEvent::Embedded { timings, .. } => (None, *timings),
            AttemptEvent::Alive { .. }
            | AttemptEvent::Started { .. }
            | AttemptEvent::Tokens { .. }
            | AttemptEvent::Part { .. }
            | AttemptEvent::Failed(_) => return None,
        };
        Some(Account { attempts: epoch.saturating_sub(floor.0), usage, timings, why })
    }

    fn into_kept(self, run: Run) -> Kept {
        let placed = self.node.map(|(node, name, why, epoch)| Placed {
            node,
            name,
            why,
            epoch: Epoch(epoch),
            after: None,
            model: None,
        });
        Kept { run, placed, events: self.events, ended_ms: self.ended_ms }
    }
}

impl Question {
    fn of(job: &OwnedJob) -> Self {
        let key = match &job.run.caller {
            Caller::Key { person, .. } => Some(person.clone()),
            Caller::Loopback | Caller::Install => None,
        };
        Self {
            kind: job.run.kind,
            model: job.run.model.clone(),
            work: job.run.work.clone(),
            constraints: job.run.constraints.clone(),
            priority: job.run.priority,
            key,
            body: job.repeat.map(|repeat| repeat.body),
        }
    }

    /// From the bytes of a file; none if it is something else.
    pub(super) fn read(bytes: &[u8]) -> Option<Self> {
        let question: Self = frame::decode_body(bytes).ok()?;
        question.work.is_within_limits().then_some(question)
    }

    pub(super) fn into_run(self) -> Run {
        Run {
            caller: self.key.map_or(Caller::Install, |person| Caller::Key { person, id: None }),
            kind: self.kind,
            model: self.model,
            work: self.work,
            constraints: self.constraints,
            priority: self.priority,
            keep_alive: None,
            abroad: Abroad::default(),
        }
    }

    /// The hash of the request, if it came with an idempotency key.
    pub(super) fn body(&self) -> Option<[u8; 32]> {
        self.body
    }
}

/// The files of a job put together; none if they are not what they should be.
pub(super) fn read_kept(question: &[u8], outcome: &[u8]) -> Option<Kept> {
    let question = Question::read(question)?;
    let outcome: Outcome = frame::decode_body(outcome).ok()?;
    let mut order = EventOrder::after(0);
    let in_order = outcome.events.iter().all(|event| order.check(event).is_ok());
    let is_whole = outcome.events.last().is_some_and(AttemptEvent::is_last);
    (in_order && is_whole).then(|| outcome.into_kept(question.into_run()))
}

pub(super) fn read_files(store: &Store, input: BlobId, result: BlobId) -> Option<Kept> {
    let question = store.file(input).ok().flatten()?;
    let outcome = store.file(result).ok().flatten()?;
    read_kept(&question, &outcome)
}

/// What a result tells of how it came about; none if it is none. Blocks.
pub(super) fn read_account(store: &Store, result: BlobId) -> Option<Account> {
    let outcome = store.file(result).ok().flatten()?;
    frame::decode_body::<Outcome>(&outcome).ok()?.account()
}

fn encode<T: Serialize>(value: &T) -> Result<Vec<u8>, StoreError> {
    frame::encode_body(value, KEPT_BYTES).map_err(|_| StoreError::TooLarge { bytes: KEPT_BYTES })
}

/// Writes a file; on the disk when this returns.
async fn put(store: &Store, bytes: Vec<u8>) -> Result<Blob, StoreError> {
    let (store, size) = (store.clone(), bytes.len() as u64);
    let written = tokio::task::spawn_blocking(move || store.put_file(&bytes));
    let id = written.await.unwrap_or(Err(StoreError::Stopped))?;
    Ok(Blob { id, bytes: size })
}

pub(super) async fn keep_question(store: &Store, job: &OwnedJob) -> Result<Blob, StoreError> {
    let question = encode(&Question::of(job))?;
    store.check_space(question.len())?;
    put(store, question).await
}

/// Gathers a job's events until its last, and writes its outcome. None when it has none: it was
/// cancelled or taken away, which whoever did that tells.
pub(super) async fn collect(
    store: &Store,
    job: JobId,
    mut source: mpsc::Receiver<RunEvent>,
) -> Option<Ended> {
    let mut outcome = Outcome { node: None, events: Vec::new(), ended_ms: 0 };
    let mut failed = None;
    while let Some(event) = source.recv().await {
        match event {
            RunEvent::Placed(p) => outcome.node = Some((p.node, p.name, p.why, p.epoch.0)),
            RunEvent::Failed(fault) => failed = Some(fault),
            RunEvent::Attempt(event) if is_kept(&event) => merge(&mut outcome.events, event),
            // A lasting job runs on the mesh.
            RunEvent::Attempt(_)
            | RunEvent::Provided(_)
            | RunEvent::Heard(_)
            | RunEvent::Refused(_) => {}
        }
    }
    let at_ms = unix_ms();
    outcome.ended_ms = at_ms;
    if let Some(fault) = failed {
        return Some(Ended { end: End::Failed(fault), at_ms });
    }
    let is_whole = outcome.events.last().is_some_and(AttemptEvent::is_last);
    let node = outcome.node.as_ref().map(|(node, ..)| *node).filter(|_| is_whole)?;
    let end = match put_until(store, job, &outcome).await {
        Some(result) => End::Completed { result, node },
        None => End::Failed(Fault::BadRequest),
    };
    Some(Ended { end, at_ms })
}

/// Writes an outcome, however long the disk refuses it; none if it is above its bound.
async fn put_until(store: &Store, job: JobId, outcome: &Outcome) -> Option<Blob> {
    let bytes = encode(outcome).ok()?;
    loop {
        match put(store, bytes.clone()).await {
            Ok(result) => return Some(result),
            Err(StoreError::Full) => {}
            Err(error) => {
                tracing::error!(%error, job = %job.short(), "an outcome could not be written down");
            }
        }
        tokio::time::sleep(WRITE_AGAIN).await;
    }
}

/// Adjacent tokens become one event, as far as one event may hold.
fn merge(events: &mut Vec<AttemptEvent>, event: AttemptEvent) {
    match (events.last_mut(), event) {
        // An attempt that was lost before it wrote anything leaves nothing but this.
        (Some(last @ AttemptEvent::Started { .. }), event @ AttemptEvent::Started { .. }) => {
            *last = event;
        }
        (
            Some(AttemptEvent::Tokens { tokens, .. }),
            AttemptEvent::Tokens { tokens: mut more, .. },
        ) if tokens.len() + more.len() <= pumasi_protocol::limits::TOKENS_PER_EVENT => {
            tokens.append(&mut more);
        }
        (_, event) => events.push(event),
    }
}

#[cfg(test)]
mod tests {
    use pumasi_protocol::Finish;
    use pumasi_protocol::engine::{OutputSyntax, Token};

    use super::*;

    #[test]
    fn an_attempt_that_was_lost_before_its_first_token_does_not_cost_the_result() {
        let started = |first| AttemptEvent::Started {
            prompt: vec![first, 2],
            cached: 0,
            syntax: OutputSyntax::default(),
        };
        let token = |id| Token { id, bytes: vec![b'x'], logprob: None, top: Vec::new() };
        let tokens = |index| AttemptEvent::Tokens { index, tokens: vec![token(index)] };
        let finished = AttemptEvent::Finished {
            finish: Finish::Stop,
            usage: Usage::default(),
            timings: Timings::default(),
        };
        let mut events = Vec::new();
        for event in [started(1), started(7), tokens(0), tokens(1), finished] {
            merge(&mut events, event);
        }
        assert_eq!(events.len(), 3);
        assert_eq!(events[0], started(7), "the prompt as it was read in the end");
        let mut order = EventOrder::after(0);
        assert!(events.iter().all(|event| order.check(event).is_ok()), "{events:?}");
    }
}
