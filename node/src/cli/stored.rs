//! `models import`, `verify`, `remove`, `pin`, `gc` and `disk`: the models on this computer's disk.

use std::path::Path;

use pumasi_web::api::{
    ImportFrom, ImportOutcome, ImportRequest, Imported, List, Stock, StoredChange, SweepRequest,
    Swept, Verified, VerifyRequest,
};
use reqwest::Method;
use serde_json::json;

use super::arguments::{GcArguments, ImportArguments, ImportProgram};
use super::client::Client;
use super::failure::{Failure, Kind};
use super::output::Output;
use super::table::{Align, Table};
use super::text::{bytes, escape};

pub(super) async fn import(
    find: impl FnOnce() -> Result<Client, Failure>,
    arguments: &ImportArguments,
    output: &Output,
) -> Result<(), Failure> {
    if arguments.name.is_some() && arguments.paths.len() != 1 {
        return Err(Failure::usage("--name is for a single file"));
    }
    let requests = match arguments.from {
        Some(program) => vec![of_program(program, arguments)?],
        None => {
            let paths = arguments.paths.iter();
            paths.map(|path| of_path(path, arguments)).collect::<Result<_, _>>()?
        }
    };
    let client = find()?;
    let mut imported = Vec::new();
    for request in requests {
        let path = ["api", "v1", "store", "import"];
        let some: List<Imported> = client.post_patiently(&path, &request).await?;
        imported.extend(some.data);
    }
    let failed = imported.iter().filter(|one| one.outcome == ImportOutcome::Failed).count();
    show_imported(&List { data: imported }, output)?;
    if failed > 0 {
        let sentence = format!("{failed} could not be imported");
        return Err(Failure::new(Kind::Data, "import_failed", sentence));
    }
    Ok(())
}

fn of_program(
    program: ImportProgram,
    arguments: &ImportArguments,
) -> Result<ImportRequest, Failure> {
    let from = match program {
        ImportProgram::Ollama => ImportFrom::Ollama,
        ImportProgram::Lmstudio => ImportFrom::Lmstudio,
        ImportProgram::Hub => ImportFrom::Hub,
    };
    Ok(ImportRequest {
        path: None,
        name: None,
        from: Some(from),
        folder: arguments.folder.as_deref().map(absolute).transpose()?,
        only: arguments.only.clone(),
        dry: arguments.dry_run,
    })
}

fn of_path(path: &Path, arguments: &ImportArguments) -> Result<ImportRequest, Failure> {
    Ok(ImportRequest {
        path: Some(absolute(path)?),
        name: arguments.name.clone(),
        from: None,
        folder: None,
        only: None,
        dry: arguments.dry_run,
    })
}

/// The node has another working directory.
fn absolute(path: &Path) -> Result<String, Failure> {
    let whole =
        std::path::absolute(path).ok().and_then(|path| path.into_os_string().into_string().ok());
    whole.ok_or_else(|| {
        Failure::usage(format!(
            "'{}' is no path that can be named",
            escape(&path.to_string_lossy())
        ))
    })
}

fn show_imported(imported: &List<Imported>, output: &Output) -> Result<(), Failure> {
    if output.is_json() {
        return output.object(imported);
    }
    if imported.data.is_empty() {
        output.note("no model was found there");
        return Ok(());
    }
    let mut table = Table::new([
        ("MODEL", Align::Left),
        ("SIZE", Align::Right),
        ("OUTCOME", Align::Left),
        ("FROM", Align::Left),
    ]);
    for one in &imported.data {
        let outcome = match one.outcome {
            ImportOutcome::Found => "found".to_owned(),
            ImportOutcome::Known => "was here".to_owned(),
            ImportOutcome::Linked => "linked, no further space".to_owned(),
            ImportOutcome::Cloned => "cloned, no further space".to_owned(),
            ImportOutcome::Copied => "copied".to_owned(),
            ImportOutcome::Failed => {
                format!("failed: {}", escape(one.message.as_deref().unwrap_or("")))
            }
        };
        table.row([escape(&one.name), bytes(one.size_bytes), outcome, escape(&one.path)]);
    }
    table.print(output)
}

pub(super) async fn verify(
    client: &Client,
    model: Option<String>,
    output: &Output,
) -> Result<(), Failure> {
    let path = ["api", "v1", "store", "verify"];
    let verified: List<Verified> = client.post_patiently(&path, &VerifyRequest { model }).await?;
    if output.is_json() {
        output.object(&verified)?;
    } else {
        for one in &verified.data {
            let found = one.message.as_deref().map_or_else(|| "whole".to_owned(), escape);
            output.line(&format!("{}: {found}", escape(&one.name)))?;
        }
    }
    if verified.data.iter().all(|one| one.whole) {
        return Ok(());
    }
    Err(Failure::new(
        Kind::Data,
        "model_damaged",
        "some models are damaged: pull or import them again",
    ))
}

fn stored(model: &str) -> [&str; 5] {
    ["api", "v1", "store", "models", model]
}

pub(super) async fn remove(client: &Client, model: &str, output: &Output) -> Result<(), Failure> {
    client.send(Method::DELETE, &stored(model), None).await?;
    done(model, "remove", "is removed", output)
}

pub(super) async fn pin(
    client: &Client,
    model: &str,
    pinned: bool,
    output: &Output,
) -> Result<(), Failure> {
    let body = json!(StoredChange { pinned });
    client.send(Method::PATCH, &stored(model), Some(body)).await?;
    let (verb, what) = if pinned { ("pin", "is pinned") } else { ("unpin", "is not pinned") };
    done(model, verb, what, output)
}

fn done(model: &str, verb: &str, what: &str, output: &Output) -> Result<(), Failure> {
    if output.is_json() {
        return output.object(&json!({ "model": model, "action": verb }));
    }
    output.note(&format!("{} {what}", escape(model)));
    Ok(())
}

pub(super) async fn sweep(
    client: &Client,
    arguments: &GcArguments,
    output: &Output,
) -> Result<(), Failure> {
    let request = SweepRequest { unused_days: arguments.unused_days, dry: arguments.dry_run };
    let swept: Swept = client.post_patiently(&["api", "v1", "store", "sweep"], &request).await?;
    if output.is_json() {
        return output.object(&swept);
    }
    for model in &swept.models {
        output.line(&escape(model))?;
    }
    let verb = if arguments.dry_run { "would be" } else { "are" };
    output.note(&format!(
        "{} of {} models and {} files {verb} free",
        bytes(swept.bytes),
        swept.models.len(),
        swept.files
    ));
    Ok(())
}

pub(super) async fn disk(client: &Client, output: &Output) -> Result<(), Failure> {
    let stock: Stock = client.get(&["api", "v1", "store"]).await?;
    if output.is_json() {
        return output.object(&stock);
    }
    if !stock.models.is_empty() {
        let mut table = Table::new([
            ("MODEL", Align::Left),
            ("SIZE", Align::Right),
            ("PINNED", Align::Left),
            ("FROM", Align::Left),
        ]);
        for model in &stock.models {
            let origin = model.origin.as_ref().map(|origin| escape(&origin.repo));
            table.row([
                escape(&model.name),
                bytes(model.size_bytes),
                if model.pinned { "yes" } else { "-" }.to_owned(),
                origin.unwrap_or_else(|| "this computer".to_owned()),
            ]);
        }
        table.print(output)?;
    }
    output.note(&format!(
        "models take {}, downloads under way {}; {} may still come",
        bytes(stock.used_bytes),
        bytes(stock.partial_bytes),
        bytes(stock.free_bytes)
    ));
    Ok(())
}
