//! An export of the ledger: one file that any later version can read, checked as a whole before a byte
//! of it is used.
//!
//! It is the line `pumasi-ledger 1`, then sections: kind (1 byte), length (8, little endian), bytes.
//! Kind 1, first: a JSON object that says when, and how many sections follow. Kind 2: a record: length of
//! its key (2), key, and the record as it is stored, with its own version and checksum. Kind 3: a kept
//! file: its BLAKE3 hash (32) and its bytes. Kind 255, last: the BLAKE3 hash of all that is before it.

use std::fs::{File, OpenOptions};
use std::io::{BufReader, BufWriter, ErrorKind, Read, Write};
use std::path::Path;

use pumasi_protocol::BlobId;
use serde::{Deserialize, Serialize};

use super::limits::{EXPORT_HEAD_BYTES, EXPORTED_FILE_BYTES};
use super::record::RECORD_BYTES;
use super::{StoreError, sync_dir};

const FIRST_LINE: &[u8] = b"pumasi-ledger 1\n";
const HEAD: u8 = 1;
const RECORD: u8 = 2;
const FILE: u8 = 3;
const END: u8 = 255;

/// What an export says of itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct ExportHead {
    /// When it was made, Unix time in milliseconds on its maker's clock.
    pub(super) written_ms: u64,
    /// Records in it.
    pub(super) records: u64,
    /// Kept files in it.
    pub(super) files: u64,
}

/// Writes an export; it has its name only once it is whole and on the disk.
pub(super) fn write(
    to: &Path,
    written_ms: u64,
    records: &[(Vec<u8>, Vec<u8>)],
    files: &[BlobId],
    read: impl Fn(BlobId) -> Result<Option<Vec<u8>>, StoreError>,
) -> Result<ExportHead, StoreError> {
    let new = to.with_added_extension("new");
    let io = |error: std::io::Error| StoreError::io(to, &error);
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(true);
    // It holds what people asked.
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let file = BufWriter::new(options.open(&new).map_err(io)?);
    let mut out = Hashed { inner: file, hasher: blake3::Hasher::new() };
    let count = |n: usize| u64::try_from(n).unwrap_or(u64::MAX);
    let head = ExportHead { written_ms, records: count(records.len()), files: count(files.len()) };
    let json = serde_json::to_vec(&head).expect("plain numbers");
    out.write_all(FIRST_LINE).and_then(|()| out.section(HEAD, &[&json])).map_err(io)?;
    for (key, record) in records {
        let length = u16::try_from(key.len()).expect("keys are short").to_le_bytes();
        out.section(RECORD, &[&length, key, record]).map_err(io)?;
    }
    for id in files {
        let bytes = read(*id)?.ok_or_else(|| StoreError::Damaged { path: to.to_owned() })?;
        out.section(FILE, &[&id.0, &bytes]).map_err(io)?;
    }
    let hash = *out.hasher.finalize().as_bytes();
    out.section(END, &[&hash]).map_err(io)?;
    let file = out.inner.into_inner().map_err(|error| io(error.into_error()))?;
    file.sync_all().and_then(|()| std::fs::rename(&new, to)).map_err(io)?;
    let folder = to.parent().filter(|folder| !folder.as_os_str().is_empty());
    sync_dir(folder.unwrap_or(Path::new("."))).map_err(io)?;
    Ok(head)
}

struct Hashed<W> {
    inner: W,
    hasher: blake3::Hasher,
}

impl<W: Write> Hashed<W> {
    fn section(&mut self, kind: u8, parts: &[&[u8]]) -> std::io::Result<()> {
        let length: usize = parts.iter().map(|part| part.len()).sum();
        self.write_all(&[kind])?;
        self.write_all(&(length as u64).to_le_bytes())?;
        parts.iter().try_for_each(|part| self.write_all(part))
    }
}

impl<W: Write> Write for Hashed<W> {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        let written = self.inner.write(bytes)?;
        self.hasher.update(&bytes[..written]);
        Ok(written)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        self.inner.flush()
    }
}

