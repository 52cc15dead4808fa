//! The shell of a node: configuration, command line, network, store, event loop. The only crate that
//! knows everyone.

mod audit;
mod benchmarks;
pub mod cli;
pub mod config;
mod copies;
mod core;
pub mod daemon;
pub mod demo;
pub mod doctor;
mod documents;
mod fleet;
mod gateway;
mod hardware;
mod https;
mod inspecting;
mod keys;
mod lending;
mod models;
pub mod net;
mod pace;
mod public;
mod qr;
mod recommending;
mod recorder;
mod router;
pub mod runtime;
mod starter;
mod stock;
pub mod store;
mod usage;
