//! `ledger check`, `export`, `import`, `restore`: the ledger of a node that does not run.

use std::path::Path;

use super::arguments::{ExportArguments, Global, LedgerAction};
use super::failure::{Failure, Kind};
use super::output::Output;
use super::text::escape;
use crate::config;
use crate::core::unix_ms;
use crate::store::{Imported, Offline, Report, StoreError};

pub(super) fn ledger(
    action: &LedgerAction,
    global: &Global,
    output: &Output,
) -> Result<(), Failure> {
    let data_dir = config::data_dir(&global.places())?;
    let ledger = Offline::open(&data_dir)?;
    match action {
        LedgerAction::Check => check(&ledger, output),
        LedgerAction::Export(arguments) => export(&ledger, arguments, output),
        LedgerAction::Import { file } => import(&ledger, file, output),
        LedgerAction::Restore => {
            let copy = ledger.newest_copy().ok_or_else(|| {
                let sentence = "there is no daily copy of the ledger: `pumasi ledger import FILE` \
                                takes an export instead";
                Failure::new(Kind::NotFound, "no_copy", sentence)
            })?;
            import(&ledger, &copy, output)
        }
    }
}

fn check(ledger: &Offline, output: &Output) -> Result<(), Failure> {
    let report = ledger.check()?;
    if output.is_json() {
        output.object(&report)?;
    } else {
        let Report { records, jobs, files, .. } = report;
        output.line(&format!("{records} records, {jobs} of them jobs; {files} files"))?;
    }
    if report.whole {
        output.note("the ledger is whole");
        return Ok(());
    }
    Err(Failure::new(Kind::Data, "ledger_damaged", trouble(&report)))
}

fn trouble(report: &Report) -> String {
    let mut what = Vec::new();
    if !report.opens {
        what.push("it does not open as a whole".to_owned());
    }
    if report.broken_records > 0 {
        what.push(format!("{} records are damaged", report.broken_records));
    }
    let lost = report.missing_files.len() + report.damaged_files.len();
    if lost > 0 {
        what.push(format!("{lost} files that jobs need are missing or damaged"));
    }
    let copy = report.newest_copy.as_ref().map_or_else(
        || "there is no daily copy".to_owned(),
        |copy| format!("`pumasi ledger restore` goes back to {}", escape(&copy.to_string_lossy())),
    );
    format!(
        "the ledger is damaged: {}. `pumasi ledger export FILE` saves what can be read; {copy}",
        what.join(", ")
    )
}

fn export(ledger: &Offline, arguments: &ExportArguments, output: &Output) -> Result<(), Failure> {
    let exported = ledger.export(&arguments.file, !arguments.without_files, unix_ms())?;
    if output.is_json() {
        return output.object(&exported);
    }
    output.line(&format!("{} records and {} files", exported.records, exported.files))?;
    let lost = exported.broken_records + exported.lost_files;
    if lost > 0 {
        output
            .warn(&format!("warning: {lost} records or files could not be read, and are missing"));
    }
    Ok(())
}

fn import(ledger: &Offline, file: &Path, output: &Output) -> Result<(), Failure> {
    let imported = ledger.import(file)?;
    if output.is_json() {
        return output.object(&imported);
    }
    let Imported { records, files, before, .. } = imported;
    let file = escape(&file.to_string_lossy());
    output.line(&format!("{records} records and {files} files from {file}"))?;
    if let Some(before) = before {
        let before = escape(&before.to_string_lossy());
        output.note(&format!("the ledger before lies in {before}"));
    }
    output.note("what was accepted after that copy was made is not in it");
    Ok(())
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        let (kind, word) = match &error {
            StoreError::InUse { .. } => (Kind::Unavailable, "in_use"),
            StoreError::Damaged { .. } => (Kind::Data, "ledger_damaged"),
            StoreError::Missing { .. } => (Kind::NotFound, "no_ledger"),
            StoreError::Newer { .. } => (Kind::Data, "newer_ledger"),
            StoreError::NotAnExport { .. } => (Kind::Data, "not_an_export"),
            StoreError::Full => (Kind::Io, "disk_full"),
            StoreError::Io { .. }
            | StoreError::TooLarge { .. }
            | StoreError::TooManyAside { .. }
            | StoreError::Stopped
            | StoreError::Random => (Kind::Io, "ledger"),
        };
        Self::new(kind, word, escape(&error.to_string()))
    }
}
