//! Why a job was not taken: data for programs, a sentence for people.

use std::fmt;

use pumasi_dialects::provider::{ProviderFault, Unsayable};
use pumasi_protocol::{Fault, ModelName, NodeId};

/// Why a job was not taken.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RunError {
    /// No node of the mesh holds a model of this name.
    #[error("no computer of the mesh has the model '{0}': `pumasi models` lists what there is")]
    ModelNotFound(ModelName),
    /// The model is on its way to this mesh.
    #[error("the model '{model}' is being fetched: try again later")]
    ModelLoading {
        /// Its name.
        model: ModelName,
        /// When to try again, in seconds.
        retry_s: u32,
    },
    /// The model cannot do this.
    #[error("the model '{0}' cannot do what the request asks for")]
    Capability(ModelName),
    /// A node named in the constraints is not a member.
    #[error("the mesh has no computer with the id {0}")]
    UnknownNode(NodeId),
    /// Too many jobs wait at this node.
    #[error("too many jobs wait here: try again later")]
    Busy {
        /// When to try again, in seconds.
        retry_s: u32,
    },
    /// The key was given before, with something else.
    #[error("this idempotency key was used for another request: give a new request a new key")]
    KeyReused,
    /// There is no space to write a lasting job down.
    #[error(
        "the disk of this computer is full, so it takes no lasting jobs: free some space there; \
         chats go on, and so do the jobs that it has"
    )]
    DiskFull,
    /// A lasting job could not be written down.
    #[error("this computer could not write the job down: `pumasi doctor` there says why")]
    NotStored,
    /// Nobody could keep a copy of a lasting job in time.
    #[error("no other computer could keep a copy of the job in time: try again later")]
    NoHolder,
    /// The caller may not run this.
    #[error("the role of this computer or person does not allow this job")]
    NotAllowed,
    /// The node is stopping.
    #[error("this node is stopping")]
    Stopping,
    /// The model is a provider's, and the request cannot be put in that provider's words.
    #[error("{0}")]
    Unsayable(Unsayable),
    /// The model is a provider's, which is not to be asked.
    #[error("the model '{0}' is at a provider, and this computer is set to ask none")]
    NoProvider(ModelName),
    /// What the request wants of the places that answer leaves none.
    #[error("no place is left for the model '{model}': {left}. Ask with other words in `provider`")]
    NoPlaceLeft {
        /// Its name.
        model: ModelName,
        /// Which words left which places out.
        left: LeftOut,
    },
    /// Every provider that could be asked failed: how the last one did.
    #[error("{0}")]
    Provider(Unanswered),
    /// It failed at once.
    #[error("{0}")]
    Fault(Fault),
}

/// A word of a request's `provider` that can leave a place out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Word {
    /// `order`, where `allow_fallbacks` is false.
    Order,
    /// `only`.
    Only,
    /// `ignore`.
    Ignore,
    /// `max_price`: it takes more.
    MaxPrice,
    /// `max_price`: nobody knows what it takes.
    UnknownPrice,
    /// `data_collection`.
    DataCollection,
    /// `allow_fallbacks`: it is not the first.
    AllowFallbacks,
}

impl Word {
    /// The field.
    #[must_use]
    pub fn field(self) -> &'static str {
        match self {
            Self::Order => "order",
            Self::Only => "only",
            Self::Ignore => "ignore",
            Self::MaxPrice | Self::UnknownPrice => "max_price",
            Self::DataCollection => "data_collection",
            Self::AllowFallbacks => "allow_fallbacks",
        }
    }

    fn why(self) -> &'static str {
        match self {
            Self::UnknownPrice => " (price not known)",
            Self::Order
            | Self::Only
            | Self::Ignore
            | Self::MaxPrice
            | Self::DataCollection
            | Self::AllowFallbacks => "",
        }
    }
}

/// Places that are told of one word.
const TOLD: usize = 8;

/// Places that a request's own words left out: ids of providers and `mesh`, each once.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LeftOut(pub Vec<(String, Word)>);

impl fmt::Display for LeftOut {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut words: Vec<Word> = self.0.iter().map(|(_, word)| *word).collect();
        words.sort_unstable();
        words.dedup();
        for (number, word) in words.into_iter().enumerate() {
            let by_it = self.0.iter().filter(|(_, by)| *by == word);
            let mut places: Vec<&str> = by_it.map(|(place, _)| place.as_str()).collect();
            if places.len() > TOLD {
                places.truncate(TOLD);
                places.push("…");
            }
            let (places, field) = (places.join(", "), word.field());
            let between = if number > 0 { "; " } else { "" };
            write!(f, "{between}`{field}` leaves out {places}{}", word.why())?;
        }
        Ok(())
    }
}

/// How the last of the providers failed that could be asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unanswered {
    /// How it failed.
    pub fault: ProviderFault,
    /// When to try again, in seconds, where somebody said so.
    pub retry_s: Option<u32>,
    /// The provider's id, where the request named it.
    pub at: Option<String>,
}

impl Unanswered {
    /// A failure of which no more is known.
    #[must_use]
    pub fn bare(fault: ProviderFault) -> Self {
        Self { fault, retry_s: None, at: None }
    }
}

impl fmt::Display for Unanswered {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.fault, &self.at) {
            (ProviderFault::NoModel, Some(id)) => write!(
                f,
                "the provider '{id}' has no such model: `pumasi providers list --models` says \
                 what it lists"
            ),
            (fault, Some(id)) => write!(f, "{id}: {fault}"),
            (fault, None) => fault.fmt(f),
        }
    }
}
