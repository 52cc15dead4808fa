//! What a running node leaves in its data directory for the command line: `node.json` (where it
//! listens) and `token` (the secret that opens its API).

mod token;

use std::io::{ErrorKind, Write};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

pub use token::{Token, TokenError};

const FILE: &str = "node.json";

/// A node that runs, as it says of itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Running {
    /// Its process.
    pub pid: u32,
    /// Version of Pumasi.
    pub version: String,
    /// When it started, Unix time in milliseconds.
    pub started_ms: u64,
    /// Its id, 64 hexadecimal digits.
    pub node: String,
    /// Its name.
    pub name: String,
    /// Where HTTP listens.
    pub http: SocketAddr,
    /// Where programs of other computers are served; none: nowhere.
    #[serde(default)]
    pub public: Option<pumasi_web::api::Endpoint>,
    /// Where the control plane listens.
    pub mesh: Vec<SocketAddr>,
    /// Where the data plane listens.
    pub data: Vec<SocketAddr>,
    /// Where the join door listens.
    pub join: Vec<SocketAddr>,
}

impl Running {
    /// The address of interface and API.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}", self.http)
    }
}

/// Why `node.json` could not be written or read.
#[derive(Debug, thiserror::Error)]
pub enum RuntimeError {
    /// It could not be written.
    #[error("{} cannot be written ({error}): is the data directory on a full or read-only disk?", .path.display())]
    Write {
        /// Which file.
        path: PathBuf,
        /// What the system said.
        error: std::io::Error,
    },
    /// It is there but could not be read.
    #[error("{} cannot be read ({error}): run this as the user who runs the node", .path.display())]
    Read {
        /// Which file.
        path: PathBuf,
        /// What the system said.
        error: std::io::Error,
    },
    /// It is there but says nothing.
    #[error("{} was not written by this version or is damaged: start the node again", .path.display())]
    Damaged {
        /// Which file.
        path: PathBuf,
    },
}

/// Removes `node.json` when the node that wrote it ends.
#[derive(Debug)]
pub struct Published {
    path: PathBuf,
}

impl Drop for Published {
    fn drop(&mut self) {
        // A file that stays behind names a dead process, which readers check for.
        let _ = std::fs::remove_file(&self.path);
    }
}

/// Writes `node.json` so that no reader ever sees half of it. It is removed when the result drops.
///
/// # Errors
/// When the data directory cannot be written.
pub fn publish(data_dir: &Path, running: &Running) -> Result<Published, RuntimeError> {
    let path = data_dir.join(FILE);
    let text = serde_json::to_vec_pretty(running).expect("plain data is always JSON");
    write_private(&path, &text)
        .map_err(|error| RuntimeError::Write { path: path.clone(), error })?;
    Ok(Published { path })
}

/// The node that runs on this data directory; none if none was started, or it did not end cleanly.
///
/// # Errors
/// When the file is there but cannot be read.
pub fn read(data_dir: &Path) -> Result<Option<Running>, RuntimeError> {
    let path = data_dir.join(FILE);
    let bytes = match std::fs::read(&path) {
        Ok(bytes) => bytes,
        Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => {
            return Ok(None);
        }
        Err(error) => return Err(RuntimeError::Read { path, error }),
    };
    let running = serde_json::from_slice(&bytes).map_err(|_| RuntimeError::Damaged { path })?;
    Ok(Some(running).filter(|running: &Running| is_alive(running.pid)))
}

/// Whether the process exists. One of another user counts as alive.
#[cfg(unix)]
fn is_alive(pid: u32) -> bool {
    let pid = i32::try_from(pid).ok().and_then(rustix::process::Pid::from_raw);
    let Some(pid) = pid else { return false };
    match rustix::process::test_kill_process(pid) {
        Ok(()) => true,
        Err(error) => error == rustix::io::Errno::PERM,
    }
}

/// Elsewhere only the connection shows it.
#[cfg(not(unix))]
fn is_alive(_pid: u32) -> bool {
    true
}

/// Creates the data directory, for its user only, and the folders above it.
///
/// # Errors
/// When it cannot be created.
pub fn create_data_dir(path: &Path) -> std::io::Result<()> {
    let mut builder = std::fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(path)
}

/// The same, also for a folder that an earlier version made with the rights that were usual then.
///
/// # Errors
/// When the system refuses.
pub fn make_private_dir(path: &Path) -> std::io::Result<()> {
    create_data_dir(path)?;
    #[cfg(unix)]
    {
        let mode = std::os::unix::fs::PermissionsExt::from_mode(0o700);
        std::fs::set_permissions(path, mode)?;
    }
    Ok(())
}

/// Writes a file of mode 0600 by way of a neighbour, so that it appears whole or not at all.
pub(crate) fn write_private(path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    let beside = path.with_extension(format!("{}.new", std::process::id()));
    let written = write_new(&beside, bytes).and_then(|()| std::fs::rename(&beside, path));
    if written.is_err() {
        let _ = std::fs::remove_file(&beside);
    }
    written
}

fn write_new(path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(path)?;
    file.write_all(bytes)?;
    file.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn running() -> Running {
        let here: SocketAddr = ([127, 0, 0, 1], 7862).into();
        Running {
            pid: std::process::id(),
            version: "1".to_owned(),
            started_ms: 1,
            node: "ab".repeat(32),
            name: "desk".to_owned(),
            http: here,
            public: None,
            mesh: vec![here],
            data: vec![here],
            join: vec![here],
        }
    }

    #[test]
    fn a_node_is_found_while_it_runs_and_not_after() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        assert_eq!(read(folder.path()).expect("nothing is fine"), None);
        let published = publish(folder.path(), &running()).expect("it is written");
        assert_eq!(read(folder.path()).expect("it is read"), Some(running()));
        drop(published);
        assert_eq!(read(folder.path()).expect("nothing is fine"), None);
    }

    #[test]
    fn a_process_that_is_gone_is_not_running() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        // Larger than any process id that Linux hands out (2^22).
        let gone = Running { pid: 0x7fff_fff0, ..running() };
        let _published = publish(folder.path(), &gone).expect("it is written");
        assert_eq!(read(folder.path()).expect("it is read"), None);
    }

    #[test]
    fn a_damaged_file_is_said_to_be_damaged() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        std::fs::write(folder.path().join(FILE), "{").expect("it is written");
        assert!(matches!(read(folder.path()), Err(RuntimeError::Damaged { .. })));
    }
}
