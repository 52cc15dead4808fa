//! Office files (ECMA-376): ZIP archives of XML. Members are read within bounds; macros, links and
//! external entities are never followed.

pub(crate) mod docx;
pub(crate) mod pptx;
pub(crate) mod replace;
mod spans;
pub(crate) mod xlsx;

use std::io::{Cursor, Read};

use pumasi_protocol::document::{DocumentProblem, PartKind};
use quick_xml::Reader;
use quick_xml::events::{BytesStart, Event};
use zip::ZipArchive;

use crate::limits::{MEMBER_BYTES, MEMBERS, UNPACKED_BYTES, XML_DEPTH};
use crate::sink::Parts;

/// Kinds of office files.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Office {
    Docx,
    Pptx,
    Xlsx,
}

/// An open archive, which unpacks no more than an honest file holds.
pub(crate) struct Package {
    archive: ZipArchive<Cursor<Vec<u8>>>,
    unpacked: u64,
}

impl Package {
    pub(crate) fn open(bytes: Vec<u8>) -> Result<Self, DocumentProblem> {
        // An encrypted office file is an OLE file, not an archive.
        let archive = ZipArchive::new(Cursor::new(bytes)).map_err(|_| DocumentProblem::Damaged)?;
        if archive.len() > MEMBERS {
            return Err(DocumentProblem::TooComplex);
        }
        Ok(Self { archive, unpacked: 0 })
    }

    pub(crate) fn names(&self) -> Vec<String> {
        self.archive.file_names().flatten().map(std::borrow::Cow::into_owned).collect()
    }

    pub(crate) fn kind(&self) -> Option<Office> {
        let has = |name| self.archive.index_for_name(name).is_some();
        match () {
            () if has("word/document.xml") => Some(Office::Docx),
            () if has("ppt/presentation.xml") => Some(Office::Pptx),
            () if has("xl/workbook.xml") => Some(Office::Xlsx),
            () => None,
        }
    }

    /// A member as text; none if there is none of this name.
    pub(crate) fn text(&mut self, name: &str) -> Result<Option<String>, DocumentProblem> {
        Ok(self.bytes(name)?.map(|bytes| crate::text::decode(&bytes)))
    }

    fn bytes(&mut self, name: &str) -> Result<Option<Vec<u8>>, DocumentProblem> {
        let Ok(member) = self.archive.by_name(name) else { return Ok(None) };
        let mut bytes = Vec::new();
        let most = MEMBER_BYTES.min(UNPACKED_BYTES - self.unpacked);
        let read = member.take(most + 1).read_to_end(&mut bytes);
        let read = read.map_err(|_| DocumentProblem::Damaged)? as u64;
        self.unpacked += read.min(most);
        if read > most {
            return Err(DocumentProblem::TooComplex);
        }
        Ok(Some(bytes))
    }

    pub(crate) fn into_archive(self) -> ZipArchive<Cursor<Vec<u8>>> {
        self.archive
    }

    /// What is in it that is never run.
    fn notes(&self) -> Vec<&'static str> {
        let mut notes = Vec::new();
        let has = |part: &str| self.archive.file_names().flatten().any(|name| name.contains(part));
        if has("vbaProject") {
            notes.push("It has macros. They were not run.");
        }
        if has("/embeddings/") {
            notes.push("It has embedded files. They were not opened.");
        }
        if has("externalLinks/") {
            notes.push("It has links to other files. They were not followed.");
        }
        notes
    }
}

pub(crate) fn extract(bytes: Vec<u8>, sink: &mut Parts<'_>) -> Result<(), DocumentProblem> {
    let mut package = Package::open(bytes)?;
    match package.kind() {
        Some(Office::Docx) => docx::extract(&mut package, sink)?,
        Some(Office::Pptx) => pptx::extract(&mut package, sink)?,
        Some(Office::Xlsx) => xlsx::extract(&mut package, sink)?,
        None => return Err(DocumentProblem::Format),
    }
    for note in package.notes() {
        sink.put(0, PartKind::Note, note.as_bytes());
    }
    Ok(())
}

