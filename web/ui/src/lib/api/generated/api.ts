// Written by `cargo run -p pumasi-web --example types`. Do not edit.
// The JSON of /api/v1: ids are text, units are in the names.

export type NodeRef = { 
/**
 * 64 hexadecimal digits.
 */
id: string, 
/**
 * Its name for people.
 */
name: string, };

export type MeshRef = { 
/**
 * 64 hexadecimal digits.
 */
id: string, 
/**
 * Its name for people.
 */
name: string, };

export type MeshRole = "admin" | "member" | "worker-only" | "submit-only" | "guest";

export type NoticeLevel = "note" | "warning" | "trouble";

export type Notice = { 
/**
 * How much it matters.
 */
level: NoticeLevel, 
/**
 * The stable word for it, by which the UI translates.
 */
code: string, 
/**
 * What happened, what it means, what to do.
 */
message: string, };

export type Admission = "accepting" | "owner_busy" | "paused" | "draining";

export type Lend = "accepting" | "paused" | "draining";

export type Hold = "told" | "schedule" | "battery" | "in_use";

export type Yield = "pause" | "slow" | "none";

export type Lending = { 
/**
 * What a person told it.
 */
lend: Lend, 
/**
 * When a pause ends by itself, Unix time in milliseconds; none: when it is told.
 */
until_ms: number | null, 
/**
 * Why it takes no jobs of others at the moment; empty: it does.
 */
holds: Array<Hold>, 
/**
 * The policy while it is in use.
 */
yield: Yield, 
/**
 * Whether it is in use, by what other programs take of it.
 */
in_use: boolean, 
/**
 * When it is lent, as configured; none: always.
 */
schedule: string | null, 
/**
 * Whether it runs on battery; none where that cannot be told.
 */
on_battery: boolean | null, 
/**
 * Bytes that models may take while they run for others; none: no cap.
 */
memory_cap_bytes: number | null, 
/**
 * Jobs of others that run or wait here.
 */
foreign: number, 
/**
 * Of these, slowed or paused for the person at this computer.
 */
yielding: number, 
/**
 * All jobs that run or wait here.
 */
here: number, 
/**
 * Nothing runs or waits here, and none of this computer's own jobs is under way elsewhere: it
 * can be switched off.
 */
empty: boolean, };

export type LendRequest = { 
/**
 * To what.
 */
lend: Lend, 
/**
 * A pause ends by itself after this many seconds; only with `paused`.
 */
for_s: number | null, };

export type Endpoint = { 
/**
 * Address and port on which it listens.
 */
address: string, 
/**
 * Names by which this computer is reached.
 */
names: Array<string>, 
/**
 * SHA-256 of its certificate, in pairs of hexadecimal digits.
 */
fingerprint: string, };

export type Status = { 
/**
 * Version of Pumasi.
 */
version: string, 
/**
 * This node.
 */
node: NodeRef, 
/**
 * Its mesh; none before it founded or joined one.
 */
mesh: MeshRef | null, 
/**
 * The person this node belongs to.
 */
person: string | null, 
/**
 * Its roles in the mesh.
 */
roles: Array<MeshRole>, 
/**
 * Whether it takes jobs of others.
 */
admission: Admission, 
/**
 * The same in full, and why.
 */
lending: Lending, 
/**
 * When it started, Unix time in milliseconds.
 */
started_ms: number, 
/**
 * Members of the mesh, this node included.
 */
members: number, 
/**
 * Of these, reachable now, this node included.
 */
reachable: number, 
/**
 * Jobs of this node that run, wherever.
 */
jobs_running: number, 
/**
 * Jobs of this node that wait.
 */
jobs_waiting: number, 
/**
 * Where programs of other computers are served; none: nowhere.
 */
endpoint: Endpoint | null, 
/**
 * What a person should know.
 */
notices: Array<Notice>, };

export type Presence = "here" | "online" | "suspect" | "offline";

export type DeviceKind = "cpu" | "gpu" | "integrated_gpu" | "accelerator";

export type Device = { 
/**
 * Its name, as its driver gives it.
 */
name: string, 
/**
 * What it is.
 */
kind: DeviceKind, 
/**
 * The back end that drives it.
 */
backend: string, 
/**
 * Memory in bytes.
 */
memory_total_bytes: number, 
/**
 * Of that, free.
 */
memory_free_bytes: number, };

export type EngineKind = "llama" | "image" | "document" | "cloud";

export type EngineState = "ready" | "restarting" | "broken";

export type NodeEngine = { 
/**
 * Which kind.
 */
kind: EngineKind, 
/**
 * How it is doing.
 */
state: EngineState, 
/**
 * A sentence for people where it is not well.
 */
message: string | null, };

export type Queue = { 
/**
 * Interactive jobs that wait.
 */
interactive: number, 
/**
 * Batch jobs that wait.
 */
batch: number, 
/**
 * Predicted time until all of it, and what runs, is done.
 */
work_ms: number, };

export type ModelState = { "state": "held" } | { "state": "loading", 
/**
 * How far, in thousandths.
 */
permille: number, } | { "state": "loaded", 
/**
 * Slots that decode together.
 */
slots: number, 
/**
 * Of these, in use or reserved.
 */
busy: number, } | { "state": "unusable" };

export type NodeModel = { 
/**
 * Its name.
 */
name: string, 
/**
 * Where it stands.
 */
state: ModelState, 
/**
 * Memory it takes, or would take, in bytes.
 */
memory_bytes: number, 
/**
 * Reading speed.
 */
prefill_tokens_per_s: number, 
/**
 * Writing speed of one slot.
 */
decode_tokens_per_s: number, };

export type Misconduct = "flood" | "nonsense";

export type CutOff = { 
/**
 * Why.
 */
why: Misconduct, 
/**
 * Until when, Unix time in milliseconds on this node's clock.
 */
until_ms: number, };

export type Node = { 
/**
 * 64 hexadecimal digits.
 */
id: string, 
/**
 * Its name for people.
 */
name: string, 
/**
 * The person it belongs to; none: a shared computer.
 */
person: string | null, 
/**
 * Its roles in the mesh.
 */
roles: Array<MeshRole>, 
/**
 * Whether it can be reached.
 */
presence: Presence, 
/**
 * Version of Pumasi there.
 */
version: string, 
/**
 * Operating system and processor.
 */
platform: string, 
/**
 * Addresses it was reached at or says it listens on.
 */
addresses: Array<string>, 
/**
 * Its devices.
 */
devices: Array<Device>, 
/**
 * Main memory in bytes.
 */
memory_total_bytes: number, 
/**
 * Of that, free.
 */
memory_free_bytes: number, 
/**
 * Whether it takes jobs.
 */
admission: Admission, 
/**
 * Its engines.
 */
engines: Array<NodeEngine>, 
/**
 * Its models.
 */
models: Array<NodeModel>, 
/**
 * What waits there.
 */
queue: Queue, 
/**
 * Measured round-trip time; none for this node and before the first measurement.
 */
round_trip_ms: number | null, 
/**
 * When it was last heard of, Unix time in milliseconds on this node's clock.
 */
seen_ms: number | null, 
/**
 * That it is cut off here, because it misbehaves.
 */
cut_off: CutOff | null, };

export type Capability = "generate" | "embed" | "tools" | "thinking" | "vision" | "image";

export type ModelPlace = { 
/**
 * The node.
 */
node: NodeRef, 
/**
 * Where it stands there.
 */
state: ModelState, 
/**
 * The file's BLAKE3 hash, 64 hexadecimal digits: the same name can be another file elsewhere.
 */
file: string, 
/**
 * Reading speed there.
 */
prefill_tokens_per_s: number, 
/**
 * Writing speed of one slot there.
 */
decode_tokens_per_s: number, 
/**
 * Predicted wait until a first slot is free and the model loaded, in milliseconds.
 */
wait_ms: number | null, 
/**
 * When it is unloaded if nothing uses it before, Unix time in milliseconds; the year 9999: it
 * stays. Absent where it is not loaded, and for other computers, which know it themselves.
 */
expires_ms?: number, 
/**
 * Tokens that were guessed from prompts and computed ahead since it was loaded; as
 * [`Self::expires_ms`].
 */
drafted_tokens?: number, 
/**
 * Of these, such that were right.
 */
accepted_tokens?: number, };

