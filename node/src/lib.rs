//! The shell of a node: configuration, command line, network, store, event loop. The only crate that
//! knows everyone.

mod audit;
pub mod cli;
pub mod config;
mod core;
pub mod daemon;
pub mod demo;
pub mod doctor;
mod documents;
mod fleet;
mod gateway;
mod hardware;
mod https;
mod keys;
mod lending;
mod models;
pub mod net;
mod public;
mod qr;
mod recorder;
mod router;
pub mod runtime;
mod starter;
pub mod store;
mod usage;
