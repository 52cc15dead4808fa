//! Every bound of this crate. A GGUF file beyond one of them is refused before memory is taken.

/// Largest model file, in bytes (2 TiB). The largest published single files are below 1 TiB.
pub const FILE_BYTES_MAX: u64 = 2 << 40;
/// Largest header (metadata and tensor list together), in bytes. Real ones are 1 to 30 MiB.
pub const HEADER_BYTES_MAX: u64 = 256 << 20;
/// Most metadata entries in one file.
pub const METADATA_ENTRIES_MAX: u64 = 65_536;
/// Longest metadata key, in bytes (GGUF specification).
pub const KEY_BYTES_MAX: u64 = 65_535;
/// Longest string, in bytes.
pub const STRING_BYTES_MAX: u64 = 16 << 20;
/// Strings above this are counted but not kept in memory, in bytes.
pub const STRING_KEPT_BYTES_MAX: u64 = 1 << 20;
/// Most elements of one array.
pub const ARRAY_ELEMENTS_MAX: u64 = 1 << 24;
/// Number arrays above this are counted but not kept. Per-layer values are what we need of them.
pub const ARRAY_KEPT_ELEMENTS_MAX: u64 = 1_024;
/// Most bytes of keys, strings and arrays that one header may keep in memory.
pub const RETAINED_BYTES_MAX: u64 = 32 << 20;

/// Most tensors in one file.
pub const TENSORS_MAX: u64 = 65_536;
/// Longest tensor name, in bytes: ggml's `GGML_MAX_NAME` is 64 with the closing NUL.
pub const TENSOR_NAME_BYTES_MAX: u64 = 63;
/// Most dimensions of a tensor: ggml's `GGML_MAX_DIMS`.
pub const TENSOR_DIMENSIONS_MAX: u32 = 4;
/// Smallest alignment of tensor data, in bytes.
pub const ALIGNMENT_MIN: u64 = 8;
/// Largest alignment of tensor data, in bytes.
pub const ALIGNMENT_MAX: u64 = 4_096;

/// Longest architecture name, in bytes. The longest known one has 16.
pub const ARCHITECTURE_BYTES_MAX: usize = 64;
/// Most tokens in a vocabulary. The largest published one has about 262,000.
pub const VOCABULARY_MAX: u64 = 1 << 21;
/// Longest token, in bytes. Published ones stay below 1 KiB.
pub const TOKEN_BYTES_MAX: u64 = 65_536;

/// Longest context a model may claim, in tokens. The longest published one is about 10 million.
pub const CONTEXT_LENGTH_MAX: u64 = 1 << 27;
/// Widest embedding, in elements.
pub const EMBEDDING_LENGTH_MAX: u64 = 1 << 18;
/// Most blocks: llama.cpp's `LLAMA_MAX_LAYERS`, which it asserts.
pub const BLOCK_COUNT_MAX: u64 = 512;
/// Most attention heads in a block.
pub const HEAD_COUNT_MAX: u64 = 4_096;
/// Widest head, in elements.
pub const HEAD_LENGTH_MAX: u64 = 16_384;
/// Widest feed-forward layer, in elements.
pub const FEED_FORWARD_LENGTH_MAX: u64 = 1 << 22;
/// Most experts: llama.cpp's `LLAMA_MAX_EXPERTS`, which it asserts.
pub const EXPERT_COUNT_MAX: u64 = 1_024;
/// Largest of the sizes that only state-space and low-rank layers have.
pub const STATE_LENGTH_MAX: u64 = 1 << 20;

/// Most tensor groups that an inspection lists by name; the rest are counted together.
pub const TENSOR_GROUPS_MAX: usize = 256;
/// Longest chat template that is handed on, in bytes.
pub const CHAT_TEMPLATE_BYTES_MAX: usize = 64 << 10;
/// Longest descriptive text (name, description, licence) in an inspection, in bytes.
pub const DESCRIPTION_BYTES_MAX: usize = 1_024;
/// Longest inspection that one computer tells another, in bytes of JSON: with control frames of
/// 256 KiB, a template of [`CHAT_TEMPLATE_BYTES_MAX`] and all groups of a large model fit.
pub const INSPECTION_BYTES_MAX: usize = 192 << 10;
/// Longest piece of a file's own text in an error message, in characters.
pub const EXCERPT_CHARS_MAX: usize = 80;

/// Longest part of a model name (before `/`, after `/`, after `:`), in bytes.
pub const NAME_PART_BYTES_MAX: usize = 96;

/// Most models in one catalog.
pub const CATALOG_MODELS_MAX: usize = 1_024;
/// Most directory entries that a scan looks at.
pub const CATALOG_FILES_MAX: usize = 65_536;
/// Largest side file of known hashes, in bytes.
pub const HASH_CACHE_BYTES_MAX: u64 = 4 << 20;
/// Bytes read at a time while hashing.
pub const HASH_CHUNK_BYTES: usize = 1 << 20;

/// Most names in a store.
pub const STORE_MODELS_MAX: usize = 1_024;
/// Most files of one (split) model.
pub const MODEL_FILES_MAX: usize = 256;
/// Largest file of a store's rows, in bytes: 1,024 names of at most some 2 KiB, and as many blobs.
pub const ROWS_BYTES_MAX: u64 = 16 << 20;
/// Bytes of a chunk group: what one hash of a tree speaks for.
pub const GROUP_BYTES: u64 = 16 << 10;
/// Groups in a piece, which is what one source is asked for at a time (1 MiB).
pub const GROUPS_PER_PIECE: u64 = 64;
/// Left free on a disk for everything else, in bytes (guess: what a desktop needs to go on).
pub const RESERVE_BYTES: u64 = 2 << 30;
/// The same for small disks, in percent of the disk.
pub const RESERVE_PERCENT: u64 = 2;
/// Largest manifest of another program that is read, in bytes.
pub const MANIFEST_BYTES_MAX: u64 = 1 << 20;
/// Deepest folder of another program's models that is looked into.
pub const FOUND_DEPTH_MAX: usize = 6;
/// Most entries of another program's folders that are looked at.
pub const FOUND_ENTRIES_MAX: usize = 65_536;
/// Most models of another program that are listed.
pub const FOUND_MODELS_MAX: usize = 1_024;