export type Model = { 
/**
 * Its name: what a request says in `model`.
 */
name: string, 
/**
 * The engine that runs it.
 */
engine: EngineKind, 
/**
 * Size of the file in bytes.
 */
size_bytes: number, 
/**
 * Tokens that a slot holds (the most of all places).
 */
context_tokens: number, 
/**
 * What it can do.
 */
capabilities: Array<Capability>, 
/**
 * Whether it is one of the tiny models that come with Pumasi.
 */
starter: boolean, 
/**
 * When this node first saw it, Unix time in seconds (OpenAI's `created`).
 */
created_s: number, 
/**
 * The provider that has it, by id; none: the mesh has it.
 */
provider: string | null, 
/**
 * The computers through which that provider is asked; empty where the mesh has the model.
 */
at: Array<NodeRef>, 
/**
 * Where it is.
 */
places: Array<ModelPlace>, 
/**
 * Where a request would most likely run now.
 */
best: NodeRef | null, };

export type WeightPart = "embedding" | "attention" | "recurrent" | "feed_forward" | "experts" | "norms" | "output" | "other";

export type PartShare = { 
/**
 * The part.
 */
part: WeightPart, 
/**
 * Its parameters.
 */
parameters: number, 
/**
 * Its bytes in the file.
 */
bytes: number, 
/**
 * Its share of all parameters, 0 to 1.
 */
share: number, 
/**
 * Bits that one of its parameters takes.
 */
bits_per_weight: number, };

export type TypeRun = { 
/**
 * The first of them.
 */
first: number, 
/**
 * The last of them.
 */
last: number, 
/**
 * The type, as ggml names it.
 */
tensor_type: string, 
/**
 * Bits that one parameter takes in it.
 */
bits: number, };

export type TensorGroup = { 
/**
 * Its name with `*` for the block.
 */
name: string, 
/**
 * The part that it belongs to.
 */
part: WeightPart, 
/**
 * Its parameters.
 */
parameters: number, 
/**
 * Its bytes in the file.
 */
bytes: number, 
/**
 * Bits that one of its parameters takes, on average.
 */
bits_per_weight: number, 
/**
 * The types that it is stored in, the one with most parameters first.
 */
types: Array<string>, 
/**
 * The types by block; empty for what is outside the blocks.
 */
blocks: Array<TypeRun>, };

export type BlockSight = "full" | "sliding" | "recurrent" | "both" | "none";

export type BlockPart = { 
/**
 * The part.
 */
part: WeightPart, 
/**
 * Its parameters in one block.
 */
parameters: number, };

export type BlockRun = { 
/**
 * The first of them, from 0.
 */
first: number, 
/**
 * The last of them.
 */
last: number, 
/**
 * How it looks back.
 */
sight: BlockSight, 
/**
 * Query heads.
 */
heads: number, 
/**
 * Key-value heads.
 */
heads_kv: number, 
/**
 * Whether it keeps keys and values of its own.
 */
caches: boolean, 
/**
 * Whether its feed-forward layer is one of experts.
 */
experts: boolean, 
/**
 * Parameters of one of them, by part.
 */
parts: Array<BlockPart>, };

export type AttentionKind = "none" | "multi_head" | "grouped_query" | "multi_query" | "multi_head_latent" | "unknown";

export type AttentionShape = { 
/**
 * Its kind.
 */
kind: AttentionKind, 
/**
 * Query heads, in the block that has most.
 */
heads: number, 
/**
 * Key-value heads, in the block that has most.
 */
heads_kv: number, 
/**
 * Elements of a key head.
 */
key_length: number, 
/**
 * Elements of a value head.
 */
value_length: number, 
/**
 * Elements of the compressed vector of MLA; else 0.
 */
latent_length: number, 
/**
 * Blocks with attention.
 */
blocks: number, 
/**
 * Blocks that see only the window.
 */
sliding_blocks: number, 
/**
 * The window in tokens.
 */
sliding_window: number | null, 
/**
 * Blocks with a state of fixed size.
 */
recurrent_blocks: number, };

export type ExpertShape = { 
/**
 * How many there are in a block.
 */
count: number, 
/**
 * How many of them see a token.
 */
used: number, 
/**
 * How many more see every token.
 */
shared: number, 
/**
 * Width of one of them, in elements.
 */
width: number, };

export type TemplateCard = { 
/**
 * SHA-256 of the text, 64 hexadecimal digits.
 */
sha256: string, 
/**
 * Length of the text in bytes.
 */
bytes: number, 
/**
 * The text; none where it is very long.
 */
text: string | null, 
/**
 * It takes tools and writes their calls.
 */
tools: boolean, 
/**
 * It knows thinking before the answer.
 */
thinking: boolean, 
/**
 * It treats the system's message on its own.
 */
system: boolean, };

export type CacheFormat = "f16" | "q8_0" | "q4_0";

export type CachePoint = { 
/**
 * Tokens.
 */
context: number, 
/**
 * As 16-bit floats.
 */
f16: number, 
/**
 * In 8-bit blocks.
 */
q8_0: number, 
/**
 * In 4-bit blocks.
 */
q4_0: number, };

export type LoadPlan = { 
/**
 * Tokens of each slot.
 */
context: number, 
/**
 * Requests at once.
 */
slots: number, 
/**
 * Format of the KV cache.
 */
cache: CacheFormat, 
/**
 * Whether attention is computed in one piece.
 */
flash_attention: boolean, 
/**
 * Blocks on the graphics card; none: all.
 */
gpu_layers: number | null, };

export type DeviceMemory = { 
/**
 * The device, as its driver names it.
 */
device: string, 
/**
 * What sort it is.
 */
kind: DeviceKind, 
/**
 * Weights.
 */
weights: number, 
/**
 * Keys, values and recurrent states.
 */
cache: number, 
/**
 * Working space of one batch.
 */
compute: number, 
/**
 * The vocabulary and the process itself.
 */
overhead: number, 
/**
 * Free for it; none: not known.
 */
free: number | null, 
/**
 * All memory of the device; none: not known.
 */
total: number | null, };

export type Pace = { 
/**
 * Reading of a prompt, in tokens per second.
 */
prefill_tokens_per_s: number, 
/**
 * Writing, in tokens per second of one request.
 */
decode_tokens_per_s: number, 
/**
 * Bytes that the engine reads per second, as measured.
 */
bytes_per_s: number, 
/**
 * Multiplications and additions per second, as measured.
 */
operations_per_s: number, };

export type Fit = { 
/**
 * Where; none: not for a computer.
 */
node: NodeRef | null, 
/**
 * How it would be loaded.
 */
plan: LoadPlan, 
/**
 * The devices that it would take memory of.
 */
devices: Array<DeviceMemory>, 
/**
 * Bytes on all of them.
 */
needed: number, 
/**
 * Whether it fits; none: what is free is not known.
 */
fits: boolean | null, 
/**
 * The longest context with which it would fit there, all else alike; none: not even one token
 * would, or it is not known.
 */
longest_context: number | null, 
/**
 * What to do where it does not fit, as a sentence.
 */
advice: string | null, 
/**
 * How fast it would be; none: nothing was measured there.
 */
speed: Pace | null, };

export type Explanation = { 
/**
 * What it is about, a stable word.
 */
topic: string, 
/**
 * The same for people.
 */
title: string, 
/**
 * Some sentences, true for this model.
 */
text: string, };

