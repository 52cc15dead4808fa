//! What connected members tell each other all the time over one small stream: their changing state,
//! signs of life, and doubts about third ones. Each speaks for itself; nothing here is passed on.
//! A message is one byte of version and a body; what is of a later version is skipped.

use serde::{Deserialize, Serialize};

use crate::advert::{Admission, ModelState, NodeAdvert, Queue};
use crate::engine::Rate;
use crate::frame::{self, FrameError};
use crate::ids::NodeId;
use crate::limits;

/// Version of the layout of [`StateMessage`].
const VERSION: u8 = 1;

/// Free memory is told in steps of this many bytes, so that its noise is no news.
pub const MEMORY_STEP: u64 = 256 << 20;

/// A positive number in one byte: five bits of exponent, three of mantissa; off by at most an
/// eighth, downwards. 0 is 0.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Coarse(pub u8);

impl Coarse {
    /// The largest coarse number that is not above `value`.
    #[must_use]
    pub fn of(value: u32) -> Self {
        if value < 8 {
            return Self(u8::try_from(value).expect("below 8"));
        }
        let exponent = value.ilog2() - 3;
        let mantissa = (value >> exponent) - 8;
        Self(u8::try_from((exponent + 1) * 8 + mantissa).expect("at most 29 × 8 + 15"))
    }

    /// What it stands for.
    #[must_use]
    pub fn value(self) -> u32 {
        let (exponent, mantissa) = (u32::from(self.0 / 8), u32::from(self.0 % 8));
        match exponent {
            0 => mantissa,
            1..=29 => (8 + mantissa) << (exponent - 1),
            _ => u32::MAX,
        }
    }
}

/// A model that is loaded or being loaded, as it is at the moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct ModelNow {
    /// Its index in the full advert.
    pub index: u16,
    /// Where it stands.
    pub state: ModelState,
    /// Prefill rate, in tokens per second.
    pub prefill: Coarse,
    /// Decode rate, in tokens per second times 16.
    pub decode: Coarse,
    /// Tokens that it usually answers with.
    pub usual_tokens: Coarse,
}

/// What changes often of a node: complete in itself beside the full advert that it builds on, so
/// that only the latest one matters.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NodeState {
    /// The last two bytes of the node's incarnation.
    pub incarnation: [u8; 2],
    /// Sequence of the last full change: who has an older advert must ask for it.
    pub base: u64,
    /// Larger than that of everything before.
    pub sequence: u64,
    /// Interactive and batch jobs that wait.
    pub waiting: (u32, u32),
    /// Predicted time until all work is done, in milliseconds.
    pub work_ms: Coarse,
    /// Whether it takes jobs.
    pub admission: Admission,
    /// Free main memory, in [`MEMORY_STEP`]s.
    pub memory_free: u32,
    /// Its models that are loaded or being loaded; the others are held.
    pub models: Vec<ModelNow>,
    /// Hashes of prefixes that came into its caches, the latest first; the longest of each prompt.
    pub hot: Vec<u64>,
}

/// What became of a state that met an advert.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Taken {
    /// It was newer and is in the advert.
    New,
    /// The advert is as new.
    Old,
    /// It builds on an advert that is not here.
    Unfit,
}

impl NodeState {
    /// What of `advert` a state can say, with what came into its caches lately.
    #[must_use]
    pub fn of(advert: &NodeAdvert, base: u64, hot: &[u64]) -> Self {
        let models = (0..).zip(&advert.models).filter_map(|(index, model)| match model.state {
            ModelState::Held | ModelState::Unusable => None,
            ModelState::Loading(_) | ModelState::Loaded { .. } => Some(ModelNow {
                index,
                state: model.state,
                prefill: Coarse::of(model.prefill.0 / 1_000),
                decode: Coarse::of(model.decode.0 / 62),
                usual_tokens: Coarse::of(model.usual_tokens),
            }),
        });
        let steps = advert.memory_free / MEMORY_STEP;
        Self {
            incarnation: tag(advert.incarnation),
            base,
            sequence: advert.sequence,
            waiting: (advert.queue.interactive, advert.queue.batch),
            work_ms: Coarse::of(u32::try_from(advert.queue.work_ms).unwrap_or(u32::MAX)),
            admission: advert.admission,
            memory_free: u32::try_from(steps).unwrap_or(u32::MAX),
            models: models.collect(),
            hot: hot.iter().copied().take(limits::STATE_PREFIXES).collect(),
        }
    }

