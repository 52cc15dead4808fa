//! What a node keeps: its identity, the roster, invitations, jobs, settings. One writer thread
//! applies each change as one batch and acknowledges it only once it is on the disk.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use pumasi_protocol::roster::{EntryHash, SignedEntry};
use pumasi_protocol::{BlobId, MeshId, NodeId};

mod audit;
mod conversation;
mod copies;
mod database;
mod disk;
mod export;
mod file;
mod identity;
mod invitation;
mod job;
mod key;
mod limits;
mod lock;
mod offline;
mod opening;
mod record;
mod retention;
mod salvage;
mod space;
mod usage;
mod writer;

pub use audit::{Act, AuditRecord, JobNote, Outcome};
pub use conversation::ConversationRefusal;
pub use invitation::{Invitation, RedeemError, Redeemed, invitation_id};
pub use job::{JobRecord, RepeatKey};
pub use offline::{Exported, Imported, Offline, Report};
pub use retention::Keep;

use database::{Batch, Changing, Database};
use file::Files;
use lock::Lock;
use record::Table;
use writer::Writer;

/// Why the store cannot be opened, read or written.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StoreError {
    /// Another process has the data directory.
    #[error("another Pumasi (process {pid}) uses {}: stop it, or choose another --data-dir", .dir.display())]
    InUse {
        /// The other process; 0 if it cannot be told.
        pid: u32,
        /// The data directory.
        dir: PathBuf,
    },
    /// The system refused to read or write.
    #[error("{} cannot be read or written: {kind}", .path.display())]
    Io {
        /// What was read or written.
        path: PathBuf,
        /// What the system said.
        kind: std::io::ErrorKind,
    },
    /// The database, or a record in it, is damaged. It is left as it is.
    #[error(
        "{} is damaged and was left as it is: `pumasi ledger check` says what can be read, \
         `pumasi ledger export FILE` saves that, `pumasi ledger restore` goes back to the newest \
         daily copy", .path.display()
    )]
    Damaged {
        /// What is damaged.
        path: PathBuf,
    },
    /// There is no ledger, though this install once had one.
    #[error(
        "the ledger in {} is gone: `pumasi ledger restore` goes back to the newest daily copy; to \
         begin anew, move the file identity.key away too (this computer then has to join its mesh \
         again)", .path.display()
    )]
    Missing {
        /// Where it was.
        path: PathBuf,
    },
    /// A record has a layout that this program does not know.
    #[error(
        "{} was written by a newer Pumasi and was left as it is: use that version, or a later one",
        .path.display()
    )]
    Newer {
        /// What cannot be read.
        path: PathBuf,
    },
    /// A record above what the database keeps safely.
    #[error("a record of {bytes} bytes is too large for the store")]
    TooLarge {
        /// Its size.
        bytes: usize,
    },
    /// Not an export of a ledger, or not a whole one.
    #[error("{} is not a whole export of a ledger: nothing was changed", .path.display())]
    NotAnExport {
        /// Which file.
        path: PathBuf,
    },
    /// No further ledger can be moved aside.
    #[error("{} holds too many ledgers named store.before-…: remove some", .dir.display())]
    TooManyAside {
        /// The data directory.
        dir: PathBuf,
    },
    /// The disk is full. What was stored before stands; a later write may find space.
    #[error("the disk of this computer is full: free some space")]
    Full,
    /// A write or sync failed before; nothing can be trusted to last, so nothing is written any more.
    #[error(
        "the disk refused a write, so nothing more is stored: free or repair it and start again"
    )]
    Stopped,
    /// The system gave no random bytes for a new identity.
    #[error("the system gives no random numbers, so no identity can be made")]
    Random,
}

impl StoreError {
    fn io(path: &Path, error: &std::io::Error) -> Self {
        let kind = error.kind();
        if matches!(kind, ErrorKind::StorageFull | ErrorKind::QuotaExceeded) {
            return Self::Full;
        }
        Self::Io { path: path.to_owned(), kind }
    }
}

/// What a node keeps. Cheap to clone; the last one that is dropped closes it.
#[derive(Clone)]
pub struct Store {
    inner: Arc<Inner>,
}