export type Inspection = { 
/**
 * The name that was asked for.
 */
model: string, 
/**
 * The computer whose file it is; none: a file outside the mesh.
 */
node: NodeRef | null, 
/**
 * The model's own name for itself.
 */
title: string | null, 
/**
 * Its own description.
 */
description: string | null, 
/**
 * Its licence, as the file states it.
 */
license: string | null, 
/**
 * Architecture, such as `llama`.
 */
architecture: string, 
/**
 * The family, as people call it.
 */
family: string | null, 
/**
 * The file of llama.cpp that computes it.
 */
source: string | null, 
/**
 * Whether the engine here can run it.
 */
runs: boolean, 
/**
 * Length of the file in bytes.
 */
file_bytes: number, 
/**
 * Length of the weights in bytes.
 */
weight_bytes: number, 
/**
 * Number of parameters.
 */
parameters: number, 
/**
 * Parameters that one token is multiplied with.
 */
active_parameters: number, 
/**
 * Bytes of weights that one token makes the engine read.
 */
active_bytes: number, 
/**
 * The usual word for the quantization.
 */
quantization: string, 
/**
 * Weight bits for each parameter, on average.
 */
bits_per_weight: number, 
/**
 * Tokens that it was trained to see at once.
 */
context: number, 
/**
 * Elements of a token's vector.
 */
embedding_length: number, 
/**
 * Number of blocks.
 */
block_count: number, 
/**
 * Largest feed-forward width.
 */
feed_forward_length: number, 
/**
 * Its attention.
 */
attention: AttentionShape, 
/**
 * Its experts; none: dense.
 */
experts: ExpertShape | null, 
/**
 * Number of tokens in the vocabulary.
 */
vocabulary: number, 
/**
 * Kind of tokenizer.
 */
tokenizer: string, 
/**
 * How text is split before tokens are looked up.
 */
pre_tokenizer: string | null, 
/**
 * Whether the embedding is also the output.
 */
tied_output: boolean, 
/**
 * Whether it makes embeddings and not text.
 */
embeds: boolean, 
/**
 * The template that turns messages into text.
 */
template: TemplateCard | null, 
/**
 * Parameters and bytes by part.
 */
parts: Array<PartShare>, 
/**
 * The same by role of the tensors.
 */
groups: Array<TensorGroup>, 
/**
 * The blocks.
 */
blocks: Array<BlockRun>, 
/**
 * What one slot's context takes, by its length.
 */
cache: Array<CachePoint>, 
/**
 * Bytes of recurrent state, whatever the context.
 */
state_bytes: number, 
/**
 * A planned load, on each computer that was asked about.
 */
fits: Array<Fit>, 
/**
 * All of it in plain words.
 */
explanations: Array<Explanation>, };

export type Language = "en" | "ko";

export type Recommendation = { 
/**
 * Its name, as people know it.
 */
title: string, 
/**
 * A repository of the hub with its files.
 */
repository: string, 
/**
 * Which file: its quantization.
 */
quantization: string, 
/**
 * Length of the file in bytes.
 */
file_bytes: number, 
/**
 * Its licence.
 */
license: string, 
/**
 * How good it is, by the measure that [`Recommendations::quality`] names, in percent.
 */
quality: number, 
/**
 * What loading it takes.
 */
fit: Fit, 
/**
 * Why this one, as a sentence with numbers.
 */
why: string, };

export type Suited = { 
/**
 * Which.
 */
node: NodeRef, 
/**
 * The best that runs well there; none: nothing of the table fits.
 */
best: Recommendation | null, 
/**
 * A light one that leaves room for other things; none: there is none but the best.
 */
light: Recommendation | null, };

export type Recommendations = { 
/**
 * When the table of models was written down, as in `2026-11-28`.
 */
dated: string, 
/**
 * What the figure of quality is.
 */
quality: string, 
/**
 * Where it is published.
 */
source: string, 
/**
 * For each computer, this one first.
 */
nodes: Array<Suited>, 
/**
 * Where in the mesh the best of all would run, by id; none: nowhere.
 */
best_node: string | null, };

export type PlaceRequest = { 
/**
 * On which node (id); none: this one.
 */
node: string | null, };

export type CopyState = { "state": "running" } | { "state": "done" } | { "state": "failed", 
/**
 * Why, as a sentence.
 */
error: string, };

export type CopyStage = "connecting" | "preparing" | "sending" | "resting" | "dropped";

export type CopySource = { 
/**
 * Which one.
 */
node: NodeRef, 
/**
 * How far it is.
 */
stage: CopyStage, 
/**
 * Bytes of the file that came from it and were proven.
 */
bytes: number, 
/**
 * Bytes a second, over the last two seconds.
 */
bytes_per_s: number, 
/**
 * Whether it is reached over TCP; else over QUIC.
 */
tcp: boolean, };

export type Copy = { 
/**
 * Its name.
 */
model: string, 
/**
 * The file's BLAKE3 hash, 64 hexadecimal digits.
 */
file: string, 
/**
 * Size of the file in bytes, once it is proven.
 */
size_bytes: number | null, 
/**
 * Bytes that are here.
 */
held_bytes: number, 
/**
 * Bytes a second, of all sources together.
 */
bytes_per_s: number, 
/**
 * Where the bytes come from.
 */
sources: Array<CopySource>, } & ({ "state": "running" } | { "state": "done" } | { "state": "failed", 
/**
 * Why, as a sentence.
 */
error: string, });

export type Switch = "auto" | "on" | "off";

export type ModelSettings = { 
/**
 * Tokens that a slot holds.
 */
context_tokens?: number, 
/**
 * Slots that decode together, 1 to 64.
 */
slots?: number, 
/**
 * Threads of the engine, 1 to 1024.
 */
threads?: number, 
/**
 * Layers on graphics cards, 0 to 999; 999: all.
 */
gpu_layers?: number, 
/**
 * Number format of the KV cache.
 */
cache?: CacheFormat, 
/**
 * Flash attention.
 */
flash?: Switch, 
/**
 * Tokens guessed from the prompt and computed ahead; `auto`: where measurements say it pays.
 */
drafts?: Switch, 
/**
 * Seconds that it stays loaded after its last use; 0: until what runs has ended, negative: for
 * ever.
 */
ttl_s?: number, 
/**
 * Loaded when the node starts, and not unloaded for another model.
 */
pinned?: boolean, };

export type SettingsRequest = { 
/**
 * On which node (id); none: this one.
 */
node: string | null, 
/**
 * All of the model's settings: what is not in it is left to the node from here on.
 */
settings: ModelSettings, };

export type Benchmark = { 
/**
 * When, Unix time in milliseconds.
 */
at_ms: number, 
/**
 * Which model.
 */
model: string, 
/**
 * On which node (id).
 */
node: string, 
/**
 * That node's name then.
 */
node_name: string, 
/**
 * Tokens of each prompt.
 */
prompt_tokens: number, 
/**
 * Tokens of each answer.
 */
answer_tokens: number, 
/**
 * How many asked at once.
 */
parallel: number, 
/**
 * From the question to the first token, on average, in milliseconds.
 */
first_token_ms: number, 
/**
 * Prompt tokens over that time: reading, with all that comes before it.
 */
prefill_tokens_per_s: number, 
/**
 * Writing speed of each answer.
 */
decode_tokens_per_s: number, 
/**
 * Tokens of all answers over the whole time.
 */
whole_tokens_per_s: number, };

export type BenchmarksRequest = { 
/**
 * What was measured. The node keeps the newest [`crate::limits::BENCHMARKS`] of all.
 */
rows: Array<Benchmark>, };

export type JobKind = "chat" | "completion" | "embedding" | "image" | "document";

export type JobState = "waiting" | "bound" | "running" | "completed" | "failed" | "cancelled";

export type Phase = "queued" | "load" | "prefill" | "decode" | "paused";

export type Priority = "interactive" | "batch";

export type JobProgress = { 
/**
 * What the engine is doing.
 */
phase: Phase, 
/**
 * How far: thousandths while loading, tokens otherwise.
 */
step: number, 
/**
 * Of how many, where that is known.
 */
total: number | null, };

export type JobUsage = { 
/**
 * Tokens of the prompt.
 */
prompt_tokens: number, 
/**
 * Of these, taken from the KV cache.
 */
cached_tokens: number, 
/**
 * Tokens of the answer.
 */
completion_tokens: number, };

export type JobTimings = { 
/**
 * From arrival in the engine to the first prefill step.
 */
queued_ms: number, 
/**
 * Prefill.
 */
prefill_ms: number, 
/**
 * Decode.
 */
decode_ms: number, };

export type JobError = { 
/**
 * The stable word for it.
 */
code: string, 
/**
 * What happened, and what to do next.
 */
message: string, };

