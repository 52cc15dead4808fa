//! What came of documents: printed, or written into a folder, each file whole or not at all.

use std::collections::BTreeSet;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use pumasi_web::api::{DocumentOutcome, DocumentPiece, DocumentState};

use super::super::failure::{Failure, Kind};
use super::super::output::Output;
use super::super::text::{escape, escape_answer};

pub(super) fn is_failed(file: &DocumentOutcome) -> bool {
    file.state == DocumentState::Failed
}

pub(super) fn show(
    task: &str,
    paths: &[PathBuf],
    files: &[DocumentOutcome],
    out: Option<&Path>,
    output: &Output,
) -> Result<(), Failure> {
    for file in files {
        report(file, output);
    }
    match out {
        Some(folder) => write_all(task, paths, files, folder, output),
        None if output.is_json() => output.object(&files),
        None => print_all(files, output),
    }
}

fn report(file: &DocumentOutcome, output: &Output) {
    let name = escape(&file.name);
    for trouble in &file.troubles {
        let page = trouble.page.map(|page| format!(", page {page}")).unwrap_or_default();
        output.warn(&format!("{name}{page}: {}", escape(&trouble.message)));
    }
    for note in &file.notes {
        output.note(&format!("{name}: {}", escape(note)));
    }
}

fn print_all(files: &[DocumentOutcome], output: &Output) -> Result<(), Failure> {
    let several = files.len() > 1;
    for file in files.iter().filter(|file| !is_failed(file)) {
        if several {
            output.line(&format!("<!-- {} -->", escape(&file.name)))?;
        }
        let text = text_of(file);
        output.text(&if output.is_terminal() { escape_answer(&text) } else { text })?;
        let bytes = file.pieces.iter().filter(|piece| piece.data.is_some()).count();
        if bytes > 0 {
            output.note("there are files that cannot be printed: say with --out where they go");
        }
    }
    Ok(())
}

/// The text of all pieces; where there are several pages, each with an anchor before it.
fn text_of(file: &DocumentOutcome) -> String {
    let texts = || file.pieces.iter().filter_map(|piece| Some((piece.page, piece.text.as_ref()?)));
    let paged = texts().filter(|(page, _)| *page > 0).count() > 1;
    let mut all = String::new();
    for (page, text) in texts() {
        if paged && page > 0 {
            all.push_str(&format!("<a id=\"page-{page}\"></a>\n\n"));
        }
        all.push_str(text.trim_end());
        all.push_str("\n\n");
    }
    let end = all.trim_end().len();
    all.truncate(end);
    all.push('\n');
    all
}

fn write_all(
    task: &str,
    paths: &[PathBuf],
    files: &[DocumentOutcome],
    folder: &Path,
    output: &Output,
) -> Result<(), Failure> {
    std::fs::create_dir_all(folder).map_err(|error| unwritable(folder, &error))?;
    let mut taken = BTreeSet::new();
    let mut written = Vec::new();
    for (path, file) in paths.iter().zip(files).filter(|(_, file)| !is_failed(file)) {
        let stem = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        let ending = path.extension().unwrap_or_default().to_string_lossy().into_owned();
        if file.pieces.iter().any(|piece| piece.text.is_some()) {
            let kind = if task == "fields" { "json" } else { "md" };
            let to = free(folder, &stem, kind, &mut taken);
            write(&to, text_of(file).as_bytes())?;
            written.push(to);
        }
        for (at, piece) in file.pieces.iter().filter(|piece| piece.data.is_some()).enumerate() {
            let (name, kind) = named(&stem, &ending, at, piece);
            let to = free(folder, &name, &kind, &mut taken);
            let bytes = STANDARD.decode(piece.data.as_deref().unwrap_or_default());
            let wrong =
                |_| Failure::new(Kind::Data, "invalid_answer", "the node's answer is broken");
            write(&to, &bytes.map_err(wrong)?)?;
            written.push(to);
        }
    }
    if output.is_json() {
        return output.object(&serde_json::json!({ "written": written, "files": troubles(files) }));
    }
    written.iter().try_for_each(|path| output.line(&path.display().to_string()))
}

fn troubles(files: &[DocumentOutcome]) -> Vec<serde_json::Value> {
    let told = |file: &DocumentOutcome| serde_json::json!({ "name": file.name, "state": file.state, "troubles": file.troubles });
    files.iter().map(told).collect()
}

fn named(stem: &str, ending: &str, at: usize, piece: &DocumentPiece) -> (String, String) {
    match piece.media.as_str() {
        "image/png" => (format!("{stem}-{:04}", at + 1), "png".to_owned()),
        "image/jpeg" => (format!("{stem}-{:04}", at + 1), "jpg".to_owned()),
        _ => (stem.to_owned(), ending.to_owned()),
    }
}

/// A name that no other result of this command has: files of one name may come from several folders.
fn free(folder: &Path, stem: &str, ending: &str, taken: &mut BTreeSet<PathBuf>) -> PathBuf {
    let dot = if ending.is_empty() { "" } else { "." };
    let named = |number: usize| match number {
        0 => folder.join(format!("{stem}{dot}{ending}")),
        number => folder.join(format!("{stem} ({number}){dot}{ending}")),
    };
    let free = (0..).map(named).find(|path| !taken.contains(path)).expect("numbers do not end");
    taken.insert(free.clone());
    free
}

fn unwritable(path: &Path, error: &std::io::Error) -> Failure {
    let sentence = format!("{} cannot be written ({error}): choose another --out", path.display());
    Failure::new(Kind::Io, "unwritable", sentence)
}

/// Whoever looks at the file finds it whole.
fn write(path: &Path, bytes: &[u8]) -> Result<(), Failure> {
    let mut name = std::ffi::OsString::from(".");
    name.push(path.file_name().unwrap_or_default());
    name.push(format!(".{}.part", std::process::id()));
    let part = path.with_file_name(name);
    let written = std::fs::File::create(&part).and_then(|mut file| {
        file.write_all(bytes)?;
        file.sync_all()?;
        std::fs::rename(&part, path)
    });
    written.map_err(|error| {
        // What is left of it says nothing.
        let _ = std::fs::remove_file(&part);
        unwritable(path, &error)
    })
}
