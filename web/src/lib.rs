//! The HTTP face of a node: the OpenAI endpoints, `/api/v1`, the UI's assets, and the guard before them.
//! What a mesh is, it knows only as the trait [`mesh::Mesh`].

pub mod api;
mod app;
pub mod audit;
mod body;
mod conversations;
mod error;
mod gather;
mod guard;
pub mod keys;
pub mod limits;
pub mod mesh;
pub mod meters;
pub mod openapi;
mod routes;
mod server;
pub mod settings;
mod tls;
pub mod usage;

pub use keys::Keyring;
pub use mesh::Mesh;
pub use server::{ServeError, serve};
pub use settings::{BindRefused, Exposure, Patience, RequestLog, Secret, Settings, check_bind};
pub use tls::{Tls, TlsError};
