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
        let nested = |name: &ModelName| self.aliases.contains_key(name);
        let is_nested = self.aliases.values().flatten().any(nested);
        if is_nested { Err(RoutingFault::Nested) } else { Ok(()) }
    }

    /// The models that a name stands for, in order: itself, unless it is an alias.
    pub(super) fn meant<'a>(&'a self, name: &'a ModelName) -> &'a [ModelName] {
        self.aliases.get(name).map_or(std::slice::from_ref(name), Vec::as_slice)
    }
}
