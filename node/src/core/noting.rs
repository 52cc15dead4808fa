//! What goes from the loop into the audit log when a job ends: who asked, what sort of work, which
//! model, where, how much, how it ended. Never what it was about.

use pumasi_protocol::generate::EmbedInput;
use pumasi_protocol::{
    Fault, Generate, JobId, JobKind, JobState, Message, NodeName, Part, Prompt, Work,
};
use pumasi_web::mesh::Caller;
use pumasi_web::meters::{Spent, UNKNOWN, UsageKey};

use super::executor::Bound;
use super::owned::OwnedJob;
use super::pump::ExecutorReport;
use super::{Core, unix_ms};
use crate::store::{Act, AuditRecord, JobNote, Outcome};

const DAY_MS: u64 = 24 * 60 * 60 * 1_000;

/// What is known of an attempt's work before an engine has it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Taken {
    kind: JobKind,
    bytes: u64,
    at_ms: u64,
}

impl Taken {
    pub(super) fn of(work: &Work) -> Self {
        let kind = match work {
            Work::Generate(generate) => match &generate.prompt {
                Prompt::Chat { .. } => JobKind::Chat,
                Prompt::Text(_) | Prompt::Tokens(_) => JobKind::Completion,
            },
            Work::Embed(_) => JobKind::Embedding,
            Work::Document(_) | Work::Documents(_) => JobKind::Document,
        };
        Self { kind, bytes: size(work), at_ms: unix_ms() }
    }
}

impl Core {
    /// A job of this node is about to count as ended.
    pub(super) fn note_asked(&self, id: JobId) {
        if let Some(job) = self.owned.live.get(&id)
            && let Some(outcome) = outcome_of(&job.state)
        {
            let note = self.asked(job, outcome);
            if job.durable {
                self.spend(job, &note);
            }
            let at_ms = job.ended_ms.unwrap_or_else(unix_ms);
            self.notes.note(AuditRecord { at_ms, act: Act::Asked(Box::new(note)) });
        }
    }

    /// What a lasting job used; the web counts what somebody waits for.
    fn spend(&self, job: &OwnedJob, note: &JobNote) {
        let text = |name: Option<&NodeName>| name.map(ToString::to_string).unwrap_or_default();
        let key = UsageKey {
            day: u32::try_from(unix_ms() / DAY_MS).unwrap_or(u32::MAX),
            person: text(note.person.as_ref()),
            key: note.key.clone().unwrap_or_default(),
            model: note.model.to_string(),
            place: note
                .ran_on
                .map_or_else(|| UNKNOWN.to_owned(), |n| format!("mesh/{}", n.short())),
        };
        let timings = job.timings.unwrap_or_default();
        let spent = Spent {
            requests: 1,
            failed: matches!(note.outcome, Outcome::Failed(_)).into(),
            prompt: note.usage.prompt.into(),
            cached: note.usage.cached.into(),
            completion: note.usage.completion.into(),
            engine_us: timings.prefill_us.saturating_add(timings.decode_us),
            ..Spent::default()
        };
        self.meters.spend(key, &spent);
    }

    fn asked(&self, job: &OwnedJob, outcome: Outcome) -> JobNote {
        let key = match &job.run.caller {
            Caller::Key { id, .. } => id.clone(),
            Caller::Loopback | Caller::Install => None,
        };
        JobNote {
            job: job.id,
            kind: job.run.kind,
            model: job.run.model.clone(),
            person: job.person.as_deref().and_then(name),
            key,
            owner: self.me,
            ran_on: job.node,
            asked_bytes: size(&job.run.work),
            usage: job.usage.unwrap_or_default(),
            attempts: job.attempts,
            accepted_ms: job.accepted_ms,
            outcome,
        }
    }

    /// An attempt ended here; this node's own jobs are noted as a whole.
    pub(super) fn note_ran(&self, report: &ExecutorReport, bound: &Bound) {
        let owner = bound.owner.filter(|owner| *owner != self.me);
        let (Some(owner), Some(taken), Some(model)) = (owner, bound.taken, &bound.slot) else {
            return;
        };
        let here = self.scheduler.view().executor().reservations;
        let reserved = here.iter().find(|reserved| reserved.attempt == report.attempt);
        let person = reserved.and_then(|reserved| self.person_name(reserved.person));
        let outcome = match &report.fault {
            None => Outcome::Completed,
            Some(Fault::Cancelled) => Outcome::Cancelled,
            Some(fault) => Outcome::Failed(fault.code().to_owned()),
        };
        let note = JobNote {
            job: report.attempt.job,
            kind: taken.kind,
            model: model.clone(),
            person: person.as_deref().and_then(name),
            key: None,
            owner,
            ran_on: Some(self.me),
            asked_bytes: taken.bytes,
            usage: report.usage,
            attempts: 1,
            accepted_ms: taken.at_ms,
            outcome,
        };
        self.notes.note(AuditRecord { at_ms: unix_ms(), act: Act::Ran(Box::new(note)) });
    }
}

fn name(text: &str) -> Option<NodeName> {
    text.parse().ok()
}

fn outcome_of(state: &JobState) -> Option<Outcome> {
    match state {
        JobState::Completed(_) => Some(Outcome::Completed),
        JobState::Failed(fault) => Some(Outcome::Failed(fault.code().to_owned())),
        JobState::Cancelled => Some(Outcome::Cancelled),
        JobState::Waiting | JobState::Bound(_) | JobState::Running(_) => None,
    }
}

/// Bytes of what is asked: text as UTF-8, token ids as four bytes, pictures and files as they came.
pub(crate) fn size(work: &Work) -> u64 {
    let bytes: usize = match work {
        Work::Document(_) | Work::Documents(_) => {
            return work.files().iter().map(|file| file.bytes).sum();
        }
        Work::Generate(generate) => prompt_size(generate),
        Work::Embed(embed) => embed.inputs.iter().map(input_size).sum(),
    };
    u64::try_from(bytes).unwrap_or(u64::MAX)
}

fn input_size(input: &EmbedInput) -> usize {
    match input {
        EmbedInput::Text(text) => text.len(),
        EmbedInput::Tokens(tokens) => 4 * tokens.len(),
    }
}

fn prompt_size(generate: &Generate) -> usize {
    match &generate.prompt {
        Prompt::Text(text) => text.len(),
        Prompt::Tokens(tokens) => 4 * tokens.len(),
        Prompt::Chat { messages, .. } => messages.iter().map(message_size).sum(),
    }
}

fn message_size(message: &Message) -> usize {
    let part = |part: &Part| match part {
        Part::Text(text) => text.len(),
        Part::Image(bytes) => bytes.len(),
    };
    message.content.iter().map(part).sum()
}