struct Inner {
    // Dropped in this order: the writer ends first, then the files close, the lock goes last.
    writer: Writer,
    database: Database,
    files: Arc<Files>,
    audit: Arc<audit::Next>,
    shelf: Arc<conversation::Shelf>,
    dir: PathBuf,
    seed: [u8; 32],
    incarnation: u64,
    is_older_copy: bool,
    _lock: Lock,
}

impl std::fmt::Debug for Store {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Store").finish_non_exhaustive()
    }
}

/// Key of the mesh id.
const MESH: &[u8] = b"mesh";
/// Key of the last start's number.
const INCARNATION: &[u8] = b"incarnation";

impl Store {
    /// Opens, or begins, the store of a data directory. `now_ms` is the Unix time in milliseconds.
    /// Blocks for the time of some file operations.
    ///
    /// # Errors
    /// When another process has it, or it is damaged; see [`StoreError`].
    pub fn open(data_dir: &Path, now_ms: u64) -> Result<Self, StoreError> {
        create_private_dir(data_dir).map_err(|error| StoreError::io(data_dir, &error))?;
        let lock = Lock::take(data_dir)?;
        let seed = identity::load(data_dir)?;
        let database = Database::open(&data_dir.join("store"), seed.is_none())?;
        let seed = seed.map_or_else(|| identity::create(data_dir), Ok)?;
        let jobs = database.scan::<JobRecord>(Table::Job)?;
        let (shelf, texts) = conversation::Shelf::restore(&database)?;
        let named = jobs.iter().flat_map(|(_, record)| record.files()).chain(texts);
        let files = Arc::new(Files::open(&data_dir.join("files"), named)?);
        let last: Option<u64> = database.read(Table::Node, INCARNATION)?;
        let (last, beside) = (last.unwrap_or_default(), identity::last_start(data_dir));
        let is_older_copy = beside > last;
        let last = last.max(beside);
        let incarnation = now_ms.max(last.saturating_add(1));
        identity::keep_start(data_dir, incarnation)?;
        database.change(|changing| {
            let mut batch = Batch::default();
            batch.put(Table::Node, INCARNATION, &incarnation)?;
            changing.apply(batch)
        })?;
        let audit = audit::Next::restore(&database)?;
        let writer = Writer::start(database.clone());
        let dir = data_dir.to_owned();
        let inner = Inner {
            writer,
            database,
            files,
            audit,
            shelf,
            dir,
            seed,
            incarnation,
            is_older_copy,
            _lock: lock,
        };
        Ok(Self { inner: Arc::new(inner) })
    }

    /// The secret seed of this node's key.
    #[must_use]
    pub fn identity_seed(&self) -> [u8; 32] {
        self.inner.seed
    }

    /// This start's number: above that of every start before.
    #[must_use]
    pub fn incarnation(&self) -> u64 {
        self.inner.incarnation
    }

    /// Whether the ledger is from before the last start: an older copy was put back (or a power cut
    /// fell between two syncs of that start). What this node promised since, it has forgotten.
    #[must_use]
    pub fn is_older_copy(&self) -> bool {
        self.inner.is_older_copy
    }

    /// The mesh and all its entries that are kept; `None` while this node belongs to none.
    ///
    /// # Errors
    /// When a record is damaged.
    pub fn roster(&self) -> Result<Option<(MeshId, Vec<SignedEntry>)>, StoreError> {
        let Some(mesh) = self.inner.database.read(Table::Node, MESH)? else { return Ok(None) };
        let rows = self.inner.database.scan::<SignedEntry>(Table::Roster)?;
        Ok(Some((mesh, rows.into_iter().map(|(_, entry)| entry).collect())))
    }

    /// Keeps roster entries of this node's mesh.
    ///
    /// # Errors
    /// When the disk refuses.
    pub async fn add_roster(
        &self,
        mesh: MeshId,
        entries: Vec<SignedEntry>,
    ) -> Result<(), StoreError> {
        let mut batch = Batch::default();
        batch.put(Table::Node, MESH, &mesh)?;
        for entry in &entries {
            batch.put(Table::Roster, &entry.hash(), entry)?;
        }
        self.inner.writer.apply(move |_| Ok(((), batch))).await?
    }

