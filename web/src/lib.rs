//! The HTTP face of a node: the OpenAI endpoints, `/api/v1`, the UI's assets, and the guard before them.
//! What a mesh is, it knows only as the trait [`mesh::Mesh`].

pub mod api;
pub mod mesh;

pub use mesh::Mesh;
