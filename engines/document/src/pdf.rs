//! PDF: opened, and read page by page.

mod blocks;
mod chunks;
mod glyphs;
mod markdown;
mod order;
mod pictures;
mod render;

use hayro::RenderCache;
use hayro_interpret::{
    Context, InterpreterCache, InterpreterSettings, TransformExt, interpret_page,
};
use hayro_interpret::{RenderContent, kurbo::Rect};
use hayro_syntax::page::Page;
use hayro_syntax::{DecryptionError, LoadPdfError, Pdf};
use pumasi_protocol::document::{DocumentProblem, DocumentWork, PartKind};
use pumasi_protocol::limits::DOCUMENT_PAGES;

use crate::sink::Parts;
use markdown::Sizes;

pub(crate) fn open(bytes: Vec<u8>, password: Option<&str>) -> Result<Pdf, DocumentProblem> {
    let pdf = Pdf::new_with_password(bytes, password.unwrap_or(""));
    let pdf = pdf.map_err(|error| match error {
        LoadPdfError::Decryption(DecryptionError::PasswordProtected) => {
            DocumentProblem::PasswordNeeded
        }
        LoadPdfError::Decryption(
            DecryptionError::MissingIDEntry
            | DecryptionError::InvalidEncryption
            | DecryptionError::UnsupportedAlgorithm,
        )
        | LoadPdfError::Invalid => DocumentProblem::Damaged,
    })?;
    match pdf.pages().len() {
        0 => Err(DocumentProblem::Damaged),
        pages if pages > DOCUMENT_PAGES as usize => Err(DocumentProblem::TooLarge),
        _ => Ok(pdf),
    }
}

/// The text of each page as Markdown.
pub(crate) fn extract(
    work: &DocumentWork,
    bytes: Vec<u8>,
    sink: &mut Parts<'_>,
) -> Result<(), DocumentProblem> {
    let pdf = open(bytes, work.password.as_deref())?;
    let cache = InterpreterCache::new();
    let mut sizes = Sizes::default();
    let (mut read, mut found) = (false, false);
    for (page, number) in pdf.pages().iter().zip(1..) {
        if sink.begin(number) {
            let text = page_text(&pdf, page, &cache, &mut sizes);
            sink.put(number, PartKind::Markdown, text.as_bytes());
            (read, found) = (true, found || !text.trim().is_empty());
        }
    }
    if read && !found {
        sink.problem(0, DocumentProblem::NoText);
    }
    Ok(())
}

/// The pictures of each page, those of several once.
pub(crate) fn taken_out(
    work: &DocumentWork,
    bytes: Vec<u8>,
    sink: &mut Parts<'_>,
) -> Result<(), DocumentProblem> {
    let pdf = open(bytes, work.password.as_deref())?;
    let mut pictures = pictures::Pictures::default();
    for (page, number) in pdf.pages().iter().zip(1..) {
        if sink.begin(number) {
            pictures.of_page(page, number, sink);
        }
    }
    if pictures.left_out > 0 {
        let note = format!("{} pictures are in forms that cannot be taken out.", pictures.left_out);
        sink.put(0, PartKind::Note, note.as_bytes());
    }
    Ok(())
}

/// A picture of each page.
pub(crate) fn pictures(
    work: &DocumentWork,
    bytes: Vec<u8>,
    dpi: u16,
    sink: &mut Parts<'_>,
) -> Result<(), DocumentProblem> {
    let pdf = open(bytes, work.password.as_deref())?;
    let cache = RenderCache::new();
    for (page, number) in pdf.pages().iter().zip(1..) {
        if sink.begin(number) {
            match render::picture(page, &cache, dpi) {
                Ok(png) => sink.put(number, PartKind::Png, &png),
                Err(problem) => sink.problem(number, problem),
            }
        }
    }
    Ok(())
}

fn page_text<'a>(
    pdf: &'a Pdf,
    page: &'a Page<'a>,
    cache: &InterpreterCache<'a>,
    sizes: &mut Sizes,
) -> String {
    let transform = page.initial_transform(true).to_kurbo();
    let seen = page.intersected_crop_box();
    let frame = transform.transform_rect_bbox(Rect::new(seen.x0, seen.y0, seen.x1, seen.y1));
    let settings = InterpreterSettings {
        render_content: RenderContent::all(),
        ..InterpreterSettings::default()
    };
    let mut context = Context::new(transform, frame, cache, pdf.xref(), settings);
    let mut glyphs = glyphs::Collector::new(frame);
    interpret_page(page, &mut context, &mut glyphs);
    let chunks = glyphs.finish();
    sizes.add(&chunks);
    let blocks = order::ordered(blocks::blocks(chunks));
    markdown::page(&blocks, sizes)
}
