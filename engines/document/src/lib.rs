//! Reads documents: what one request about one file gives, as parts in order. Pure but for the time:
//! no file, no network, no node. The binary beside it is the worker process around it.

#![warn(missing_docs)]

mod format;
mod html;
pub mod limits;
mod office;
mod pdf;
mod plain;
mod replace;
mod sink;
mod text;

use pumasi_protocol::document::{DocumentProblem, DocumentTask, DocumentWork, PartKind};

use format::Format;
pub use sink::{Counted, Sink};

/// Does what `work` asks with the file `bytes`; every part goes to `sink`, in order.
///
/// # Errors
/// Why nothing more comes. Parts that went before are good.
pub fn run(
    work: &DocumentWork,
    bytes: Vec<u8>,
    sink: &mut dyn Sink,
) -> Result<Counted, DocumentProblem> {
    if bytes.len() as u64 > pumasi_protocol::limits::DOCUMENT_BYTES {
        return Err(DocumentProblem::TooLarge);
    }
    let mut sink = sink::Parts::new(work, sink);
    match (format::detect(&bytes, &work.name)?, &work.task) {
        (Format::Pdf, DocumentTask::Extract) => pdf::extract(work, bytes, &mut sink)?,
        (Format::Plain(plain), DocumentTask::Extract) => {
            plain::extract(plain, &bytes, &mut sink)?;
        }
        (Format::Office, DocumentTask::Extract) => office::extract(bytes, &mut sink)?,
        (Format::Pdf, DocumentTask::Render { dpi }) => {
            pdf::pictures(work, bytes, *dpi, &mut sink)?;
        }
        (Format::Pdf, DocumentTask::Pictures) => {
            pdf::taken_out(work, bytes, &mut sink)?;
            sink.note_if_empty("It has no pictures.");
        }
        (Format::Office, DocumentTask::Pictures) => {
            office::pictures(bytes, &mut sink)?;
            sink.note_if_empty("It has no pictures.");
        }
        (format, DocumentTask::Texts) => {
            let texts = replace::texts(format, bytes)?;
            let json = serde_json::to_vec(&texts).map_err(|_| DocumentProblem::Damaged)?;
            sink.put(0, PartKind::Json, &json);
        }
        (format, DocumentTask::Replace { texts }) => {
            sink.put(0, PartKind::File, &replace::replace(format, bytes, texts)?);
        }
        (Format::Plain(_) | Format::Office, DocumentTask::Render { .. })
        | (Format::Plain(_), DocumentTask::Pictures) => {
            return Err(DocumentProblem::NotForFormat);
        }
    }
    sink.finish()
}
