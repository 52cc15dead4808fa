//! The scheduler's settings. Each has its unit, its default, and where the number comes from.

use std::collections::BTreeMap;

use pumasi_protocol::PersonId;
use serde::{Deserialize, Serialize};

/// What work for others does while the person whose machine this is uses it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Yield {
    /// It pauses, and goes on elsewhere if that lasts.
    Pause,
    /// It runs at a fraction of its rate ([`pumasi_protocol::limits::SLOW_ONE_IN`]).
    Slow,
    /// Nothing; only in the queue does the person go first.
    #[default]
    None,
}

/// Settings of one node's scheduler.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// Most offers of one round. Default 3 (simulated: a fourth gained nothing at 80 % load).
    /// 0 counts as 1.
    pub offers: u8,
    /// Weighted draws per offer, from which the best by gossip are offered. Default 2 (simulated,
    /// docs/scheduling.md). 0: the best of all.
    pub draws_per_offer: u8,
    /// Most offers of one round that go to the best of the nodes that hold much of the prompt in their
    /// caches; the others are drawn. Default 2 (simulated, docs/scheduling.md).
    pub cached_offers: u8,
    /// A job that the best node would be done with in less than this, in milliseconds, is offered to
    /// what is drawn, one draw per offer: gossip is older than such jobs last, and the idle that it
    /// names would be asked by everybody. Default 500 (simulated with gossip of one second).
    pub short_ms: u32,
    /// How long an owner waits for bids, in milliseconds. Default 150 (guess: 100 × a LAN's round
    /// trip, and still hardly felt).
    pub offer_deadline_ms: u32,
    /// How long an owner keeps hoping for a bid when there is none at all, in milliseconds. Default
    /// 1,000 (guess: covers the round trip of a satellite link).
    pub silence_ms: u32,
    /// How long a slot that was bid as free now is held, in milliseconds. Default 1,000 (guess; must
    /// exceed the offer deadline of every owner by a round trip).
    pub hold_ms: u32,
    /// How long a reservation may wait in a queue without being renewed, in milliseconds. Default
    /// 90,000 (twice `renew_max_ms`).
    pub reservation_ms: u32,
    /// First pause until an owner renews standing reservations, in milliseconds; doubles each time,
    /// and is not shorter than the wait that was bid, up to two thirds of `reservation_ms`. Default
    /// 45,000 (simulated, docs/scheduling.md: a lost reservation is rare, and each renewal costs an
    /// offer).
    pub renew_ms: u32,
    /// Longest such pause by doubling, in milliseconds. Default 45,000 (half of `reservation_ms`).
    pub renew_max_ms: u32,
    /// How long a claim waits for its answer until it is repeated, in milliseconds. Default 500.
    pub claim_ms: u32,
    /// Claims in all before a reservation is given up. Default 3 (guess). 0 counts as 1.
    pub claims: u8,
    /// How long a bound attempt waits for its data stream, in milliseconds. Default 10,000 (guess:
    /// covers a dial with retries).
    pub open_ms: u32,
    /// Hedging's budget: how many permille of the jobs may be begun a second time because their first
    /// token is late. 0: none. Default 0: a node says what it grants (20).
    pub hedge_permille: u32,
    /// How much later than predicted, in permille, counts as late while too little was seen to tell
    /// what one in fifty is. Default 4,000 (guess).
    pub hedge_late_permille: u32,
    /// Never late before this time after the binding, in milliseconds. Default 500 (guess: below
    /// that nobody minds).
    pub hedge_min_ms: u32,
    /// How often one job is bound before its last fault is final. Default 4. 0 counts as 1.
    pub attempts: u8,
    /// How long a job waits for an executor, in milliseconds. Default 600,000.
    pub queue_deadline_ms: u32,
    /// How long an interactive job waits for members that cannot be reached, or whose advert is not
    /// known, before it may fail with "no candidate", in milliseconds; a batch job waits for them
    /// until `queue_deadline_ms`. Default 1,000 (guess: a state sync takes a few round trips).
    pub advert_grace_ms: u32,
    /// After which time without a word of it a node's advert is not used any more, in milliseconds, by
    /// this node's own clock. Default 90,000 (three times the pause after which a node repeats its
    /// state unchanged).
    pub advert_ttl_ms: u32,
    /// First pause of a job that nobody takes at the moment, in milliseconds; doubles each time.
    /// Default 250 (guess).
    pub park_ms: u32,
    /// Longest such pause, in milliseconds. Default 4,000 (guess).
    pub park_max_ms: u32,
    /// How long a node that refused for a lasting reason is left alone by that job, in milliseconds.
    /// Default 30,000 (guess).
    pub refusal_ms: u32,
    /// A warm and idle engine here takes the job without asking if its prediction is at most this
    /// many permille of the best other one, plus `local_slack_ms`. Default 1,500 (guess: below that
    /// a round of offers is not worth its messages). 4,294,967,295: always.
    pub local_permille: u32,
    /// See `local_permille`. In milliseconds. Default 200 (guess).
    pub local_slack_ms: u32,
    /// A slot that is free now, by a bid or by a claim, is taken if its prediction is at most this
    /// many permille of the best one that must wait, plus `now_slack_ms`; else the faster machine is
    /// waited for. Default 4,000 (simulated, docs/scheduling.md: with less the mean grows, with more
    /// the tail). 4,294,967,295: the first free slot is taken.
    pub now_permille: u32,
    /// The same where the one that must wait holds more of the prompt in its cache: who does not
    /// would read it again, and take the time from others. Default 1,000 (simulated,
    /// docs/scheduling.md): the sooner end.
    pub cached_permille: u32,
    /// See `now_permille`. In milliseconds. Default 20 (guess: below that a difference is noise).
    pub now_slack_ms: u32,
    /// How many of the owners that asked this node lately are told when a slot falls free and nobody
    /// waits for it. Default 3 (simulated, docs/scheduling.md: a fourth gained little). 0: nobody.
    pub idle_hints: u8,
    /// How long an owner counts on such a hint, in milliseconds. Default 5,000 (guess: longer than
    /// gossip takes to repeat or to deny it).
    pub idle_hint_ms: u32,
    /// What a running job still needs is taken to be at least this many permille of what it has had:
    /// the longer it runs, the longer it will. Default 500 (simulated, docs/scheduling.md).
    pub overrun_permille: u32,
    /// How much of a waiting reservation's time counts before those behind it, in permille: most are
    /// bound elsewhere before their turn comes, but what they are replaced by waits too. Default 850
    /// (simulated, docs/scheduling.md).
    pub reserved_permille: u32,
    /// By how many permille each further busy slot slows the others. Default 500 (measured on two
    /// CPU cores: four slots yield 1.5 × one slot).
    pub contention_permille: u32,
    /// Prefill rate taken for a model that nobody has measured, in tokens per second. Default 200.
    pub assumed_prefill: u32,
    /// Decode rate taken for a model that nobody has measured, in tokens per second. Default 10.
    pub assumed_decode: u32,
    /// Loading rate taken for a model that nobody has measured, in bytes per millisecond. Default
    /// 500,000 (guess: half of an NVMe disk's).
    pub assumed_load: u32,
    /// Answer length taken for a model that nobody has measured, in tokens. Default 256 (guess).
    pub assumed_tokens: u32,
    /// Round-trip time taken for a peer that was not measured, in microseconds. Default 1,000.
    pub assumed_rtt_us: u32,
    /// Apparent load that one failure adds to its node, in milliseconds. Default 5,000 (guess).
    pub failure_ms: u32,
    /// In which time that load halves, in milliseconds. Default 30,000 (guess).
    pub failure_half_life_ms: u32,
    /// Further load that a node has for a job that failed there, per failure, in milliseconds.
    /// Default 30,000 (guess).
    pub repeat_failure_ms: u32,
    /// After which waiting time a batch job counts as interactive, in milliseconds. Default 60,000.
    pub batch_ageing_ms: u32,
    /// After which waiting time a job goes first, in order of arrival, in milliseconds. Default
    /// 120,000.
    pub starving_ms: u32,
    /// How long a model that failed to load is not tried again, in milliseconds; doubles with each
    /// further failure. Default 5,000 (guess).
    pub load_backoff_ms: u32,
    /// Longest such pause, in milliseconds. Default 60,000 (guess).
    pub load_backoff_max_ms: u32,
    /// What work for others does while the desk is in use. Default `None`: a node says what its
    /// person wants.
    pub yields: Yield,
    /// How long an attempt is paused for the desk before it is given back, in milliseconds. Default
    /// 10,000 (guess: about what reading a long prompt again elsewhere costs).
    pub yield_move_ms: u32,
    /// Bytes that models may take here together while they run for others; none: no cap.
    pub lend_memory: Option<u64>,
    /// Weights of persons in the queues. Who is not named has 1; 0 counts as 1.
    pub weights: BTreeMap<PersonId, u32>,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            offers: 3,
            draws_per_offer: 2,
            cached_offers: 2,
            short_ms: 500,
            offer_deadline_ms: 150,
            silence_ms: 1_000,
            hold_ms: 1_000,
            reservation_ms: 90_000,
            renew_ms: 45_000,
            renew_max_ms: 45_000,
            claim_ms: 500,
            claims: 3,
            open_ms: 10_000,
            hedge_permille: 0,
            hedge_late_permille: 4_000,
            hedge_min_ms: 500,
            attempts: 4,
            queue_deadline_ms: 600_000,
            advert_grace_ms: 1_000,
            advert_ttl_ms: 90_000,
            park_ms: 250,
            park_max_ms: 4_000,
            refusal_ms: 30_000,
            local_permille: 1_500,
            local_slack_ms: 200,
            now_permille: 4_000,
            cached_permille: 1_000,
            now_slack_ms: 20,
            idle_hints: 3,
            idle_hint_ms: 5_000,
            overrun_permille: 500,
            reserved_permille: 850,
            contention_permille: 500,
            assumed_prefill: 200,
            assumed_decode: 10,
            assumed_load: 500_000,
            assumed_tokens: 256,
            assumed_rtt_us: 1_000,
            failure_ms: 5_000,
            failure_half_life_ms: 30_000,
            repeat_failure_ms: 30_000,
            batch_ageing_ms: 60_000,
            starving_ms: 120_000,
            load_backoff_ms: 5_000,
            load_backoff_max_ms: 60_000,
            yields: Yield::default(),
            yield_move_ms: 10_000,
            lend_memory: None,
            weights: BTreeMap::new(),
        }
    }
}
