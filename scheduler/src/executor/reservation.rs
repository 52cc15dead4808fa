//! One attempt's place in the queue or in a slot, and whether it is the desk's own.

use pumasi_protocol::{ModelName, Need, NodeId, Priority, Tempo};

use crate::context::Scene;
use crate::time::Time;
use crate::view::Stage;

/// A place in the queue or in a slot.
#[derive(Debug, Clone)]
pub(super) struct Reservation {
    pub(super) owner: NodeId,
    pub(super) need: Box<Need>,
    /// The model's name on this node.
    pub(super) model: ModelName,
    pub(super) stage: Stage,
    /// When it came, and as which one.
    pub(super) arrived: Time,
    pub(super) arrival: u64,
    /// When it came to its stage.
    pub(super) since: Time,
    /// Predicted time in its slot.
    pub(super) estimate_ms: u32,
    /// Claims sent.
    pub(super) claims: u8,
    /// It gets an engine to itself.
    pub(super) alone: bool,
    /// Its data stream is open, or its owner is this node.
    pub(super) opened: bool,
    /// Other busy slots when it was bound, to judge its rates by.
    pub(super) busy_at_bind: u32,
    /// Device time that its person was charged for when it was bound, in milliseconds.
    pub(super) charged_ms: u32,
    /// The device's own time at that moment, in microseconds.
    pub(super) device_us: u64,
    /// At which tempo it runs.
    pub(super) tempo: Tempo,
    /// It was held back for a while.
    pub(super) yielded: bool,
    /// Its engine was told to stop.
    pub(super) stopped: bool,
}

impl Reservation {
    pub(super) fn has_slot(&self) -> bool {
        match self.stage {
            Stage::Waiting => false,
            Stage::Held | Stage::Claimed | Stage::Bound | Stage::Running => true,
        }
    }

    /// Whether it is for the person whose machine this is; on a shared machine, whether it was
    /// accepted here.
    pub(super) fn is_of_desk(&self, scene: Scene<'_>) -> bool {
        is_of_desk(scene, self.owner, &self.need)
    }

    /// Whether the person at the desk waits for it.
    pub(super) fn is_awaited_at_desk(&self, scene: Scene<'_>) -> bool {
        self.need.priority == Priority::Interactive && self.is_of_desk(scene)
    }
}

/// See [`Reservation::is_of_desk`].
pub(super) fn is_of_desk(scene: Scene<'_>, owner: NodeId, need: &Need) -> bool {
    let desk = scene.mesh.own_member().and_then(|m| m.person);
    desk.map_or(owner == scene.me, |person| person == need.person)
}
