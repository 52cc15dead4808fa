//! Documents: what an engine is asked about one file, what a person asks about several, and the parts
//! in which answers come.

use serde::{Deserialize, Serialize};

use crate::custody::Blob;
use crate::limits;
use crate::name::ModelName;

/// The name under which a node lists its document engine among its models. No file of a person's gets
/// this name, and no list of models for people shows it.
pub const DOCUMENT_ENGINE: &str = "pumasi-document";

/// [`DOCUMENT_ENGINE`] as the name of a model.
///
/// # Panics
/// Never: the name is a valid one.
#[must_use]
pub fn document_engine() -> ModelName {
    DOCUMENT_ENGINE.parse().expect("the engine's own name is valid")
}

/// Why a document could not be worked on. The next step is part of the sentence.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
pub enum DocumentProblem {
    /// It is named or used as a PDF and is none.
    #[error("this is not a PDF: check how the file was made or named")]
    NotPdf,
    /// Its format is none of those that can be read.
    #[error(
        "this format cannot be read: give PDF, DOCX, PPTX, XLSX, HTML, Markdown, TXT, CSV, JSON, SRT or VTT"
    )]
    Format,
    /// It is encrypted, and the password was not given or is another one.
    #[error("this file is protected: give its password")]
    PasswordNeeded,
    /// It takes more memory, time or depth than an honest document does.
    #[error("this file is too complex to be read safely: save it anew with another program")]
    TooComplex,
    /// It is above a bound on bytes or pages.
    #[error("this file is too large: split it")]
    TooLarge,
    /// It is broken.
    #[error("this file is damaged: save it anew, or get it again")]
    Damaged,
    /// There is nothing to read in it.
    #[error("no text was found in this file: scanned pages need a model that reads pictures")]
    NoText,
    /// The pages that were asked for are not in it.
    #[error("these pages are not in the file: ask for others")]
    NoSuchPages,
    /// This cannot be done with files of its format.
    #[error("this cannot be done with a file of this format")]
    NotForFormat,
    /// A model's answer was not what was asked for, however often it was asked.
    #[error("the model did not answer as it was asked to: try a larger model")]
    Answer,
    /// No computer of the mesh could do it; the bytes of the part say why.
    #[error("no computer of the mesh could do it")]
    Unplaced,
}

impl DocumentProblem {
    /// A stable word for programs.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            Self::NotPdf => "not_pdf",
            Self::Format => "document_format",
            Self::PasswordNeeded => "password_needed",
            Self::TooComplex => "document_too_complex",
            Self::TooLarge => "document_too_large",
            Self::Damaged => "document_damaged",
            Self::NoText => "document_without_text",
            Self::NoSuchPages => "no_such_pages",
            Self::NotForFormat => "not_for_this_format",
            Self::Answer => "model_answer_unusable",
            Self::Unplaced => "not_placed",
        }
    }
}

/// Pages from one to another, both included, counted from 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pages {
    /// The first.
    pub first: u32,
    /// The last; those beyond the end of the file are left out.
    pub last: u32,
}

impl Pages {
    /// Whether a page is among them.
    #[must_use]
    pub fn contains(self, page: u32) -> bool {
        (self.first..=self.last).contains(&page)
    }
}

/// What an engine does with one file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum DocumentTask {
    /// Its text as Markdown: a part for each page, slide or sheet, or one for the whole.
    Extract,
    /// Its pages as pictures (PNG), at so many dots per inch: a part for each.
    Render {
        /// Dots per inch, [`limits::RENDER_DPI`] at most.
        dpi: u16,
    },
    /// The pictures in it, a part for each.
    Pictures,
    /// The texts in it that a translation would replace, in their order, a part for each.
    Texts,
    /// The file with its texts replaced by these, in the order of [`DocumentTask::Texts`]: one part.
    Replace {
        /// The texts, as many as were found.
        texts: Vec<String>,
    },
}

