//! Files of this computer that are to become models of the store: single ones, and those of Ollama, LM
//! Studio and the hub's cache.

use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use pumasi_models::name::ModelName;
use pumasi_models::store::{Candidate, Program, StoreError, Taken, candidates};
use pumasi_web::api::{ImportFrom, ImportOutcome, ImportRequest, Imported};
use pumasi_web::mesh::StockError;

use super::{Stock, convert, keeping};

impl Stock {
    pub(super) fn import_files(
        &self,
        request: &ImportRequest,
    ) -> Result<Vec<Imported>, StockError> {
        let candidates = match (&request.path, request.from) {
            (Some(path), None) => vec![single(path, request.name.as_deref())?],
            (None, Some(program)) => wanted(program, request)?,
            (Some(_), Some(_)) | (None, None) => {
                let sentence = "name a file, or a program whose models to import".to_owned();
                return Err(convert::invalid("invalid_import", sentence));
            }
        };
        let imported: Vec<Imported> =
            candidates.iter().map(|candidate| self.import_one(candidate, request.dry)).collect();
        if !request.dry {
            self.inner.rescan.soon();
        }
        Ok(imported)
    }

    fn import_one(&self, candidate: &Candidate, dry: bool) -> Imported {
        let (outcome, error) = if dry {
            (ImportOutcome::Found, None)
        } else {
            let Candidate { name, path, sha256, origin, .. } = candidate;
            let mut go_on = |_| ControlFlow::Continue(());
            let expected = sha256.as_ref();
            match self.store().import(path, name, expected, origin.clone(), &mut go_on) {
                Ok(imported) => (outcome(imported.taken), None),
                Err(error) => (ImportOutcome::Failed, Some(error)),
            }
        };
        Imported {
            name: candidate.name.to_string(),
            path: candidate.path.to_string_lossy().into_owned(),
            size_bytes: candidate.bytes,
            outcome,
            code: error.as_ref().map(|error| error.code().to_owned()),
            message: error.as_ref().map(StoreError::to_string),
        }
    }
}

fn outcome(taken: Taken) -> ImportOutcome {
    match taken {
        Taken::Known => ImportOutcome::Known,
        Taken::Linked => ImportOutcome::Linked,
        Taken::Cloned => ImportOutcome::Cloned,
        Taken::Copied => ImportOutcome::Copied,
    }
}

fn single(path: &str, name: Option<&str>) -> Result<Candidate, StockError> {
    let path = PathBuf::from(path);
    if !path.is_absolute() {
        let sentence = "the file's path must begin at the root".to_owned();
        return Err(convert::invalid("invalid_path", sentence));
    }
    let name = match name {
        Some(name) => keeping::parse(name)?,
        None => ModelName::from_file_stem(&path.file_stem().unwrap_or_default().to_string_lossy()),
    };
    let bytes = std::fs::symlink_metadata(&path).map_or(0, |metadata| metadata.len());
    Ok(Candidate { name, path, bytes, sha256: None, origin: None })
}

fn wanted(program: ImportFrom, request: &ImportRequest) -> Result<Vec<Candidate>, StockError> {
    let folders = match &request.folder {
        Some(folder) => vec![PathBuf::from(folder)],
        None => usual_folders(program),
    };
    let kind = match program {
        ImportFrom::Ollama => Program::Ollama,
        ImportFrom::Lmstudio => Program::LmStudio,
        ImportFrom::Hub => Program::Hub,
    };
    let mut found: Vec<Candidate> =
        folders.iter().flat_map(|folder| candidates(kind, folder)).collect();
    if let Some(only) = &request.only {
        let name = keeping::parse(only)?;
        found.retain(|candidate| candidate.name.folded() == name.folded());
        if found.is_empty() {
            let error = StoreError::NoModel { name };
            return Err(convert::of_store(&error));
        }
    }
    Ok(found)
}

/// Where a program keeps its models: its own variable, or its usual folders.
fn usual_folders(program: ImportFrom) -> Vec<PathBuf> {
    let variable = |name: &str| std::env::var_os(name).map(PathBuf::from);
    let home = directories::BaseDirs::new().map(|dirs| dirs.home_dir().to_owned());
    let at_home = |path: &str| home.as_ref().map(|home| home.join(path));
    let folders: Vec<Option<PathBuf>> = match program {
        ImportFrom::Ollama => vec![
            variable("OLLAMA_MODELS"),
            at_home(".ollama/models"),
            Some(Path::new("/usr/share/ollama/.ollama/models").to_owned()),
        ],
        ImportFrom::Lmstudio => {
            vec![at_home(".lmstudio/models"), at_home(".cache/lm-studio/models")]
        }
        ImportFrom::Hub => vec![
            variable("HF_HUB_CACHE"),
            variable("HF_HOME").map(|home| home.join("hub")),
            at_home(".cache/huggingface/hub"),
        ],
    };
    let mut folders: Vec<PathBuf> = folders.into_iter().flatten().collect();
    folders.dedup();
    folders
}
