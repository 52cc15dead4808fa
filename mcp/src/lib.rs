//! The mesh as tools for agents: the Model Context Protocol over standard input and output, or over HTTP.
//! The tools speak the HTTP API of a node and nothing else, so whoever uses them may do what the API lets
//! them do. How the API is reached is the business of whoever implements [`Api`]; what a mesh is, is not
//! known here.

mod answers;
mod api;
mod arguments;
mod calls;
mod limits;
mod server;
mod tools;
mod transport;

pub use api::{Api, Asked, Problem, Told};
pub use transport::{http, stdio};