/// What an engine is asked about one file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DocumentWork {
    /// The file.
    pub file: Blob,
    /// Its name, for people and for what its bytes do not tell of its format.
    pub name: String,
    /// What opens it, if it is protected.
    pub password: Option<String>,
    /// What to do.
    pub task: DocumentTask,
    /// Only these pages.
    pub pages: Option<Pages>,
    /// Pages under which an engine died: their place is taken by a problem.
    pub avoid: Vec<u32>,
    /// Parts that were delivered before. Files are read in the same order by everybody.
    pub skip: u32,
}

impl DocumentWork {
    /// Whether it is within [`limits`].
    #[must_use]
    pub fn is_within_limits(&self) -> bool {
        let task = match &self.task {
            DocumentTask::Render { dpi } => (1..=limits::RENDER_DPI).contains(dpi),
            DocumentTask::Replace { texts } => texts.len() <= limits::DOCUMENT_TEXTS,
            DocumentTask::Extract | DocumentTask::Pictures | DocumentTask::Texts => true,
        };
        task && self.file.bytes <= limits::DOCUMENT_BYTES
            && self.name.len() <= limits::FILE_NAME_BYTES
            && self.password.as_ref().is_none_or(|word| word.len() <= limits::PASSWORD_BYTES)
            && self.avoid.len() <= limits::DOCUMENT_DEATHS
    }
}

/// What a part holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum PartKind {
    /// Markdown in UTF-8: the text of a page, slide or sheet.
    Markdown,
    /// A picture as PNG.
    Png,
    /// A picture as JPEG.
    Jpeg,
    /// Text in UTF-8: one that a translation would replace.
    Text,
    /// A file.
    File,
    /// JSON in UTF-8.
    Json,
    /// What is in the file beside its text and is never run: one line of UTF-8.
    Note,
    /// Nothing came of it. Its bytes say more, if anything.
    Problem(DocumentProblem),
}

/// A piece of an answer. A part that is larger than one event comes in several, in order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DocumentPart {
    /// Which of the files, from 0.
    pub file: u32,
    /// The page, slide, sheet or text, from 1; 0: the whole file.
    pub number: u32,
    /// What it holds.
    pub kind: PartKind,
    /// At most [`limits::PART_BYTES`].
    pub bytes: Vec<u8>,
    /// The next event goes on with the same part.
    pub more: bool,
}

impl DocumentPart {
    /// Whether it is within [`limits`].
    #[must_use]
    pub fn is_within_limits(&self) -> bool {
        self.bytes.len() <= limits::PART_BYTES
    }

    /// The events in which a part of any size travels.
    #[must_use]
    pub fn split(file: u32, number: u32, kind: PartKind, bytes: &[u8]) -> Vec<Self> {
        let count = bytes.len().div_ceil(limits::PART_BYTES).max(1);
        let mut chunks = bytes.chunks(limits::PART_BYTES);
        let chunk = |at| {
            let bytes = chunks.next().unwrap_or_default().to_vec();
            Self { file, number, kind, bytes, more: at + 1 < count }
        };
        (0..count).map(chunk).collect()
    }
}

/// One file of what a person asks.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DocumentFile {
    /// The file.
    pub file: Blob,
    /// Its name, as it is shown.
    pub name: String,
    /// What opens it, if it is protected.
    pub password: Option<String>,
}

/// What a person wants of some files.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum DocumentsTask {
    /// Their text as Markdown.
    Extract,
    /// Their pages as pictures.
    Render {
        /// Dots per inch.
        dpi: u16,
    },
    /// The pictures in them.
    Pictures,
    /// A summary of each.
    Summarise {
        /// About how many words it is to have.
        words: u32,
    },
    /// An answer to a question, with the pages that it is taken from.
    Ask {
        /// The question.
        question: String,
    },
    /// The files with their text in another language.
    Translate {
        /// The language, as people call it.
        language: String,
        /// How it is to sound.
        tone: Option<String>,
        /// Words and what they are to become.
        glossary: Vec<(String, String)>,
    },
    /// Data from each as JSON.
    Fields {
        /// The JSON schema that it is to follow.
        schema: String,
    },
}