export type Job = { 
/**
 * A UUID.
 */
id: string, 
/**
 * What sort of work it is.
 */
kind: JobKind, 
/**
 * Which model.
 */
model: string, 
/**
 * Who it is for.
 */
person: string | null, 
/**
 * The node that owns it: the one that accepted it, unless that was lost.
 */
owner: NodeRef, 
/**
 * Whether its owner answers. If not, this is the last that others know of it.
 */
owner_reachable: boolean, 
/**
 * Where it stands.
 */
state: JobState, 
/**
 * The node that it is bound to, runs on, or ran on.
 */
node: NodeRef | null, 
/**
 * The provider that it went to, by id, where it is not on the mesh.
 */
provider: string | null, 
/**
 * Whether somebody waits for it.
 */
priority: Priority, 
/**
 * Whether it outlives the connection and the node that asked.
 */
durable: boolean, 
/**
 * Attempts so far.
 */
attempts: number, 
/**
 * How far it is.
 */
progress: JobProgress | null, 
/**
 * Token counts, once it is over.
 */
usage: JobUsage | null, 
/**
 * Durations, once it is over.
 */
timings: JobTimings | null, 
/**
 * Why it failed.
 */
error: JobError | null, 
/**
 * One sentence: why it is where it is.
 */
why: string | null, 
/**
 * When it was accepted, Unix time in milliseconds on its owner's clock.
 */
accepted_ms: number, 
/**
 * When it ended, likewise.
 */
ended_ms: number | null, };

export type Term = { 
/**
 * The stable word for it: `wait`, `load`, `prefill`, `decode`, `network`, `failures`, …
 */
name: string, 
/**
 * Its share in milliseconds; negative where it shortens.
 */
ms: number, 
/**
 * What it was computed from, in words.
 */
note: string | null, };

export type CandidateOutcome = { "outcome": "chosen" } | { "outcome": "outbid" } | { "outcome": "not_asked" } | { "outcome": "silent" } | { "outcome": "excluded", 
/**
 * Why.
 */
reason: string, } | { "outcome": "refused", 
/**
 * Why.
 */
reason: string, } | { "outcome": "failed", 
/**
 * Why.
 */
reason: string, };

export type Candidate = { 
/**
 * The node.
 */
node: NodeRef, 
/**
 * What became of it.
 */
outcome: CandidateOutcome, 
/**
 * Predicted completion by this node's own view; none where it was excluded.
 */
predicted_ms: number | null, 
/**
 * Predicted completion as the candidate itself answered.
 */
bid_ms: number | null, 
/**
 * The prediction term by term.
 */
terms: Array<Term>, };

export type Passage = { 
/**
 * Where it ran.
 */
node: NodeRef, 
/**
 * It had an engine to itself, because one had died under the job before.
 */
alone: boolean, 
/**
 * Tokens that had come when it ended, those of earlier attempts included; none while it runs.
 */
tokens: number | null, 
/**
 * Between the last token of an earlier attempt and its first, in milliseconds.
 */
gap_ms: number | null, 
/**
 * Why it ended without the result.
 */
fault: JobError | null, };

export type Round = { 
/**
 * The epoch that was bound.
 */
epoch: number, 
/**
 * When, in milliseconds after the job was accepted.
 */
after_ms: number, 
/**
 * The candidates, best first.
 */
candidates: Array<Candidate>, 
/**
 * What came of it; none while nobody was bound.
 */
passage: Passage | null, };

export type Why = { 
/**
 * The job.
 */
job: string, 
/**
 * One sentence.
 */
summary: string, 
/**
 * Each placing, oldest first.
 */
rounds: Array<Round>, };

export type Submission = { 
/**
 * What sort of work it is: `chat`, `completion` or `embedding`.
 */
kind: JobKind, 
/**
 * The body as the endpoint of that kind under `/v1` takes it; `stream` is ignored.
 */
request: Record<string, unknown>, };

export type StoredDocument = { 
/**
 * What names it in a [`DocumentsRequest`]: its BLAKE3 hash, 64 hexadecimal digits.
 */
id: string, 
/**
 * Its size.
 */
bytes: number, };

export type DocumentInput = { 
/**
 * As it was given when the file was handed over.
 */
id: string, 
/**
 * Its name: shown with what came of it, and its ending tells formats of text apart.
 */
name: string, 
/**
 * What opens it, if it is protected.
 */
password?: string, };

export type DocumentTrust = "mine" | "mesh";

export type DocumentsRequest = { 
/**
 * The files, 63 at most.
 */
files: Array<DocumentInput>, 
/**
 * The first page to read, from 1.
 */
first_page?: number, 
/**
 * The last page to read.
 */
last_page?: number, 
/**
 * Of `render`: dots per inch, 600 at most; 150 where nothing is said.
 */
dpi?: number, 
/**
 * The model of `ask`, `summarise`, `translate` and `fields`.
 */
model?: string, 
/**
 * Of `summarise`: about how many words; 200 where nothing is said.
 */
words?: number, 
/**
 * Of `ask`: the question.
 */
question?: string, 
/**
 * Of `translate`: the language, as people call it.
 */
language?: string, 
/**
 * Of `translate`: how it is to sound.
 */
tone?: string, 
/**
 * Of `translate`: words, and what they are to become.
 */
glossary?: { [key in string]: string }, 
/**
 * Of `fields`: the JSON schema of what is wanted.
 */
schema?: Record<string, unknown>, 
/**
 * If not empty, only these computers, by id.
 */
only?: Array<string>, 
/**
 * Never these computers, by id.
 */
not?: Array<string>, 
/**
 * Only the computer that takes it in.
 */
local_only: boolean, 
/**
 * Whose computers may see it.
 */
trust: DocumentTrust, };

export type DocumentTrouble = { 
/**
 * The page, slide or sheet, from 1; none: the file.
 */
page: number | null, 
/**
 * The stable word for it.
 */
code: string, 
/**
 * What happened, and what to do next.
 */
message: string, };

export type DocumentPiece = { 
/**
 * The page, slide, sheet or picture, from 1; 0: the file as a whole.
 */
page: number, 
/**
 * What it holds: `text/markdown`, `image/png`, `image/jpeg`, `application/json`, …
 */
media: string, 
/**
 * Of text: the text.
 */
text: string | null, 
/**
 * Of everything else: the bytes in Base64.
 */
data: string | null, };

export type DocumentState = "completed" | "partial" | "failed";

export type DocumentOutcome = { 
/**
 * Its name, as it was given.
 */
name: string, 
/**
 * How far it came.
 */
state: DocumentState, 
/**
 * What came of it, in order.
 */
pieces: Array<DocumentPiece>, 
/**
 * What did not work.
 */
troubles: Array<DocumentTrouble>, 
/**
 * What is in it beside its text, which was not run: scripts, attachments, …
 */
notes: Array<string>, };

export type DocumentsResult = { 
/**
 * What was done: `extract`, `summarise`, …
 */
task: string, 
/**
 * The files.
 */
files: Array<DocumentOutcome>, 
/**
 * How many of them failed.
 */
failed: number, };

export type InviteRequest = { 
/**
 * The person that the new nodes will belong to; none: shared computers.
 */
person: string | null, 
/**
 * Their role; none: member.
 */
role: MeshRole | null, 
/**
 * How many nodes may use it; none: one.
 */
uses: number | null, 
/**
 * How long it is valid, in seconds; none: a day.
 */
valid_s: number | null, };

export type Invitation = { 
/**
 * Its id.
 */
id: string, 
/**
 * The person that the new nodes will belong to.
 */
person: string | null, 
/**
 * Their role.
 */
role: MeshRole, 
/**
 * How often it may be used.
 */
uses: number, 
/**
 * How often it was.
 */
used: number, 
/**
 * When it ends, Unix time in milliseconds on its issuer's clock.
 */
expires_ms: number, };

export type InvitationToken = { 
/**
 * What to give to the new computer's `pumasi join`.
 */
token: string, 
/**
 * The same as a picture.
 */
qr: Qr, 
/**
 * The invitation.
 */
invitation: Invitation, };

export type Qr = { 
/**
 * Modules on each side; the standard asks for four light ones around them.
 */
size: number, 
/**
 * The dark modules, each of size one, as the path of an SVG.
 */
path: string, };

export type JoinRequest = { 
/**
 * The token that `pumasi invite` printed.
 */
token: string, };

export type Joined = { 
/**
 * The mesh.
 */
mesh: MeshRef, 
/**
 * Members known at once.
 */
members: number, };

