//! A whole mesh in one thread from one seed: real schedulers, a modelled network, modelled engines,
//! virtual time, and an oracle that sees all nodes and checks the invariants after each step.
//!
//! A run is data first: [`Scenario::generate`] makes a scenario from a seed, [`run`] executes it.
//! What randomness is left to the execution is keyed by (link, message number), so that leaving out
//! one operation does not reshuffle the others.

mod campaign;
mod canary;
mod chance;
mod counts;
mod diagram;
mod digest;
mod disk;
mod engine;
mod marks;
mod oracle;
pub mod quality;
mod recording;
mod scenario;
mod shell;
mod shrink;
mod situations;
mod stored;
mod wire;
mod world;

pub use campaign::{Campaign, Progress, Summary, run_campaign, seeds_until_found};
pub use canary::Canary;
pub use counts::{Counts, Report};
pub use diagram::diagram;
pub use marks::{Bar, Marks, Message, Step};
pub use oracle::{Invariant, Violation};
pub use recording::{Difference, ReplayError, Replayed, replay};
pub use scenario::{
    Bounds, Client, CrashPoint, Held, Job, Lasting, MachineSpec, ModelSpec, Moment, NetSpec,
    Operation, Scenario, TimedFault, TimedOp, WorldFault,
};
pub use shrink::{Shrunk, shrink};
pub use situations::{Situation, Situations};
pub use stored::{Stored, StoredError};
pub use world::run;
