//! Scheduling quality: the real schedulers on modelled machines, beside the rules that others use and
//! beside a central scheduler that knows everything. Only speed is asked here; what must never
//! happen, the invariants, is the rest of this crate's business.

mod blocks;
mod central;
mod engine;
pub mod hedge;
mod load;
mod machine;
mod mesh;
mod naive;
mod outcome;
pub mod prefix;
mod queue;
pub mod report;
pub mod svg;
pub mod trace;

pub use load::{Case, Scenario, Shape};
pub use outcome::{Figures, Outcome};

/// Who decides where a job runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Policy {
    /// One queue for all, exact knowledge: the first job goes to the machine that would be done
    /// with it first, of those that are free.
    Omniscient,
    /// This project's scheduler, one on each machine.
    Pumasi,
    /// Any machine.
    Random,
    /// One after the other, each owner for itself.
    RoundRobin,
    /// The fewest jobs in flight, by gossip and by what oneself sent since.
    LeastInFlight,
    /// The best rate that oneself measured lately, waiting included.
    FastestMeasured,
    /// Of two drawn by speed and asked freshly, the one done first.
    TwoChoices,
    /// The earliest end by gossip and by what oneself sent since.
    BestByGossip,
}

impl Policy {
    /// All, the measure first.
    pub const ALL: [Self; 8] = [
        Self::Omniscient,
        Self::Pumasi,
        Self::Random,
        Self::RoundRobin,
        Self::LeastInFlight,
        Self::FastestMeasured,
        Self::TwoChoices,
        Self::BestByGossip,
    ];

    /// Its name in tables.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Omniscient => "omniscient",
            Self::Pumasi => "Pumasi",
            Self::Random => "random",
            Self::RoundRobin => "round robin",
            Self::LeastInFlight => "least in flight",
            Self::FastestMeasured => "fastest measured",
            Self::TwoChoices => "two choices",
            Self::BestByGossip => "best by gossip",
        }
    }
}

/// Runs one policy over one case.
#[must_use]
pub fn judge(case: &Case, policy: Policy, config: &pumasi_scheduler::Config) -> Outcome {
    match policy {
        Policy::Omniscient => central::run(case),
        Policy::Pumasi => mesh::run(case, config),
        Policy::Random
        | Policy::RoundRobin
        | Policy::LeastInFlight
        | Policy::FastestMeasured
        | Policy::TwoChoices
        | Policy::BestByGossip => naive::run(case, policy),
    }
}
