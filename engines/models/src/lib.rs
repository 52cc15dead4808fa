//! Model files on this machine: reading and refusing GGUF, explaining what a model is, saying what
//! it needs in memory, and listing a directory of models. Sync and offline; it knows no network,
//! no engine and no other crate of the project.

#![warn(missing_docs)]

pub mod catalog;
pub mod estimate;
pub mod explain;
pub mod gguf;
pub mod hash;
pub mod inspect;
pub mod known;
pub mod kv_cache;
pub mod limits;
pub mod name;
pub mod open;
pub mod store;
#[cfg(any(test, feature = "test-support"))]
pub mod test_support;
