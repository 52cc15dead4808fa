//! Every bound of the protocol in one place. A decoder refuses what lies beyond; nothing is cut silently.

/// Largest frame on the data plane and on a worker's pipe, in bytes (guess: a 32 MiB image request
/// travels as blobs, so a frame holds at most one prompt).
pub const FRAME_BYTES: usize = 4 * 1024 * 1024;
/// Largest control message between two nodes, in bytes.
pub const CONTROL_BYTES: usize = 256 * 1024;
/// Longest description of one model that a node asks another for, in bytes.
pub const INSPECTION_BYTES: usize = 192 * 1024;
/// Largest gossiped message, in bytes.
pub const GOSSIP_BYTES: usize = 64 * 1024;
/// Largest message on the stream of states, in bytes: all models loaded at once.
pub const STATE_BYTES: usize = 8 * 1024;
/// Prefix hashes in one state.
pub const STATE_PREFIXES: usize = 8;
/// Nodes of which one ping tells how far they are known.
pub const STATE_SEEN: usize = 64;
/// Largest single roster entry, in bytes.
pub const ROSTER_ENTRY_BYTES: usize = 8 * 1024;
/// Entries that one roster holds (a few hundred nodes with years of changes).
pub const ROSTER_ENTRIES: usize = 16_384;
/// Entries of the chain that a member shows where nobody has heard of it (guess: who lacks more than
/// half a thousand changes of its mesh was away for long, and can hear of them by gossip).
pub const CHAIN_ENTRIES: usize = 512;
/// Bytes of such a chain: that many admissions.
pub const CHAIN_BYTES: usize = 192 * 1024;
/// Bytes of what a removed member is told as its connections are closed: with QUIC's own they fit into
/// the smallest packet that every path carries.
pub const REMOVAL_BYTES: usize = 1_024;
/// Characters in a node's or person's name.
pub const NAME_CHARS: usize = 64;
/// Bytes of a model's name.
pub const MODEL_NAME_BYTES: usize = 192;
/// Devices in an advert.
pub const ADVERT_DEVICES: usize = 64;
/// Models in an advert.
pub const ADVERT_MODELS: usize = 512;
/// Addresses in an advert.
pub const ADVERT_ADDRESSES: usize = 16;
/// Prefix hashes in an advert.
pub const ADVERT_PREFIXES: usize = 1_024;
/// Memory or file size that a node may claim, in bytes (64 TiB).
pub const CLAIMED_BYTES: u64 = 64 << 40;
/// Tokens per second that a node may claim.
pub const CLAIMED_TOKENS_PER_S: u32 = 10_000_000;
/// Slots, queue lengths and the like that a node may claim.
pub const CLAIMED_COUNT: u32 = 65_536;
/// Longest context a model may claim, in tokens.
pub const CONTEXT_TOKENS: u32 = 16 << 20;
/// Messages in one chat.
pub const CHAT_MESSAGES: usize = 4_096;
/// Tools offered with one chat.
pub const CHAT_TOOLS: usize = 512;
/// Stop strings of a request.
pub const STOP_STRINGS: usize = 16;
/// Bytes of one stop string.
pub const STOP_STRING_BYTES: usize = 256;
/// Entries of a logit bias.
pub const LOGIT_BIAS_ENTRIES: usize = 1_024;
/// Alternatives reported per token.
pub const TOP_LOGPROBS: u8 = 20;
/// Bytes of a JSON schema or grammar.
pub const GRAMMAR_BYTES: usize = 256 * 1024;
/// Inputs of one embedding request.
pub const EMBED_INPUTS: usize = 2_048;
/// Nodes named by one job's constraints.
pub const CONSTRAINT_NODES: usize = 64;
/// Tokens in one `Tokens` event.
pub const TOKENS_PER_EVENT: usize = 256;
/// Bytes of one token's text (the longest seen in published vocabularies is under 512).
pub const TOKEN_BYTES: usize = 4_096;
/// Holders of one durable job (three by default; more only where a person sets so).
pub const HOLDERS: usize = 7;
/// Files with what one durable job was asked.
pub const JOB_BLOBS: usize = 64;
/// Bytes of one file of a durable job (a large scanned document).
pub const JOB_BLOB_BYTES: u64 = 4 << 30;
/// Jobs in one message of a roll call.
pub const ROLL_LINES: usize = 512;
/// Idempotency keys in one message.
pub const KEY_LINES: usize = 1_024;
/// Work that yields by running slowly takes one step in this many (guess: the machine feels free).
pub const SLOW_ONE_IN: u32 = 4;
/// Bytes of one chunk of a file (a cancel must not wait long behind one).
pub const BLOB_CHUNK_BYTES: usize = 256 * 1024;
/// Bytes of a frame of a file's stream: a chunk and what says that it is one.
pub const BLOB_FRAME_BYTES: usize = BLOB_CHUNK_BYTES + 64;
/// Chunk groups (16 KiB) that a reader of a model file asks for at once: a piece of 1 MiB, which is also
/// what a copy tells others of itself in.
pub const COPY_GROUPS: u32 = 64;
/// Pieces of one file: those of 2 TiB.
pub const COPY_PIECES: usize = 2 << 20;
/// Bytes of a frame about a copy: one bit for each piece, and what is fixed.
pub const COPY_FRAME_BYTES: usize = COPY_PIECES / 8 + 4 * 1024;
/// Other readers that a holder names.
pub const COPY_READERS: usize = 32;
/// Bytes of a sentence about a job.
pub const SENTENCE_BYTES: usize = 512;
/// Jobs in one answer between members (each below 1 KiB, within a control message).
pub const SHEETS: usize = 200;
/// Bytes of the explanation of one job's placing, as text.
pub const WHY_BYTES: usize = 128 * 1024;
/// Bytes of one message of a pairing: three names of [`NAME_CHARS`] characters, and what is fixed.
pub const PAIRING_BYTES: usize = 1_024;
/// How long six digits are shown before others take their place, in milliseconds.
pub const PAIRING_DIGITS_MS: u64 = 3 * 60 * 1_000;
/// How long after a person last looked the door waits for digits, in milliseconds: hidden pages look
/// once a minute.
pub const PAIRING_OPEN_MS: u64 = 5 * 60 * 1_000;
/// Wrong digits in all before a person must open the door again.
pub const PAIRING_FAILURES: u32 = 10;
/// Wrong digits from one source before it must wait for [`PAIRING_SOURCE_MS`]: two slips of a person.
pub const PAIRING_SOURCE_FAILURES: u32 = 3;
/// How long a source must wait, counted from its first wrong digits, in milliseconds.
pub const PAIRING_SOURCE_MS: u64 = 60 * 1_000;
/// Sources of wrong digits that are remembered.
pub const PAIRING_SOURCES: usize = 64;
/// Providers that a node shares, at most.
pub const SHARED_PROVIDERS: usize = 64;
/// Models of all providers that a node shares; the rest is left out (a list of OpenRouter's has 300).
pub const SHARED_MODELS: usize = 4_096;
/// Bytes of the list of what a node shares: that many names of 100 bytes, and what goes with them.
pub const SHARED_LIST_BYTES: usize = 768 * 1024;
/// Bytes of a provider's id and of its kind.
pub const PROVIDER_ID_BYTES: usize = 32;
/// Bytes of the path of a provider's call: the name of a model, and what is around it.
pub const PROVIDER_PATH_BYTES: usize = 256;
/// Headers of a call of a provider, or of its answer, that are handed on.
pub const PROVIDER_HEADERS: usize = 32;
/// Bytes of the name and value of one of them.
pub const PROVIDER_HEADER_BYTES: usize = 1_024;
/// Bytes of the frame before an answer, or after it.
pub const PROVIDER_FRAME_BYTES: usize = 48 * 1024;
/// Bytes of what a provider is asked (the largest body with pictures that a node takes).
pub const PROVIDER_BODY_BYTES: u32 = 32 * 1024 * 1024;
/// Bytes of one piece of an answer.
pub const PROVIDER_PIECE_BYTES: usize = 256 * 1024;
/// US dollars for a million tokens that a provider may take, in millionths of one (guess: a thousand
/// times the dearest).
pub const CLAIMED_PRICE: u64 = 1_000_000 * 1_000_000;
/// Slots of one loaded model.
pub const MODEL_SLOTS: u32 = 64;
/// Threads of one engine.
pub const MODEL_THREADS: u32 = 1_024;
/// Layers that a setting may put on graphics cards: more than any published model has.
pub const MODEL_LAYERS: u32 = 999;
/// The shortest context that a setting may ask for, in tokens.
pub const LEAST_CONTEXT: u32 = 16;
/// Bytes of one document (guess: a large scanned book; it is in the memory of its engine).
pub const DOCUMENT_BYTES: u64 = 64 << 20;
/// Documents of one job: each is a file of the job beside the one with the question.
pub const DOCUMENTS: usize = JOB_BLOBS - 1;
/// Bytes of all documents of one job.
pub const DOCUMENTS_BYTES: u64 = 256 << 20;
/// Bytes of a question, a schema or a glossary about documents.
pub const DOCUMENTS_TEXT_BYTES: usize = 64 * 1024;
/// Pages of one document (row D04).
pub const DOCUMENT_PAGES: u32 = 5_000;
/// Texts of one document that a translation replaces.
pub const DOCUMENT_TEXTS: usize = 200_000;
/// Bytes of one event of a document's part.
pub const PART_BYTES: usize = 512 * 1024;
/// Processes that may die under one document before it is given up, each under another page.
pub const DOCUMENT_DEATHS: usize = 4;
/// Bytes of a file's name (the longest that common file systems take).
pub const FILE_NAME_BYTES: usize = 255;
/// Bytes of a document's password (PDF 2.0 takes 127).
pub const PASSWORD_BYTES: usize = 127;
/// Dots per inch of a page's picture.
pub const RENDER_DPI: u16 = 600;
