//! `pdf`: files and folders as jobs about documents, and what comes of them, written whole or not at all.

mod files;
mod results;

use pumasi_web::api::{DocumentInput, DocumentTrust, DocumentsRequest, DocumentsResult, Job};

use super::arguments::{FilesArguments, PdfAction, TranslateArguments, TrustArgument};
use super::client::Client;
use super::failure::{Failure, Kind};
use super::lookup;
use super::output::Output;
use super::{chat, jobs};

/// Files of one job; more become several jobs.
const FILES_A_JOB: usize = 63;

pub(super) async fn pdf(
    find: impl FnOnce() -> Result<Client, Failure>,
    action: PdfAction,
    output: &Output,
) -> Result<(), Failure> {
    let mut request = DocumentsRequest::default();
    let (task, arguments, model) = match action {
        PdfAction::Extract { files } => ("extract", files, None),
        PdfAction::Render { files, dpi } => {
            request.dpi = Some(dpi);
            ("render", files, None)
        }
        PdfAction::Pictures { files } => ("pictures", files, None),
        PdfAction::Summarise { files, model, words } => {
            request.words = Some(words);
            ("summarise", files, Some(model))
        }
        PdfAction::Ask { files, question, model } => {
            request.question = Some(question);
            ("ask", files, Some(model))
        }
        PdfAction::Translate(arguments) => {
            return translate(find, arguments, output).await;
        }
        PdfAction::Fields { files, schema, model } => {
            request.schema = Some(files::schema(&schema)?);
            ("fields", files, Some(model))
        }
    };
    if matches!(task, "render" | "pictures") && arguments.out.is_none() {
        return Err(Failure::usage("say with --out into which folder the pictures go"));
    }
    work(find, task, request, arguments, model, output).await
}

pub(super) async fn translate(
    find: impl FnOnce() -> Result<Client, Failure>,
    arguments: TranslateArguments,
    output: &Output,
) -> Result<(), Failure> {
    let TranslateArguments { files, to, tone, glossary, model } = arguments;
    let pair = |entry: &String| {
        let parts = entry.split_once('=').filter(|(from, _)| !from.trim().is_empty());
        let (from, into) = parts.ok_or_else(|| {
            Failure::usage("--glossary takes a word, `=`, and what it is to become: mesh=그물")
        })?;
        Ok((from.trim().to_owned(), into.trim().to_owned()))
    };
    let glossary = glossary.iter().map(pair).collect::<Result<_, Failure>>()?;
    let request = DocumentsRequest {
        language: Some(to),
        tone,
        glossary: Some(glossary),
        ..DocumentsRequest::default()
    };
    work(find, "translate", request, files, Some(model), output).await
}

/// Hands the files over, waits, and writes or prints what came of them. `model` is none for tasks
/// without one.
async fn work(
    find: impl FnOnce() -> Result<Client, Failure>,
    task: &str,
    mut request: DocumentsRequest,
    arguments: FilesArguments,
    model: Option<Option<String>>,
    output: &Output,
) -> Result<(), Failure> {
    if let Some(pages) = &arguments.pages {
        (request.first_page, request.last_page) = files::pages(pages)?;
    }
    let (paths, left_out) = files::gather(&arguments.files)?;
    for path in &left_out {
        output.warn(&format!("{} cannot be read as a document: left out", path.display()));
    }
    let client = find()?;
    if let Some(model) = model {
        request.model = Some(chat::choose(&client, model).await?);
    }
    let placement = &arguments.placement;
    request.only = Some(lookup::nodes(&client, &placement.only).await?);
    request.not = Some(lookup::nodes(&client, &placement.not).await?);
    request.local_only = placement.local_only;
    request.trust = match placement.trust {
        TrustArgument::Mine => DocumentTrust::Mine,
        TrustArgument::Mesh => DocumentTrust::Mesh,
    };
    let mut outcomes = Vec::new();
    for chunk in paths.chunks(FILES_A_JOB) {
        let mut asked = request.clone();
        for path in chunk {
            let id = client.upload(&["api", "v1", "documents"], files::read(path)?).await?;
            let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            asked.files.push(DocumentInput { id, name, password: arguments.password.clone() });
        }
        let job: Job = client.post(&["api", "v1", "documents", task], &asked).await?;
        let job = jobs::follow(&client, job, None, output).await?;
        jobs::completed(&job)?;
        let path = ["api", "v1", "jobs", job.id.as_str(), "result"];
        let result: DocumentsResult = client.get(&path).await?;
        outcomes.extend(result.files);
    }
    let failed = outcomes.iter().filter(|file| results::is_failed(file)).count();
    results::show(task, &paths, &outcomes, arguments.out.as_deref(), output)?;
    if failed > 0 {
        let sentence = format!("{failed} of {} files failed: see above", outcomes.len());
        return Err(Failure::new(Kind::Data, "documents_failed", sentence));
    }
    Ok(())
}
