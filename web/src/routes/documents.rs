//! Documents: files are handed over first, each as the body is, and then jobs name them.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, Request, State};
use axum::response::{IntoResponse, Response};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::{StatusCode, header};
use pumasi_dialects::{Invalid, Reason};
use pumasi_protocol::custody::Blob;
use pumasi_protocol::document::{
    DocumentFile, DocumentPart, Documents, DocumentsTask, Pages, PartKind, document_engine,
};
use pumasi_protocol::stream::AttemptEvent;
use pumasi_protocol::{
    Constraints, JobKind, ModelName, NodeId, Priority, Trust, Work, limits as protocol_limits,
};

use super::{jobs, kept};
use crate::api::{
    self, DocumentOutcome, DocumentPiece, DocumentState, DocumentTrouble, DocumentTrust,
    DocumentsRequest, DocumentsResult, StoredDocument,
};
use crate::app::App;
use crate::body::{self, Ceiling};
use crate::error::ApiError;
use crate::keys::charge_at_end;
use crate::mesh::{Abroad, Caller, Kept, Repeat, Run};

/// Dots per inch, where nothing is said: text is sharp on a screen.
const DPI: u16 = 150;
/// Words of a summary, where nothing is said.
const WORDS: u32 = 200;

pub(super) async fn upload(
    State(app): State<Arc<App>>,
    request: Request,
) -> Result<Response, ApiError> {
    let bytes = body::file(&app, request).await?;
    let blob = app.mesh.keep_document(bytes).await?;
    let stored = StoredDocument { id: blob.id.to_string(), bytes: blob.bytes };
    Ok((StatusCode::CREATED, Json(stored)).into_response())
}

pub(super) async fn submit(
    State(app): State<Arc<App>>,
    Path(task): Path<String>,
    request: Request,
) -> Result<Response, ApiError> {
    let caller = super::caller(&request)?;
    let payer = super::payer(&request)?;
    let key = jobs::idempotency_key(request.headers())?;
    let bytes = body::json(&app, request, Ceiling::Text).await?;
    let repeat = key.map(|key| Repeat { key, body: *blake3::hash(&bytes).as_bytes() });
    let asked = body::parse(bytes, kept::strict::<DocumentsRequest>).await?;
    let run = run(&app, caller, &task, asked).await?;
    let changes = payer.as_ref().map(|_| app.mesh.subscribe());
    let job = app.mesh.submit(run, repeat).await?;
    if let (Some(payer), Some(changes)) = (payer, changes)
        && !job.state.is_terminal()
    {
        charge_at_end(&app.keys, &app.mesh, changes, &job, payer);
    }
    let location = format!("/api/v1/jobs/{}", job.id);
    Ok((StatusCode::CREATED, [(header::LOCATION, location)], Json(job)).into_response())
}

async fn run(
    app: &App,
    caller: Caller,
    task: &str,
    asked: DocumentsRequest,
) -> Result<Run, ApiError> {
    let task = parse_task(task, &asked)?;
    let model = model(&task, asked.model.as_deref())?;
    let pages = pages(asked.first_page, asked.last_page)?;
    let files = files(app, &asked.files).await?;
    let constraints = Constraints {
        only: nodes("only", asked.only.as_deref())?,
        not: nodes("not", asked.not.as_deref())?,
        local_only: asked.local_only,
        trust: match asked.trust {
            DocumentTrust::Mine => Trust::Mine,
            DocumentTrust::Mesh => Trust::Mesh,
        },
    };
    let job = Documents { files, task, pages };
    if !job.is_within_limits() {
        let reason = Reason::Unsupported { what: "as much at once as this" };
        return Err(Invalid::at("files", reason).into());
    }
    Ok(Run {
        caller,
        kind: JobKind::Document,
        model,
        work: Work::Documents(Box::new(job)),
        constraints,
        priority: Priority::Batch,
        keep_alive: None,
        abroad: Abroad::default(),
    })
}

