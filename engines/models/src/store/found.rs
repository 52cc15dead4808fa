//! Models that other programs of this computer have: Ollama's manifests and blobs, LM Studio's folders,
//! the cache of the Hugging Face Hub. Only names and sizes are read here, and manifests within bounds.

use std::fs::{self, File};
use std::io::Read;
use std::path::{Path, PathBuf};

use serde::Deserialize;

use crate::limits::{FOUND_DEPTH_MAX, FOUND_ENTRIES_MAX, FOUND_MODELS_MAX, MANIFEST_BYTES_MAX};
use crate::name::ModelName;

use super::{Origin, Sha256};

/// Media type of a layer that is a GGUF file (Ollama, `server/images.go`).
const OLLAMA_MODEL: &str = "application/vnd.ollama.image.model";
/// Where the public hub is, as an origin says it.
const PUBLIC_HUB: &str = "https://huggingface.co";

/// Whose models.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Program {
    /// Ollama: the folder with `manifests` and `blobs`.
    Ollama,
    /// LM Studio: the folder with a folder for each publisher.
    LmStudio,
    /// The cache of the Hugging Face Hub: the folder with `models--…`.
    Hub,
}

/// A model that could be imported.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Candidate {
    /// What it would be called.
    pub name: ModelName,
    /// Where it lies.
    pub path: PathBuf,
    /// Its length in bytes.
    pub bytes: u64,
    /// What its content must be, where the program says so.
    pub sha256: Option<Sha256>,
    /// Where it came from, where the program says so.
    pub origin: Option<Origin>,
}

/// What a program has in this folder, by name. What cannot be read is left out.
pub fn candidates(program: Program, folder: &Path) -> Vec<Candidate> {
    let mut found = match program {
        Program::Ollama => ollama(folder),
        Program::LmStudio => lm_studio(folder),
        Program::Hub => hub_cache(folder),
    };
    found.sort_by(|a, b| a.name.cmp(&b.name).then_with(|| a.path.cmp(&b.path)));
    found.dedup_by(|a, b| a.path == b.path && a.name == b.name);
    found.truncate(FOUND_MODELS_MAX);
    found
}

/// Ordinary files below a folder, links not followed.
fn files(folder: &Path) -> Vec<PathBuf> {
    let (mut found, mut looked) = (Vec::new(), 0);
    let mut open = vec![(folder.to_owned(), 0)];
    while let Some((folder, depth)) = open.pop() {
        let Ok(entries) = fs::read_dir(&folder) else { continue };
        for entry in entries.flatten() {
            looked += 1;
            if looked > FOUND_ENTRIES_MAX {
                return found;
            }
            let Ok(kind) = entry.file_type() else { continue };
            if kind.is_dir() && depth < FOUND_DEPTH_MAX {
                open.push((entry.path(), depth + 1));
            } else if !kind.is_dir() {
                found.push(entry.path());
            }
        }
    }
    found
}

#[derive(Deserialize)]
struct Manifest {
    layers: Vec<Layer>,
}

#[derive(Deserialize)]
struct Layer {
    #[serde(rename = "mediaType")]
    media_type: String,
    digest: String,
}

fn ollama(folder: &Path) -> Vec<Candidate> {
    let manifests = folder.join("manifests");
    let read = |path: &PathBuf| {
        let parts = path.strip_prefix(&manifests).ok()?;
        let parts: Vec<&str> = parts.iter().map(|part| part.to_str()).collect::<Option<_>>()?;
        let [_registry, owner, model, tag] = parts[..] else { return None };
        let model = if owner == "library" { model.to_owned() } else { format!("{owner}/{model}") };
        let name = if tag == "latest" { model } else { format!("{model}:{tag}") };
        let name = ModelName::parse(&name).ok()?;
        let manifest: Manifest = serde_json::from_slice(&bounded(path)?).ok()?;
        let layer = manifest.layers.iter().find(|layer| layer.media_type == OLLAMA_MODEL)?;
        let sha256 = Sha256::parse_prefixed(&layer.digest).ok()?;
        let path = folder.join("blobs").join(format!("sha256-{sha256}"));
        candidate(name, path, Some(sha256), None)
    };
    files(&manifests).iter().filter_map(read).collect()
}

fn lm_studio(folder: &Path) -> Vec<Candidate> {
    let files = files(folder);
    let models = files.iter().filter(|path| is_model(path));
    models.filter_map(|path| candidate(named_by_file(path)?, path.clone(), None, None)).collect()
}

/// `models--owner--name/snapshots/COMMIT/FILE`, links to `blobs/SHA256` of the same folder.
fn hub_cache(folder: &Path) -> Vec<Candidate> {
    let Ok(entries) = fs::read_dir(folder) else { return Vec::new() };
    let mut found = Vec::new();
    for entry in entries.take(FOUND_ENTRIES_MAX).flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        let Some(repo) = name.strip_prefix("models--") else { continue };
        let repo = repo.replacen("--", "/", 1);
        let snapshots = entry.path().join("snapshots");
        for path in files(&snapshots).iter().filter(|path| is_model(path)) {
            found.extend(snapshot(&entry.path(), &snapshots, path, &repo));
        }
    }
    found
}

fn snapshot(cache: &Path, snapshots: &Path, path: &Path, repo: &str) -> Option<Candidate> {
    let inner = path.strip_prefix(snapshots).ok()?;
    let mut parts = inner.iter();
    let commit = parts.next()?.to_str()?.to_owned();
    let file = parts.as_path().to_str()?.to_owned();
    let (target, sha256) = match fs::read_link(path) {
        Ok(link) => {
            let sha256 = Sha256::parse(link.file_name()?.to_str()?).ok()?;
            (cache.join("blobs").join(sha256.to_string()), Some(sha256))
        }
        Err(_) => (path.to_owned(), None),
    };
    let origin = Origin { hub: PUBLIC_HUB.to_owned(), repo: repo.to_owned(), commit, file };
    candidate(named_by_file(path)?, target, sha256, Some(origin))
}

fn candidate(
    name: ModelName,
    path: PathBuf,
    sha256: Option<Sha256>,
    origin: Option<Origin>,
) -> Option<Candidate> {
    let metadata = fs::symlink_metadata(&path).ok().filter(fs::Metadata::is_file)?;
    Some(Candidate { name, path, bytes: metadata.len(), sha256, origin })
}

fn named_by_file(path: &Path) -> Option<ModelName> {
    Some(ModelName::from_file_stem(&path.file_stem()?.to_string_lossy()))
}

/// A model by itself: projectors for pictures belong to one.
fn is_model(path: &Path) -> bool {
    let name = path.file_name().unwrap_or_default().to_string_lossy().to_ascii_lowercase();
    name.ends_with(".gguf") && !name.starts_with("mmproj") && !name.starts_with('.')
}

fn bounded(path: &Path) -> Option<Vec<u8>> {
    let file = File::open(path).ok()?;
    if !file.metadata().ok()?.is_file() {
        return None;
    }
    let mut text = Vec::new();
    file.take(MANIFEST_BYTES_MAX).read_to_end(&mut text).ok()?;
    Some(text)
}
