//! Model files that go from member to member: what this node lends (`shelf`), how fast (`pace`), and how
//! it fetches one from several holders at once (`swarm`, which asks `plan` what is next).

mod arrival;
mod pace;
mod plan;
mod shelf;
mod swarm;

use std::sync::Arc;

pub(crate) use arrival::take_in;
pub(crate) use pace::Pace;
pub(crate) use shelf::{Held, Lendable, Reading, Shelf, Shelved, Whole};
pub(crate) use swarm::{CopyError, Copying, Stage, Wanted};

/// What the data plane lends to members.
#[derive(Debug, Clone, Default)]
pub(crate) struct Lent {
    /// The files.
    pub(crate) shelf: Arc<Shelf>,
    /// How fast.
    pub(crate) pace: Arc<Pace>,
}
