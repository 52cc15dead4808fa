//! Reads what can be read of a damaged ledger, from a copy.

use std::collections::BTreeMap;
use std::fs::File;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;

use redb::backends::FileBackend;
use redb::{ReadableDatabase, ReadableTable};

use super::database::RECORDS;
use super::record;

/// What was found.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Salvaged {
    /// Whole records by key.
    pub(super) records: BTreeMap<Vec<u8>, Vec<u8>>,
    /// Records that are there and not whole; more may be where nothing could be read.
    pub(super) broken: u64,
}

/// In the file's header (redb's format 3): flags, and among them that the last writer did not close it.
const FLAGS_AT: usize = 9;
const UNCLEAN: u8 = 2;

/// Reads from both ends towards the damage. `copy` is a copy of the ledger and is changed.
pub(super) fn salvage(copy: &Path) -> io::Result<Salvaged> {
    let mut bytes = std::fs::read(copy)?;
    if let Some(flags) = bytes.get_mut(FLAGS_AT) {
        *flags &= !UNCLEAN;
    }
    std::fs::write(copy, bytes)?;
    let mut salvaged = Salvaged::default();
    for backwards in [false, true] {
        let file = File::open(copy)?;
        // Damage may make the library panic in the middle; what was read before that is kept.
        let walked = catch_unwind(AssertUnwindSafe(|| walk(file, backwards, &mut salvaged)));
        tracing::debug!(panicked = walked.is_err(), backwards, "walked through a damaged ledger");
    }
    Ok(salvaged)
}

fn walk(file: File, backwards: bool, salvaged: &mut Salvaged) -> Option<()> {
    let backend = FileBackend::new(file).ok()?;
    // A reader beside a writer asks the least of a file.
    let mut builder = redb::Builder::new();
    builder.set_concurrency_mode(redb::ConcurrencyMode::SingleWriter);
    let db = builder.open_read_only_with_backend(backend).ok()?;
    let reading = db.begin_read().ok()?;
    let table = reading.open_table(RECORDS).ok()?;
    let mut rows = table.iter().ok()?;
    loop {
        let row = if backwards { rows.next_back() } else { rows.next() };
        let (key, value) = row?.ok()?;
        let (key, value) = (key.value(), value.value());
        if record::body(key, value).is_ok() {
            salvaged.records.insert(key.to_vec(), value.to_vec());
        } else if !backwards {
            salvaged.broken += 1;
        }
    }
}
