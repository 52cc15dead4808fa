//! What runs a job on this machine: the one trait [`Engine`], and [`WorkerEngine`], which starts,
//! watches and ends worker processes. It knows no model format, no scheduler and no network.

#![warn(missing_docs)]

mod actor;
pub mod diagnostics;
mod document;
pub mod engine;
pub mod events;
mod launch;
mod left_over;
pub mod limits;
mod orders;
mod process;
mod running;
mod session;
pub mod spec;
mod stderr_ring;
mod worker;

pub use diagnostics::{Diagnostics, EndReason, Exit, ExitKind, Found};
pub use document::DocumentEngine;
pub use engine::{Engine, EngineState, Submitted};
pub use events::{EventSender, Events, SendError, channel};
pub use left_over::end_left_over;
pub use spec::WorkerSpec;
pub use worker::WorkerEngine;