export type Doorstep = { "state": "closed" } | { "state": "open", 
/**
 * Six digits. They are good for one try.
 */
digits: string, 
/**
 * In how many seconds others take their place.
 */
left_s: number, 
/**
 * How many wrong ones were tried since a person opened it.
 */
wrong: number, } | { "state": "shut" };

export type Newcomer = { 
/**
 * The id and the name that it claims.
 */
node: NodeRef, 
/**
 * The version it claims.
 */
version: string, 
/**
 * Where its door is.
 */
addresses: Array<string>, 
/**
 * Since when it has been seen, Unix time in milliseconds.
 */
since_ms: number, };

export type Pairing = { 
/**
 * What this computer shows to whoever may let it in; none: it belongs to a mesh.
 */
own: Doorstep | null, 
/**
 * Whether this computer may let others in.
 */
may_approve: boolean, 
/**
 * Computers of this network that ask to be let in; who has waited longest first. What they say
 * of themselves is not verified.
 */
asking: Array<Newcomer>, };

export type AskInRequest = { 
/**
 * Open the door again, after too many wrong digits.
 */
again: boolean, };

export type ApproveRequest = { 
/**
 * The digits that the newcomer shows.
 */
digits: string, 
/**
 * The newcomer's id, or its beginning, or its name; none: the only one that asks.
 */
node: string | null, 
/**
 * The address of its join door, where discovery does not find it.
 */
address: string | null, 
/**
 * Whose it is; none: as it says itself, if that is a person new to the mesh.
 */
person: string | null, 
/**
 * Its role; none: member.
 */
role: MeshRole | null, };

export type Approved = { 
/**
 * The new member.
 */
node: NodeRef, 
/**
 * Whose it is; none: a shared computer.
 */
person: string | null, };

export type FoundRequest = { 
/**
 * The name of the mesh; none: that of this computer.
 */
name: string | null, };

export type RemoveRequest = { 
/**
 * Also if only one admin is left then.
 */
confirmed: boolean, };

export type Removed = { 
/**
 * The former member.
 */
node: NodeRef, 
/**
 * Members that are left.
 */
members: number, };

export type AuditAct = "founded" | "admitted" | "roles_set" | "removed" | "invited" | "withdrawn" | "key_made" | "key_changed" | "key_revoked" | "lending_set" | "started" | "asked" | "ran";

export type AuditSubject = { 
/**
 * Its id; empty where it has none.
 */
id: string, 
/**
 * What people call it; empty where it has no name.
 */
name: string, 
/**
 * Whose it is, or for whom.
 */
person: string | null, 
/**
 * What it may do or opens: roles, or scopes, in their words.
 */
grants: Array<string>, };

export type AuditOutcome = "completed" | "failed" | "cancelled";

export type AuditJob = { 
/**
 * Its id.
 */
id: string, 
/**
 * What sort of work.
 */
kind: JobKind, 
/**
 * With which model.
 */
model: string, 
/**
 * The computer that accepted it.
 */
owner: NodeRef, 
/**
 * Where it ran last; none: nowhere.
 */
ran_on: NodeRef | null, 
/**
 * The provider that answered, by its id; none: a computer of the mesh did, or nobody.
 */
provider: string | null, 
/**
 * Bytes of what was asked.
 */
asked_bytes: number, 
/**
 * Tokens of the prompt.
 */
prompt_tokens: number, 
/**
 * Of these, taken from memory.
 */
cached_tokens: number, 
/**
 * Tokens of the answer.
 */
completion_tokens: number, 
/**
 * How often it was bound to a computer.
 */
attempts: number, 
/**
 * When it was accepted, Unix time in milliseconds.
 */
accepted_ms: number, 
/**
 * How it ended.
 */
outcome: AuditOutcome, 
/**
 * Why, if it failed: a word of the closed list.
 */
error: string | null, };

export type AuditEntry = { 
/**
 * When, Unix time in milliseconds on the clock of the computer where it was done.
 */
at_ms: number, 
/**
 * What.
 */
act: AuditAct, 
/**
 * The person who did it; none: at a shared computer, or by itself.
 */
person: string | null, 
/**
 * At which computer.
 */
node: NodeRef, 
/**
 * The id of the API key by which it was done.
 */
key: string | null, 
/**
 * What it was done to.
 */
about: AuditSubject | null, 
/**
 * Which job.
 */
job: AuditJob | null, 
/**
 * False where it counts for nothing, because its author had been removed or had no right to it.
 */
stands: boolean, };

export type KeyScope = "inference" | "jobs" | "view" | "models" | "operate";

export type KeyState = "active" | "expired" | "revoked";

export type Key = { 
/**
 * Its id, 12 hexadecimal digits.
 */
id: string, 
/**
 * What people call it.
 */
name: string, 
/**
 * The person it stands for: the owner of its jobs.
 */
person: string, 
/**
 * What it opens.
 */
scopes: Array<KeyScope>, 
/**
 * Whether it opens anything.
 */
state: KeyState, 
/**
 * When it was made, Unix time in milliseconds.
 */
created_ms: number, 
/**
 * When it ends, Unix time in milliseconds; none: when it is revoked.
 */
expires_ms: number | null, 
/**
 * Requests in a minute; none: any number.
 */
requests_per_min: number | null, 
/**
 * Tokens in a minute, prompts included; none: any number.
 */
tokens_per_min: number | null, 
/**
 * Tokens in a day of UTC, prompts included; none: any number.
 */
tokens_per_day: number | null, 
/**
 * Tokens in all, prompts included; none: any number.
 */
tokens_in_all: number | null, 
/**
 * Requests that it opened so far.
 */
requests: number, 
/**
 * Tokens that it cost so far, prompts included.
 */
tokens: number, 
/**
 * Of these, today's (UTC).
 */
tokens_today: number, 
/**
 * When it was last used, Unix time in milliseconds.
 */
last_used_ms: number | null, };

export type KeyRequest = { 
/**
 * What people call it.
 */
name: string, 
/**
 * The person it stands for; none: the person of this computer, or, if it is a shared one, a
 * person of the key's name.
 */
person: string | null, 
/**
 * What it opens; none: inference.
 */
scopes: Array<KeyScope> | null, 
/**
 * How long it is valid, in seconds; none: until it is revoked.
 */
valid_s: number | null, 
/**
 * Requests in a minute; none: any number.
 */
requests_per_min: number | null, 
/**
 * Tokens in a minute, prompts included; none: any number.
 */
tokens_per_min: number | null, 
/**
 * Tokens in a day of UTC, prompts included; none: any number.
 */
tokens_per_day: number | null, 
/**
 * Tokens in all, prompts included; none: any number.
 */
tokens_in_all: number | null, };

export type KeyChange = { 
/**
 * What people call it.
 */
name: string | null, 
/**
 * What it opens.
 */
scopes: Array<KeyScope> | null, 
/**
 * How long it is valid from now, in seconds; 0: until it is revoked.
 */
valid_s: number | null, 
/**
 * Requests in a minute; 0: any number.
 */
requests_per_min: number | null, 
/**
 * Tokens in a minute; 0: any number.
 */
tokens_per_min: number | null, 
/**
 * Tokens in a day of UTC; 0: any number.
 */
tokens_per_day: number | null, 
/**
 * Tokens in all; 0: any number.
 */
tokens_in_all: number | null, };

export type NewKey = { 
/**
 * What programs send after `Authorization: Bearer`.
 */
secret: string, 
/**
 * The key.
 */
key: Key, };

export type ProviderState = "ready" | "resting" | "trying" | "held_back";

export type ProviderModel = { 
/**
 * What a request says in `model`.
 */
name: string, 
/**
 * Tokens of its context, where the provider tells.
 */
context_tokens: number | null, 
/**
 * How it stands.
 */
state: ProviderState, 
/**
 * When it is asked again, in seconds.
 */
retry_s: number | null, 
/**
 * Requests so far.
 */
requests: number, 
/**
 * Of these, failed.
 */
failed: number, 
/**
 * To the first byte of an answer, lately, in milliseconds.
 */
first_byte_ms: number | null, 
/**
 * Writing speed, lately.
 */
tokens_per_s: number | null, 
/**
 * How it last failed: one closed word.
 */
last_fault: string | null, 
/**
 * US dollars for a million tokens of prompts; none: not known.
 */
price_in: number | null, 
/**
 * US dollars for a million tokens of answers; none: not known.
 */
price_out: number | null, };

