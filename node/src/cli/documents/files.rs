//! Which files are meant, and their bytes.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use super::super::failure::{Failure, Kind};

/// Files of one command (guess: a person's archive; more are a mistake, such as a whole disk).
const FILES: usize = 1_000;
/// Folders within folders that are looked into.
const DEPTH: usize = 16;
/// Bytes of one file: what a node takes.
const FILE_BYTES: u64 = 64 << 20;
/// Endings of files that are taken from folders.
const ENDINGS: [&str; 14] = [
    "pdf", "docx", "pptx", "xlsx", "html", "htm", "md", "markdown", "txt", "csv", "json", "srt",
    "vtt", "tsv",
];

fn failed(path: &Path, error: &std::io::Error) -> Failure {
    let is_absent = error.kind() == std::io::ErrorKind::NotFound;
    let kind = if is_absent { Kind::NotFound } else { Kind::Io };
    let sentence = format!("{} cannot be read ({error}): check its name", path.display());
    Failure::new(kind, "file_unreadable", sentence)
}

/// The files that are meant, and what lies in folders beside them.
pub(super) fn gather(named: &[PathBuf]) -> Result<(Vec<PathBuf>, Vec<PathBuf>), Failure> {
    let (mut files, mut left_out) = (Vec::new(), Vec::new());
    for path in named {
        let kind = std::fs::metadata(path).map_err(|error| failed(path, &error))?;
        if kind.is_dir() {
            look_into(path, DEPTH, &mut files, &mut left_out)?;
        } else {
            files.push(path.clone());
        }
    }
    let mut seen = BTreeSet::new();
    files.retain(|path| seen.insert(path.clone()));
    if files.is_empty() {
        let sentence = "no file that can be read as a document lies there: name some";
        return Err(Failure::new(Kind::NotFound, "no_documents", sentence));
    }
    if files.len() > FILES {
        let sentence =
            format!("{} files are too many at once: name fewer than {FILES}", files.len());
        return Err(Failure::usage(sentence));
    }
    Ok((files, left_out))
}

fn look_into(
    folder: &Path,
    depth: usize,
    files: &mut Vec<PathBuf>,
    left_out: &mut Vec<PathBuf>,
) -> Result<(), Failure> {
    let entries = std::fs::read_dir(folder).map_err(|error| failed(folder, &error))?;
    let mut paths: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).collect();
    paths.sort();
    for path in paths {
        // A link may lead anywhere, also back here.
        let Ok(kind) = std::fs::symlink_metadata(&path) else { continue };
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let ending = path.extension().unwrap_or_default().to_string_lossy().to_ascii_lowercase();
        if name.starts_with('.') || kind.is_symlink() || files.len() > FILES {
            continue;
        }
        if kind.is_dir() && depth > 0 {
            look_into(&path, depth - 1, files, left_out)?;
        } else if kind.is_file() && ENDINGS.contains(&ending.as_str()) {
            files.push(path);
        } else if kind.is_file() {
            left_out.push(path);
        }
    }
    Ok(())
}

pub(super) fn read(path: &Path) -> Result<Vec<u8>, Failure> {
    let size = std::fs::metadata(path).map_err(|error| failed(path, &error))?.len();
    if size > FILE_BYTES {
        let sentence = format!("{} is above 64 MiB: split it", path.display());
        return Err(Failure::new(Kind::Data, "document_too_large", sentence));
    }
    std::fs::read(path).map_err(|error| failed(path, &error))
}

pub(super) fn schema(path: &Path) -> Result<serde_json::Map<String, serde_json::Value>, Failure> {
    let bytes = read(path)?;
    serde_json::from_slice(&bytes).map_err(|error| {
        let sentence = format!("{} holds no JSON schema ({error}): mend it", path.display());
        Failure::new(Kind::Data, "invalid_schema", sentence)
    })
}

/// The first and the last of `3`, `3-9`, `3-` or `-9`.
pub(super) fn pages(text: &str) -> Result<(Option<u32>, Option<u32>), Failure> {
    let wrong = || Failure::usage("--pages takes 3, 3-9, 3- or -9");
    let number = |text: &str| match text.trim() {
        "" => Ok(None),
        text => text.parse().ok().filter(|n| *n > 0).map(Some).ok_or_else(wrong),
    };
    let (first, last) = match text.split_once('-') {
        Some((first, last)) => (number(first)?, number(last)?),
        None => (number(text)?, number(text)?),
    };
    let backwards = first.zip(last).is_some_and(|(first, last)| last < first);
    if first.is_none() && last.is_none() || backwards { Err(wrong()) } else { Ok((first, last)) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_are_read_as_people_write_them() {
        let read = |text| pages(text).map_err(|failure| failure.kind);
        assert_eq!(read("3"), Ok((Some(3), Some(3))));
        assert_eq!(read("3-9"), Ok((Some(3), Some(9))));
        assert_eq!(read("3-"), Ok((Some(3), None)));
        assert_eq!(read("-9"), Ok((None, Some(9))));
        for wrong in ["", "0", "9-3", "a", "-", "1-2-3"] {
            assert_eq!(read(wrong), Err(Kind::Usage), "{wrong}");
        }
    }

    #[test]
    fn folders_give_their_documents_once_and_name_the_rest() {
        let folder = tempfile::tempdir().expect("a folder");
        let at = |name: &str| folder.path().join(name);
        std::fs::create_dir(at("in")).expect("a folder");
        for name in ["b.pdf", "a.TXT", "in/c.md", "x.exe", ".hidden.pdf"] {
            std::fs::write(at(name), b"x").expect("a file");
        }
        let (files, left) = gather(&[folder.path().to_owned(), at("b.pdf")]).expect("some");
        assert_eq!(files, [at("a.TXT"), at("b.pdf"), at("in/c.md")]);
        assert_eq!(left, [at("x.exe")]);
        let absent = gather(&[at("absent.pdf")]).map_err(|failure| failure.kind);
        assert_eq!(absent, Err(Kind::NotFound));
    }
}
