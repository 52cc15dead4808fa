//! Every bound of the scheduler in one place. At a bound there is a visible refusal or fault.

/// Prompt prefixes in one model's cache that an executor remembers: about two million tokens by
/// their sketches. The longest unused one is forgotten first.
pub const HOT_PREFIXES: usize = 16_384;
/// Nodes in the view (the full view is built and measured for a few hundred). Adverts of further
/// nodes are not taken, so that they are never candidates.
pub const NODES: usize = 4_096;
/// Live jobs that one node owns. Further ones fail at once with `Refused(QueueFull)`.
pub const JOBS: usize = 10_000;
/// Jobs that nobody took which try again at once when the mesh changes; the others at their time.
pub const RETRIED_AT_ONCE: usize = 16;
/// Ended jobs whose reasons are kept.
pub const FINISHED: usize = 1_000;
/// Candidates kept in one job's reasons; the best ones, and then the refused ones.
pub const WHY_CANDIDATES: usize = 64;
/// Attempts kept in one job's reasons.
pub const WHY_ATTEMPTS: usize = 16;
/// Candidates kept of each attempt but the last; the best ones.
pub const WHY_EARLIER_CANDIDATES: usize = 8;
/// Reservations that one node holds for others and itself. Further offers: `QueueFull`.
pub const RESERVATIONS: usize = 4_096;
/// Of these, for one owner, so that no peer can fill the queue alone.
pub const RESERVATIONS_PER_OWNER: usize = 1_024;
/// Owners that asked an executor lately, of which some are told when it is idle.
pub const ASKERS: usize = 64;
/// Jobs whose highest epoch an executor remembers; the longest unseen one is forgotten first.
pub const FENCES: usize = 8_192;
/// Pairs of node and model with measurements of our own; the longest unused one goes first.
pub const MEASURED: usize = 4_096;
/// Persons with a service account in the queue; who has no job and no debt is forgotten first.
pub const PERSONS: usize = 4_096;
/// Actions that may wait to be polled. The caller drains after each input; this is our assertion
/// that one input never causes more than a sweep over everything.
pub const ACTIONS: usize = 4 * (JOBS + RESERVATIONS);
/// Durable jobs that one node keeps, its own included. Further ones are refused, or declined.
pub const HOLDINGS: usize = 20_000;
/// Of these, unended ones that one other node owns, so that no peer can fill the ledger alone.
pub const HOLDINGS_PER_OWNER: usize = 4_000;
/// Durable jobs whose files are being fetched. Further ones are declined.
pub const ARRIVALS: usize = 1_024;
/// Holders overridden by an adoption that are remembered per job.
pub const OUSTED: usize = 16;
/// By how much a term may exceed the highest that was seen: who is that far ahead is not honest.
pub const TERM_STEP: u16 = 4_096;
/// By how much an adoption by hand raises the term, so that no election meanwhile reached it.
pub const ADOPTION_TERMS: u16 = 256;
/// Actions of custody that may wait to be polled; see [`ACTIONS`].
pub const CUSTODY_ACTIONS: usize = 64 * HOLDINGS;
