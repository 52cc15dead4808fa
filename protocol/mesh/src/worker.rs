//! Frames between a node and its worker processes, over the worker's stdin and stdout.
//! One worker process runs one model; ending the process is what frees its memory.

use serde::{Deserialize, Serialize};

use crate::advert::Device;
use crate::document::{DocumentPart, DocumentWork};
use crate::engine::{
    Capabilities, Embedded, EngineKind, Finish, OutputSyntax, Phase, Tempo, Timings, Token, Usage,
};
use crate::fault::Fault;
use crate::generate::{Embed, Generate};
use crate::ids::BlobId;

/// Version of the frames in this file. Node and worker are built together; a mismatch is refused.
pub const WORKER_PROTOCOL: u16 = 4;

/// Argument of a worker, followed by the path of a file that it may read. What it is not given in
/// this way at its start it cannot open later, where the system can hold it to that.
pub const READABLE_ARGUMENT: &str = "--readable";

/// Names one request for the life of a worker process.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct RequestId(pub u64);

/// Number format of the KV cache.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum CacheType {
    /// 16-bit floats.
    #[default]
    F16,
    /// 8-bit blocks.
    Q8,
    /// 4-bit blocks.
    Q4,
}

/// Whether attention is computed in one piece, without a matrix of all scores.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum FlashAttention {
    /// Where the device can.
    #[default]
    Auto,
    /// Always.
    On,
    /// Never; the cached values must then be 16-bit floats.
    Off,
}

/// Whether the next tokens are guessed from the text so far and computed together with the one that
/// is due. The answer is the same either way.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Drafting {
    /// Never.
    Off,
    /// Where what was measured says that it pays.
    #[default]
    Paying,
    /// Wherever there is a guess: for tests and measurements.
    Always,
}

/// Tokens that were drafted, and how many of them were kept.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Drafts {
    /// Computed ahead.
    pub proposed: u64,
    /// Of these, what the sampler drew too.
    pub accepted: u64,
}

impl Drafts {
    /// Counts further ones.
    pub fn add(&mut self, more: Self) {
        self.proposed = self.proposed.saturating_add(more.proposed);
        self.accepted = self.accepted.saturating_add(more.accepted);
    }
}

/// How far the system enforces a rule on a worker.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Hold {
    /// Not at all: the system does not offer it, or it failed.
    #[default]
    Absent,
    /// In part: an older kernel knows only some of it.
    Partial,
    /// Wholly.
    Whole,
}

/// What the system holds a worker to. A worker confines itself before it reads its first frame and
/// cannot take it back.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Confinement {
    /// It opens no file but those that it was given, and such that describe the machine.
    pub files: Hold,
    /// It has no network, starts no program and reaches into no other process.
    pub calls: Hold,
}

impl Confinement {
    /// Whether nothing is left out.
    #[must_use]
    pub fn is_whole(self) -> bool {
        self.files == Hold::Whole && self.calls == Hold::Whole
    }
}

/// How to load a model.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LoadModel {
    /// Path of the file on this machine.
    pub path: String,
    /// The hash that the node checked; the worker reports it back.
    pub hash: BlobId,
    /// Tokens that each slot holds; 0: the model's own context.
    pub context: u32,
    /// Slots that decode together, 1 to 64.
    pub slots: u16,
    /// Layers on the GPU; `None`: all that fit.
    pub gpu_layers: Option<u32>,
    /// Threads; 0: the physical cores.
    pub threads: u16,
    /// Number format of the KV cache.
    pub cache: CacheType,
    /// How attention is computed.
    pub flash: FlashAttention,
    /// Whether tokens are drafted.
    pub drafting: Drafting,
    /// Make an embedding context as well as, or instead of, a generating one.
    pub embeddings: bool,
}