fn parse_task(word: &str, asked: &DocumentsRequest) -> Result<DocumentsTask, ApiError> {
    let missing = |field: &str| Invalid::at(field, Reason::Missing);
    let text = |field: &'static str, value: &Option<String>| {
        value.clone().filter(|text| !text.trim().is_empty()).ok_or_else(|| missing(field))
    };
    Ok(match word {
        "extract" => DocumentsTask::Extract,
        "render" => DocumentsTask::Render { dpi: asked.dpi.unwrap_or(DPI) },
        "pictures" => DocumentsTask::Pictures,
        "summarise" => DocumentsTask::Summarise { words: asked.words.unwrap_or(WORDS).max(1) },
        "ask" => DocumentsTask::Ask { question: text("question", &asked.question)? },
        "translate" => DocumentsTask::Translate {
            language: text("language", &asked.language)?,
            tone: asked.tone.clone(),
            glossary: asked.glossary.clone().unwrap_or_default().into_iter().collect(),
        },
        "fields" => {
            let schema = asked.schema.as_ref().ok_or_else(|| missing("schema"))?;
            let schema = serde_json::to_string(schema).map_err(|_| ApiError::Internal)?;
            DocumentsTask::Fields { schema }
        }
        _ => return Err(ApiError::RouteNotFound),
    })
}

/// The model that takes part; else the engine's own name.
fn model(task: &DocumentsTask, asked: Option<&str>) -> Result<ModelName, ApiError> {
    match (task.needs_model(), asked) {
        (false, _) => Ok(document_engine()),
        (true, Some(name)) => {
            let reason = Reason::UnknownValue { allowed: "the name of a model of the mesh" };
            Ok(name.parse().map_err(|_| Invalid::at("model", reason))?)
        }
        (true, None) => Err(Invalid::at("model", Reason::Missing).into()),
    }
}

fn pages(first: Option<u32>, last: Option<u32>) -> Result<Option<Pages>, ApiError> {
    if first.is_none() && last.is_none() {
        return Ok(None);
    }
    let most = protocol_limits::DOCUMENT_PAGES;
    let pages = Pages { first: first.unwrap_or(1), last: last.unwrap_or(most) };
    if pages.first == 0 || pages.last < pages.first {
        let (min, max) = (pages.first.max(1).to_string(), most.to_string());
        return Err(Invalid::at("last_page", Reason::Range { min, max }).into());
    }
    Ok(Some(pages))
}

async fn files(app: &App, asked: &[api::DocumentInput]) -> Result<Vec<DocumentFile>, ApiError> {
    if asked.is_empty() {
        return Err(Invalid::at("files", Reason::Empty).into());
    }
    if asked.len() > protocol_limits::DOCUMENTS {
        let max = protocol_limits::DOCUMENTS;
        return Err(Invalid::at("files", Reason::TooMany { max }).into());
    }
    let mut files = Vec::with_capacity(asked.len());
    for (at, file) in asked.iter().enumerate() {
        let blob: Option<Blob> = match file.id.parse() {
            Ok(id) => app.mesh.document(id).await,
            Err(_) => None,
        };
        let unknown = || {
            let allowed = "the id of a file that was handed over within the last hour";
            Invalid::at(format!("files[{at}].id"), Reason::UnknownValue { allowed })
        };
        let (name, password) = (shown_name(&file.name), file.password.clone());
        files.push(DocumentFile { file: blob.ok_or_else(unknown)?, name, password });
    }
    Ok(files)
}

/// A name as it is shown: without folders, control characters and marks that turn the direction of
/// text round, and cut. Files are kept under their hash, so this names nothing on a disk.
fn shown_name(name: &str) -> String {
    let last = name.rsplit(['/', '\\']).next().unwrap_or_default();
    let is_turning = |c: char| {
        let is_mark = matches!(c, '\u{200e}' | '\u{200f}');
        is_mark || matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
    };
    let plain = last.chars().filter(|c| !c.is_control() && !is_turning(*c));
    let mut name = String::new();
    for char in plain {
        if name.len() + char.len_utf8() > protocol_limits::FILE_NAME_BYTES {
            break;
        }
        name.push(char);
    }
    if name.trim_matches(['.', ' ']).is_empty() { "document".to_owned() } else { name }
}

