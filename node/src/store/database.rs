//! One table of keys and checksummed records, in redb, which only this folder names. Opening recovers, and
//! recovering writes, so after an unclean end a copy is opened and verified first, page by page.
//! Commits are two-phase: the newest state is never guessed from two, so damage is not taken for a
//! commit that was cut off.

use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};

use redb::{ReadableDatabase, ReadableTable};

use super::disk::Trouble;
use super::opening::{CLEAN, LEDGER, begin, copy_of, file_hash, mark_clean, open_file, remove_dir};
use super::record::{self, Record, Table, Unreadable};
use super::{StoreError, create_private_dir, sync_dir};

pub(super) const RECORDS: redb::TableDefinition<'static, &[u8], &[u8]> =
    redb::TableDefinition::new("records");

/// A key, and the record as it is stored.
pub(super) type Row = (Vec<u8>, Vec<u8>);

/// Changes that are made together or not at all.
#[derive(Default)]
pub(super) struct Batch {
    changes: Vec<(Vec<u8>, Option<Vec<u8>>)>,
}

impl Batch {
    pub(super) fn put<T: Record>(
        &mut self,
        table: Table,
        key: &[u8],
        value: &T,
    ) -> Result<(), StoreError> {
        let key = table.key(key);
        let record = record::encode(&key, value).map_err(|bytes| StoreError::TooLarge { bytes })?;
        self.changes.push((key, Some(record)));
        Ok(())
    }

    /// A record as it was read elsewhere.
    pub(super) fn put_raw(&mut self, key: Vec<u8>, record: Vec<u8>) {
        self.changes.push((key, Some(record)));
    }

    pub(super) fn remove(&mut self, table: Table, key: &[u8]) {
        self.changes.push((table.key(key), None));
    }
}

/// An open database. Cheap to clone; closed cleanly when the last one is dropped.
#[derive(Clone)]
pub(super) struct Database {
    open: Arc<Open>,
}

struct Open {
    /// Taken out when dropped, and for a moment when a full disk has made it useless.
    db: RwLock<Option<redb::Database>>,
    trouble: Arc<Trouble>,
    path: PathBuf,
}

/// One change after the other, each seeing those before it; together they last or they do not.
pub(super) struct Changing<'a> {
    table: redb::Table<'a, &'static [u8], &'static [u8]>,
    path: &'a Path,
}

impl Changing<'_> {
    pub(super) fn read<T: Record>(
        &self,
        table: Table,
        key: &[u8],
    ) -> Result<Option<T>, StoreError> {
        let key = table.key(key);
        let found = self.table.get(key.as_slice()).map_err(|_| damaged(self.path))?;
        found.map(|value| decode(self.path, &key, value.value())).transpose()
    }

    /// The records whose keys begin so.
    pub(super) fn below<T: Record>(
        &self,
        table: Table,
        prefix: &[u8],
    ) -> Result<Vec<(Vec<u8>, T)>, StoreError> {
        rows_of(&self.table, self.path, table.below(prefix))
    }

    pub(super) fn apply(&mut self, batch: Batch) -> Result<(), StoreError> {
        for (key, value) in batch.changes {
            let done = match value {
                Some(value) => self.table.insert(key.as_slice(), value.as_slice()).map(drop),
                None => self.table.remove(key.as_slice()).map(drop),
            };
            done.map_err(|_| StoreError::Stopped)?;
        }
        Ok(())
    }
}

