//! What the HTTP face can ask of this computer's model store and of the hub.

use async_trait::async_trait;

use crate::api;

/// What sort of refusal it is: decides the HTTP status.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StockClass {
    /// What was asked makes no sense.
    Invalid,
    /// The hub wants to know who asks.
    NeedsAuth,
    /// It is not there.
    NotFound,
    /// Something else is in the way.
    Conflict,
    /// It does not fit.
    NoRoom,
    /// The hub cannot be reached or has no time.
    Unavailable,
    /// The hub gave something that is not taken.
    BadHub,
    /// This computer failed.
    Failed,
}

/// Why it was not done: a closed word, and a sentence of ours (never of the hub).
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{sentence}")]
pub struct StockError {
    /// What sort.
    pub class: StockClass,
    /// The word for programs.
    pub code: &'static str,
    /// What happened and what to do next.
    pub sentence: String,
}

/// What to look for at the hub.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct HubSearch {
    /// Words of the name.
    pub text: String,
    /// Only of this owner.
    pub author: Option<String>,
    /// `downloads`, `likes`, `recent` or `trending`.
    pub sort: Option<String>,
    /// How many on a page.
    pub limit: usize,
    /// Where to go on.
    pub cursor: Option<String>,
}

/// The store of this computer, and the hub that it downloads from.
#[async_trait]
pub trait Stock: Send + Sync {
    /// Looks for models.
    async fn search(&self, search: HubSearch) -> Result<api::HubPage, StockError>;

    /// A repository with what can be downloaded, at its main branch or what stands behind `@`.
    async fn repo(&self, name: &str) -> Result<api::HubRepo, StockError>;

    /// A repository's card.
    async fn card(&self, name: &str) -> Result<api::HubCard, StockError>;

    /// Keeps the hub's token, or forgets it.
    async fn set_token(&self, token: Option<String>) -> Result<(), StockError>;

    /// Downloads that are under way or ended lately, the last first.
    fn pulls(&self) -> Vec<api::Pull>;

    /// Begins a download, or gives the one that is under way for the same file.
    async fn pull(&self, request: api::PullRequest) -> Result<api::Pull, StockError>;

    /// Pauses a download.
    async fn pause(&self, id: &str) -> Result<api::Pull, StockError>;

    /// Goes on with a download.
    async fn resume(&self, id: &str) -> Result<api::Pull, StockError>;

    /// Gives a download up and removes what came of it.
    async fn give_up(&self, id: &str) -> Result<(), StockError>;

    /// What is in the store.
    async fn stock(&self) -> Result<api::Stock, StockError>;

    /// Pins a model or does so no more.
    async fn pin(&self, model: &str, pinned: bool) -> Result<(), StockError>;

    /// Removes a model.
    async fn remove(&self, model: &str) -> Result<(), StockError>;

    /// Lets a second name mean the same model.
    async fn copy(&self, from: &str, to: &str) -> Result<(), StockError>;

    /// Takes files of this computer in.
    async fn import(&self, request: api::ImportRequest) -> Result<Vec<api::Imported>, StockError>;

    /// Reads models again and compares their hashes.
    async fn verify(&self, model: Option<String>) -> Result<Vec<api::Verified>, StockError>;

    /// Removes what is not needed.
    async fn sweep(&self, request: api::SweepRequest) -> Result<api::Swept, StockError>;
}
