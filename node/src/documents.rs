//! What a person asks of documents, taken apart: each piece is a job of the mesh that is placed and
//! retried by itself. Runs at the owner; knows neither the scheduler nor where anything runs.

mod ask;
mod asking;
mod chunks;
mod fields;
mod limits;
mod summarise;
mod translate;

use std::sync::Arc;

use futures::{FutureExt, StreamExt};
use pumasi_protocol::document::{
    DocumentFile, DocumentPart, DocumentProblem, DocumentTask, DocumentWork, Documents,
    DocumentsTask, PartKind, document_engine,
};
use pumasi_protocol::stream::AttemptEvent;
use pumasi_protocol::{
    Constraints, Fault, Finish, JobKind, ModelName, Phase, Priority, Timings, Usage, Work,
};
use pumasi_web::mesh::{Abroad, Caller, Run, RunError, RunEvent, Running};
use tokio::sync::{Semaphore, mpsc, oneshot};

use crate::core::event::{Ask, Event};
use limits::{FILES_AT_ONCE, QUESTIONS_AT_ONCE};

/// Who wants it, and on which terms its pieces run.
#[derive(Debug, Clone)]
pub(crate) struct Terms {
    pub(crate) caller: Caller,
    pub(crate) model: ModelName,
    pub(crate) constraints: Constraints,
    pub(crate) priority: Priority,
}

/// Runs pieces on the mesh.
#[derive(Debug, Clone)]
pub(crate) struct Pieces {
    terms: Terms,
    events: mpsc::Sender<Event>,
    /// Turns of its questions to models.
    turns: Arc<Semaphore>,
}

/// What became of one file.
#[derive(Debug, Default)]
struct Outcome {
    parts: Vec<DocumentPart>,
    fault: Option<Fault>,
    usage: Usage,
}

impl Outcome {
    fn failed(fault: Fault) -> Self {
        Self { fault: Some(fault), ..Self::default() }
    }

    fn count(&mut self, usage: Usage) {
        self.usage.prompt = self.usage.prompt.saturating_add(usage.prompt);
        self.usage.completion = self.usage.completion.saturating_add(usage.completion);
    }

    /// Pages of which nothing came.
    fn miss(&mut self, first: u32, last: u32, fault: &Fault) {
        let why = match first == last {
            true => fault.to_string(),
            false => format!("pages {first} to {last}: {fault}"),
        };
        self.parts.push(DocumentPart { number: first, bytes: why.into_bytes(), ..problem(fault) });
    }
}

/// Runs a job about documents; `out` gets what came of it, in the order of the files. Dropping the
/// future ends all its pieces.
pub(crate) async fn run(job: Documents, pieces: Pieces, out: mpsc::Sender<RunEvent>) {
    let count = job.files.len();
    let files = job.files.iter().cloned().zip(0..);
    let work = |(file, at): (DocumentFile, u32)| {
        let (job, pieces) = (&job, &pieces);
        async move { (at, one_file(job, file, pieces).await) }.boxed()
    };
    let mut outcomes = futures::stream::iter(files.map(work)).buffered(FILES_AT_ONCE);
    let (mut index, mut failed, mut usage) = (0, Vec::new(), Usage::default());
    while let Some((at, outcome)) = outcomes.next().await {
        let mut parts = outcome.parts;
        if let Some(fault) = outcome.fault {
            parts.push(problem(&fault));
            failed.push(fault);
        }
        usage.prompt = usage.prompt.saturating_add(outcome.usage.prompt);
        usage.completion = usage.completion.saturating_add(outcome.usage.completion);
        let split = |part: DocumentPart| {
            let more = part.more;
            let mut pieces = DocumentPart::split(at, part.number, part.kind, &part.bytes);
            pieces.last_mut().expect("there is one at least").more = more;
            pieces
        };
        for part in parts.into_iter().flat_map(split) {
            let event = RunEvent::Attempt(AttemptEvent::Part { index, part });
            index += 1;
            if out.send(event).await.is_err() {
                return;
            }
        }
        let step = at + 1;
        let alive = RunEvent::Attempt(AttemptEvent::Alive { phase: Phase::Decode, step });
        if out.send(alive).await.is_err() {
            return;
        }
    }
    let first = failed.first().cloned().filter(|_| failed.len() == count);
    let last = match first {
        Some(fault) => RunEvent::Failed(fault),
        None => RunEvent::Attempt(AttemptEvent::Finished {
            finish: Finish::Stop,
            usage,
            timings: Timings::default(),
        }),
    };
    // Whoever does not listen any more does not need it.
    let _ = out.send(last).await;
}

/// A fault as a part: what a document's own is stays; what a computer's was is told in words.
fn problem(fault: &Fault) -> DocumentPart {
    let (kind, bytes) = if let Fault::Document(problem) = fault {
        (PartKind::Problem(*problem), Vec::new())
    } else {
        (PartKind::Problem(DocumentProblem::Unplaced), fault.to_string().into_bytes())
    };
    DocumentPart { file: 0, number: 0, kind, bytes, more: false }
}

