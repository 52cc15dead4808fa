//! How members behave: how much each may send, by kind, and what becomes of one that sends more, or
//! what no honest node sends. Shared by both planes; knows no connection and no message.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use pumasi_protocol::NodeId;

use super::bucket::{Bucket, Rate};
use super::limits::{
    CUT_OFF_FORGIVEN, CUT_OFF_MAX, CUT_OFF_MIN, MISBEHAVIOUR, MISBEHAVIOUR_WINDOW,
};

/// What members send, as far as it is counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// Messages of gossip, and packets that bring them.
    Gossip,
    /// Bytes of such messages.
    GossipBytes,
    /// New messages of one author, whoever brings them: few, so that nobody who passes them on has
    /// to answer for a flood of them.
    Authored,
    /// What keeps gossip going: subscriptions, grafts, prunes, offers.
    GossipControl,
    /// Messages of the state plane.
    State,
    /// Requests on the control plane.
    Request,
    /// Of these, questions for the roster, each answered by a comparison of all entries.
    RosterSync,
    /// Roster entries, each with a signature to check.
    RosterEntry,
    /// Streams on the data plane.
    Stream,
    /// Of these, those of attempts and files.
    Work,
    /// Connections, on each plane.
    Connection,
    /// Asks for parts of model files.
    CopyAsk,
}

/// How much one member may send to this node. As much again is left out without blame, so that who is
/// hasty only waits; beyond that it is a flood, for which it is cut off.
#[derive(Debug, Clone)]
pub(crate) struct Allowance {
    /// Messages (guess: two hundred members that all start at once tell four messages each).
    pub(crate) gossip: Rate,
    /// Bytes (two hundred of the largest adverts at once; then one each five minutes, and room).
    pub(crate) gossip_bytes: Rate,
    /// Messages (members of a former version tell ten a second while much changes).
    pub(crate) authored: Rate,
    /// Parts of a message (gossipsub sends few for each message that it carries; guess: one).
    pub(crate) gossip_control: Rate,
    /// Messages (far above what is sent when half of a large mesh is lost at once: `spread`).
    pub(crate) states: Rate,
    /// Requests (guess: ten times what an owner with fifty new jobs a second asks of one node).
    pub(crate) requests: Rate,
    /// Questions (a full roster takes three, and up to eight rounds).
    pub(crate) roster_syncs: Rate,
    /// Entries (a full roster and a quarter; checking 200 signatures takes 10 ms).
    pub(crate) roster_entries: Rate,
    /// Streams (mostly calls of providers: far above what one node asks of another; see
    /// [`super::limits::BORROWED`]).
    pub(crate) streams: Rate,
    /// Streams of attempts and files (twice what a node runs at once with the most slots).
    pub(crate) works: Rate,
    /// Connections (both sides keep theirs; a few more where the network comes and goes).
    pub(crate) connections: Rate,
    /// Asks (each for up to a mebibyte: two gigabytes a second).
    pub(crate) copy_asks: Rate,
}

impl Default for Allowance {
    fn default() -> Self {
        let rate = |per_s, burst| Rate { per_s, burst };
        Self {
            gossip: rate(200, 2_000),
            gossip_bytes: rate(1 << 20, 16 << 20),
            authored: rate(20, 200),
            gossip_control: rate(200, 2_000),
            states: rate(1_000, 4_000),
            requests: rate(1_000, 4_000),
            roster_syncs: rate(2, 64),
            roster_entries: rate(200, 20_000),
            streams: rate(3_000, 3_000),
            works: rate(100, 1_000),
            connections: rate(1, 32),
            copy_asks: rate(2_000, 8_000),
        }
    }
}

impl Allowance {
    fn of(&self, kind: Kind) -> Rate {
        match kind {
            Kind::Gossip => self.gossip,
            Kind::GossipBytes => self.gossip_bytes,
            Kind::Authored => self.authored,
            Kind::GossipControl => self.gossip_control,
            Kind::State => self.states,
            Kind::Request => self.requests,
            Kind::RosterSync => self.roster_syncs,
            Kind::RosterEntry => self.roster_entries,
            Kind::Stream => self.streams,
            Kind::Work => self.works,
            Kind::Connection => self.connections,
            Kind::CopyAsk => self.copy_asks,
        }
    }
}

/// Why a member is cut off.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Offence {
    /// It sent far more than it may, of this kind.
    Flood(Kind),
    /// It sent too much that no honest node sends.
    Nonsense,
}

/// A member that is cut off from now on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CutOff {
    /// Who.
    pub node: NodeId,
    /// Why.
    pub offence: Offence,
    /// For how long.
    pub lasts: Duration,
}