fn nodes(field: &str, asked: Option<&[String]>) -> Result<Vec<NodeId>, ApiError> {
    let node = |id: &String| id.parse().map_err(|_| Invalid::at(field, Reason::NodeId).into());
    let asked = asked.unwrap_or_default();
    if asked.len() > protocol_limits::CONSTRAINT_NODES {
        let max = protocol_limits::CONSTRAINT_NODES;
        return Err(Invalid::at(field, Reason::TooMany { max }).into());
    }
    asked.iter().map(node).collect()
}

/// What came of a job, as its reply.
pub(super) fn result(job: &Documents, kept: &Kept) -> Result<String, ApiError> {
    let outcome = |file: &DocumentFile| DocumentOutcome {
        name: file.name.clone(),
        state: DocumentState::Completed,
        pieces: Vec::new(),
        troubles: Vec::new(),
        notes: Vec::new(),
    };
    let mut files: Vec<DocumentOutcome> = job.files.iter().map(outcome).collect();
    for part in whole_parts(kept) {
        let mut file = usize::try_from(part.file).ok().and_then(|at| files.get_mut(at));
        file.iter_mut().for_each(|file| add(file, &part));
    }
    for file in &mut files {
        file.state = match (file.pieces.is_empty(), file.troubles.is_empty()) {
            (true, false) => DocumentState::Failed,
            (false, false) => DocumentState::Partial,
            (_, true) => DocumentState::Completed,
        };
    }
    let failed = files.iter().filter(|file| file.state == DocumentState::Failed).count();
    let failed = u32::try_from(failed).unwrap_or(u32::MAX);
    let result = DocumentsResult { task: job.task.word().to_owned(), files, failed };
    serde_json::to_string(&result).map_err(|_| ApiError::Internal)
}

/// The parts of a result, each in one piece.
fn whole_parts(kept: &Kept) -> Vec<DocumentPart> {
    let mut parts: Vec<DocumentPart> = Vec::new();
    let mut goes_on = false;
    for event in &kept.events {
        let AttemptEvent::Part { part, .. } = event else { continue };
        match parts.last_mut().filter(|_| goes_on) {
            Some(last) => last.bytes.extend(&part.bytes),
            None => parts.push(part.clone()),
        }
        goes_on = part.more;
    }
    parts
}

fn add(file: &mut DocumentOutcome, part: &DocumentPart) {
    let text = || String::from_utf8_lossy(&part.bytes).into_owned();
    let media = match part.kind {
        PartKind::Problem(problem) => {
            let more = Some(text()).filter(|text| !text.is_empty());
            let message = more.unwrap_or_else(|| problem.to_string());
            let page = Some(part.number).filter(|page| *page > 0);
            let code = problem.code().to_owned();
            return file.troubles.push(DocumentTrouble { page, code, message });
        }
        PartKind::Note => return file.notes.push(text()),
        PartKind::Markdown => "text/markdown",
        PartKind::Text => "text/plain",
        PartKind::Json => "application/json",
        PartKind::Png => "image/png",
        PartKind::Jpeg => "image/jpeg",
        PartKind::File => "application/octet-stream",
    };
    let is_text = matches!(part.kind, PartKind::Markdown | PartKind::Text | PartKind::Json);
    file.pieces.push(DocumentPiece {
        page: part.number,
        media: media.to_owned(),
        text: is_text.then(text),
        data: (!is_text).then(|| STANDARD.encode(&part.bytes)),
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cat_h39_names_of_files_are_shown_plain_and_name_nothing_on_a_disk() {
        assert_eq!(shown_name("../../etc/passwd"), "passwd");
        assert_eq!(shown_name("C:\\x\\보고서.pdf"), "보고서.pdf");
        assert_eq!(shown_name("a\u{202e}fdp.exe\n"), "afdp.exe");
        for empty in ["", "..", "a/", "\n", " . "] {
            assert_eq!(shown_name(empty), "document", "{empty:?}");
        }
        assert_eq!(shown_name(&"가".repeat(2_000)).len(), 255);
    }
}
