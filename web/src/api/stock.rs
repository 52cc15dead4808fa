//! Models on this computer's disk, hubs, and what is being downloaded.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use ts_rs::TS;

/// A result of a search at the hub.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS, JsonSchema)]
pub struct HubFound {
    /// `owner/name`.
    pub repo: String,
    /// Downloads in the last month.
    pub downloads: u64,
    /// People who like it.
    pub likes: u64,
    /// When it last changed, as the hub writes it (ISO 8601); empty where it does not say.
    pub changed: String,
    /// Whether its owners ask for something first.
    pub gated: bool,
    /// Parameters, where the hub says it.
    pub parameters: Option<u64>,
    /// Architecture, where the hub says it.
    pub architecture: Option<String>,
    /// Licence, by its tag.
    pub licence: Option<String>,
}

/// A page of results.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS, JsonSchema)]
pub struct HubPage {
    /// The results.
    pub data: Vec<HubFound>,
    /// The `cursor` of the next page; none: that was all.
    pub next: Option<String>,
}

/// One way to have a model: a quantization, with all of its files.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS, JsonSchema)]
pub struct HubVariant {
    /// Its quantization, or its file's name: what follows the `:` of a name.
    pub label: String,
    /// What to say to `POST /api/v1/pulls`.
    pub model: String,
    /// Its files, the one to load first.
    pub files: Vec<String>,
    /// Bytes of all of them.
    pub size_bytes: u64,
    /// It is no model by itself: a projector for pictures.
    pub projector: bool,
    /// Whether this computer's memory holds it, with some room for a context.
    pub fits: bool,
    /// Whether there is room for it on this computer's disk.
    pub disk_fits: bool,
    /// Whether the hub says hashes by which it can be checked. Without, it is not taken.
    pub verifiable: bool,
    /// The name that this computer has it under; none: it does not have it.
    pub held: Option<String>,
}

/// A repository at a commit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS, JsonSchema)]
pub struct HubRepo {
    /// `owner/name`.
    pub repo: String,
    /// The commit, 40 hexadecimal digits.
    pub commit: String,
    /// Its page, for a person.
    pub page: String,
    /// Whether its owners ask for something first.
    pub gated: bool,
    /// Downloads in the last month.
    pub downloads: u64,
    /// People who like it.
    pub likes: u64,
    /// When it last changed, as the hub writes it.
    pub changed: String,
    /// Parameters, where the hub says it.
    pub parameters: Option<u64>,
    /// Architecture, where the hub says it.
    pub architecture: Option<String>,
    /// Licence, by its tag.
    pub licence: Option<String>,
    /// What can be downloaded, the smallest first.
    pub variants: Vec<HubVariant>,
    /// Files that were left out: their names, sizes or hashes are not what files have.
    pub odd_files: usize,
}

/// A model card. It is whatever its authors wrote: show it as text.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS, JsonSchema)]
pub struct HubCard {
    /// Markdown, 512 KiB at most.
    pub text: String,
}

/// The body of `POST /api/v1/hub/token`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct HubTokenRequest {
    /// The token; none: it is forgotten.
    #[serde(default)]
    pub token: Option<String>,
}

/// The body of `POST /api/v1/pulls`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PullRequest {
    /// `owner/name`, `owner/name:Q4_K_M`, `hf.co/…` or the address of its page.
    pub model: String,
    /// What it is to be called here; none: as it was asked for.
    #[serde(default)]
    pub name: Option<String>,
    /// Takes what the hub offers now in place of what this computer has under that name.
    #[serde(default)]
    pub update: bool,
}

/// How a download stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS, JsonSchema)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum PullState {
    /// It waits for others.
    Queued,
    /// Bytes come.
    Downloading,
    /// The hub has no time; it is tried again.
    Waiting {
        /// In so many seconds.
        retry_s: u64,
    },
    /// All bytes are there and are being checked.
    Checking,
    /// A person paused it.
    Paused,
    /// It failed; what was downloaded is kept.
    Failed {
        /// A word for programs.
        code: String,
        /// What happened and what to do next.
        message: String,
    },
    /// It is there and can be used.
    Done,
}

/// Where bytes of a download came from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS, JsonSchema)]
pub struct PullSource {
    /// The hub's address, or a computer's name.
    pub name: String,
    /// Bytes that came from there.
    pub bytes: u64,
}

/// A download.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, TS, JsonSchema)]
pub struct Pull {
    /// Its id.
    pub id: String,
    /// What the model will be called.
    pub model: String,
    /// `owner/name` at the hub.
    pub repo: String,
    /// The commit, 40 hexadecimal digits.
    pub commit: String,
    /// SHA-256 of the file that is loaded first.
    pub sha256: String,
    /// How it stands.
    #[serde(flatten)]
    pub progress: PullState,
    /// Bytes of all of its files.
    pub total_bytes: u64,
    /// Of these, those that are here.
    pub done_bytes: u64,
    /// How fast they come.
    pub bytes_per_s: u64,
    /// In how many seconds it will be done at this speed; none: nobody knows.
    pub left_s: Option<u64>,
    /// Where they came from, since the node started.
    pub sources: Vec<PullSource>,
    /// When it was asked for, Unix time in milliseconds.
    pub asked_ms: u64,
}

