//! A file that is put together from proven groups, in any order and from several sources. What is on
//! disk says by itself how far it is: the data and its tree lie side by side, and at the next start
//! each group counts that the tree speaks for, up to the root. So whatever a crash leaves behind
//! (half a group, hashes without bytes, bytes without hashes) is only fetched again.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Read};
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Mutex;

use bao_tree::io::sync::WriteAt;

use super::groups::Groups;
use super::tree::{self, Keep, ReceiveError, SendError, Shape, Writer};
use crate::limits::{FILE_BYTES_MAX, GROUP_BYTES};

/// Why there is no such unfinished file.
#[derive(Debug, thiserror::Error)]
pub enum PartialError {
    /// Beyond the largest file.
    #[error("a file of {bytes} bytes is above what is taken ({FILE_BYTES_MAX} bytes)")]
    TooLarge {
        /// Its size.
        bytes: u64,
    },
    /// Somebody works on it.
    #[error("this file is being fetched already")]
    Busy,
    /// Parts are missing.
    #[error("{missing} of {total} chunk groups are missing")]
    Incomplete {
        /// Groups that are missing.
        missing: u64,
        /// Groups of the whole file.
        total: u64,
    },
    /// The disk refused.
    #[error("the disk refused ({0})")]
    Disk(#[from] io::Error),
}

/// An unfinished file. Shared between the threads that fetch it and those that serve what is there.
#[derive(Debug)]
pub struct Partial {
    shape: Shape,
    path: PathBuf,
    tree_path: PathBuf,
    data: File,
    tree: File,
    groups: Mutex<Groups>,
}

/// A file whose groups are all there, on disk to stay, under a name that is not its last.
#[derive(Clone, Debug)]
pub struct Fetched {
    /// What it is.
    pub shape: Shape,
    /// Where its bytes lie.
    pub path: PathBuf,
    /// Where its tree lies.
    pub tree: PathBuf,
}

impl Partial {
    /// Where the unfinished file of this content lies in a folder, and its tree.
    pub fn paths(folder: &Path, shape: &Shape) -> (PathBuf, PathBuf) {
        let name = shape.hash.to_string();
        (folder.join(format!("{name}.part")), folder.join(format!("{name}.tree")))
    }

    /// Goes on with an unfinished file, or begins it. What is there already is read and checked,
    /// which takes half a second for a gigabyte.
    pub fn open(folder: &Path, shape: Shape) -> Result<Self, PartialError> {
        if !shape.is_within_limits() {
            return Err(PartialError::TooLarge { bytes: shape.bytes });
        }
        fs::create_dir_all(folder)?;
        let (path, tree_path) = Self::paths(folder, &shape);
        let data = open(&path)?;
        data.try_lock().map_err(|error| match error {
            TryLockError::WouldBlock => PartialError::Busy,
            TryLockError::Error(error) => error.into(),
        })?;
        let tree = open(&tree_path)?;
        let is_new = data.metadata()?.len() == 0;
        data.set_len(shape.bytes)?;
        tree.set_len(shape.tree_bytes())?;
        let groups = if is_new && shape.bytes > 0 {
            Groups::none(shape.groups())
        } else {
            tree::valid_groups(&shape, &data, &tree)?
        };
        Ok(Self { shape, path, tree_path, data, tree, groups: Mutex::new(groups) })
    }

    /// What it will be.
    pub fn shape(&self) -> Shape {
        self.shape
    }

    /// Looks at which groups are there.
    pub fn with_groups<T>(&self, look: impl FnOnce(&Groups) -> T) -> T {
        look(&self.groups.lock().expect("no code that holds this lock panics"))
    }

    /// Bytes that are there.
    pub fn bytes_held(&self) -> u64 {
        self.with_groups(|groups| {
            let last = groups.total() - 1;
            let short = self.shape.groups() * GROUP_BYTES - self.shape.bytes;
            let held = groups.held() * GROUP_BYTES;
            held - if groups.contains(last) { short } else { 0 }
        })
    }

    /// Takes groups as [`tree::send`] sends them. Those that came before an error stay.
    pub fn receive(&self, groups: &Range<u64>, input: impl Read) -> Result<u64, ReceiveError> {
        let mut sink = Sink { partial: self, run: groups.start..groups.start };
        let received = tree::receive(&self.shape, Some(&self.tree), groups, input, &mut sink);
        sink.flush();
        received
    }

    /// Sends groups that are there.
    pub fn send(&self, groups: &Range<u64>, out: impl io::Write) -> Result<(), SendError> {
        if !self.with_groups(|held| held.covers(groups.clone())) {
            return Err(SendError::Disk(io::ErrorKind::NotFound));
        }
        tree::send(&self.shape, &self.data, &self.tree, groups, out)
    }

    /// Writes everything to the disk and says where the file lies, for whoever names it. It can still
    /// be served meanwhile.
    pub fn finish(&self) -> Result<Fetched, PartialError> {
        let (missing, total) = self.with_groups(|g| (g.total() - g.held(), g.total()));
        if missing > 0 {
            return Err(PartialError::Incomplete { missing, total });
        }
        self.data.sync_all()?;
        self.tree.sync_all()?;
        Ok(Fetched { shape: self.shape, path: self.path.clone(), tree: self.tree_path.clone() })
    }

    /// Lets others work on it: nothing more is taken in here, but it can still be served.
    pub fn release(&self) {
        // Where the file system has no locks, there is none to give back.
        let _ = self.data.unlock();
    }

    /// Throws away what is there.
    pub fn discard(&self) -> io::Result<()> {
        fs::remove_file(&self.path).and_then(|()| fs::remove_file(&self.tree_path))
    }
}

fn open(path: &Path) -> io::Result<File> {
    OpenOptions::new().read(true).write(true).create(true).truncate(false).open(path)
}

/// Counts groups as there in runs, so that the lock is not taken for each.
struct Sink<'a> {
    partial: &'a Partial,
    run: Range<u64>,
}

impl Sink<'_> {
    fn flush(&mut self) {
        let end = self.run.end;
        let run = std::mem::replace(&mut self.run, end..end);
        self.partial.groups.lock().expect("no code that holds this lock panics").insert(run);
    }
}

impl Keep for Sink<'_> {
    fn group(&mut self, group: u64, bytes: &[u8]) -> io::Result<()> {
        Writer(&self.partial.data).write_all_at(group * GROUP_BYTES, bytes)?;
        if group != self.run.end {
            self.flush();
            self.run = group..group;
        }
        self.run.end = group + 1;
        Ok(())
    }
}

#[cfg(test)]
mod tests;
