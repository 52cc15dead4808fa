/** The JSON of `/api/v1`, in one place to import from. Ids are text, units are in the names. */

export interface NodeRef {
  id: string;
  name: string;
}

export interface MeshRef {
  id: string;
  name: string;
}

export type MeshRole = 'admin' | 'member' | 'worker-only' | 'submit-only' | 'guest';
export type Presence = 'here' | 'online' | 'suspect' | 'offline';
export type Admission = 'accepting' | 'owner_busy' | 'paused' | 'draining';
export type DeviceKind = 'cpu' | 'gpu' | 'integrated_gpu' | 'accelerator';
export type EngineKind = 'llama' | 'image' | 'document' | 'cloud';
export type EngineState = 'ready' | 'restarting' | 'broken';
export type Capability = 'generate' | 'embed' | 'tools' | 'thinking' | 'vision' | 'image';
export type JobKind = 'chat' | 'completion' | 'embedding' | 'image' | 'document';
export type JobState = 'waiting' | 'bound' | 'running' | 'completed' | 'failed' | 'cancelled';
export type Phase = 'queued' | 'load' | 'prefill' | 'decode';
export type Priority = 'interactive' | 'batch';

export interface Notice {
  level: 'note' | 'warning' | 'trouble';
  code: string;
  message: string;
}

export interface Status {
  version: string;
  node: NodeRef;
  mesh: MeshRef | null;
  person: string | null;
  roles: MeshRole[];
  admission: Admission;
  started_ms: number;
  members: number;
  reachable: number;
  jobs_running: number;
  jobs_waiting: number;
  notices: Notice[];
}

export interface Device {
  name: string;
  kind: DeviceKind;
  backend: string;
  memory_total_bytes: number;
  memory_free_bytes: number;
}

export interface NodeEngine {
  kind: EngineKind;
  state: EngineState;
  message: string | null;
}

export interface Queue {
  interactive: number;
  batch: number;
  work_ms: number;
}

export type ModelState =
  | { state: 'held' }
  | { state: 'loading'; permille: number }
  | { state: 'loaded'; slots: number; busy: number }
  | { state: 'unusable' };

export interface NodeModel {
  name: string;
  state: ModelState;
  memory_bytes: number;
  prefill_tokens_per_s: number;
  decode_tokens_per_s: number;
}

export interface Node {
  id: string;
  name: string;
  person: string | null;
  roles: MeshRole[];
  presence: Presence;
  version: string;
  platform: string;
  addresses: string[];
  devices: Device[];
  memory_total_bytes: number;
  memory_free_bytes: number;
  admission: Admission;
  engines: NodeEngine[];
  models: NodeModel[];
  queue: Queue;
  round_trip_ms: number | null;
  seen_ms: number | null;
}

export interface ModelPlace {
  node: NodeRef;
  state: ModelState;
  file: string;
  prefill_tokens_per_s: number;
  decode_tokens_per_s: number;
  wait_ms: number | null;
}

export interface Model {
  name: string;
  engine: EngineKind;
  size_bytes: number;
  context_tokens: number;
  capabilities: Capability[];
  starter: boolean;
  created_s: number;
  places: ModelPlace[];
  best: NodeRef | null;
}

export interface JobProgress {
  phase: Phase;
  step: number;
  total: number | null;
}

export interface JobUsage {
  prompt_tokens: number;
  cached_tokens: number;
  completion_tokens: number;
}

export interface JobTimings {
  queued_ms: number;
  prefill_ms: number;
  decode_ms: number;
}

export interface Job {
  id: string;
  kind: JobKind;
  model: string;
  person: string | null;
  owner: NodeRef;
  state: JobState;
  node: NodeRef | null;
  priority: Priority;
  durable: boolean;
  attempts: number;
  progress: JobProgress | null;
  usage: JobUsage | null;
  timings: JobTimings | null;
  error: { code: string; message: string } | null;
  why: string | null;
  accepted_ms: number;
  ended_ms: number | null;
}

export interface Term {
  name: string;
  ms: number;
  note: string | null;
}

export type CandidateOutcome =
  | { outcome: 'chosen' | 'outbid' | 'not_asked' | 'silent' }
  | { outcome: 'excluded' | 'refused' | 'failed'; reason: string };

export interface Candidate {
  node: NodeRef;
  outcome: CandidateOutcome;
  predicted_ms: number | null;
  bid_ms: number | null;
  terms: Term[];
}

export interface Round {
  epoch: number;
  after_ms: number;
  candidates: Candidate[];
}

export interface Why {
  job: string;
  summary: string;
  rounds: Round[];
}

export interface Invitation {
  id: string;
  person: string | null;
  role: MeshRole;
  uses: number;
  used: number;
  expires_ms: number;
}

export interface InvitationToken {
  token: string;
  invitation: Invitation;
}

export interface Joined {
  mesh: MeshRef;
  members: number;
}

export interface Snapshot {
  status: Status;
  nodes: Node[];
  models: Model[];
  jobs: Job[];
}

export type Event =
  | { type: 'snapshot'; snapshot: Snapshot }
  | { type: 'status'; status: Status }
  | { type: 'node'; node: Node }
  | { type: 'node_gone'; id: string }
  | { type: 'model'; model: Model }
  | { type: 'model_gone'; name: string }
  | { type: 'job'; job: Job };