    /// Whether every number and length is within [`limits`].
    #[must_use]
    pub fn is_plausible(&self) -> bool {
        let most = limits::CLAIMED_COUNT;
        let slots_ok = |model: &ModelNow| match model.state {
            ModelState::Loaded { slots, busy } => busy <= slots && u32::from(slots) <= most,
            ModelState::Loading(permille) => permille <= 1_000,
            ModelState::Held | ModelState::Unusable => true,
        };
        self.base <= self.sequence
            && self.waiting.0 <= most
            && self.waiting.1 <= most
            && self.models.len() <= limits::ADVERT_MODELS
            && self.models.iter().all(slots_ok)
            && self.models.iter().all(|m| m.prefill.value() <= limits::CLAIMED_TOKENS_PER_S)
            && self.hot.len() <= limits::STATE_PREFIXES
    }

    /// Whether `other` says so much else that peers should know. The time until all is done runs
    /// down by itself and is news only once it is off by more than a quarter.
    #[must_use]
    pub fn is_news_after(&self, other: &Self) -> bool {
        let (new, old) = (self.work_ms.0, other.work_ms.0);
        let still = Self {
            base: other.base,
            sequence: other.sequence,
            work_ms: other.work_ms,
            hot: Vec::new(),
            ..self.clone()
        };
        new.abs_diff(old) > 2
            || !self.hot.is_empty()
            || still != Self { hot: Vec::new(), ..other.clone() }
    }
}

impl NodeAdvert {
    /// Takes over what a newer state of the same node says.
    pub fn take(&mut self, state: &NodeState) -> Taken {
        let same = state.incarnation == tag(self.incarnation);
        if same && state.sequence <= self.sequence {
            return Taken::Old;
        }
        let fits = same
            && state.base <= self.sequence
            && state.models.iter().all(|m| usize::from(m.index) < self.models.len());
        if !fits {
            return Taken::Unfit;
        }
        self.sequence = state.sequence;
        let (interactive, batch) = state.waiting;
        self.queue = Queue { interactive, batch, work_ms: u64::from(state.work_ms.value()) };
        self.admission = state.admission;
        self.memory_free = (u64::from(state.memory_free) * MEMORY_STEP).min(self.memory_total);
        for model in &mut self.models {
            if model.state != ModelState::Unusable {
                model.state = ModelState::Held;
            }
        }
        for now in &state.models {
            let model = &mut self.models[usize::from(now.index)];
            model.state = now.state;
            model.prefill = coarse_or(now.prefill, 1_000, model.prefill);
            model.decode = coarse_or(now.decode, 62, model.decode);
            model.usual_tokens = now.usual_tokens.value();
        }
        Taken::New
    }
}

/// The rate that a coarse number stands for, unless the known one is in the same step.
fn coarse_or(coarse: Coarse, unit: u32, known: Rate) -> Rate {
    if Coarse::of(known.0 / unit) == coarse {
        known
    } else {
        Rate(coarse.value().saturating_mul(unit))
    }
}

/// How far somebody knows a node.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Seen {
    /// The first four bytes of its id: enough to find what was missed.
    pub node: [u8; 4],
    /// The last two bytes of its incarnation.
    pub incarnation: [u8; 2],
    /// The latest sequence.
    pub sequence: u64,
}

impl Seen {
    /// Of a node at some point.
    #[must_use]
    pub fn of(node: &NodeId, incarnation: u64, sequence: u64) -> Self {
        let [a, b, c, d, ..] = node.0;
        Self { node: [a, b, c, d], incarnation: tag(incarnation), sequence }
    }
}

/// What of an incarnation tells it from the one before; only the node itself says which is later.
#[must_use]
pub fn tag(incarnation: u64) -> [u8; 2] {
    let [.., high, low] = incarnation.to_be_bytes();
    [high, low]
}

/// One message on the stream between two connected members.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum StateMessage {
    /// The sender's state.
    State(NodeState),
    /// The sender lives, and counts on the receiver to notice when it does no more.
    Beat {
        /// Its latest sequence.
        sequence: u64,
    },
    /// Answer at once.
    Ping {
        /// To be repeated in the answer.
        nonce: u32,
        /// How far the sender knows some nodes, itself first.
        seen: Vec<Seen>,
    },
    /// The answer.
    Pong {
        /// Of which ping.
        nonce: u32,
        /// How far the sender knows some nodes, itself first.
        seen: Vec<Seen>,
    },
    /// The sender does not hear this node: do you?
    Doubt {
        /// To be repeated in the answer.
        nonce: u32,
        /// Which node.
        node: NodeId,
    },
    /// The answer.
    Opinion {
        /// Of which doubt.
        nonce: u32,
        /// Whether the node answered.
        heard: bool,
    },
    /// The sender, and whom it asked, do not hear this node any more.
    Down {
        /// Which node.
        node: NodeId,
    },
}

