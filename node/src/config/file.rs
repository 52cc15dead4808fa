//! Finding and reading `config.toml`.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use directories::ProjectDirs;

use super::{ConfigError, Places, Settings};

/// The platform's folders for this program; none without a home directory.
pub(super) fn folders() -> Option<ProjectDirs> {
    ProjectDirs::from("", "", "pumasi")
}

/// The settings of the file at `--config`, else of `config.toml` in `--data-dir`, else of
/// `config.toml` in the platform's configuration folder. Only the first must exist.
pub(super) fn read(places: &Places) -> Result<Settings, ConfigError> {
    if let Some(path) = &places.config {
        let text = std::fs::read(path).map_err(|error| unreadable(path, error))?;
        return parse(path, text);
    }
    let Some(path) = path(places) else {
        return Ok(Settings::default());
    };
    match std::fs::read(&path) {
        Ok(text) => parse(&path, text),
        Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => {
            Ok(Settings::default())
        }
        Err(error) => Err(unreadable(&path, error)),
    }
}

/// Where the file is or would be; none without a home directory.
pub(super) fn path(places: &Places) -> Option<PathBuf> {
    if let Some(path) = &places.config {
        return Some(path.clone());
    }
    let folder = match &places.data_dir {
        Some(folder) => Some(folder.clone()),
        None => folders().map(|folders| folders.config_dir().to_owned()),
    };
    folder.map(|folder| folder.join("config.toml"))
}

fn unreadable(path: &Path, error: std::io::Error) -> ConfigError {
    ConfigError::Unreadable { path: path.to_owned(), error }
}

pub(super) fn parse(path: &Path, text: Vec<u8>) -> Result<Settings, ConfigError> {
    let malformed = |line, reason: &str| ConfigError::Malformed {
        path: PathBuf::from(path),
        line,
        reason: reason.split_whitespace().collect::<Vec<_>>().join(" "),
    };
    let text = String::from_utf8(text).map_err(|error| {
        let before = &error.as_bytes()[..error.utf8_error().valid_up_to()];
        malformed(line_of(before), "not UTF-8 text")
    })?;
    toml::from_str(&text).map_err(|error| {
        let start = error.span().map_or(0, |span| span.start).min(text.len());
        malformed(line_of(&text.as_bytes()[..start]), error.message())
    })
}

fn line_of(before: &[u8]) -> usize {
    1 + before.iter().filter(|byte| **byte == b'\n').count()
}
