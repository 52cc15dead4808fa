//! The first 24 bytes: magic, version, and how many tensors and metadata entries follow.

use std::io::Read;

use crate::limits::{FILE_BYTES_MAX, METADATA_ENTRIES_MAX, TENSORS_MAX};

use super::error::{Counted, FoundFormat, GgufError, Section};
use super::source::Source;

/// Length of the header in bytes.
const HEADER_BYTES: u64 = 24;
/// Least bytes of a metadata entry: key length, one byte of key, type, one byte of value.
const ENTRY_BYTES_LEAST: u64 = 8 + 1 + 4 + 1;
/// Least bytes of a tensor's entry: name length, one byte of name, one dimension, type, offset.
const TENSOR_BYTES_LEAST: u64 = 8 + 1 + 4 + 8 + 4 + 8;

pub(super) struct Header {
    pub(super) version: u32,
    pub(super) tensors: u64,
    pub(super) entries: u64,
}

pub(super) fn read<R: Read>(source: &mut Source<R>, length: u64) -> Result<Header, GgufError> {
    if length > FILE_BYTES_MAX {
        let (what, limit) = (Counted::FileBytes, FILE_BYTES_MAX);
        return Err(GgufError::TooLarge { what, found: length, limit });
    }
    let mut start = [0; 16];
    let known = length.min(start.len() as u64) as usize;
    let start = &mut start[..known];
    source.fill(start)?;
    if !start.starts_with(b"GGUF") {
        return Err(GgufError::NotGguf { found: recognise(start) });
    }
    if length < HEADER_BYTES {
        return Err(GgufError::NotGguf { found: FoundFormat::TooShort });
    }
    let version = supported_version(u32_at(start, 4))?;
    let tensors = u64_at(start, 8);
    let entries = source.u64()?;
    source.section = Section::Metadata;
    let metadata_bytes = counted(Counted::MetadataEntries, entries, METADATA_ENTRIES_MAX)?;
    let tensor_count = counted(Counted::Tensors, tensors, TENSORS_MAX)?;
    source.expect(metadata_bytes * ENTRY_BYTES_LEAST + tensor_count * TENSOR_BYTES_LEAST)?;
    Ok(Header { version, tensors, entries })
}

fn counted(what: Counted, found: u64, limit: u64) -> Result<u64, GgufError> {
    if found > limit {
        return Err(GgufError::TooLarge { what, found, limit });
    }
    Ok(found)
}

fn supported_version(version: u32) -> Result<u32, GgufError> {
    match version {
        2 | 3 => Ok(version),
        // A small number with its bytes reversed.
        swapped if swapped != 0 && swapped & 0xffff == 0 => Err(GgufError::BigEndian),
        version => Err(GgufError::UnsupportedVersion { version }),
    }
}

/// Names the format, so that a person learns which file was picked by mistake.
fn recognise(start: &[u8]) -> FoundFormat {
    const LEGACY: [&[u8]; 4] = [b"lmgg", b"fmgg", b"tjgg", b"algg"];
    const LEGACY_FORWARD: [&[u8]; 4] = [b"GGML", b"ggml", b"ggjt", b"ggmf"];
    if start.is_empty() {
        return FoundFormat::Empty;
    }
    if start.len() < 4 {
        return FoundFormat::TooShort;
    }
    if LEGACY.iter().chain(&LEGACY_FORWARD).any(|magic| start.starts_with(magic)) {
        return FoundFormat::LegacyGgml;
    }
    if start.starts_with(b"PK\x03\x04") {
        return FoundFormat::Zip;
    }
    // Eight bytes of length, then a JSON object.
    if start.len() > 8 && start[8] == b'{' && u64_at(start, 0) < FILE_BYTES_MAX {
        return FoundFormat::Safetensors;
    }
    if start.iter().all(|byte| byte.is_ascii_graphic() || byte.is_ascii_whitespace()) {
        return FoundFormat::Text;
    }
    FoundFormat::Unknown
}

fn u32_at(bytes: &[u8], at: usize) -> u32 {
    u32::from_le_bytes(bytes[at..at + 4].try_into().expect("a slice of four bytes"))
}

fn u64_at(bytes: &[u8], at: usize) -> u64 {
    u64::from_le_bytes(bytes[at..at + 8].try_into().expect("a slice of eight bytes"))
}
