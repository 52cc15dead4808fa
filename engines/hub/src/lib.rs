//! Model hubs that speak the API of the Hugging Face Hub: search, files with sizes and hashes, cards,
//! and downloads that resume and are checked before anything else reads them. It knows no mesh and no
//! store: what it downloads is a [`pumasi_models::store::Complete`] file.
//!
//! The API is that of <https://huggingface.co/docs/hub/api>. Redirects are followed by this crate
//! itself, one by one, because a token must stay with the hub and bytes may come from its own CDN only.

#![warn(missing_docs)]

pub mod choose;
mod client;
pub mod download;
mod endpoint;
mod error;
mod fetch;
pub mod limits;
mod line;
mod part;
mod reference;
mod repo;
mod resolver;
mod retry;
mod roots;
mod search;
mod token;
mod wire;

pub use client::{Hub, HubConfig, Repository};
pub use endpoint::{CdnHost, Endpoint, EndpointFault};
pub use error::{AuthCause, FileFault, HubError, LineFault, Missing, TlsFault};
pub use fetch::Body;
pub use reference::{Reference, ReferenceError};
pub use repo::{Commit, FilePath, RepoError, RepoId, Revision};
pub use resolver::{Lookup, SystemLookup};
pub use retry::Retry;
pub use search::{Page, Query, Sort};
pub use token::{BadToken, HubToken};
pub use wire::{Found, Gate, RemoteFile};
