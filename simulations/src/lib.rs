//! A whole mesh in one thread from one seed: real schedulers, a modelled network, modelled engines,
//! virtual time, and an oracle that sees all nodes and checks the invariants after each step.
//!
//! A run is data first: [`Scenario::generate`] makes a scenario from a seed, [`run`] executes it.
//! What randomness is left to the execution is keyed by (link, message number), so that leaving out
//! one operation does not reshuffle the others.

mod canary;
mod chance;
mod counts;
mod engine;
mod oracle;
mod scenario;
mod shell;
mod wire;
mod world;

pub use canary::Canary;
pub use counts::{Counts, Report};
pub use oracle::{Invariant, Violation};
pub use scenario::{
    Bounds, Held, Job, MachineSpec, ModelSpec, NetSpec, Operation, Scenario, TimedFault, TimedOp,
    WorldFault,
};
pub use world::run;