impl Database {
    /// Opens the ledger, or begins one where `may_begin` says that there was none.
    pub(super) fn open(path: &Path, may_begin: bool) -> Result<Self, StoreError> {
        let io = |error: std::io::Error| StoreError::io(path, &error);
        let parent = path.parent().expect("the store lies in the data directory");
        let (ledger, clean) = (path.join(LEDGER), path.join(CLEAN));
        create_private_dir(path).map_err(io)?;
        sync_dir(parent).map_err(io)?;
        if !ledger.try_exists().map_err(io)? {
            if !may_begin {
                return Err(StoreError::Missing { path: path.to_owned() });
            }
            begin(path)?;
        } else {
            match std::fs::read(&clean) {
                Ok(hash) if hash == file_hash(&ledger).map_err(io)? => {}
                Ok(_) => return Err(damaged(path)),
                Err(_) => {
                    verify_copy(path)?;
                    remove_dir(&copy_of(path)).map_err(io)?;
                }
            }
        }
        match std::fs::remove_file(&clean) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(io(error)),
            Ok(()) | Err(_) => sync_dir(path).map_err(io)?,
        }
        let trouble = Arc::new(Trouble::default());
        let db = open_file(&ledger, &trouble, false)?;
        let open = Open { db: RwLock::new(Some(db)), trouble, path: path.to_owned() };
        let database = Self { open: Arc::new(open) };
        database.verify()?;
        Ok(database)
    }

    /// All rows of a ledger that is not open, read from a copy. Where the ledger is damaged, the copy
    /// stays, in the folder that [`copy_of`] names.
    pub(super) fn rows_of_closed(path: &Path) -> Result<Vec<Row>, StoreError> {
        let io = |error: std::io::Error| StoreError::io(path, &error);
        if !path.join(LEDGER).try_exists().map_err(io)? {
            return Err(StoreError::Missing { path: path.to_owned() });
        }
        let changed = match std::fs::read(path.join(CLEAN)) {
            Ok(hash) => hash != file_hash(&path.join(LEDGER)).map_err(io)?,
            Err(_) => false,
        };
        let rows = verify_copy(path)?;
        if changed {
            return Err(damaged(path));
        }
        remove_dir(&copy_of(path)).map_err(io)?;
        Ok(rows)
    }

    /// What befell the disk since the start.
    #[cfg(test)]
    pub(super) fn trouble(&self) -> &Arc<Trouble> {
        &self.open.trouble
    }

    fn with<R>(
        &self,
        work: impl FnOnce(&redb::Database) -> Result<R, StoreError>,
    ) -> Result<R, StoreError> {
        let db = self.open.db.read().unwrap_or_else(PoisonError::into_inner);
        work(db.as_ref().ok_or(StoreError::Stopped)?)
    }

    fn with_rows<R>(
        &self,
        work: impl FnOnce(
            &redb::ReadOnlyTable<&'static [u8], &'static [u8]>,
            &Path,
        ) -> Result<R, StoreError>,
    ) -> Result<R, StoreError> {
        let path = &self.open.path;
        self.with(|db| {
            let reading = db.begin_read().map_err(|_| damaged(path))?;
            let table = reading.open_table(RECORDS).map_err(|_| damaged(path))?;
            work(&table, path)
        })
    }

    /// Whether every record is whole.
    fn verify(&self) -> Result<(), StoreError> {
        self.with_rows(|table, path| {
            for row in table.iter().map_err(|_| damaged(path))? {
                let (key, value) = row.map_err(|_| damaged(path))?;
                record::body(key.value(), value.value()).map_err(|why| unreadable(path, why))?;
            }
            Ok(())
        })
    }

    pub(super) fn read<T: Record>(
        &self,
        table: Table,
        key: &[u8],
    ) -> Result<Option<T>, StoreError> {
        let key = table.key(key);
        self.with_rows(|rows, path| {
            let found = rows.get(key.as_slice()).map_err(|_| damaged(path))?;
            found.map(|value| decode(path, &key, value.value())).transpose()
        })
    }

    /// Shows the records whose keys begin so, one after the other, in the order of their keys.
    pub(super) fn visit<T: Record>(
        &self,
        table: Table,
        prefix: &[u8],
        mut see: impl FnMut(&[u8], T),
    ) -> Result<(), StoreError> {
        self.with_rows(|rows, path| {
            each(rows, path, table.below(prefix), |key, value| see(&key[1..], value))
        })
    }

    /// All records of a table, in the order of their keys.
    pub(super) fn scan<T: Record>(&self, table: Table) -> Result<Vec<(Vec<u8>, T)>, StoreError> {
        self.with_rows(|rows, path| scan(rows, path, table))
    }

    /// The records from one key of a table to below another.
    pub(super) fn between<T: Record>(
        &self,
        table: Table,
        from: &[u8],
        below: &[u8],
    ) -> Result<Vec<(Vec<u8>, T)>, StoreError> {
        let range = (table.key(from), table.key(below));
        self.with_rows(|rows, path| rows_of(rows, path, range))
    }

    /// The records with the highest keys, highest first.
    pub(super) fn newest<T: Record>(
        &self,
        table: Table,
        at_most: usize,
    ) -> Result<Vec<T>, StoreError> {
        self.with_rows(|rows, path| {
            let (from, to) = table.range();
            let range = rows.range(from.as_slice()..to.as_slice()).map_err(|_| damaged(path))?;
            let newest = range.rev().take(at_most);
            let decoded = newest.map(|row| {
                let (key, value) = row.map_err(|_| damaged(path))?;
                decode(path, key.value(), value.value())
            });
            decoded.collect()
        })
    }

    /// All rows as they lie there, in the order of their keys.
    pub(super) fn rows(&self) -> Result<Vec<Row>, StoreError> {
        self.with_rows(|rows, path| {
            let rows = rows.iter().map_err(|_| damaged(path))?;
            let owned = rows.map(|row| {
                let (key, value) = row.map_err(|_| damaged(path))?;
                Ok((key.value().to_vec(), value.value().to_vec()))
            });
            owned.collect()
        })
    }

    /// Makes changes; they are on the disk when this returns.
    pub(super) fn change<R>(
        &self,
        work: impl FnOnce(&mut Changing<'_>) -> Result<R, StoreError>,
    ) -> Result<R, StoreError> {
        self.reopen_if_it_was_full()?;
        let path = &self.open.path;
        self.with(|db| {
            let mut writing = db.begin_write().map_err(|_| self.refused())?;
            writing.set_two_phase_commit(true);
            let result = {
                let table = writing.open_table(RECORDS).map_err(|_| self.refused())?;
                let mut changing = Changing { table, path };
                let done = work(&mut changing);
                done.map_err(|e| if e == StoreError::Stopped { self.refused() } else { e })?
            };
            writing.commit().map_err(|_| self.refused())?;
            Ok(result)
        })
    }

    /// Why a change was refused.
    fn refused(&self) -> StoreError {
        if self.open.trouble.is_only_full() { StoreError::Full } else { StoreError::Stopped }
    }

    /// A write that the full disk refused was never synced, so what was acknowledged is as it was:
    /// recovering reads it again. After a failed sync nothing is known, and nothing is opened again.
    fn reopen_if_it_was_full(&self) -> Result<(), StoreError> {
        let trouble = &self.open.trouble;
        if !trouble.any() {
            return Ok(());
        }
        if !trouble.is_only_full() {
            return Err(StoreError::Stopped);
        }
        let mut db = self.open.db.write().unwrap_or_else(PoisonError::into_inner);
        drop(db.take());
        trouble.forget();
        match open_file(&self.open.path.join(LEDGER), trouble, true) {
            Ok(opened) => *db = Some(opened),
            Err(error) if trouble.is_only_full() => {
                // Reading goes on as soon as a later change finds space.
                tracing::debug!(%error, "the disk is still full");
                return Err(StoreError::Full);
            }
            Err(error) => {
                trouble.lasting();
                return Err(error);
            }
        }
        drop(db);
        self.verify()
    }
}