/// The pictures in an office file, as they are.
pub(crate) fn pictures(bytes: Vec<u8>, sink: &mut Parts<'_>) -> Result<(), DocumentProblem> {
    let mut package = Package::open(bytes)?;
    package.kind().ok_or(DocumentProblem::Format)?;
    let mut names = package.names();
    names.sort_by_key(|name| (name.len(), name.clone()));
    for (name, number) in names.iter().filter(|name| name.contains("/media/")).zip(1..) {
        let kind = match name.rsplit('.').next().map(str::to_ascii_lowercase).as_deref() {
            Some("png") => PartKind::Png,
            Some("jpg" | "jpeg") => PartKind::Jpeg,
            Some(_) | None => continue,
        };
        if let Some(bytes) = package.bytes(name)? {
            sink.put(number, kind, &bytes);
        }
    }
    Ok(())
}

/// What a walk through XML meets.
pub(crate) enum Met<'a> {
    Open(&'a BytesStart<'a>),
    Close(&'a str),
    Text(String),
}

/// The name without its prefix.
pub(crate) fn local(name: &str) -> &str {
    name.rsplit_once(':').map_or(name, |(_, local)| local)
}

/// An attribute by its local name.
pub(crate) fn attribute(start: &BytesStart<'_>, wanted: &str) -> Option<String> {
    let found = start.attributes().flatten().find(|one| {
        let key: &str = one.key.as_ref();
        local(key) == wanted
    })?;
    Some(crate::html::unescape(found.value.as_ref()))
}

/// Walks through XML, within a depth. Elements that are closed where they are opened are both.
pub(crate) fn walk(
    xml: &str,
    mut meet: impl FnMut(Met<'_>) -> Result<(), DocumentProblem>,
) -> Result<(), DocumentProblem> {
    let mut reader = Reader::from_str(xml);
    let mut depth = 0_usize;
    loop {
        match reader.read_event().map_err(|_| DocumentProblem::Damaged)? {
            Event::Eof => return Ok(()),
            Event::Start(start) => {
                depth += 1;
                if depth > XML_DEPTH {
                    return Err(DocumentProblem::TooComplex);
                }
                meet(Met::Open(&start))?;
            }
            Event::Empty(start) => {
                meet(Met::Open(&start))?;
                let name = start.name();
                let name: &str = name.as_ref();
                meet(Met::Close(name))?;
            }
            Event::End(end) => {
                depth = depth.saturating_sub(1);
                let name = end.name();
                let name: &str = name.as_ref();
                meet(Met::Close(name))?;
            }
            Event::Text(text) => meet(Met::Text(text.to_string()))?,
            Event::CData(text) => meet(Met::Text(text.to_string()))?,
            // The predefined ones and numbers; what a file defines itself is not expanded.
            Event::GeneralRef(name) => {
                meet(Met::Text(crate::html::unescape(&format!("&{};", &*name))))?;
            }
            Event::Decl(_) | Event::PI(_) | Event::DocType(_) | Event::Comment(_) => {}
        }
    }
}

/// The targets of a part's relations, by id, as names of members.
pub(crate) fn relations(
    package: &mut Package,
    folder: &str,
    part: &str,
) -> Result<std::collections::BTreeMap<String, String>, DocumentProblem> {
    let mut targets = std::collections::BTreeMap::new();
    let Some(xml) = package.text(&format!("{folder}/_rels/{part}.rels"))? else {
        return Ok(targets);
    };
    walk(&xml, |met| {
        if let Met::Open(start) = met
            && let (Some(id), Some(target)) = (attribute(start, "Id"), attribute(start, "Target"))
            && attribute(start, "TargetMode").as_deref() != Some("External")
        {
            let name = match target.strip_prefix('/') {
                Some(absolute) => absolute.to_owned(),
                None => format!("{folder}/{target}"),
            };
            targets.insert(id, name);
        }
        Ok(())
    })?;
    Ok(targets)
}
