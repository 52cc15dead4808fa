//! Settings of one model on one node: how it is loaded and how long it stays. What is left open
//! follows the node's own settings.

use serde::{Deserialize, Serialize};

use crate::limits;
use crate::worker::{CacheType, Drafting, FlashAttention};

/// How long a model stays loaded after its last use.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum KeepAlive {
    /// Until somebody unloads it, or its memory is needed.
    Forever,
    /// For this many seconds; 0: until what runs has ended.
    Seconds(u32),
}

impl KeepAlive {
    /// From seconds as programs say them: negative ones mean for ever.
    #[must_use]
    pub fn from_seconds(seconds: i64) -> Self {
        match u32::try_from(seconds) {
            Ok(seconds) => Self::Seconds(seconds),
            Err(_) if seconds < 0 => Self::Forever,
            Err(_) => Self::Seconds(u32::MAX),
        }
    }
}

/// See the module. `None` everywhere: as the node does by itself.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ModelSettings {
    /// Tokens that a slot holds, at most as many as the model was trained on.
    pub context: Option<u32>,
    /// Slots that decode together, 1 to [`limits::MODEL_SLOTS`].
    pub slots: Option<u16>,
    /// Threads of the engine, 1 to [`limits::MODEL_THREADS`].
    pub threads: Option<u16>,
    /// Layers on graphics cards; 0: none.
    pub gpu_layers: Option<u32>,
    /// Number format of the KV cache.
    pub cache: Option<CacheType>,
    /// How attention is computed.
    pub flash: Option<FlashAttention>,
    /// Whether tokens are drafted.
    pub drafting: Option<Drafting>,
    /// How long it stays after its last use.
    pub keep_alive: Option<KeepAlive>,
    /// It is loaded when the node starts, and stays: no other model takes its place.
    pub pinned: Option<bool>,
}

/// Why settings are refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SettingsFault {
    /// A number is out of range.
    #[error("{name} goes from {least} to {most}")]
    Range {
        /// Which setting.
        name: &'static str,
        /// The smallest value.
        least: u32,
        /// The largest value.
        most: u32,
    },
    /// Two settings exclude each other.
    #[error(
        "a cache of q8_0 or q4_0 needs flash attention: set flash to auto or on, or cache to f16"
    )]
    CacheNeedsFlash,
}

impl ModelSettings {
    /// Checks every range, and what excludes each other.
    ///
    /// # Errors
    /// The first thing that is wrong.
    pub fn check(&self) -> Result<(), SettingsFault> {
        let within = |name, value: Option<u32>, least, most| match value {
            Some(value) if !(least..=most).contains(&value) => {
                Err(SettingsFault::Range { name, least, most })
            }
            Some(_) | None => Ok(()),
        };
        within("context", self.context, limits::LEAST_CONTEXT, limits::CONTEXT_TOKENS)?;
        within("slots", self.slots.map(u32::from), 1, limits::MODEL_SLOTS)?;
        within("threads", self.threads.map(u32::from), 1, limits::MODEL_THREADS)?;
        within("gpu_layers", self.gpu_layers, 0, limits::MODEL_LAYERS)?;
        let packed = self.cache.is_some_and(|cache| cache != CacheType::F16);
        if packed && self.flash == Some(FlashAttention::Off) {
            return Err(SettingsFault::CacheNeedsFlash);
        }
        Ok(())
    }

    /// Whether a model that is loaded must be loaded anew to follow `other` instead.
    #[must_use]
    pub fn loads_unlike(&self, other: &Self) -> bool {
        let shape = |settings: &Self| Self { keep_alive: None, pinned: None, ..settings.clone() };
        shape(self) != shape(other)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_hold_and_a_packed_cache_needs_flash_attention() {
        assert_eq!(ModelSettings::default().check(), Ok(()));
        let wrong = |change: fn(&mut ModelSettings)| {
            let mut settings = ModelSettings::default();
            change(&mut settings);
            settings.check()
        };
        let range = |name, least, most| Err(SettingsFault::Range { name, least, most });
        assert_eq!(wrong(|s| s.slots = Some(0)), range("slots", 1, 64));
        assert_eq!(wrong(|s| s.slots = Some(65)), range("slots", 1, 64));
        assert_eq!(wrong(|s| s.context = Some(7)), range("context", 16, 16 << 20));
        assert_eq!(wrong(|s| s.threads = Some(1_025)), range("threads", 1, 1_024));
        assert_eq!(wrong(|s| s.gpu_layers = Some(1_000)), range("gpu_layers", 0, 999));
        let packed = |flash| {
            let cache = Some(CacheType::Q4);
            ModelSettings { cache, flash, ..ModelSettings::default() }.check()
        };
        assert_eq!(packed(Some(FlashAttention::Off)), Err(SettingsFault::CacheNeedsFlash));
        assert_eq!([packed(None), packed(Some(FlashAttention::On))], [Ok(()), Ok(())]);
    }

    #[test]
    fn only_what_shapes_a_load_needs_another_one() {
        let before = ModelSettings::default();
        let pinned = ModelSettings { pinned: Some(true), ..before.clone() };
        let longer = ModelSettings { context: Some(64), ..before.clone() };
        assert!(!before.loads_unlike(&pinned) && before.loads_unlike(&longer));
    }

    #[test]
    fn seconds_are_read_as_ollama_means_them() {
        assert_eq!(KeepAlive::from_seconds(-1), KeepAlive::Forever);
        assert_eq!(KeepAlive::from_seconds(0), KeepAlive::Seconds(0));
        assert_eq!(KeepAlive::from_seconds(1 << 40), KeepAlive::Seconds(u32::MAX));
    }
}