#[derive(Debug)]
struct Record {
    /// What it may send, and what is left out beyond that without blame.
    buckets: BTreeMap<Kind, (Bucket, Bucket)>,
    /// Nonsense since then.
    nonsense: (Instant, u32),
    /// How often it was cut off, and when that was last over.
    times: u32,
    over: Option<Instant>,
    /// Until when it is cut off.
    until: Option<Instant>,
}

/// The conduct of all members, as this node saw it since its start.
#[derive(Debug)]
pub(crate) struct Conduct {
    allowance: Allowance,
    inner: Mutex<Inner>,
}

#[derive(Debug, Default)]
struct Inner {
    records: BTreeMap<NodeId, Record>,
    /// Nobody is spoken with any more.
    is_withdrawn: bool,
    /// Not yet acted on.
    fresh: Vec<CutOff>,
}

impl Default for Conduct {
    fn default() -> Self {
        Self::new(Allowance::default())
    }
}

impl Conduct {
    pub(crate) fn new(allowance: Allowance) -> Self {
        Self { allowance, inner: Mutex::default() }
    }

    /// Counts what a member sends; false: it is not to be looked at.
    pub(crate) fn spend(&self, node: NodeId, kind: Kind, cost: u32, now: Instant) -> bool {
        if self.lock().is_withdrawn {
            return false;
        }
        self.with(node, now, |record, fresh| {
            if record.until.is_some() {
                return false;
            }
            let rate = self.allowance.of(kind);
            let full = || (Bucket::new(rate, now), Bucket::new(rate, now));
            let (allowed, left_out) = record.buckets.entry(kind).or_insert_with(full);
            if allowed.take(cost, now) {
                return true;
            }
            if !left_out.take(cost, now) {
                fresh.push(record.cut_off(node, Offence::Flood(kind), now));
            }
            false
        })
    }

    /// Counts what no honest node sends.
    pub(crate) fn blame(&self, node: NodeId, now: Instant) {
        self.with(node, now, |record, fresh| {
            if record.until.is_some() {
                return;
            }
            let (since, count) = &mut record.nonsense;
            if now.saturating_duration_since(*since) > MISBEHAVIOUR_WINDOW {
                (*since, *count) = (now, 0);
            }
            *count += 1;
            if *count >= MISBEHAVIOUR {
                *count = 0;
                fresh.push(record.cut_off(node, Offence::Nonsense, now));
            }
        });
    }

    /// Whether nothing is taken from this member, nor sent to it: until [`Self::returning`] names it.
    pub(crate) fn is_cut_off(&self, node: &NodeId) -> bool {
        let inner = self.lock();
        let record = inner.records.get(node);
        inner.is_withdrawn || record.is_some_and(|record| record.until.is_some())
    }

    /// From now on nothing is taken from anybody: this node is a copy that must not be in the mesh.
    pub(crate) fn withdraw(&self) {
        self.lock().is_withdrawn = true;
    }

    /// Those that were cut off since this was last asked.
    pub(crate) fn newly_cut_off(&self) -> Vec<CutOff> {
        std::mem::take(&mut self.lock().fresh)
    }

    /// Those whose time is over since this was last asked.
    pub(crate) fn returning(&self, now: Instant) -> Vec<NodeId> {
        let mut inner = self.lock();
        let is_over = |record: &Record| record.until.is_some_and(|until| until <= now);
        let over = inner.records.iter_mut().filter(|(_, record)| is_over(record));
        over.map(|(node, record)| {
            record.over = record.until.take();
            // It begins anew, with what it may send.
            record.buckets.clear();
            *node
        })
        .collect()
    }

    /// Forgets who does not belong.
    pub(crate) fn keep(&self, belongs: impl Fn(&NodeId) -> bool) {
        self.lock().records.retain(|node, _| belongs(node));
    }