/// A part of an export.
pub(super) enum Section {
    Record(Vec<u8>, Vec<u8>),
    File(BlobId, Vec<u8>),
}

/// Reads an export that [`verify`] has found whole, or is just verifying.
pub(super) fn read(
    from: &Path,
    mut take: impl FnMut(Section) -> Result<(), StoreError>,
) -> Result<ExportHead, StoreError> {
    let bad = || StoreError::NotAnExport { path: from.to_owned() };
    let file = File::open(from).map_err(|error| StoreError::io(from, &error))?;
    let mut input = Input { inner: BufReader::new(file), hasher: blake3::Hasher::new(), from };
    if input.bytes(FIRST_LINE.len())? != FIRST_LINE {
        return Err(bad());
    }
    let (HEAD, json, _) = input.section()? else { return Err(bad()) };
    let head: ExportHead = serde_json::from_slice(&json).map_err(|_| bad())?;
    let (mut records, mut files) = (0, 0);
    loop {
        match input.section()? {
            (RECORD, bytes, _) => {
                let (length, rest) = bytes.split_first_chunk().ok_or_else(bad)?;
                let length = usize::from(u16::from_le_bytes(*length));
                let (key, record) = rest.split_at_checked(length).ok_or_else(bad)?;
                records += 1;
                take(Section::Record(key.to_vec(), record.to_vec()))?;
            }
            (FILE, bytes, _) => {
                let (id, bytes) = bytes.split_first_chunk().ok_or_else(bad)?;
                files += 1;
                take(Section::File(BlobId(*id), bytes.to_vec()))?;
            }
            (END, hash, before) => {
                let whole = hash == *before.as_bytes() && input.is_at_its_end()?;
                let counted = (head.records, head.files) == (records, files);
                return if whole && counted { Ok(head) } else { Err(bad()) };
            }
            (_, _, _) => return Err(bad()),
        }
    }
}

/// Whether an export is whole, from its first byte to its last.
pub(super) fn verify(from: &Path) -> Result<ExportHead, StoreError> {
    read(from, |_| Ok(()))
}

struct Input<'a> {
    inner: BufReader<File>,
    hasher: blake3::Hasher,
    from: &'a Path,
}

impl Input<'_> {
    fn bytes(&mut self, length: usize) -> Result<Vec<u8>, StoreError> {
        // Nothing is set aside for a length that the file does not have.
        let mut bytes = Vec::new();
        let read = (&mut self.inner).take(length as u64).read_to_end(&mut bytes);
        read.map_err(|error| StoreError::io(self.from, &error))?;
        if bytes.len() < length {
            return Err(StoreError::NotAnExport { path: self.from.to_owned() });
        }
        self.hasher.update(&bytes);
        Ok(bytes)
    }

    /// Kind and bytes of the next section, and the hash of all that is before it.
    fn section(&mut self) -> Result<(u8, Vec<u8>, blake3::Hash), StoreError> {
        let before = self.hasher.finalize();
        let kind = self.bytes(1)?[0];
        let length = self.bytes(8)?.try_into().expect("eight bytes");
        let most = match kind {
            HEAD => EXPORT_HEAD_BYTES,
            RECORD => 2 * RECORD_BYTES,
            FILE => EXPORTED_FILE_BYTES,
            _ => blake3::OUT_LEN,
        };
        match usize::try_from(u64::from_le_bytes(length)) {
            Ok(length) if length <= most => Ok((kind, self.bytes(length)?, before)),
            Ok(_) | Err(_) => Err(StoreError::NotAnExport { path: self.from.to_owned() }),
        }
    }

    fn is_at_its_end(&mut self) -> Result<bool, StoreError> {
        loop {
            return match self.inner.read(&mut [0]) {
                Ok(read) => Ok(read == 0),
                Err(error) if error.kind() == ErrorKind::Interrupted => continue,
                Err(error) => Err(StoreError::io(self.from, &error)),
            };
        }
    }
}
