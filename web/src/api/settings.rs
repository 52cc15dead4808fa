//! Settings of one model on one node, in the words of the command line.

use pumasi_protocol::worker::{CacheType, Drafting, FlashAttention};
use pumasi_protocol::{KeepAlive, ModelSettings as Kept};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use ts_rs::TS;

use super::fit::CacheFormat;

/// On, off, or left to the node.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, TS, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Switch {
    /// Where it helps.
    Auto,
    /// Always.
    On,
    /// Never.
    Off,
}

/// How a model is loaded and kept on one node. What is absent is left to the node.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, TS, JsonSchema)]
#[serde(deny_unknown_fields)]
#[ts(optional_fields)]
pub struct ModelSettings {
    /// Tokens that a slot holds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub context_tokens: Option<u32>,
    /// Slots that decode together, 1 to 64.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub slots: Option<u16>,
    /// Threads of the engine, 1 to 1024.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub threads: Option<u16>,
    /// Layers on graphics cards, 0 to 999; 999: all.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub gpu_layers: Option<u32>,
    /// Number format of the KV cache.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cache: Option<CacheFormat>,
    /// Flash attention.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub flash: Option<Switch>,
    /// Tokens guessed from the prompt and computed ahead; `auto`: where measurements say it pays.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub drafts: Option<Switch>,
    /// Seconds that it stays loaded after its last use; 0: until what runs has ended, negative: for
    /// ever.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ttl_s: Option<i64>,
    /// Loaded when the node starts, and not unloaded for another model.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pinned: Option<bool>,
}

/// The body of `POST /api/v1/models/{name}/settings`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, TS, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SettingsRequest {
    /// On which node (id); none: this one.
    #[serde(default)]
    pub node: Option<String>,
    /// All of the model's settings: what is not in it is left to the node from here on.
    pub settings: ModelSettings,
}

impl From<Kept> for ModelSettings {
    fn from(kept: Kept) -> Self {
        Self {
            context_tokens: kept.context,
            slots: kept.slots,
            threads: kept.threads,
            gpu_layers: kept.gpu_layers,
            cache: kept.cache.map(|cache| match cache {
                CacheType::F16 => CacheFormat::F16,
                CacheType::Q8 => CacheFormat::Q8_0,
                CacheType::Q4 => CacheFormat::Q4_0,
            }),
            flash: kept.flash.map(|flash| match flash {
                FlashAttention::Auto => Switch::Auto,
                FlashAttention::On => Switch::On,
                FlashAttention::Off => Switch::Off,
            }),
            drafts: kept.drafting.map(|drafting| match drafting {
                Drafting::Paying => Switch::Auto,
                Drafting::Always => Switch::On,
                Drafting::Off => Switch::Off,
            }),
            ttl_s: kept.keep_alive.map(|keep| match keep {
                KeepAlive::Forever => -1,
                KeepAlive::Seconds(seconds) => seconds.into(),
            }),
            pinned: kept.pinned,
        }
    }
}

impl From<ModelSettings> for Kept {
    fn from(said: ModelSettings) -> Self {
        Self {
            context: said.context_tokens,
            slots: said.slots,
            threads: said.threads,
            gpu_layers: said.gpu_layers,
            cache: said.cache.map(|cache| match cache {
                CacheFormat::F16 => CacheType::F16,
                CacheFormat::Q8_0 => CacheType::Q8,
                CacheFormat::Q4_0 => CacheType::Q4,
            }),
            flash: said.flash.map(|flash| match flash {
                Switch::Auto => FlashAttention::Auto,
                Switch::On => FlashAttention::On,
                Switch::Off => FlashAttention::Off,
            }),
            drafting: said.drafts.map(|drafts| match drafts {
                Switch::Auto => Drafting::Paying,
                Switch::On => Drafting::Always,
                Switch::Off => Drafting::Off,
            }),
            keep_alive: said.ttl_s.map(KeepAlive::from_seconds),
            pinned: said.pinned,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_said_comes_back_as_it_was_said() {
        let text = r#"{"context_tokens":4096,"slots":8,"threads":2,"gpu_layers":0,"cache":"q8_0",
            "flash":"on","drafts":"auto","ttl_s":-1,"pinned":true}"#;
        let said: ModelSettings = serde_json::from_str(text).expect("settings");
        assert_eq!(ModelSettings::from(Kept::from(said.clone())), said);
        let nothing: ModelSettings = serde_json::from_str("{}").expect("settings");
        assert_eq!(Kept::from(nothing), Kept::default());
        assert!(serde_json::from_str::<ModelSettings>(r#"{"slot":1}"#).is_err());
    }
}