/// Where a stored model came from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS, JsonSchema)]
pub struct StoredOrigin {
    /// The hub's address.
    pub hub: String,
    /// `owner/name`.
    pub repo: String,
    /// The commit.
    pub commit: String,
    /// The file.
    pub file: String,
}

/// A model in this computer's store.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS, JsonSchema)]
pub struct StoredModel {
    /// Its name.
    pub name: String,
    /// SHA-256 of its files, the one to load first.
    pub sha256: Vec<String>,
    /// Bytes of all of them.
    pub size_bytes: u64,
    /// Where it came from; none: from a file of this computer.
    pub origin: Option<StoredOrigin>,
    /// Never removed to make room.
    pub pinned: bool,
    /// When it came, Unix time in seconds.
    pub added_s: u64,
    /// When it was last loaded, Unix time in seconds; none: never.
    pub used_s: Option<u64>,
}

/// This computer's store: what is in it, and what may still come.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS, JsonSchema)]
pub struct Stock {
    /// The models, by name.
    pub models: Vec<StoredModel>,
    /// Bytes of models.
    pub used_bytes: u64,
    /// Bytes of what is under way.
    pub partial_bytes: u64,
    /// The most that models may take; none: as much as the disk has.
    pub quota_bytes: Option<u64>,
    /// Free on the disk; none: the system does not say.
    pub disk_free_bytes: Option<u64>,
    /// What may still come: less a reserve, and within the quota.
    pub free_bytes: u64,
    /// The hub's address.
    pub hub: String,
    /// Whether there is a token for it.
    pub hub_token: bool,
}

/// The body of `PATCH /api/v1/store/models/{model}`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct StoredChange {
    /// Keep it whatever else goes, or not.
    pub pinned: bool,
}

/// Whose models are looked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, TS, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ImportFrom {
    /// Ollama's.
    Ollama,
    /// LM Studio's.
    Lmstudio,
    /// The cache of the Hugging Face Hub.
    Hub,
}

/// The body of `POST /api/v1/store/import`: a file, or models of another program.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ImportRequest {
    /// A file of this computer, from the root.
    #[serde(default)]
    pub path: Option<String>,
    /// What it is to be called; none: after its file.
    #[serde(default)]
    pub name: Option<String>,
    /// Models of this program.
    #[serde(default)]
    pub from: Option<ImportFrom>,
    /// The folder where that program keeps them; none: the usual one.
    #[serde(default)]
    pub folder: Option<String>,
    /// Only the one of this name; none: all.
    #[serde(default)]
    pub only: Option<String>,
    /// Only say what would be imported.
    #[serde(default)]
    pub dry: bool,
}

/// What became of a file that was to be imported.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, TS, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ImportOutcome {
    /// It could be imported.
    Found,
    /// It was there already.
    Known,
    /// It has a second name and takes no further space.
    Linked,
    /// It shares its blocks with the file and takes no further space.
    Cloned,
    /// It was copied.
    Copied,
    /// It was not taken.
    Failed,
}

/// One file that was to be imported.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS, JsonSchema)]
pub struct Imported {
    /// What it is called.
    pub name: String,
    /// Where it was found.
    pub path: String,
    /// Its bytes.
    pub size_bytes: u64,
    /// What became of it.
    pub outcome: ImportOutcome,
    /// Where it failed: a word for programs.
    pub code: Option<String>,
    /// Where it failed: what happened and what to do next.
    pub message: Option<String>,
}

/// What reading a stored model again found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS, JsonSchema)]
pub struct Verified {
    /// The model.
    pub name: String,
    /// Whether it is what it was.
    pub whole: bool,
    /// Where it is not: what happened and what to do next.
    pub message: Option<String>,
}

/// The body of `POST /api/v1/store/verify`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, TS, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct VerifyRequest {
    /// Which model; none: all.
    #[serde(default)]
    pub model: Option<String>,
}

/// The body of `POST /api/v1/store/sweep`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, TS, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SweepRequest {
    /// Also models that are not pinned and were not used for so many days.
    #[serde(default)]
    pub unused_days: Option<u32>,
    /// Only say what would go.
    #[serde(default)]
    pub dry: bool,
}

/// What went, or would go.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, TS, JsonSchema)]
pub struct Swept {
    /// Models.
    pub models: Vec<String>,
    /// Files that no model needs any more.
    pub files: usize,
    /// Bytes of all of them.
    pub bytes: u64,
}

/// The body of Ollama's `POST /api/pull`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, JsonSchema)]
pub struct OllamaPull {
    /// Which model.
    #[serde(default)]
    pub model: String,
    /// The same, as older programs say it.
    #[serde(default)]
    pub name: String,
    /// Whether lines tell how it goes; if not, one line tells its end.
    #[serde(default)]
    pub stream: Option<bool>,
}

/// The body of Ollama's `DELETE /api/delete`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, JsonSchema)]
pub struct OllamaDelete {
    /// Which model.
    #[serde(default)]
    pub model: String,
    /// The same, as older programs say it.
    #[serde(default)]
    pub name: String,
}

/// The body of Ollama's `POST /api/copy`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
pub struct OllamaCopy {
    /// Which model.
    pub source: String,
    /// Its second name.
    pub destination: String,
}