async fn one_file(job: &Documents, file: DocumentFile, pieces: &Pieces) -> Outcome {
    match &job.task {
        DocumentsTask::Extract => pieces.document(job, file, DocumentTask::Extract).await,
        DocumentsTask::Render { dpi } => {
            pieces.document(job, file, DocumentTask::Render { dpi: *dpi }).await
        }
        DocumentsTask::Pictures => pieces.document(job, file, DocumentTask::Pictures).await,
        DocumentsTask::Translate { language, tone, glossary } => {
            let wanted = translate::Wanted { language, tone: tone.as_deref(), glossary };
            translate::translate(pieces, job, file, wanted).await
        }
        DocumentsTask::Summarise { .. }
        | DocumentsTask::Ask { .. }
        | DocumentsTask::Fields { .. } => about_text(job, file, pieces).await,
    }
}

/// What a model makes of the file's text. Pages that could not be read are told of beside it.
async fn about_text(job: &Documents, file: DocumentFile, pieces: &Pieces) -> Outcome {
    let read = pieces.document(job, file, DocumentTask::Extract).await;
    if read.fault.is_some() {
        return read;
    }
    let text = pages(&read.parts);
    let mut outcome = match &job.task {
        DocumentsTask::Summarise { words } => summarise::summarise(pieces, text, *words).await,
        DocumentsTask::Ask { question } => ask::ask(pieces, &text, question).await,
        DocumentsTask::Fields { schema } => fields::fields(pieces, &text, schema).await,
        DocumentsTask::Extract
        | DocumentsTask::Render { .. }
        | DocumentsTask::Pictures
        | DocumentsTask::Translate { .. } => return read,
    };
    let beside = |part: &DocumentPart| matches!(part.kind, PartKind::Problem(_) | PartKind::Note);
    outcome.parts.extend(read.parts.into_iter().filter(beside));
    outcome
}

/// A part of a file, in one piece.
fn part(number: u32, kind: PartKind, bytes: Vec<u8>) -> DocumentPart {
    DocumentPart { file: 0, number, kind, bytes, more: false }
}

/// Parts that came in several pieces, each in one.
fn whole(pieces: &[DocumentPart]) -> Vec<DocumentPart> {
    let mut parts: Vec<DocumentPart> = Vec::new();
    let mut goes_on = false;
    for piece in pieces {
        match parts.last_mut().filter(|_| goes_on) {
            Some(last) => last.bytes.extend(&piece.bytes),
            None => parts.push(piece.clone()),
        }
        goes_on = piece.more;
    }
    parts
}

/// The text of each page.
fn pages(parts: &[DocumentPart]) -> Vec<(u32, String)> {
    let text = |part: DocumentPart| {
        let text = String::from_utf8_lossy(&part.bytes).into_owned();
        (part.kind == PartKind::Markdown).then_some((part.number, text))
    };
    whole(parts).into_iter().filter_map(text).collect()
}

impl Pieces {
    pub(crate) fn new(terms: Terms, events: mpsc::Sender<Event>) -> Self {
        Self { terms, events, turns: Arc::new(Semaphore::new(QUESTIONS_AT_ONCE)) }
    }

    /// Puts a piece to the mesh.
    async fn start(&self, work: Work, kind: JobKind, model: ModelName) -> Result<Running, Fault> {
        let Terms { caller, constraints, priority, .. } = self.terms.clone();
        let abroad = Abroad::default();
        let run =
            Run { caller, kind, model, work, constraints, priority, abroad, keep_alive: None };
        let (reply, answer) = oneshot::channel();
        let ask = Event::Ask(Ask::Run(Box::new(run), reply));
        self.events.send(ask).await.map_err(|_| Fault::Cancelled)?;
        let running = answer.await.map_err(|_| Fault::Cancelled)?;
        running.map_err(|error| refused(&error))
    }

    /// Work of the document engine on one file.
    async fn document(&self, job: &Documents, file: DocumentFile, task: DocumentTask) -> Outcome {
        let work = DocumentWork {
            file: file.file,
            name: file.name,
            password: file.password,
            task,
            pages: job.pages,
            avoid: Vec::new(),
            skip: 0,
        };
        let work = Work::Document(Box::new(work));
        match self.start(work, JobKind::Document, document_engine()).await {
            Ok(running) => read(running).await,
            Err(fault) => Outcome::failed(fault),
        }
    }
}

/// Reads a piece to its end.
async fn read(mut running: Running) -> Outcome {
    let mut outcome = Outcome::default();
    while let Some(event) = running.events.recv().await {
        match event {
            RunEvent::Attempt(AttemptEvent::Part { part, .. }) => outcome.parts.push(part),
            RunEvent::Attempt(AttemptEvent::Finished { usage, .. }) => {
                outcome.usage = usage;
                return outcome;
            }
            RunEvent::Failed(fault) => return Outcome { fault: Some(fault), ..outcome },
            RunEvent::Refused(error) => {
                return Outcome { fault: Some(refused(&error)), ..outcome };
            }
            RunEvent::Attempt(_)
            | RunEvent::Placed(_)
            | RunEvent::Provided(_)
            | RunEvent::Heard(_) => {}
        }
    }
    Outcome { fault: Some(Fault::Cancelled), ..outcome }
}

/// Why a piece was not taken, as what ends a job.
fn refused(error: &RunError) -> Fault {
    if let RunError::Fault(fault) = error {
        return fault.clone();
    }
    if matches!(error, RunError::Busy { .. }) {
        return Fault::Refused(pumasi_protocol::Refusal::QueueFull);
    }
    Fault::NoCandidate
}
