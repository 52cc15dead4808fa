//! The shell of a node: configuration, command line, network, store, event loop. The only crate that
//! knows everyone.

pub mod cli;
pub mod config;
pub mod daemon;
pub mod demo;
pub mod doctor;
pub mod runtime;
pub mod store;
