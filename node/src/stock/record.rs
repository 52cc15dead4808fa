//! A download as it is written down beside its parts, so that it survives the node: pinned by commit,
//! sizes and hashes.

use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};

use pumasi_hub::download::Wanted;
use pumasi_hub::{Commit, FilePath, RepoId};
use pumasi_models::name::ModelName;
use pumasi_models::store::Sha256;
use serde::{Deserialize, Serialize};

use crate::runtime::write_private;

/// Longest record that is read, in bytes.
const RECORD_BYTES: u64 = 1024 * 1024;
/// Most records that are read.
const RECORDS: usize = 256;
const ENDING: &str = "pull.json";

/// What is written down.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Record {
    pub(super) id: String,
    pub(super) name: ModelName,
    /// In place of what the name meant before.
    pub(super) replaces: bool,
    pub(super) hub: String,
    repo: String,
    commit: String,
    files: Vec<RecordFile>,
    pub(super) paused: bool,
    pub(super) asked_ms: u64,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct RecordFile {
    path: String,
    bytes: u64,
    sha256: Sha256,
}

impl Record {
    pub(super) fn new(
        name: ModelName,
        replaces: bool,
        hub: String,
        wanted: &[Wanted],
        asked_ms: u64,
    ) -> Self {
        let first = &wanted[0];
        let file = |wanted: &Wanted| RecordFile {
            path: wanted.path.as_str().to_owned(),
            bytes: wanted.bytes,
            sha256: wanted.sha256,
        };
        Self {
            id: first.sha256.to_string()[..12].to_owned(),
            name,
            replaces,
            hub,
            repo: first.repo.as_str().to_owned(),
            commit: first.commit.as_str().to_owned(),
            files: wanted.iter().map(file).collect(),
            paused: false,
            asked_ms,
        }
    }

    /// What is to be downloaded; none where the record is not one of ours.
    pub(super) fn wanted(&self) -> Option<Vec<Wanted>> {
        let (repo, commit) = (RepoId::parse(&self.repo).ok()?, Commit::parse(&self.commit).ok()?);
        let file = |file: &RecordFile| {
            let path = FilePath::parse(&file.path).ok()?;
            let (repo, commit) = (repo.clone(), commit.clone());
            Some(Wanted { repo, commit, path, bytes: file.bytes, sha256: file.sha256 })
        };
        let files: Vec<Wanted> = self.files.iter().map(file).collect::<Option<_>>()?;
        (!files.is_empty()).then_some(files)
    }

    pub(super) fn write(&self, folder: &Path) -> std::io::Result<()> {
        let text = serde_json::to_vec_pretty(self).expect("plain data is always JSON");
        write_private(&self.path(folder), &text)
    }

    pub(super) fn remove(&self, folder: &Path) {
        // One that stays behind names a model that is there: the next start removes it.
        let _ = fs::remove_file(self.path(folder));
    }

    fn path(&self, folder: &Path) -> PathBuf {
        folder.join(format!("{}.{ENDING}", self.id))
    }
}

/// All records of a folder. What is none is left where it is.
pub(super) fn read_all(folder: &Path) -> Vec<Record> {
    let Ok(entries) = fs::read_dir(folder) else { return Vec::new() };
    let paths = entries.flatten().map(|entry| entry.path());
    let paths = paths.filter(|path| path.to_string_lossy().ends_with(ENDING)).take(RECORDS);
    let mut records: Vec<Record> = paths.filter_map(|path| read(&path)).collect();
    records.sort_by_key(|record| record.asked_ms);
    records
}

fn read(path: &Path) -> Option<Record> {
    let mut text = Vec::new();
    let file = fs::File::open(path).ok()?;
    file.take(RECORD_BYTES).read_to_end(&mut text).ok()?;
    let record: Record = serde_json::from_slice(&text).ok()?;
    let is_id = record.id.len() == 12 && record.id.bytes().all(|b| b.is_ascii_hexdigit());
    (is_id && record.wanted().is_some()).then_some(record)
}
