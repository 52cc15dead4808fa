//! Model services elsewhere, over HTTP: which there are, how each is asked, when one is left in peace,
//! and where its key lies. It knows no scheduler, no mesh and no person, and it never sees what a
//! request means: bytes that a dialect wrote go out, bytes for a dialect come in.

#![warn(missing_docs)]

mod address;
mod answer;
mod body;
pub mod breaker;
mod call;
mod cell;
mod client;
mod connector;
mod discover;
pub mod keystore;
mod kind;
pub mod limits;
mod listing;
mod meter;
mod pool;
mod price;
mod provider;
mod request;
mod seconds;
mod secret;
mod settings;
mod standing;
mod table;
mod way;
mod wire;

pub use body::ReplyBody;
pub use breaker::{BreakerConfig, BreakerFault};
pub use call::{Call, CallError, Reply, Which};
pub use client::{Client, ClientConfig};
pub use discover::{Found, Search, discover};
pub use keystore::{KeyStore, KeyStoreError};
pub use kind::{Auth, KeyNeed, Kind, Listing, Quirks, kind, kinds};
pub use listing::{ModelInfo, is_name as is_model_name};
pub use meter::{BOUNDS, Timing};
pub use price::{Price, price};
pub use provider::Provider;
pub use pumasi_dialects::provider::{ProviderFault, Speech};
pub use secret::{BadKey, Secret};
pub use settings::{BadId, ProviderId, Settings, SetupError};
pub use standing::{BreakerState, Closed, LastFault, Measured, ModelStanding, Permit, Standing};
pub use way::{Carried, Carrier, Uncarried};
