//! The file under the database, as the database sees it; remembers what befell it. A write that a full
//! disk refused can be tried again later. A failed sync cannot: what the system did with the pages is
//! unknown.

use std::fs::File;
use std::io::{self, ErrorKind};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use redb::StorageBackend;
use redb::backends::FileBackend;

/// What befell a disk.
#[derive(Debug, Default)]
pub(super) struct Trouble {
    full: AtomicBool,
    lasting: AtomicBool,
    #[cfg(test)]
    syncs: std::sync::atomic::AtomicU64,
    #[cfg(test)]
    pub(super) fault: std::sync::Mutex<Option<Fault>>,
}

/// What a test lets the disk do.
#[cfg(test)]
#[derive(Debug, Clone)]
pub(super) enum Fault {
    /// No write finds space.
    Full,
    /// Syncs fail.
    Sync,
    /// Writes fail, and not for want of space.
    Write,
    /// A sync says that it has begun, and waits until it is told to go on.
    Slow(std::sync::mpsc::Sender<()>, Arc<std::sync::Mutex<std::sync::mpsc::Receiver<()>>>),
}

impl Trouble {
    pub(super) fn any(&self) -> bool {
        self.full.load(Ordering::Acquire) || self.lasting.load(Ordering::Acquire)
    }

    /// Whether space would help.
    pub(super) fn is_only_full(&self) -> bool {
        self.full.load(Ordering::Acquire) && !self.lasting.load(Ordering::Acquire)
    }

    /// From here on nothing is written.
    pub(super) fn lasting(&self) {
        self.lasting.store(true, Ordering::Release);
    }

    /// There may be space again.
    pub(super) fn forget(&self) {
        self.full.store(false, Ordering::Release);
    }

    /// Syncs of the database's file so far.
    #[cfg(test)]
    pub(super) fn syncs(&self) -> u64 {
        self.syncs.load(Ordering::Relaxed)
    }

    fn note(&self, error: io::Error) -> io::Error {
        if matches!(error.kind(), ErrorKind::StorageFull | ErrorKind::QuotaExceeded) {
            self.full.store(true, Ordering::Release);
        } else {
            self.lasting();
        }
        error
    }
}

/// A file that reports to a [`Trouble`].
#[derive(Debug)]
pub(super) struct Disk {
    file: FileBackend,
    trouble: Arc<Trouble>,
}

impl Disk {
    pub(super) fn open(path: &Path, trouble: Arc<Trouble>) -> io::Result<Self> {
        let file =
            File::options().read(true).write(true).create(true).truncate(false).open(path)?;
        let file = FileBackend::new(file).map_err(io::Error::other)?;
        Ok(Self { file, trouble })
    }

    #[cfg(test)]
    fn fault(&self) -> Option<Fault> {
        self.trouble.fault.lock().expect("nobody panicked").clone()
    }

    #[cfg(test)]
    fn before_write(&self) -> io::Result<()> {
        match self.fault() {
            Some(Fault::Full) => Err(ErrorKind::StorageFull.into()),
            Some(Fault::Write) => Err(io::Error::other("a broken disk")),
            Some(Fault::Sync | Fault::Slow(..)) | None => Ok(()),
        }
    }

    #[cfg(test)]
    fn before_sync(&self) -> io::Result<()> {
        self.trouble.syncs.fetch_add(1, Ordering::Relaxed);
        match self.fault() {
            Some(Fault::Sync) => Err(io::Error::other("a broken disk")),
            Some(Fault::Slow(begun, go_on)) => {
                let _ = begun.send(());
                let _ = go_on.lock().expect("nobody panicked").recv();
                Ok(())
            }
            Some(Fault::Full | Fault::Write) | None => Ok(()),
        }
    }

    #[cfg(not(test))]
    #[expect(clippy::unused_self, clippy::unnecessary_wraps, reason = "as in tests")]
    fn before_write(&self) -> io::Result<()> {
        Ok(())
    }

    #[cfg(not(test))]
    #[expect(clippy::unused_self, clippy::unnecessary_wraps, reason = "as in tests")]
    fn before_sync(&self) -> io::Result<()> {
        Ok(())
    }
}

impl StorageBackend for Disk {
    fn len(&self) -> io::Result<u64> {
        self.file.len()
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        self.file.read(offset, out)
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        let done = self.before_write().and_then(|()| self.file.set_len(len));
        done.map_err(|error| self.trouble.note(error))
    }

    fn sync_data(&self) -> io::Result<()> {
        let done = self.before_sync().and_then(|()| self.file.sync_data());
        done.inspect_err(|_| self.trouble.lasting())
    }

    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        let done = self.before_write().and_then(|()| self.file.write(offset, data));
        done.map_err(|error| self.trouble.note(error))
    }

    fn close(&self) -> io::Result<()> {
        self.file.close()
    }
}