    /// Keeps an invitation.
    ///
    /// # Errors
    /// When the disk refuses.
    pub async fn add_invitation(
        &self,
        id: EntryHash,
        invitation: Invitation,
    ) -> Result<(), StoreError> {
        let mut batch = Batch::default();
        batch.put(Table::Invitation, &id, &invitation)?;
        self.inner.writer.apply(move |_| Ok(((), batch))).await?
    }

    /// The invitations that are kept, spent and expired ones included.
    ///
    /// # Errors
    /// When a record is damaged.
    pub fn invitations(&self) -> Result<Vec<(EntryHash, Invitation)>, StoreError> {
        let rows = self.inner.database.scan(Table::Invitation)?;
        let named = |(key, invitation): (Vec<u8>, _)| Some((key.try_into().ok()?, invitation));
        Ok(rows.into_iter().filter_map(named).collect())
    }

    /// Forgets invitations: nobody is let in with them any more.
    ///
    /// # Errors
    /// When the disk refuses.
    pub async fn forget_invitations(&self, ids: Vec<EntryHash>) -> Result<(), StoreError> {
        let mut batch = Batch::default();
        ids.iter().for_each(|id| batch.remove(Table::Invitation, id));
        self.inner.writer.apply(move |_| Ok(((), batch))).await?
    }

    /// Checks an invitation, spends one of its uses and keeps the entry that `admit` signs, all in
    /// one batch. A node that redeemed it before spends nothing and gets no new entry.
    ///
    /// # Errors
    /// Why it is not worth an admission, or what `admit` refused.
    pub async fn redeem<E, F>(
        &self,
        id: EntryHash,
        node: NodeId,
        now_s: u64,
        admit: F,
    ) -> Result<Redeemed, RedeemError<E>>
    where
        E: Send + 'static,
        F: FnOnce(&Invitation) -> Result<SignedEntry, E> + Send + 'static,
    {
        let checked =
            move |ledger: &Changing<'_>| invitation::redeem(ledger, &id, node, now_s, admit);
        self.inner.writer.apply(checked).await.map_err(RedeemError::Store)?
    }

    /// A setting that was changed at run time.
    ///
    /// # Errors
    /// When the record is damaged.
    pub fn setting(&self, name: &str) -> Result<Option<String>, StoreError> {
        self.inner.database.read(Table::Setting, name.as_bytes())
    }

    /// Keeps a setting; `None` forgets it.
    ///
    /// # Errors
    /// When the disk refuses.
    pub async fn set_setting(&self, name: &str, value: Option<String>) -> Result<(), StoreError> {
        let mut batch = Batch::default();
        match value {
            Some(value) => batch.put(Table::Setting, name.as_bytes(), &value)?,
            None => batch.remove(Table::Setting, name.as_bytes()),
        }
        self.inner.writer.apply(move |_| Ok(((), batch))).await?
    }

    /// Keeps bytes as a file named by its hash; on the disk when this returns. It stays until a job's
    /// record has named it and none does any more, or until it is given up. Blocks.
    ///
    /// # Errors
    /// When the disk refuses.
    pub fn put_file(&self, bytes: &[u8]) -> Result<BlobId, StoreError> {
        self.inner.files.put(bytes)
    }

    /// Gives up a file that was put for a record that will not come. Blocks for a moment.
    pub fn give_up_file(&self, id: BlobId) {
        self.inner.files.give_up(id);
    }

    /// A kept file to read from, with its size; the reader checks its bytes. Blocks.
    ///
    /// # Errors
    /// When it cannot be opened.
    pub fn open_file(&self, id: BlobId) -> Result<Option<(std::fs::File, u64)>, StoreError> {
        self.inner.files.open_one(id)
    }

    /// The bytes of a kept file, checked against its name; `None` if there is none. Blocks.
    ///
    /// # Errors
    /// When it is damaged or cannot be read.
    pub fn file(&self, id: BlobId) -> Result<Option<Vec<u8>>, StoreError> {
        self.inner.files.read(id)
    }
}

/// Creates a directory that only this user may enter.
fn create_private_dir(dir: &Path) -> std::io::Result<()> {
    let mut builder = std::fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(dir)
}

/// Makes the names in a directory last.
fn sync_dir(dir: &Path) -> std::io::Result<()> {
    // Windows has no such call and needs none: its file systems journal names.
    if cfg!(unix) { std::fs::File::open(dir)?.sync_all() } else { Ok(()) }
}

#[cfg(test)]
mod tests;