pub(super) fn damaged(path: &Path) -> StoreError {
    StoreError::Damaged { path: path.to_owned() }
}

fn unreadable(path: &Path, why: Unreadable) -> StoreError {
    match why {
        Unreadable::Damaged => damaged(path),
        Unreadable::Unknown => StoreError::Newer { path: path.to_owned() },
    }
}

fn decode<T: Record>(path: &Path, key: &[u8], value: &[u8]) -> Result<T, StoreError> {
    record::decode(key, value).map_err(|why| unreadable(path, why))
}

fn scan<T: Record>(
    rows: &impl ReadableTable<&'static [u8], &'static [u8]>,
    path: &Path,
    table: Table,
) -> Result<Vec<(Vec<u8>, T)>, StoreError> {
    rows_of(rows, path, table.range())
}

fn rows_of<T: Record>(
    rows: &impl ReadableTable<&'static [u8], &'static [u8]>,
    path: &Path,
    range: (Vec<u8>, Vec<u8>),
) -> Result<Vec<(Vec<u8>, T)>, StoreError> {
    let mut decoded = Vec::new();
    each(rows, path, range, |key, value| decoded.push((key[1..].to_vec(), value)))?;
    Ok(decoded)
}

fn each<T: Record>(
    rows: &impl ReadableTable<&'static [u8], &'static [u8]>,
    path: &Path,
    (from, to): (Vec<u8>, Vec<u8>),
    mut see: impl FnMut(&[u8], T),
) -> Result<(), StoreError> {
    for row in rows.range(from.as_slice()..to.as_slice()).map_err(|_| damaged(path))? {
        let (key, value) = row.map_err(|_| damaged(path))?;
        see(key.value(), decode(path, key.value(), value.value())?);
    }
    Ok(())
}

impl Drop for Open {
    fn drop(&mut self) {
        let db = self.db.get_mut().unwrap_or_else(PoisonError::into_inner).take();
        drop(db);
        // The marker is written last: without it, the next start verifies a copy.
        if !self.trouble.any() && mark_clean(&self.path).is_err() {
            tracing::debug!("the store could not be marked as closed cleanly");
        }
    }
}

/// Opens a copy of the database and verifies it, so that a damaged one is not touched. The copy is
/// left for whoever wants to look at it.
fn verify_copy(path: &Path) -> Result<Vec<Row>, StoreError> {
    let copy = copy_of(path);
    let io = |error: std::io::Error| StoreError::io(&copy, &error);
    remove_dir(&copy).map_err(io)?;
    create_private_dir(&copy).map_err(io)?;
    let file = copy.join(LEDGER);
    std::fs::copy(path.join(LEDGER), &file).map_err(io)?;
    let named = |error| {
        let is_damage = matches!(error, StoreError::Damaged { .. });
        if is_damage { damaged(path) } else { error }
    };
    let trouble = Arc::new(Trouble::default());
    let db = open_file(&file, &trouble, true).map_err(named)?;
    // It is never marked as closed cleanly.
    trouble.lasting();
    let open = Open { db: RwLock::new(Some(db)), trouble, path: path.to_owned() };
    let database = Database { open: Arc::new(open) };
    database.verify()?;
    database.rows()
}
