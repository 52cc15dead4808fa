//! Scenarios in files: what failed once, with what it is to show now. A seed is valid only for one
//! version of the generator; a scenario outlives it.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::canary::Canary;
use crate::counts::Report;
use crate::oracle::Invariant;
use crate::scenario::Scenario;
use crate::world::run;

/// A scenario with its story.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stored {
    /// What it shows, in a sentence.
    pub title: String,
    /// The planted bug that it finds; `None`: it must run without a violation.
    #[serde(default)]
    pub canary: Option<Canary>,
    /// What the planted bug violates.
    #[serde(default)]
    pub violates: Option<Invariant>,
    /// It.
    pub scenario: Scenario,
}

/// Why a file is no scenario.
#[derive(Debug, thiserror::Error)]
pub enum StoredError {
    /// It cannot be read.
    #[error("{path} cannot be read: {error}")]
    Read {
        /// Which file.
        path: PathBuf,
        /// Why.
        error: std::io::Error,
    },
    /// It is not the JSON of a scenario.
    #[error("{path} holds no scenario: {error}")]
    Parse {
        /// Which file.
        path: PathBuf,
        /// Why.
        error: serde_json::Error,
    },
    /// Its numbers contradict each other.
    #[error("{path} contradicts itself: {rule}")]
    Rule {
        /// Which file.
        path: PathBuf,
        /// What it breaks.
        rule: String,
    },
}

impl Stored {
    /// Reads a stored scenario, or a bare one as `show` prints it.
    ///
    /// # Errors
    /// When the file cannot be read or is none.
    pub fn read(path: &Path) -> Result<Self, StoredError> {
        let path = path.to_owned();
        let text = match std::fs::read(&path) {
            Ok(text) => text,
            Err(error) => return Err(StoredError::Read { path, error }),
        };
        let bare = || {
            serde_json::from_slice::<Scenario>(&text).map(|scenario| Self {
                title: String::new(),
                canary: None,
                violates: None,
                scenario,
            })
        };
        let stored = match serde_json::from_slice(&text).or_else(|error| bare().map_err(|_| error))
        {
            Ok(stored) => stored,
            Err(error) => return Err(StoredError::Parse { path, error }),
        };
        let stored: Self = stored;
        match stored.scenario.check() {
            Ok(()) => Ok(stored),
            Err(rule) => Err(StoredError::Rule { path, rule }),
        }
    }

    /// All stored scenarios of a folder, by name.
    ///
    /// # Errors
    /// As [`Self::read`].
    pub fn all(folder: &Path) -> Result<Vec<(PathBuf, Self)>, StoredError> {
        let read = |error| StoredError::Read { path: folder.to_owned(), error };
        let mut paths = Vec::new();
        for entry in std::fs::read_dir(folder).map_err(read)? {
            paths.push(entry.map_err(read)?.path());
        }
        paths.retain(|path| path.extension().is_some_and(|extension| extension == "json"));
        paths.sort();
        paths.into_iter().map(|path| Ok((path.clone(), Self::read(&path)?))).collect()
    }

    /// Runs it both ways: without the planted bug it must hold, with it the violation must be found.
    ///
    /// # Errors
    /// What did not hold, in words.
    pub fn verify(&self) -> Result<Report, String> {
        let plain = run(&self.scenario, None, false);
        if let Some(violation) = &plain.violation {
            return Err(violation.to_string());
        }
        let Some(canary) = self.canary else { return Ok(plain) };
        let planted = run(&self.scenario, Some(canary), false);
        let found = planted.violation.as_ref().map(|violation| violation.invariant);
        match (found, self.violates) {
            (None, _) => Err(format!("{} is not found in it any more", canary.name())),
            (Some(found), Some(wanted)) if found != wanted => {
                Err(format!("{} shows as {found:?}, not as {wanted:?}", canary.name()))
            }
            (Some(_), _) => Ok(plain),
        }
    }
}