export type Provider = { 
/**
 * What it is called here: models are asked for as `id/model`.
 */
id: string, 
/**
 * Its kind, by id.
 */
kind: string, 
/**
 * The kind's name for people.
 */
name: string, 
/**
 * Its address, where it is not that of the kind.
 */
base: string | null, 
/**
 * Whether a key is kept for it. The key itself is never told.
 */
has_key: boolean, 
/**
 * Whether text that goes there leaves the office.
 */
outside: boolean, 
/**
 * Found by itself on this computer.
 */
found: boolean, 
/**
 * By contract it keeps nothing that it is sent, and learns nothing from it.
 */
keeps_nothing: boolean, 
/**
 * Only these models are used; empty: all that it lists.
 */
only: Array<string>, 
/**
 * Its models.
 */
models: Array<ProviderModel>, 
/**
 * Who else may ask it through this computer.
 */
sharing: Sharing, };

export type ProviderKey = "required" | "optional" | "none";

export type ProviderKind = { 
/**
 * Its id.
 */
id: string, 
/**
 * Its name for people.
 */
name: string, 
/**
 * Its address; none: the person gives it.
 */
base: string | null, 
/**
 * Whether it wants a key.
 */
key: ProviderKey, 
/**
 * Whether text that goes there leaves the office.
 */
outside: boolean, 
/**
 * The page where a person makes a key.
 */
keys_at: string | null, };

export type RoutingPolicy = "mesh_first" | "cloud_first" | "cloud_when_full" | "never_cloud";

export type Routing = { 
/**
 * When providers are asked.
 */
policy: RoutingPolicy, 
/**
 * Wait from which on the mesh counts as full, in milliseconds.
 */
full_after_ms: number, 
/**
 * Names that stand for models, which are tried in this order.
 */
aliases: { [key in string]: Array<string> }, 
/**
 * Models of the mesh that stand in, in this order, where a provider fails.
 */
stand_in: Array<string>, 
/**
 * Model servers on this computer are found and used by themselves.
 */
find_local: boolean, 
/**
 * As if every provider outside the office were down.
 */
rehearsal: boolean, 
/**
 * Times that a request may be put once more to providers that failed; 0 to 10.
 */
retries: number, 
/**
 * Share of a provider's requests that may be, in percent; 0 to 100.
 */
retry_percent: number, 
/**
 * And so many a minute besides; 0 to 1,000.
 */
retry_burst: number, 
/**
 * How long a request waits for that, all in all, in milliseconds; at most 60,000.
 */
wait_ms: number, 
/**
 * First byte of a stream from which on it is late, so that a second provider is asked, in
 * milliseconds; 0: never; at most 60,000.
 */
hedge_after_ms: number, 
/**
 * Also where a provider outside the office is one of the two.
 */
hedge_paid: boolean, };

export type Providers = { 
/**
 * Those that are set up or found.
 */
providers: Array<Provider>, 
/**
 * Those of other computers that share them with this one.
 */
elsewhere: Array<ProviderElsewhere>, 
/**
 * What can be set up.
 */
kinds: Array<ProviderKind>, 
/**
 * How requests are routed.
 */
routing: Routing, };

export type ProviderRequest = { 
/**
 * Its kind, by id.
 */
kind: string, 
/**
 * What it is to be called here; none: as its kind.
 */
id: string | null, 
/**
 * Its address, where the kind has none or another one is meant.
 */
base: string | null, 
/**
 * Its key; none: the one that is kept, if there is one.
 */
key: string | null, 
/**
 * Only these models; empty: all that it lists.
 */
models: Array<string>, 
/**
 * Whether by contract it keeps nothing that it is sent, and learns nothing from it; none: as before.
 */
keeps_nothing: boolean | null, };

export type ShareWith = "nobody" | "everyone" | "people";

export type Sharing = { 
/**
 * With whom.
 */
with: ShareWith, 
/**
 * Which people, where it is for some.
 */
people: Array<string>, 
/**
 * Requests that all others together may put in a minute; 0: any number.
 */
requests_per_minute: number, 
/**
 * Tokens that all others together may use on one day (UTC); 0: any number.
 */
tokens_per_day: number, 
/**
 * It is so because nobody has said anything else.
 */
usual: boolean, 
/**
 * What others used today (UTC), by computer.
 */
lent: Array<Lent>, };

export type Lent = { 
/**
 * Which computer.
 */
node: NodeRef, 
/**
 * Whose it is; none: a shared one.
 */
person: string | null, 
/**
 * Requests that ended.
 */
requests: number, 
/**
 * Tokens of prompts and answers.
 */
tokens: number, 
/**
 * US dollars by list prices; none: not known.
 */
cost_usd: number | null, };

export type ShareRequest = { 
/**
 * With whom.
 */
with: ShareWith | null, 
/**
 * All people that it is shared with, where it is for some.
 */
people: Array<string> | null, 
/**
 * Requests that all others together may put in a minute; 0: any number.
 */
requests_per_minute: number | null, 
/**
 * Tokens that all others together may use on one day (UTC); 0: any number.
 */
tokens_per_day: number | null, };

export type ProviderElsewhere = { 
/**
 * What it is called here: `openai.desk`. Its models are asked for as `openai.desk/model`, or as
 * `openai/model` wherever there is one.
 */
id: string, 
/**
 * The computer that has it, and its key.
 */
node: NodeRef, 
/**
 * Its kind, by id.
 */
kind: string, 
/**
 * The kind's name for people.
 */
name: string, 
/**
 * Whether text that goes there leaves the office.
 */
outside: boolean, 
/**
 * By the word of that computer it keeps nothing that it is sent, and learns nothing from it.
 */
keeps_nothing: boolean, 
/**
 * What may be used of it today is used up.
 */
spent: boolean, 
/**
 * Its models.
 */
models: Array<ProviderModel>, };

export type RoutingChange = { 
/**
 * When providers are asked.
 */
policy: RoutingPolicy | null, 
/**
 * Wait from which on the mesh counts as full, in milliseconds.
 */
full_after_ms: number | null, 
/**
 * All names that stand for models.
 */
aliases: { [key in string]: Array<string> } | null, 
/**
 * All models that stand in.
 */
stand_in: Array<string> | null, 
/**
 * Whether model servers on this computer are found by themselves.
 */
find_local: boolean | null, 
/**
 * Whether to act as if every provider outside the office were down.
 */
rehearsal: boolean | null, 
/**
 * Times that a request may be put once more to providers that failed.
 */
retries: number | null, 
/**
 * Share of a provider's requests that may be, in percent.
 */
retry_percent: number | null, 
/**
 * And so many a minute besides.
 */
retry_burst: number | null, 
/**
 * How long a request waits for that, all in all, in milliseconds.
 */
wait_ms: number | null, 
/**
 * When a second provider is asked, in milliseconds; 0: never.
 */
hedge_after_ms: number | null, 
/**
 * Also where a provider outside the office is one of the two.
 */
hedge_paid: boolean | null, };

export type CheckOutcome = "good" | "warning" | "trouble" | "skipped";

export type Check = { 
/**
 * The stable word for it.
 */
code: string, 
/**
 * How it ended.
 */
outcome: CheckOutcome, 
/**
 * What was found.
 */
message: string, 
/**
 * What to do about it.
 */
advice: string | null, 
/**
 * The parts of the message under their names, for other languages.
 */
values: { [key in string]: string }, 
/**
 * What was tried, a line each, for whoever runs the machines.
 */
details: Array<string>, };

export type Doctor = { 
/**
 * In the order in which they were made.
 */
checks: Array<Check>, };

export type UsageBy = "day" | "person" | "key" | "model" | "place";