impl DocumentsTask {
    /// Whether a language model takes part.
    #[must_use]
    pub fn needs_model(&self) -> bool {
        match self {
            Self::Extract | Self::Render { .. } | Self::Pictures => false,
            Self::Summarise { .. }
            | Self::Ask { .. }
            | Self::Translate { .. }
            | Self::Fields { .. } => true,
        }
    }

    /// A stable word for programs.
    #[must_use]
    pub fn word(&self) -> &'static str {
        match self {
            Self::Extract => "extract",
            Self::Render { .. } => "render",
            Self::Pictures => "pictures",
            Self::Summarise { .. } => "summarise",
            Self::Ask { .. } => "ask",
            Self::Translate { .. } => "translate",
            Self::Fields { .. } => "fields",
        }
    }
}

/// A job about some files. Its owner takes it apart: the pieces are jobs that are placed by themselves.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Documents {
    /// The files, in the order in which they are told of.
    pub files: Vec<DocumentFile>,
    /// What to do with each.
    pub task: DocumentsTask,
    /// Only these pages of each.
    pub pages: Option<Pages>,
}

impl Documents {
    /// Whether it asks for something, within [`limits`].
    #[must_use]
    pub fn is_within_limits(&self) -> bool {
        let text = match &self.task {
            DocumentsTask::Render { dpi } => return (1..=limits::RENDER_DPI).contains(dpi),
            DocumentsTask::Extract | DocumentsTask::Pictures | DocumentsTask::Summarise { .. } => 0,
            DocumentsTask::Ask { question } => question.len(),
            DocumentsTask::Translate { language, tone, glossary } => {
                let words: usize = glossary.iter().map(|(a, b)| a.len() + b.len()).sum();
                language.len() + tone.as_ref().map_or(0, String::len) + words
            }
            DocumentsTask::Fields { schema } => schema.len(),
        };
        let bytes: u64 = self.files.iter().map(|file| file.file.bytes).sum();
        let names = self.files.iter().all(|file| {
            file.name.len() <= limits::FILE_NAME_BYTES
                && file.file.bytes <= limits::DOCUMENT_BYTES
                && file.password.as_ref().is_none_or(|word| word.len() <= limits::PASSWORD_BYTES)
        });
        (1..=limits::DOCUMENTS).contains(&self.files.len())
            && names
            && bytes <= limits::DOCUMENTS_BYTES
            && text <= limits::DOCUMENTS_TEXT_BYTES
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ids::BlobId;

    #[test]
    fn parts_of_any_size_travel_in_events_that_fit() {
        let bytes = vec![7; 2 * limits::PART_BYTES + 1];
        let parts = DocumentPart::split(1, 2, PartKind::File, &bytes);
        let lengths: Vec<(usize, bool)> = parts.iter().map(|p| (p.bytes.len(), p.more)).collect();
        let full = limits::PART_BYTES;
        assert_eq!(lengths, [(full, true), (full, true), (1, false)]);
        let nothing = DocumentPart::split(0, 0, PartKind::Note, &[]);
        assert_eq!(nothing.len(), 1, "also nothing is told");
    }

    #[test]
    fn bounds_of_a_job_about_files_hold() {
        let file = |bytes| DocumentFile {
            file: Blob { id: BlobId([1; 32]), bytes },
            name: "a.pdf".to_owned(),
            password: None,
        };
        let job = |files, task| Documents { files, task, pages: None };
        assert!(job(vec![file(1)], DocumentsTask::Extract).is_within_limits());
        assert!(!job(Vec::new(), DocumentsTask::Extract).is_within_limits());
        let large = file(limits::DOCUMENT_BYTES + 1);
        assert!(!job(vec![large], DocumentsTask::Extract).is_within_limits());
        let many = vec![file(1); limits::DOCUMENTS + 1];
        assert!(!job(many, DocumentsTask::Extract).is_within_limits());
        let question = "x".repeat(limits::DOCUMENTS_TEXT_BYTES + 1);
        assert!(!job(vec![file(1)], DocumentsTask::Ask { question }).is_within_limits());
    }
}
