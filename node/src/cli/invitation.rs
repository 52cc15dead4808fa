//! An invitation before the node's first start: kept in the data directory, used by the next `up`.

use std::io::{ErrorKind, Read};
use std::path::{Path, PathBuf};

use super::failure::{Failure, Kind};
use super::text::escape;
use crate::runtime;

const FILE: &str = "invitation";
/// How every invitation begins.
const PREFIX: &str = "pumasi-";
/// Longest invitation in bytes (a few addresses and a secret take under 600).
const BYTES: usize = 4_096;

/// The invitation without the white space that copying adds.
pub(super) fn check(text: &str) -> Result<String, Failure> {
    let token: String = text.split_whitespace().collect();
    let well_formed = token.len() <= BYTES && token.is_ascii() && begins_like_one(&token);
    well_formed.then_some(token).ok_or_else(|| {
        Failure::usage(
            "this is neither an invitation nor a file that holds one: copy the whole line that \
             `pumasi invite` printed",
        )
    })
}

/// An invitation, or the one in the file of this name.
pub(super) fn given(text: String) -> Result<String, Failure> {
    if !begins_like_one(&text) && Path::new(&text).is_file() {
        return read_file(Path::new(&text));
    }
    Ok(text)
}

fn begins_like_one(text: &str) -> bool {
    let start = text.trim_start().get(..PREFIX.len());
    start.is_some_and(|start| start.eq_ignore_ascii_case(PREFIX))
        && !text.contains(['/', '\\', '.'])
}

/// The invitation in the file at `path`; of a longer file, its beginning, which is none.
pub(super) fn read_file(path: &Path) -> Result<String, Failure> {
    let read = std::fs::File::open(path).and_then(|file| {
        let mut bytes = Vec::new();
        file.take(BYTES as u64 + 1).read_to_end(&mut bytes)?;
        Ok(String::from_utf8_lossy(&bytes).into_owned())
    });
    read.map_err(|error| {
        let path = escape(&path.to_string_lossy());
        Failure::new(Kind::NotFound, "no_input", format!("{path} cannot be read: {error}"))
    })
}

fn path(data_dir: &Path) -> PathBuf {
    data_dir.join(FILE)
}

/// Keeps it for the next start.
pub(super) fn keep(data_dir: &Path, token: &str) -> Result<(), Failure> {
    let written = runtime::create_data_dir(data_dir)
        .and_then(|()| runtime::write_private(&path(data_dir), token.as_bytes()));
    written.map_err(|error| failure(data_dir, &error))
}

/// The kept one, if there is one.
pub(super) fn kept(data_dir: &Path) -> Result<Option<String>, Failure> {
    match std::fs::read_to_string(path(data_dir)) {
        Ok(text) => check(&text).map(Some),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(failure(data_dir, &error)),
    }
}

/// Removes the kept one: it was used, or never will be.
pub(super) fn forget(data_dir: &Path) {
    // If it stays, the next start tries it again and says that it is used up.
    let _ = std::fs::remove_file(path(data_dir));
}

fn failure(data_dir: &Path, error: &std::io::Error) -> Failure {
    let data_dir = escape(&data_dir.to_string_lossy());
    let sentence = format!("the invitation in {data_dir} cannot be read or written: {error}");
    Failure::new(Kind::Config, "data_dir", sentence)
}
