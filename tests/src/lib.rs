//! What the end-to-end tests and gates share: the source tree as data, real nodes as processes, and a
//! fake model service and a fake model hub.

pub mod ask;
pub mod chaos;
pub mod command;
pub mod https;
pub mod hub;
pub mod nodes;
pub mod office;
pub mod peer;
pub mod provider;
pub mod relay;
pub mod stream;
pub mod tree;
pub mod wire;
