//! A file that is being downloaded: bytes go to the disk, through SHA-256 and into the tree of BLAKE3
//! in one pass. What is
//! there from an earlier try is hashed again before more is added.

use std::fs::{self, File, OpenOptions};
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use bytes::Bytes;
use pumasi_models::store::tree::TreeBuilder;
use pumasi_models::store::{Complete, Sha256};
use sha2::Digest;
use tokio_util::sync::CancellationToken;

use crate::error::{FileFault, HubError};
use crate::limits::PIECE_BYTES;

/// What every GGUF file begins with.
const MAGIC: &[u8; 4] = b"GGUF";
/// What a pointer of Git LFS begins with.
const POINTER: &[u8] = b"version https://git-lfs";

pub(crate) struct Part {
    path: PathBuf,
    file: File,
    whole: u64,
    length: u64,
    sha256: sha2::Sha256,
    tree: TreeBuilder,
    tree_path: PathBuf,
    head: Vec<u8>,
}

impl Part {
    /// Opens what is there, or begins. What is longer than it may be, or does not begin as it should,
    /// is begun again.
    pub(crate) fn open(
        path: &Path,
        whole: u64,
        stop: &CancellationToken,
    ) -> Result<Self, HubError> {
        let file = open(path)?;
        let tree_path = path.with_extension("tree");
        let tree = TreeBuilder::new(whole, open(&tree_path)?)?;
        let mut part = Self {
            path: path.to_owned(),
            file,
            whole,
            length: 0,
            sha256: sha2::Sha256::new(),
            tree,
            tree_path,
            head: Vec::new(),
        };
        if part.file.metadata()?.len() > whole {
            part.restart()?;
        }
        if let Err(error) = part.hash_again(stop) {
            if !matches!(error, HubError::File(_) | HubError::NotAHub) {
                return Err(error);
            }
            part.restart()?;
        }
        Ok(part)
    }

    fn hash_again(&mut self, stop: &CancellationToken) -> Result<(), HubError> {
        let mut piece = vec![0; PIECE_BYTES];
        loop {
            if stop.is_cancelled() {
                return Err(HubError::Stopped);
            }
            let read = self.file.read(&mut piece)?;
            if read == 0 {
                return Ok(());
            }
            self.hash(&piece[..read])?;
        }
    }

    /// Bytes that are there.
    pub(crate) fn length(&self) -> u64 {
        self.length
    }

    /// Whether all bytes are there.
    pub(crate) fn is_whole(&self) -> bool {
        self.length == self.whole
    }

    /// Throws away what is there.
    pub(crate) fn restart(&mut self) -> Result<(), HubError> {
        self.file.set_len(0)?;
        self.file.seek(SeekFrom::Start(0))?;
        self.length = 0;
        self.sha256 = sha2::Sha256::new();
        self.tree = TreeBuilder::new(self.whole, open(&self.tree_path)?)?;
        self.head.clear();
        Ok(())
    }

    /// Adds bytes. Fewer are written where they would make it longer than it may be; then it fails.
    pub(crate) fn push(&mut self, bytes: &Bytes) -> Result<(), HubError> {
        if bytes.len() as u64 > self.whole - self.length {
            return Err(FileFault::Length.into());
        }
        self.hash(bytes)?;
        self.file.write_all(bytes)?;
        Ok(())
    }

    fn hash(&mut self, bytes: &[u8]) -> Result<(), HubError> {
        self.look_at_head(bytes)?;
        self.sha256.update(bytes);
        self.tree.update(bytes)?;
        self.length += bytes.len() as u64;
        Ok(())
    }

    /// The first bytes tell pages and pointers from models before a disk is filled with them.
    fn look_at_head(&mut self, bytes: &[u8]) -> Result<(), HubError> {
        let lacking = POINTER.len() - self.head.len();
        if lacking == 0 {
            return Ok(());
        }
        self.head.extend_from_slice(&bytes[..lacking.min(bytes.len())]);
        if POINTER.starts_with(&self.head) && self.head.len() >= MAGIC.len() {
            let is_pointer = self.head.len() == POINTER.len();
            return if is_pointer { Err(FileFault::Pointer.into()) } else { Ok(()) };
        }
        let known = self.head.len().min(MAGIC.len());
        if self.head[..known] == MAGIC[..known] || POINTER.starts_with(&self.head) {
            return Ok(());
        }
        let text = String::from_utf8_lossy(&self.head).trim_start().to_ascii_lowercase();
        let is_page = text.starts_with("<!doctype") || text.starts_with("<html");
        Err(if is_page { HubError::NotAHub } else { FileFault::NotGguf.into() })
    }

    /// Writes everything to the disk and compares. A file that differs is thrown away.
    pub(crate) fn finish(mut self, expected: &Sha256) -> Result<Complete, HubError> {
        self.file.flush()?;
        let found = Sha256::from_bytes(self.sha256.finalize().into());
        if found != *expected {
            fs::remove_file(&self.path)?;
            fs::remove_file(&self.tree_path)?;
            return Err(FileFault::Hash.into());
        }
        self.file.sync_all()?;
        let (id, tree) = self.tree.finish().map_err(|_| FileFault::Length)?;
        tree.sync_all()?;
        Ok(Complete {
            data: self.path,
            tree: Some(self.tree_path),
            id,
            sha256: found,
            bytes: self.length,
        })
    }
}

/// Opens an ordinary file for reading and writing, and makes it if need be. Never through a link.
fn open(path: &Path) -> Result<File, HubError> {
    let mut options = OpenOptions::new();
    options.read(true).write(true).create(true).truncate(false);
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt;
        options.custom_flags(libc::O_NOFOLLOW | libc::O_CLOEXEC | libc::O_NONBLOCK).mode(0o600);
    }
    let file = options.open(path)?;
    if !file.metadata()?.is_file() {
        return Err(HubError::Disk { kind: std::io::ErrorKind::InvalidInput });
    }
    Ok(file)
}
