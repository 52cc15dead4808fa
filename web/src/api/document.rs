//! Documents: files that were handed over, what can be asked of them, and what came of it.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use ts_rs::TS;

/// A file that was handed over. It is kept for an hour unless a job is about it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS, JsonSchema)]
pub struct StoredDocument {
    /// What names it in a [`DocumentsRequest`]: its BLAKE3 hash, 64 hexadecimal digits.
    pub id: String,
    /// Its size.
    pub bytes: u64,
}

/// A file that a job is about.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct DocumentInput {
    /// As it was given when the file was handed over.
    pub id: String,
    /// Its name: shown with what came of it, and its ending tells formats of text apart.
    pub name: String,
    /// What opens it, if it is protected.
    #[serde(default)]
    #[ts(optional)]
    pub password: Option<String>,
}

/// Whose computers may see a job.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, TS, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum DocumentTrust {
    /// Only those of the job's person.
    Mine,
    /// All of the mesh.
    #[default]
    Mesh,
}

/// The body of `POST /api/v1/documents/{task}`. Fields of another task are ignored.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, TS, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct DocumentsRequest {
    /// The files, 63 at most.
    pub files: Vec<DocumentInput>,
    /// The first page to read, from 1.
    #[serde(default)]
    #[ts(optional)]
    pub first_page: Option<u32>,
    /// The last page to read.
    #[serde(default)]
    #[ts(optional)]
    pub last_page: Option<u32>,
    /// Of `render`: dots per inch, 600 at most; 150 where nothing is said.
    #[serde(default)]
    #[ts(optional)]
    pub dpi: Option<u16>,
    /// The model of `ask`, `summarise`, `translate` and `fields`.
    #[serde(default)]
    #[ts(optional)]
    pub model: Option<String>,
    /// Of `summarise`: about how many words; 200 where nothing is said.
    #[serde(default)]
    #[ts(optional)]
    pub words: Option<u32>,
    /// Of `ask`: the question.
    #[serde(default)]
    #[ts(optional)]
    pub question: Option<String>,
    /// Of `translate`: the language, as people call it.
    #[serde(default)]
    #[ts(optional)]
    pub language: Option<String>,
    /// Of `translate`: how it is to sound.
    #[serde(default)]
    #[ts(optional)]
    pub tone: Option<String>,
    /// Of `translate`: words, and what they are to become.
    #[serde(default)]
    #[ts(optional)]
    pub glossary: Option<BTreeMap<String, String>>,
    /// Of `fields`: the JSON schema of what is wanted.
    #[serde(default)]
    #[ts(optional, type = "Record<string, unknown>")]
    pub schema: Option<serde_json::Map<String, serde_json::Value>>,
    /// If not empty, only these computers, by id.
    #[serde(default)]
    #[ts(optional)]
    pub only: Option<Vec<String>>,
    /// Never these computers, by id.
    #[serde(default)]
    #[ts(optional)]
    pub not: Option<Vec<String>>,
    /// Only the computer that takes it in.
    #[serde(default)]
    pub local_only: bool,
    /// Whose computers may see it.
    #[serde(default)]
    pub trust: DocumentTrust,
}

/// Why a page, or a file, could not be worked on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS, JsonSchema)]
pub struct DocumentTrouble {
    /// The page, slide or sheet, from 1; none: the file.
    pub page: Option<u32>,
    /// The stable word for it.
    pub code: String,
    /// What happened, and what to do next.
    pub message: String,
}

/// A piece of what came of a file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS, JsonSchema)]
pub struct DocumentPiece {
    /// The page, slide, sheet or picture, from 1; 0: the file as a whole.
    pub page: u32,
    /// What it holds: `text/markdown`, `image/png`, `image/jpeg`, `application/json`, …
    pub media: String,
    /// Of text: the text.
    pub text: Option<String>,
    /// Of everything else: the bytes in Base64.
    pub data: Option<String>,
}

/// How far a file came.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, TS, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum DocumentState {
    /// All of it.
    Completed,
    /// Some pages are missing.
    Partial,
    /// Nothing came of it.
    Failed,
}

/// What came of one file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS, JsonSchema)]
pub struct DocumentOutcome {
    /// Its name, as it was given.
    pub name: String,
    /// How far it came.
    pub state: DocumentState,
    /// What came of it, in order.
    pub pieces: Vec<DocumentPiece>,
    /// What did not work.
    pub troubles: Vec<DocumentTrouble>,
    /// What is in it beside its text, which was not run: scripts, attachments, …
    pub notes: Vec<String>,
}

/// What came of a job about documents, a file for each of the request, in its order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS, JsonSchema)]
pub struct DocumentsResult {
    /// What was done: `extract`, `summarise`, …
    pub task: String,
    /// The files.
    pub files: Vec<DocumentOutcome>,
    /// How many of them failed.
    pub failed: u32,
}
