//! The settings of engines.

use std::num::{NonZeroU16, NonZeroU32};
use std::time::Duration;

use pumasi_protocol::worker::{CacheType, Drafting, FlashAttention};
use pumasi_protocol::{KeepAlive, ModelSettings};

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

    /// How a model is loaded and kept: as its own settings say, else as this node does.
    #[must_use]
    pub fn for_model(&self, settings: &ModelSettings) -> ModelPlan {
        let keep_alive = match self.keep_alive {
            None => KeepAlive::Forever,
            Some(time) => KeepAlive::Seconds(u32::try_from(time.as_secs()).unwrap_or(u32::MAX)),
        };
        ModelPlan {
            context: settings.context.and_then(NonZeroU32::new).or(self.context),
            slots: settings.slots.unwrap_or(self.slots.get()),
            threads: settings.threads.unwrap_or(self.threads.get()),
            gpu_layers: settings.gpu_layers.unwrap_or(self.gpu_layers),
            cache: settings.cache.unwrap_or_default(),
            flash: settings.flash.unwrap_or_default(),
            drafting: settings.drafting.unwrap_or_default(),
            keep_alive: settings.keep_alive.unwrap_or(keep_alive),
            pinned: settings.pinned.unwrap_or(false),
        }
    }

    /// Tokens that a slot gets for a model that was trained on `model` tokens: never more than those,
    /// and at most [`CONTEXT_CAP`] unless the settings say otherwise.
    #[must_use]
    pub fn context_for(&self, model: u32) -> u32 {
        context_within(self.context, model)
    }
}

/// How one model is loaded and kept on this node.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ModelPlan {
    /// Tokens that a slot holds, where somebody said so.
    pub context: Option<NonZeroU32>,
    /// Slots that decode together.
    pub slots: u16,
    /// Threads of its worker.
    pub threads: u16,
    /// Layers to place on GPUs; [`ALL_LAYERS`] for all.
    pub gpu_layers: u32,
    /// Number format of the KV cache.
    pub cache: CacheType,
    /// How attention is computed.
    pub flash: FlashAttention,
    /// Whether tokens are drafted.
    pub drafting: Drafting,
    /// How long it stays after its last use.
    pub keep_alive: KeepAlive,
    /// Loaded at the start, and not evicted.
    pub pinned: bool,
}

impl ModelPlan {
    /// As [`EngineConfig::context_for`].
    #[must_use]
    pub fn context_for(&self, model: u32) -> u32 {
        context_within(self.context, model)
    }
}

fn context_within(context: Option<NonZeroU32>, model: u32) -> u32 {
    context.map_or(CONTEXT_CAP, NonZeroU32::get).min(model)
}

/// Hyper-threads do not help matrix products, so cores count; a container's share bounds them.
fn physical_cores() -> NonZeroU16 {
    let share = std::thread::available_parallelism().map_or(1, std::num::NonZeroUsize::get);
    let cores = sysinfo::System::physical_core_count().unwrap_or(share).min(share);
    u16::try_from(cores).ok().and_then(NonZeroU16::new).unwrap_or(NonZeroU16::MIN)
}
