//! The brain of a node: where jobs run, who may start when, what happens after a failure. Sans-IO:
//! no clock, no socket, no randomness of its own, no async. It never sees a prompt or an output.
//!
//! One scheduler plays two parts. As **owner** ([`owner`]) it places the jobs that its node
//! accepted: gates, ranking, offers, bids, binding, retries. As **executor** ([`executor`]) it
//! answers the offers of others: it alone knows its slots, memory and queue, so a reservation made
//! here is the truth, and adverts are hints.
//!
//! Beside it stands [`Custody`]: what this node keeps of durable jobs, its own and others', and who
//! owns each. What it owns, it gives to the scheduler.

#![warn(missing_docs)]

mod action;
mod config;
mod context;
mod custody;
mod draw;
mod executor;
mod fair;
mod input;
pub mod limits;
mod measure;
mod mesh;
mod owner;
mod rank;
pub mod recording;
mod scheduler;
mod sketch;
pub mod spread;
mod time;
mod timers;
mod view;

pub use action::Action;
pub use config::{Config, Yield};
pub use custody::{
    AcceptRefusal, AdoptRefusal, Custody, CustodyAction, CustodyConfig, CustodyInput, CustodyView,
    CustodyWakeup, Draft, Holding, Part, Promise,
};
pub use input::{DeskState, Input, Link, LoadedFacts, MemberFacts, Outcome};
pub use rank::{Candidate, Measured, Policy, Ranked, Score, Verdict, rank};
pub use scheduler::Scheduler;
pub use sketch::{SketchKey, common_tokens, sketch};
pub use time::Time;
pub use timers::Wakeup;
pub use view::{
    Answer, ExecutorView, ModelView, NodeView, Reason, ReservationView, Residence, Stage, View,
    Why, WhyAttempt, WhyCandidate,
};
