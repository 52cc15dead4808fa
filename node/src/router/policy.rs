//! What a person settles about the router: when providers are asked, which names stand for which models,
//! and who stands in when a provider fails.

use std::collections::BTreeMap;

use pumasi_protocol::ModelName;
use serde::{Deserialize, Serialize};

/// When a model that both have is asked of the mesh and when of a provider.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Policy {
    /// The mesh, and a provider where that fails.
    #[default]
    MeshFirst,
    /// A provider, and the mesh where that fails.
    CloudFirst,
    /// The mesh, unless it is full.
    CloudWhenFull,
    /// No provider outside the office, ever.
    NeverCloud,
}

/// Wait for a first slot from which on the mesh counts as full, in milliseconds (guess: what people
/// bear before they look elsewhere).
pub(super) const FULL_AFTER_MS: u64 = 5_000;
/// Times that a request may be asked once more.
const RETRIES: u32 = 2;
/// Share of requests that may be, in percent (the field's usual number).
const RETRY_PERCENT: u32 = 10;
/// And so many a minute besides (guess: what one person notices).
const RETRY_BURST: u32 = 10;
/// How long a request waits for that, all in all, in milliseconds (guess: before people think it hangs).
const WAIT_MS: u64 = 5_000;
/// Names that stand for others, at most.
const ALIASES: usize = 64;
/// Models behind one such name, and models that stand in, at most.
const CHAIN: usize = 8;

/// All of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Routing {
    /// When providers are asked.
    pub(crate) policy: Policy,
    /// Wait from which on the mesh counts as full, in milliseconds.
    pub(crate) full_after_ms: u64,
    /// Names that stand for models, which are tried in this order: `fast`, `best`, `private`, …
    pub(crate) aliases: BTreeMap<ModelName, Vec<ModelName>>,
    /// Models of the mesh that stand in, in this order, where a provider fails.
    pub(crate) stand_in: Vec<ModelName>,
    /// Model servers on this computer are found and used by themselves.
    pub(crate) find_local: bool,
    /// As if every provider outside the office were down.
    pub(crate) rehearsal: bool,
    /// Times that a request may be put once more to providers that failed; 0 to 10.
    pub(crate) retries: u32,
    /// Share of a provider's requests that may be, in percent; 0 to 100.
    pub(crate) retry_percent: u32,
    /// And so many a minute besides; 0 to 1,000.
    pub(crate) retry_burst: u32,
    /// How long a request waits for that, all in all, in milliseconds; at most 60,000.
    pub(crate) wait_ms: u64,
    /// First byte of a stream from which on it is late, so that a second provider is asked, in
    /// milliseconds; 0: never; at most 60,000.
    pub(crate) hedge_after_ms: u64,
    /// Also where a provider outside the office is one of the two.
    pub(crate) hedge_paid: bool,
}

impl Default for Routing {
    fn default() -> Self {
        Self {
            policy: Policy::default(),
            full_after_ms: FULL_AFTER_MS,
            aliases: BTreeMap::new(),
            stand_in: Vec::new(),
            find_local: true,
            rehearsal: false,
            retries: RETRIES,
            retry_percent: RETRY_PERCENT,
            retry_burst: RETRY_BURST,
            wait_ms: WAIT_MS,
            hedge_after_ms: 0,
            hedge_paid: false,
        }
    }
}

/// Why routing cannot be settled like that.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum RoutingFault {
    /// Too many names, or too many models behind one.
    #[error("at most 64 names may stand for others, each for 1 to 8 models")]
    TooMany,
    /// A name that stands for others stands for one that does, too.
    #[error("a name that stands for models cannot stand for another such name")]
    Nested,
    /// A number is out of its range.
    #[error("`{name}` may be {most} at most")]
    TooLarge {
        /// Which.
        name: &'static str,
        /// Its largest value.
        most: u64,
    },
}

impl Routing {
    /// Whether it makes sense.
    ///
    /// # Errors
    /// Why not.
    pub(crate) fn check(&self) -> Result<(), RoutingFault> {
        let sized = |chain: &Vec<ModelName>| (1..=CHAIN).contains(&chain.len());
        let is_sized = self.aliases.len() <= ALIASES
            && self.aliases.values().all(sized)
            && self.stand_in.len() <= CHAIN;
        if !is_sized {
            return Err(RoutingFault::TooMany);
        }
        let bounds = [
            ("retries", self.retries.into(), 10),
            ("retry_percent", self.retry_percent.into(), 100),
            ("retry_burst", self.retry_burst.into(), 1_000),
            ("wait_ms", self.wait_ms, 60_000),
            ("hedge_after_ms", self.hedge_after_ms, 60_000),
        ];
        if let Some((name, _, most)) = bounds.into_iter().find(|(_, value, most)| value > most) {
            return Err(RoutingFault::TooLarge { name, most });
        }
        let nested = |name: &ModelName| self.aliases.contains_key(name);
        let is_nested = self.aliases.values().flatten().any(nested);
        if is_nested { Err(RoutingFault::Nested) } else { Ok(()) }
    }

    /// The models that a name stands for, in order: itself, unless it is an alias.
    pub(super) fn meant<'a>(&'a self, name: &'a ModelName) -> &'a [ModelName] {
        self.aliases.get(name).map_or(std::slice::from_ref(name), Vec::as_slice)
    }
}