impl StateMessage {
    /// The bytes that travel, without their length.
    ///
    /// # Errors
    /// [`FrameError::TooLong`] above [`limits::STATE_BYTES`].
    pub fn encode(&self) -> Result<Vec<u8>, FrameError> {
        let body = frame::encode_body(self, limits::STATE_BYTES - 1)?;
        Ok([&[VERSION], body.as_slice()].concat())
    }

    /// Reads a message; `None`: it is of a version that is not known here.
    ///
    /// # Errors
    /// What it is not, or claims what cannot be.
    pub fn decode(bytes: &[u8]) -> Result<Option<Self>, FrameError> {
        if bytes.len() > limits::STATE_BYTES {
            let (length, limit) = (bytes.len(), limits::STATE_BYTES);
            return Err(FrameError::TooLong { length, limit });
        }
        let (version, body) = bytes.split_first().ok_or(FrameError::Empty)?;
        if *version > VERSION {
            return Ok(None);
        }
        let message: Self = frame::decode_body(body)?;
        if message.is_plausible() { Ok(Some(message)) } else { Err(FrameError::Body) }
    }

    fn is_plausible(&self) -> bool {
        match self {
            Self::State(state) => state.is_plausible(),
            Self::Ping { seen, .. } | Self::Pong { seen, .. } => seen.len() <= limits::STATE_SEEN,
            Self::Beat { .. } | Self::Doubt { .. } | Self::Opinion { .. } | Self::Down { .. } => {
                true
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn state() -> NodeState {
        let loaded = ModelState::Loaded { slots: 4, busy: 2 };
        let coarse = Coarse::of(900);
        let model = ModelNow {
            index: 0,
            state: loaded,
            prefill: coarse,
            decode: coarse,
            usual_tokens: coarse,
        };
        NodeState {
            incarnation: [1, 2],
            base: 3,
            sequence: 70,
            waiting: (1, 0),
            work_ms: Coarse::of(3_000),
            admission: Admission::Accepting,
            memory_free: 30,
            models: vec![model],
            hot: vec![u64::MAX; 2],
        }
    }

    #[test]
    fn coarse_numbers_are_off_by_less_than_an_eighth_and_keep_the_order() {
        let mut before = Coarse(0);
        for value in (0..100_000).chain([u32::MAX / 3, u32::MAX]) {
            let coarse = Coarse::of(value);
            assert!(coarse >= before && coarse.value() <= value, "{value}");
            assert!(value - coarse.value() <= value / 8, "{value}");
            before = coarse;
        }
        assert_eq!(Coarse(255).value(), u32::MAX);
    }

    #[test]
    fn a_state_takes_few_bytes() {
        let message = StateMessage::State(state());
        let bytes = message.encode().expect("small");
        assert!(bytes.len() <= 41, "{}", bytes.len());
        assert_eq!(StateMessage::decode(&bytes), Ok(Some(message)));
        let quiet = StateMessage::State(NodeState { hot: Vec::new(), ..state() });
        assert!(quiet.encode().expect("small").len() <= 23);
    }

    #[test]
    fn cat_x32_a_later_version_is_skipped_and_not_an_error() {
        assert_eq!(StateMessage::decode(&[VERSION + 1, 9, 9, 9]), Ok(None));
        assert_eq!(StateMessage::decode(&[]), Err(FrameError::Empty));
        assert_eq!(StateMessage::decode(&[VERSION, 200]), Err(FrameError::Body));
    }

    #[test]
    fn cat_p08_states_that_claim_too_much_are_refused_whole() {
        let refuse = |state: NodeState| {
            let bytes = StateMessage::State(state).encode().expect("small");
            assert_eq!(StateMessage::decode(&bytes), Err(FrameError::Body));
        };
        refuse(NodeState { waiting: (u32::MAX, 0), ..state() });
        refuse(NodeState { base: 71, ..state() });
        refuse(NodeState { hot: vec![0; limits::STATE_PREFIXES + 1], ..state() });
        let mut full = state();
        full.models[0].state = ModelState::Loaded { slots: 1, busy: 2 };
        refuse(full);
    }

    #[test]
    fn only_what_matters_is_news() {
        let (old, mut new) = (state(), NodeState { hot: Vec::new(), sequence: 71, ..state() });
        assert!(!new.is_news_after(&old));
        new.work_ms = Coarse::of(2_600);
        assert!(!new.is_news_after(&old));
        new.work_ms = Coarse::of(1_900);
        assert!(new.is_news_after(&old));
        let busier = NodeState { waiting: (2, 0), hot: Vec::new(), ..state() };
        assert!(busier.is_news_after(&old));
    }

    proptest! {
        #[test]
        fn the_decoder_takes_any_bytes(bytes in proptest::collection::vec(any::<u8>(), 0..256)) {
            let _ = StateMessage::decode(&bytes);
        }
    }
}
