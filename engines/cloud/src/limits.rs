//! Every bound of this crate in one place.

use std::time::Duration;

/// Characters of a provider's id.
pub const ID_CHARS: usize = 32;
/// Bytes of a key (the longest known are service tokens of some 2,000).
pub const KEY_BYTES: usize = 4_096;
/// Bytes of a base address.
pub const BASE_BYTES: usize = 512;
/// Bytes of a call's path behind the base address.
pub const PATH_BYTES: usize = 1_024;
/// Bytes of a call's head beside its method, path, host and headers: the words between them, and the
/// length of the body.
pub const CALL_LINES_BYTES: usize = 64;
/// Models that one provider may list.
pub const MODELS: usize = 2_000;
/// Bytes of one page of a list of models (OpenRouter's is the largest, some 600 KB).
pub const LIST_BYTES: usize = 1024 * 1024;
/// Pages of a list of models.
pub const LIST_PAGES: usize = 8;
/// Breakers of one provider: the models that were asked for last.
pub const BREAKERS: usize = 512;
/// Bytes that are read of an error.
pub const ERROR_BYTES: usize = 64 * 1024;
/// How long an error's body is waited for.
pub const ERROR_TIME: Duration = Duration::from_secs(5);
/// Bytes of one reply (guess: 256 Ki tokens, each in a chunk of 500 bytes).
pub const REPLY_BYTES: u64 = 128 * 1024 * 1024;
/// Headers that a provider may answer with.
pub const HEADERS: usize = 128;
/// Bytes of an answer's head.
pub const HEAD_BYTES: usize = 32 * 1024;
/// Bytes of what may follow a chunk's size.
pub const CHUNK_LINE: u16 = 1_024;
/// Bytes of what may follow the last chunk.
pub const TRAILER: u16 = 8_192;
/// Bytes that are read at a time.
pub const READ_BYTES: usize = 16 * 1024;
/// Connections to one provider that are kept for later.
pub const IDLE_CONNECTIONS: usize = 256;
/// How long one is kept (load balancers close theirs after 60 s or more).
pub const IDLE_TIME: Duration = Duration::from_secs(50);
/// How long one address is tried alone before the next one is, too (RFC 8305, section 5).
pub const NEXT_ADDRESS: Duration = Duration::from_millis(250);
/// Addresses of one name that are tried.
pub const ADDRESSES: usize = 8;
/// The longest that a provider may be held back by its own word.
pub const HELD_BACK: Duration = Duration::from_secs(3_600);
/// How long a provider is held back that says "too many" and not how long (doubled each time).
pub const HELD_BACK_FIRST: Duration = Duration::from_secs(1);
/// The longest such time.
pub const HELD_BACK_UNTOLD: Duration = Duration::from_secs(60);
/// The longest that one is held back because an answer says that no request is left.
pub const EXHAUSTED: Duration = Duration::from_secs(60);
/// How long a provider is held back that loads a model and does not say how long.
pub const LOADING: Duration = Duration::from_secs(1);
/// When to ask again while a breaker's trial calls are all under way.
pub const TRIALS_UNDER_WAY: Duration = Duration::from_secs(1);
/// Share of first bytes that came sooner than one that is late, in percent.
pub const LATE_PERCENT: u64 = 95;
/// First bytes that must be measured before one can be late.
pub const LATE_LEAST: u64 = 20;
/// How long a provider may take to list its models.
pub const LIST_TIME: Duration = Duration::from_secs(10);
/// How long it may take when it is only asked whether it is there.
pub const PROBE_TIME: Duration = Duration::from_secs(3);
/// How long a local port may take to answer.
pub const DISCOVERY_TIME: Duration = Duration::from_millis(300);
/// Bytes that are read of a local server's answer.
pub const DISCOVERY_BYTES: usize = 256 * 1024;
/// Local ports that are asked.
pub const DISCOVERY_PORTS: usize = 16;