    fn with<T>(
        &self,
        node: NodeId,
        now: Instant,
        act: impl FnOnce(&mut Record, &mut Vec<CutOff>) -> T,
    ) -> T {
        let inner = &mut *self.lock();
        let record = inner.records.entry(node).or_insert_with(|| Record {
            buckets: BTreeMap::new(),
            nonsense: (now, 0),
            times: 0,
            over: None,
            until: None,
        });
        act(record, &mut inner.fresh)
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Inner> {
        self.inner.lock().expect("no code that holds this lock panics")
    }
}

impl Record {
    fn cut_off(&mut self, node: NodeId, offence: Offence, now: Instant) -> CutOff {
        if self.over.is_some_and(|at| now.saturating_duration_since(at) > CUT_OFF_FORGIVEN) {
            self.times = 0;
        }
        let lasts = CUT_OFF_MIN.saturating_mul(1 << self.times.min(16)).min(CUT_OFF_MAX);
        self.times += 1;
        self.until = Some(now + lasts);
        CutOff { node, offence, lasts }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NODE: NodeId = NodeId([1; 32]);
    const OTHER: NodeId = NodeId([2; 32]);

    /// Sends so many messages evenly over a time; how many were looked at.
    fn send(conduct: &Conduct, kind: Kind, per_s: u32, from: Instant, seconds: u32) -> usize {
        let gap = Duration::from_secs(1) / per_s;
        let at = |n: u32| from + gap * n;
        (0..per_s * seconds).filter(|n| conduct.spend(NODE, kind, 1, at(*n))).count()
    }

    #[test]
    fn cat_p09_ten_thousand_messages_a_second_of_any_kind_end_within_two_seconds() {
        let kinds = [
            Kind::Gossip,
            Kind::Authored,
            Kind::GossipControl,
            Kind::State,
            Kind::Request,
            Kind::RosterSync,
            Kind::RosterEntry,
            Kind::Stream,
            Kind::Work,
            Kind::Connection,
            Kind::CopyAsk,
        ];
        for kind in kinds {
            let (conduct, now) = (Conduct::default(), Instant::now());
            let looked_at = send(&conduct, kind, 10_000, now, 5);
            let most = conduct.allowance.of(kind);
            assert!(looked_at <= (most.burst + 5 * most.per_s) as usize, "{kind:?}: {looked_at}");
            let cut_off = conduct.newly_cut_off();
            let told = CutOff { node: NODE, offence: Offence::Flood(kind), lasts: CUT_OFF_MIN };
            assert_eq!(cut_off, [told], "once");
            assert!(conduct.is_cut_off(&NODE) && !conduct.is_cut_off(&OTHER));
            assert!(conduct.spend(OTHER, kind, 1, now));
        }
    }

    #[test]
    fn who_is_a_little_hasty_only_waits() {
        let (conduct, now) = (Conduct::default(), Instant::now());
        let looked_at = send(&conduct, Kind::Request, 1_800, now, 60);
        assert!((63_000..65_000).contains(&looked_at), "{looked_at}");
        assert_eq!(conduct.newly_cut_off(), []);
    }

    #[test]
    fn sixty_four_kilobytes_a_message_empty_the_bucket_of_bytes_first() {
        let (conduct, now) = (Conduct::default(), Instant::now());
        let large = |_: &u32| conduct.spend(NODE, Kind::GossipBytes, 64 * 1_024, now);
        assert_eq!((0..10_000).filter(large).count(), 256);
        assert!(conduct.is_cut_off(&NODE));
    }

    #[test]
    fn each_time_is_longer_up_to_an_hour_and_a_day_of_peace_is_a_new_start() {
        let (conduct, mut now) = (Conduct::default(), Instant::now());
        let mut lasted = Vec::new();
        for _ in 0..9 {
            (0..MISBEHAVIOUR).for_each(|_| conduct.blame(NODE, now));
            let [cut_off] = conduct.newly_cut_off()[..] else { panic!("cut off once") };
            assert_eq!(cut_off.offence, Offence::Nonsense);
            let shortly_before = now + cut_off.lasts - Duration::from_millis(1);
            assert_eq!(conduct.returning(shortly_before), []);
            assert!(!conduct.spend(NODE, Kind::State, 1, shortly_before));
            now += cut_off.lasts;
            assert_eq!(conduct.returning(now), [NODE]);
            assert_eq!(conduct.returning(now), [], "once");
            assert!(conduct.spend(NODE, Kind::State, 1, now));
            lasted.push(cut_off.lasts);
        }
        assert_eq!((lasted[0], lasted[1]), (CUT_OFF_MIN, CUT_OFF_MIN * 2));
        assert_eq!(lasted.last(), Some(&CUT_OFF_MAX));
        now += CUT_OFF_FORGIVEN + Duration::from_secs(1);
        (0..MISBEHAVIOUR).for_each(|_| conduct.blame(NODE, now));
        assert_eq!(conduct.newly_cut_off()[0].lasts, CUT_OFF_MIN);
    }

    #[test]
    fn a_little_nonsense_now_and_then_is_forgiven() {
        let (conduct, mut now) = (Conduct::default(), Instant::now());
        for _ in 0..20 {
            (1..MISBEHAVIOUR).for_each(|_| conduct.blame(NODE, now));
            now += MISBEHAVIOUR_WINDOW + Duration::from_secs(1);
        }
        assert_eq!(conduct.newly_cut_off(), []);
        conduct.keep(|node| *node != NODE);
        assert!(conduct.lock().records.is_empty());
    }
}
