//! What the end-to-end tests and gates share: the source tree as data, and real nodes as processes.

pub mod ask;
pub mod chaos;
pub mod command;
pub mod https;
pub mod nodes;
pub mod peer;
