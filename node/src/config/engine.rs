//! The settings of engines.

use std::num::{NonZeroU16, NonZeroU32};
use std::time::Duration;

use super::{ALL_LAYERS, CONTEXT_CAP, KEEP_ALIVE_S, SLOTS, Settings};

/// How engines run on this node.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EngineConfig {
    /// Threads of one worker.
    pub threads: NonZeroU16,
    /// Slots of one loaded model.
    pub slots: NonZeroU16,
    /// Tokens that a slot holds, where somebody said so; else [`Self::context_for`].
    pub context: Option<NonZeroU32>,
    /// Layers to place on GPUs; [`ALL_LAYERS`] for all.
    pub gpu_layers: u32,
    /// How long an idle model stays loaded; none: for ever.
    pub keep_alive: Option<Duration>,
}

impl Default for EngineConfig {
    /// As without any setting.
    fn default() -> Self {
        Self::of(&Settings::default())
    }
}

impl EngineConfig {
    pub(super) fn of(settings: &Settings) -> Self {
        Self {
            threads: settings.threads.unwrap_or_else(physical_cores),
            slots: settings.slots.or(NonZeroU16::new(SLOTS)).expect("the default is not zero"),
            context: settings.context.and_then(NonZeroU32::new),
            gpu_layers: settings.gpu_layers.unwrap_or(ALL_LAYERS).min(ALL_LAYERS),
            keep_alive: match settings.keep_alive_s.unwrap_or(KEEP_ALIVE_S) {
                0 => None,
                seconds => Some(Duration::from_secs(seconds.into())),
            },
        }
    }

    /// Tokens that a slot gets for a model that was trained on `model` tokens: never more than those,
    /// and at most [`CONTEXT_CAP`] unless the settings say otherwise.
    #[must_use]
    pub fn context_for(&self, model: u32) -> u32 {
        self.context.map_or(CONTEXT_CAP, NonZeroU32::get).min(model)
    }
}

/// Hyper-threads do not help matrix products, so cores count; a container's share bounds them.
fn physical_cores() -> NonZeroU16 {
    let share = std::thread::available_parallelism().map_or(1, std::num::NonZeroUsize::get);
    let cores = sysinfo::System::physical_core_count().unwrap_or(share).min(share);
    u16::try_from(cores).ok().and_then(NonZeroU16::new).unwrap_or(NonZeroU16::MIN)
}
