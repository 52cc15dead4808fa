//! The starter model inside the binary: a fresh install has something real to answer with.

use std::io::Write as _;
use std::path::{Path, PathBuf};

use pumasi_protocol::ModelName;

/// File name of the starter chat model; its stem is the model's name.
pub(crate) const FILE_NAME: &str = "starter-chat.gguf";

const MODEL: &[u8] = include_bytes!("../../engines/llama/starter/starter-chat.gguf");

/// Whether a model of this name is the starter.
#[must_use]
pub(crate) fn is_starter(name: &ModelName) -> bool {
    FILE_NAME.strip_suffix(".gguf") == Some(name.as_str())
}

/// Writes the starter model into `folder` unless exactly it is there. Returns its path.
///
/// # Errors
/// When the folder or the file cannot be written.
pub(crate) fn unpack(folder: &Path) -> std::io::Result<PathBuf> {
    let path = folder.join(FILE_NAME);
    if std::fs::read(&path).is_ok_and(|held| held == MODEL) {
        return Ok(path);
    }
    std::fs::create_dir_all(folder)?;
    let mut file = tempfile::NamedTempFile::new_in(folder)?;
    file.write_all(MODEL)?;
    file.as_file().sync_all()?;
    file.persist(&path).map_err(|error| error.error)?;
    Ok(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_damaged_starter_is_replaced_and_a_good_one_left_alone() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let path = unpack(folder.path()).expect("first time");
        let written = path.metadata().and_then(|m| m.modified()).expect("a file");
        unpack(folder.path()).expect("second time");
        assert_eq!(path.metadata().and_then(|m| m.modified()).expect("a file"), written);
        std::fs::write(&path, b"damaged").expect("a writable file");
        unpack(folder.path()).expect("third time");
        assert_eq!(std::fs::read(&path).expect("a file"), MODEL);
    }
}