export type UsageRow = { 
/**
 * The day of UTC, as in `2026-03-01`.
 */
day: string | null, 
/**
 * The person; empty: programs of a shared computer.
 */
person: string | null, 
/**
 * The id of the API key; empty: programs of this computer.
 */
key: string | null, 
/**
 * What people call that key, if it is still there.
 */
key_name: string | null, 
/**
 * The model, as the place calls it; `-`: no place answered.
 */
model: string | null, 
/**
 * `mesh/` and the short id of a computer, or a provider's id; `-`: no place answered.
 */
place: string | null, 
/**
 * What people call that place, if it is still there.
 */
place_name: string | null, 
/**
 * Requests that ended.
 */
requests: number, 
/**
 * Of these, failed.
 */
failed: number, 
/**
 * Tokens of prompts.
 */
prompt_tokens: number, 
/**
 * Of these, taken from a cache.
 */
cached_tokens: number, 
/**
 * Tokens of answers, thinking included.
 */
completion_tokens: number, 
/**
 * Of these, thinking.
 */
thinking_tokens: number, 
/**
 * Seconds that engines of the mesh computed.
 */
engine_s: number, 
/**
 * US dollars by the providers' list prices; none: no price of it is known. Computers of the mesh
 * have no price and count as nothing.
 */
cost_usd: number | null, 
/**
 * Requests whose price is not known: the cost is without them.
 */
unpriced: number, };

export type Usage = { 
/**
 * The first day, of UTC.
 */
from: string, 
/**
 * The last day.
 */
to: string, 
/**
 * What the rows are told apart by.
 */
by: Array<UsageBy>, 
/**
 * The rows; by day the oldest first, else the most tokens first.
 */
rows: Array<UsageRow>, 
/**
 * All of them together.
 */
total: UsageRow, };

export type PlaceState = "up" | "shaky" | "down";

export type HistoryPlace = { 
/**
 * `mesh/` and the short id of a computer, or a provider's id.
 */
place: string, 
/**
 * How it stood.
 */
state: PlaceState, };

export type HistoryPoint = { 
/**
 * When it began, Unix time in milliseconds.
 */
at_ms: number, 
/**
 * Requests for answers that ended in it.
 */
requests: number, 
/**
 * Of these, failed.
 */
failed: number, 
/**
 * Tokens of prompts.
 */
prompt_tokens: number, 
/**
 * Tokens of answers.
 */
completion_tokens: number, 
/**
 * Tokens of answers a second, over the whole time.
 */
tokens_per_s: number, 
/**
 * Within which half of the answers began, in milliseconds; none: none began.
 */
ttft_p50_ms: number | null, 
/**
 * Within which all but one of a hundred began, in milliseconds.
 */
ttft_p99_ms: number | null, 
/**
 * Jobs that waited at its end.
 */
waiting: number, 
/**
 * Places, and how they stood.
 */
places: Array<HistoryPlace>, };

export type History = { 
/**
 * Seconds from point to point; minutes in which this computer did not run are left out.
 */
step_s: number, 
/**
 * The points, the oldest first.
 */
points: Array<HistoryPoint>, };

export type ConversationLine = { 
/**
 * Its id.
 */
id: string, 
/**
 * What it is called.
 */
title: string, 
/**
 * The model that was asked last.
 */
model: string, 
/**
 * When it was begun, Unix time in milliseconds.
 */
created_ms: number, 
/**
 * When it was last changed.
 */
updated_ms: number, 
/**
 * How often it was changed.
 */
revision: number, 
/**
 * Its messages, all versions included.
 */
messages: number, 
/**
 * Bytes that they take.
 */
bytes: number, 
/**
 * Where a search found it: the words around.
 */
found: string | null, };

export type ConversationSettings = { 
/**
 * The model that the next question goes to.
 */
model: string, 
/**
 * What the model is told before everything else; empty: nothing.
 */
system?: string, 
/**
 * Between 0 and 2.
 */
temperature?: number, 
/**
 * Tokens of an answer, at most.
 */
max_tokens?: number, 
/**
 * How much a model thinks first: `auto`, `none`, `low`, `medium` or `high`.
 */
effort?: string, 
/**
 * The last message of the branch that is shown.
 */
leaf?: string, };

export type ConversationRole = "user" | "assistant";

export type AnswerEnd = "done" | "length" | "stopped" | "failed";

export type AnswerFacts = { 
/**
 * None: it is still being written, or its page went away.
 */
end?: AnswerEnd, 
/**
 * The word for what went wrong.
 */
error?: string, 
/**
 * The job.
 */
job?: string, 
/**
 * The computer that answered last.
 */
node?: NodeRef, 
/**
 * The provider that answered, by id.
 */
provider?: string, 
/**
 * Why there, in one sentence.
 */
why?: string, 
/**
 * Characters (UTF-16 code units) of the answer after which another computer went on.
 */
seams?: Array<number>, 
/**
 * Tokens of the answer.
 */
tokens?: number, 
/**
 * How fast it was written.
 */
tokens_per_s?: number, 
/**
 * From the question to the first word.
 */
first_ms?: number, 
/**
 * How long it thought.
 */
thought_ms?: number, 
/**
 * Tokens that it was given to think with.
 */
budget?: number, 
/**
 * How much it was asked to think.
 */
effort?: string, };

export type ConversationFile = { 
/**
 * Its name.
 */
name: string, 
/**
 * Its text.
 */
text: string, };

export type ConversationCall = { 
/**
 * The tool.
 */
name: string, 
/**
 * What it was given, as the model wrote it.
 */
arguments: string, };

export type ConversationMessage = { 
/**
 * Its id; one that is known replaces that message.
 */
id: string, 
/**
 * The message that it follows; none: it is a first one.
 */
parent?: string, 
/**
 * Whose it is.
 */
role: ConversationRole, 
/**
 * When it was written, Unix time in milliseconds.
 */
at_ms: number, 
/**
 * Its text.
 */
content: string, 
/**
 * What the model thought.
 */
thinking?: string, 
/**
 * The model that answered.
 */
model?: string, 
/**
 * Files that go with a question.
 */
files?: Array<ConversationFile>, 
/**
 * Tools that the model called.
 */
calls?: Array<ConversationCall>, 
/**
 * How an answer went.
 */
facts?: AnswerFacts, };

export type Conversation = { 
/**
 * Its id.
 */
id: string, 
/**
 * What it is called.
 */
title: string, 
/**
 * When it was begun, Unix time in milliseconds.
 */
created_ms: number, 
/**
 * When it was last changed.
 */
updated_ms: number, 
/**
 * How often it was changed.
 */
revision: number, 
/**
 * What is asked along.
 */
settings: ConversationSettings, 
/**
 * All messages, in the order in which they came.
 */
messages: Array<ConversationMessage>, };

export type ConversationChange = { 
/**
 * The revision that the writer has seen; none: it begins the conversation, or adds to it.
 */
revision: number | null, 
/**
 * What it is called.
 */
title: string | null, 
/**
 * What is asked along.
 */
settings: ConversationSettings | null, 
/**
 * Messages.
 */
messages: Array<ConversationMessage>, };

export type HubFound = { 
/**
 * `owner/name`.
 */
repo: string, 
/**
 * Downloads in the last month.
 */
downloads: number, 
/**
 * People who like it.
 */
likes: number, 
/**
 * When it last changed, as the hub writes it (ISO 8601); empty where it does not say.
 */
changed: string, 
/**
 * Whether its owners ask for something first.
 */
gated: boolean, 
/**
 * Parameters, where the hub says it.
 */
parameters: number | null, 
/**
 * Architecture, where the hub says it.
 */
architecture: string | null, 
/**
 * Licence, by its tag.
 */
licence: string | null, };

export type HubPage = { 
/**
 * The results.
 */
data: Array<HubFound>, 
/**
 * The `cursor` of the next page; none: that was all.
 */
next: string | null, };

export type HubVariant = { 
/**
 * Its quantization, or its file's name: what follows the `:` of a name.
 */
label: string, 
/**
 * What to say to `POST /api/v1/pulls`.
 */
model: string, 
/**
 * Its files, the one to load first.
 */
files: Array<string>, 
/**
 * Bytes of all of them.
 */
size_bytes: number, 
/**
 * It is no model by itself: a projector for pictures.
 */
projector: boolean, 
/**
 * Whether this computer's memory holds it, with some room for a context.
 */
fits: boolean, 
/**
 * Whether there is room for it on this computer's disk.
 */
disk_fits: boolean, 
/**
 * Whether the hub says hashes by which it can be checked. Without, it is not taken.
 */
verifiable: boolean, 
/**
 * The name that this computer has it under; none: it does not have it.
 */
held: string | null, };