/// What a loaded model turned out to be.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LoadedModel {
    /// The hash given in [`LoadModel`].
    pub hash: BlobId,
    /// Tokens that each slot holds.
    pub context: u32,
    /// Slots.
    pub slots: u16,
    /// Tokens of the vocabulary.
    pub vocabulary: u32,
    /// Dimensions of its embeddings.
    pub embedding_dimensions: u32,
    /// What it can do.
    pub capabilities: Capabilities,
    /// Bytes of the weights in memory.
    pub weights_bytes: u64,
    /// Bytes of the KV cache.
    pub cache_bytes: u64,
    /// How long loading took, in microseconds.
    pub load_us: u64,
}

/// What the node asks of a worker.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Command {
    /// Load the one model of this process.
    Load(LoadModel),
    /// Generate text.
    Generate {
        /// Names the request in events and in [`Command::Cancel`].
        request: RequestId,
        /// What to generate.
        body: Box<Generate>,
    },
    /// Embed texts.
    Embed {
        /// Names the request.
        request: RequestId,
        /// What to embed.
        body: Embed,
    },
    /// Run a request at another tempo from its next step on. Unknown ones are ignored.
    Tempo {
        /// Which request.
        request: RequestId,
        /// How fast.
        tempo: Tempo,
    },
    /// End a request within one decode step; answered by its last event. While loading, ends the load.
    Cancel(RequestId),
    /// Cancel the load that is under way.
    CancelLoad,
    /// End all requests and exit.
    Shutdown,
    /// Work on a document, whose bytes follow.
    Document {
        /// Names the request.
        request: RequestId,
        /// What to do.
        body: Box<DocumentWork>,
    },
    /// The next bytes of a document, at most [`crate::limits::PART_BYTES`].
    Input {
        /// The request that it is for.
        request: RequestId,
        /// The bytes.
        bytes: Vec<u8>,
    },
}

/// What a worker reports.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Event {
    /// First frame of every worker.
    Hello {
        /// [`WORKER_PROTOCOL`].
        protocol: u16,
        /// Which engine this is.
        engine: EngineKind,
        /// The engine library's version, for people.
        version: String,
        /// Devices that the engine can compute on.
        devices: Vec<Device>,
        /// What the system holds it to.
        confinement: Confinement,
    },
    /// Sign of life, every 250 ms while anything is under way.
    Alive {
        /// What is being done.
        phase: Phase,
        /// How far (see [`Phase`]).
        step: u32,
        /// The request it concerns; `None` while loading.
        request: Option<RequestId>,
    },
    /// The model is ready.
    Loaded(LoadedModel),
    /// The model could not be loaded; the process may be asked again.
    LoadFailed(Fault),
    /// A generation has its slot and its rendered prompt.
    Started {
        /// Which request.
        request: RequestId,
        /// The rendered prompt's ids.
        prompt: Vec<u32>,
        /// Of these, taken from the KV cache.
        cached: u32,
        /// How to read the answer.
        syntax: OutputSyntax,
    },
    /// Further tokens of the answer, at most [`crate::limits::TOKENS_PER_EVENT`].
    Tokens {
        /// Which request.
        request: RequestId,
        /// Position of the first of them in the answer (0 is the first token ever delivered, a
        /// resumed attempt goes on counting).
        index: u32,
        /// The tokens.
        tokens: Vec<Token>,
    },
    /// A generation ended. Last event of its request.
    Finished {
        /// Which request.
        request: RequestId,
        /// Why.
        finish: Finish,
        /// Counts.
        usage: Usage,
        /// Durations.
        timings: Timings,
        /// What was drafted for it.
        drafts: Drafts,
    },
    /// Embeddings, in the order of the inputs. Last event of its request.
    Embeddings {
        /// Which request.
        request: RequestId,
        /// One per input.
        embedded: Vec<Embedded>,
        /// Durations.
        timings: Timings,
    },
    /// A request failed. Last event of its request.
    Failed {
        /// Which request.
        request: RequestId,
        /// Why.
        fault: Fault,
    },
    /// A piece of a document's answer.
    Part {
        /// Which request.
        request: RequestId,
        /// Its place among all pieces of the answer, from 0.
        index: u32,
        /// The piece.
        part: DocumentPart,
    },
}
