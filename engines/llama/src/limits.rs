//! Every bound of this worker.

use std::time::Duration;

/// Most slots of one model (the worker protocol's bound).
pub(crate) const SLOTS: u16 = 64;
/// Requests that wait for preparation or for a slot; beyond, a request is refused.
pub(crate) const WAITING_REQUESTS: usize = 512;
/// Commands read from stdin that the engine has not taken.
pub(crate) const WAITING_COMMANDS: usize = 64;
/// Bytes of frames that wait to be written; beyond, the engine waits for the node.
pub(crate) const OUTBOX_BYTES: usize = 8 << 20;
/// Signs of life that wait to be written; beyond, they are left out.
pub(crate) const OUTBOX_URGENT: usize = 1_024;
/// Most bytes of one write, so that a control frame never waits behind more (design §7).
pub(crate) const WRITE_BYTES: usize = 256 << 10;
/// Between two signs of life.
pub(crate) const BEAT: Duration = Duration::from_millis(250);
/// A single decode step or a stretch of loading without progress beyond this counts as a hang: no
/// more signs of life, so that the node ends the process (a guess; the slowest healthy step seen
/// is a 70B model on a CPU with about one second per token).
pub(crate) const STEP_LONGEST: Duration = Duration::from_secs(60);
/// As [`STEP_LONGEST`], for loading, where a slow disk may feed one large tensor for a while.
pub(crate) const LOAD_STALL: Duration = Duration::from_secs(180);
/// From the end of stdin to the end of the process, whatever it is doing.
pub(crate) const EXIT_GRACE: Duration = Duration::from_millis(1_500);

/// Tokens of one batch: the largest prefill chunk.
pub(crate) const BATCH_TOKENS: u32 = 2_048;
/// Tokens that the back end computes at once inside a batch.
pub(crate) const MICRO_BATCH_TOKENS: u32 = 512;
/// The first prefill chunk, before a rate is measured.
pub(crate) const FIRST_CHUNK: u32 = 64;
/// The smallest prefill chunk beside slots that decode.
pub(crate) const SMALLEST_CHUNK: u32 = 16;
/// The smallest prefill chunk when nothing decodes: a compromise between the rate and how long a
/// cancel or a newcomer waits on a slow processor (measured on two cores with a Q4_0 model of 1B
/// weights, beside llama.cpp's server: chunks of 64 tokens give 0.86 of its rate, of 512 0.94).
pub(crate) const SMALLEST_CHUNK_ALONE: u32 = 128;
/// How long a prefill chunk may hold up slots that decode.
pub(crate) const CHUNK_WHILE_DECODING: Duration = Duration::from_millis(60);
/// How long a prefill chunk may take when nothing decodes; a cancel waits this long.
pub(crate) const CHUNK_ALONE: Duration = Duration::from_millis(400);

/// Bytes that a worker may take beside twice the estimate of its model: contexts for embeddings,
/// requests in preparation, stacks (a guess, far above all that was seen).
#[cfg(target_os = "linux")]
pub(crate) const SPARE_MEMORY: u64 = 4 << 30;

/// Longest text that is embedded, in tokens: pooling needs it in one micro batch, whose buffers
/// grow with its square.
pub(crate) const EMBED_TOKENS: u32 = 2_048;
/// Texts embedded in one batch.
pub(crate) const EMBED_SEQUENCES: u32 = 64;

/// Bytes of a chat template's source (row M07).
pub(crate) const TEMPLATE_BYTES: usize = 64 << 10;
/// Steps of a chat template (row M07).
pub(crate) const TEMPLATE_FUEL: u64 = 1_000_000;
/// Bytes that a chat template may add to what the messages hold (row M07).
pub(crate) const TEMPLATE_OUTPUT_BYTES: usize = 1 << 20;
/// Time for rendering a chat (row M07).
pub(crate) const TEMPLATE_TIME: Duration = Duration::from_secs(1);
/// Time for compiling a grammar (row H15 allows two seconds until the reply).
pub(crate) const GRAMMAR_TIME: Duration = Duration::from_millis(1_500);
/// Renderings and compilations that overran their time and still run; beyond, none is begun.
pub(crate) const OVERRUNS: usize = 4;

/// Tokens over which `repeat_penalty` looks back (llama.cpp's default).
pub(crate) const REPEAT_WINDOW: usize = 64;

/// Ids of one draft (measured on two cores: longer steps gain nothing more per id).
pub(crate) const DRAFT_TOKENS: usize = 64;
/// Drafted ids of one step, over all slots.
pub(crate) const DRAFTS_A_STEP: usize = 256;
/// Places that are remembered of a text, to find its end in it again; of a longer one, the latest.
pub(crate) const LOOKUP_ENTRIES: usize = 1 << 18;
/// Beyond this many ids that are alike, longer likeness says nothing more.
pub(crate) const STREAK_LONGEST: usize = 32;