export type HubRepo = { 
/**
 * `owner/name`.
 */
repo: string, 
/**
 * The commit, 40 hexadecimal digits.
 */
commit: string, 
/**
 * Its page, for a person.
 */
page: string, 
/**
 * Whether its owners ask for something first.
 */
gated: boolean, 
/**
 * Downloads in the last month.
 */
downloads: number, 
/**
 * People who like it.
 */
likes: number, 
/**
 * When it last changed, as the hub writes it.
 */
changed: string, 
/**
 * Parameters, where the hub says it.
 */
parameters: number | null, 
/**
 * Architecture, where the hub says it.
 */
architecture: string | null, 
/**
 * Licence, by its tag.
 */
licence: string | null, 
/**
 * What can be downloaded, the smallest first.
 */
variants: Array<HubVariant>, 
/**
 * Files that were left out: their names, sizes or hashes are not what files have.
 */
odd_files: number, };

export type HubCard = { 
/**
 * Markdown, 512 KiB at most.
 */
text: string, };

export type HubTokenRequest = { 
/**
 * The token; none: it is forgotten.
 */
token: string | null, };

export type PullRequest = { 
/**
 * `owner/name`, `owner/name:Q4_K_M`, `hf.co/…` or the address of its page.
 */
model: string, 
/**
 * What it is to be called here; none: as it was asked for.
 */
name: string | null, 
/**
 * Takes what the hub offers now in place of what this computer has under that name.
 */
update: boolean, };

export type PullState = { "state": "queued" } | { "state": "downloading" } | { "state": "waiting", 
/**
 * In so many seconds.
 */
retry_s: number, } | { "state": "checking" } | { "state": "paused" } | { "state": "failed", 
/**
 * A word for programs.
 */
code: string, 
/**
 * What happened and what to do next.
 */
message: string, } | { "state": "done" };

export type PullSource = { 
/**
 * The hub's address, or a computer's name.
 */
name: string, 
/**
 * Bytes that came from there.
 */
bytes: number, };

export type Pull = { 
/**
 * Its id.
 */
id: string, 
/**
 * What the model will be called.
 */
model: string, 
/**
 * `owner/name` at the hub.
 */
repo: string, 
/**
 * The commit, 40 hexadecimal digits.
 */
commit: string, 
/**
 * SHA-256 of the file that is loaded first.
 */
sha256: string, 
/**
 * Bytes of all of its files.
 */
total_bytes: number, 
/**
 * Of these, those that are here.
 */
done_bytes: number, 
/**
 * How fast they come.
 */
bytes_per_s: number, 
/**
 * In how many seconds it will be done at this speed; none: nobody knows.
 */
left_s: number | null, 
/**
 * Where they came from, since the node started.
 */
sources: Array<PullSource>, 
/**
 * When it was asked for, Unix time in milliseconds.
 */
asked_ms: number, } & ({ "state": "queued" } | { "state": "downloading" } | { "state": "waiting", 
/**
 * In so many seconds.
 */
retry_s: number, } | { "state": "checking" } | { "state": "paused" } | { "state": "failed", 
/**
 * A word for programs.
 */
code: string, 
/**
 * What happened and what to do next.
 */
message: string, } | { "state": "done" });

export type StoredOrigin = { 
/**
 * The hub's address.
 */
hub: string, 
/**
 * `owner/name`.
 */
repo: string, 
/**
 * The commit.
 */
commit: string, 
/**
 * The file.
 */
file: string, };

export type StoredModel = { 
/**
 * Its name.
 */
name: string, 
/**
 * SHA-256 of its files, the one to load first.
 */
sha256: Array<string>, 
/**
 * Bytes of all of them.
 */
size_bytes: number, 
/**
 * Where it came from; none: from a file of this computer.
 */
origin: StoredOrigin | null, 
/**
 * Never removed to make room.
 */
pinned: boolean, 
/**
 * When it came, Unix time in seconds.
 */
added_s: number, 
/**
 * When it was last loaded, Unix time in seconds; none: never.
 */
used_s: number | null, };

export type Stock = { 
/**
 * The models, by name.
 */
models: Array<StoredModel>, 
/**
 * Bytes of models.
 */
used_bytes: number, 
/**
 * Bytes of what is under way.
 */
partial_bytes: number, 
/**
 * The most that models may take; none: as much as the disk has.
 */
quota_bytes: number | null, 
/**
 * Free on the disk; none: the system does not say.
 */
disk_free_bytes: number | null, 
/**
 * What may still come: less a reserve, and within the quota.
 */
free_bytes: number, 
/**
 * The hub's address.
 */
hub: string, 
/**
 * Whether there is a token for it.
 */
hub_token: boolean, };

export type StoredChange = { 
/**
 * Keep it whatever else goes, or not.
 */
pinned: boolean, };

export type ImportFrom = "ollama" | "lmstudio" | "hub";

export type ImportRequest = { 
/**
 * A file of this computer, from the root.
 */
path: string | null, 
/**
 * What it is to be called; none: after its file.
 */
name: string | null, 
/**
 * Models of this program.
 */
from: ImportFrom | null, 
/**
 * The folder where that program keeps them; none: the usual one.
 */
folder: string | null, 
/**
 * Only the one of this name; none: all.
 */
only: string | null, 
/**
 * Only say what would be imported.
 */
dry: boolean, };

export type ImportOutcome = "found" | "known" | "linked" | "cloned" | "copied" | "failed";

export type Imported = { 
/**
 * What it is called.
 */
name: string, 
/**
 * Where it was found.
 */
path: string, 
/**
 * Its bytes.
 */
size_bytes: number, 
/**
 * What became of it.
 */
outcome: ImportOutcome, 
/**
 * Where it failed: a word for programs.
 */
code: string | null, 
/**
 * Where it failed: what happened and what to do next.
 */
message: string | null, };

export type Verified = { 
/**
 * The model.
 */
name: string, 
/**
 * Whether it is what it was.
 */
whole: boolean, 
/**
 * Where it is not: what happened and what to do next.
 */
message: string | null, };

export type VerifyRequest = { 
/**
 * Which model; none: all.
 */
model: string | null, };

export type SweepRequest = { 
/**
 * Also models that are not pinned and were not used for so many days.
 */
unused_days: number | null, 
/**
 * Only say what would go.
 */
dry: boolean, };

export type Swept = { 
/**
 * Models.
 */
models: Array<string>, 
/**
 * Files that no model needs any more.
 */
files: number, 
/**
 * Bytes of all of them.
 */
bytes: number, };

export type Snapshot = { 
/**
 * This node and its mesh.
 */
status: Status, 
/**
 * All nodes, this one first.
 */
nodes: Array<Node>, 
/**
 * All models of the mesh, by name.
 */
models: Array<Model>, 
/**
 * Recent and live jobs, newest first.
 */
jobs: Array<Job>, };

export type Event = { "type": "snapshot", 
/**
 * All of it.
 */
snapshot: Snapshot, } | { "type": "status", 
/**
 * The new state.
 */
status: Status, } | { "type": "node", 
/**
 * The new state.
 */
node: Node, } | { "type": "node_gone", 
/**
 * Its id.
 */
id: string, } | { "type": "model", 
/**
 * The new state.
 */
model: Model, } | { "type": "model_gone", 
/**
 * Its name.
 */
name: string, } | { "type": "job", 
/**
 * The new state.
 */
job: Job, } | { "type": "pull", 
/**
 * The new state.
 */
pull: Pull, } | { "type": "pull_gone", 
/**
 * Its id.
 */
id: string, } | { "type": "key", 
/**
 * The new state.
 */
key: Key, } | { "type": "providers" };

export type List<T> = { 
/**
 * The entries.
 */
data: Array<T>, };

export type ErrorDetail = { 
/**
 * The class, in OpenAI's words: `invalid_request_error`, `authentication_error`, …
 */
type: string, 
/**
 * The stable word for this error.
 */
code: string, 
/**
 * The request's field that it is about.
 */
param: string | null, 
/**
 * What happened, and what to do next.
 */
message: string, 
/**
 * The id under which the log has this request.
 */
request_id: string, };

export type ErrorBody = { 
/**
 * The error.
 */
error: ErrorDetail, };
