//! Texts of office files, and other texts in their places: every other byte of a part, and every other
//! part, stays as it is.

use std::io::{Cursor, Write};

use pumasi_protocol::document::DocumentProblem;
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipWriter};

use super::spans::paragraphs;
use super::{Office, Package};
use crate::replace::splice;

/// The members with text, in the order of their names.
fn members(package: &Package) -> Result<Vec<String>, DocumentProblem> {
    let kind = package.kind().ok_or(DocumentProblem::Format)?;
    let is_numbered = |name: &str, before: &str| {
        let number = name.strip_prefix(before).and_then(|rest| rest.strip_suffix(".xml"));
        number.is_some_and(|number| number.bytes().all(|byte| byte.is_ascii_digit()))
    };
    let has_text = |name: &String| match kind {
        Office::Docx => {
            let whole = ["document", "footnotes", "endnotes", "comments"];
            whole.iter().any(|part| *name == format!("word/{part}.xml"))
                || is_numbered(name, "word/header")
                || is_numbered(name, "word/footer")
        }
        Office::Pptx => {
            is_numbered(name, "ppt/slides/slide") || is_numbered(name, "ppt/notesSlides/notesSlide")
        }
        Office::Xlsx => name == "xl/sharedStrings.xml" || is_numbered(name, "xl/worksheets/sheet"),
    };
    let mut names: Vec<String> = package.names().into_iter().filter(has_text).collect();
    // slide2 before slide10.
    names.sort_by_key(|name| (name.len(), name.clone()));
    Ok(names)
}

pub(crate) fn texts(bytes: Vec<u8>) -> Result<Vec<String>, DocumentProblem> {
    let mut package = Package::open(bytes)?;
    let mut texts = Vec::new();
    for name in members(&package)? {
        if let Some(xml) = package.text(&name)? {
            texts.extend(paragraphs(&xml)?.iter().map(|paragraph| paragraph.text(&xml)));
        }
    }
    Ok(texts)
}

/// The new text of a paragraph goes where most of the old one was; its other runs become empty.
fn with_texts(
    xml: &str,
    texts: &mut impl Iterator<Item = String>,
) -> Result<String, DocumentProblem> {
    let mut changes = Vec::new();
    for paragraph in paragraphs(xml)? {
        let text = texts.next().ok_or(DocumentProblem::Answer)?;
        let main = paragraph.main();
        for (at, run) in paragraph.runs.into_iter().enumerate() {
            let new = if at == main { crate::replace::escape(&text) } else { String::new() };
            changes.push((run, new));
        }
    }
    changes.sort_by_key(|(run, _)| run.start);
    Ok(splice(xml, &changes))
}

pub(crate) fn replace(bytes: Vec<u8>, texts: &[String]) -> Result<Vec<u8>, DocumentProblem> {
    let mut package = Package::open(bytes)?;
    let mut texts = texts.iter().cloned();
    let mut changed = std::collections::BTreeMap::new();
    for name in members(&package)? {
        if let Some(xml) = package.text(&name)? {
            let new = with_texts(&xml, &mut texts)?;
            if new != xml {
                changed.insert(name, new);
            }
        }
    }
    if texts.next().is_some() {
        return Err(DocumentProblem::Answer);
    }
    let mut archive = package.into_archive();
    let mut writer = ZipWriter::new(Cursor::new(Vec::new()));
    let broken = |_| DocumentProblem::Damaged;
    for at in 0..archive.len() {
        let member = archive.by_index_raw(at).map_err(broken)?;
        let name = member.name().map_err(broken)?.into_owned();
        match changed.get(&name) {
            None => writer.raw_copy_file(member).map_err(broken)?,
            Some(xml) => {
                let time = member.last_modified().unwrap_or_default();
                let options = SimpleFileOptions::default()
                    .compression_method(CompressionMethod::Deflated)
                    .last_modified_time(time);
                drop(member);
                writer.start_file(name, options).map_err(broken)?;
                writer.write_all(xml.as_bytes()).map_err(|_| DocumentProblem::Damaged)?;
            }
        }
    }
    Ok(writer.finish().map_err(broken)?.into_inner())
}
