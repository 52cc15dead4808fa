//! Who could run a job, and when it would be done there: gates, then a score in terms a person can
//! read. Pure; knows nothing of offers, queues or this node's own state.

use pumasi_protocol::{ModelAdvert, Need, NodeAdvert, NodeId, Rate, Refusal};
use serde::{Deserialize, Serialize};

use crate::config::Config;
use crate::draw::mix;
use crate::input::MemberFacts;

pub(crate) mod gate;
pub(crate) mod score;

pub use score::Score;

/// What this node measured of a model on another node; it outranks what that node advertises.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Measured {
    /// Prefill rate; zero: unknown.
    pub prefill: Rate,
    /// Decode rate of one slot while no other is busy; zero: unknown.
    pub decode: Rate,
    /// Usual length of an answer, in tokens; 0: unknown.
    pub usual_tokens: u32,
}

/// A node that may be asked, with what this node knows of it.
#[derive(Debug, Clone)]
pub struct Candidate<'a> {
    /// Which node.
    pub node: NodeId,
    /// Its advert.
    pub advert: &'a NodeAdvert,
    /// The model in it that the job means, if it has one.
    pub model: Option<&'a ModelAdvert>,
    /// What the roster says of it; `None`: not a member.
    pub member: Option<MemberFacts>,
    /// How long ago its advert was renewed, in milliseconds: what waited there is less by that.
    pub age_ms: u32,
    /// Round-trip time in microseconds; `None`: this node itself.
    pub rtt_us: Option<u32>,
    /// Busy slots on it, of all its models together.
    pub busy: u16,
    /// Tokens of the job's prompt whose prefix lies in its KV cache, by its advertised sketches.
    pub cached_tokens: u32,
    /// Work that this node has offered there and not heard of, in milliseconds.
    pub offered_ms: u32,
    /// Apparent load by recent failures, in milliseconds.
    pub penalty_ms: u32,
    /// Own measurements, where there are enough.
    pub measured: Measured,
    /// What it answered lately to an offer of this job, if that was a refusal.
    pub refused: Option<Refusal>,
    /// It hinted lately that it is idle, and was not asked since.
    pub idle: bool,
}

/// What does not depend on the candidate.
#[derive(Debug, Clone, Copy)]
pub struct Policy<'a> {
    /// Settings.
    pub config: &'a Config,
    /// The job's owner.
    pub owner: NodeId,
    /// Whether the owner's roles let it submit to others.
    pub may_submit: bool,
}

/// What ranking says of one candidate.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Verdict {
    /// It could run the job; when it would be done, term by term.
    Scored(Score),
    /// It could not.
    Refused(Refusal),
}

/// A candidate with its verdict.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ranked {
    /// Which node.
    pub node: NodeId,
    /// What of it.
    pub verdict: Verdict,
    /// It hinted lately that it is idle.
    pub idle: bool,
}

impl Ranked {
    /// The score, if it has one.
    #[must_use]
    pub fn score(&self) -> Option<&Score> {
        match &self.verdict {
            Verdict::Scored(score) => Some(score),
            Verdict::Refused(_) => None,
        }
    }
}

/// Ranks candidates: predicted completion time ascending, the refused ones last. Equal ones are
/// ordered by `tie` and their id, so that different seeds prefer different nodes; those whose ids
/// begin alike keep the order in which they came.
///
/// A candidate whose context holds the prompt but not the longest answer is refused if another
/// candidate holds both; if none does, the answer is cut where it is.
#[must_use]
pub fn rank(
    need: &Need,
    candidates: &[Candidate<'_>],
    policy: &Policy<'_>,
    tie: u64,
) -> Vec<Ranked> {
    let some_holds_all = candidates.iter().any(|c| gate::holds_longest_answer(need, c, policy));
    let mut verdicts = Vec::with_capacity(candidates.len());
    let mut order = Vec::with_capacity(candidates.len());
    for (index, candidate) in (0_u32..).zip(candidates) {
        let verdict = judge(need, candidate, policy, some_holds_all);
        order.push(Key::new(&verdict, tie_key(tie, &candidate.node), index));
        verdicts.push(verdict);
    }
    // Small keys are sorted, and the verdicts copied once.
    order.sort_unstable();
    let ranked = |key: &Key| {
        let (candidate, verdict) = (&candidates[key.index()], verdicts[key.index()].clone());
        Ranked { node: candidate.node, verdict, idle: candidate.idle }
    };
    order.iter().map(ranked).collect()
}

/// What candidates are ordered by, in one number: the predicted end, the tie, the index.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Key(u128);

impl Key {
    fn new(verdict: &Verdict, tie: u64, index: u32) -> Self {
        let total_ms = match verdict {
            Verdict::Scored(score) => u64::from(score.total_ms()),
            Verdict::Refused(_) => u64::from(u32::MAX) + 1,
        };
        let (total_ms, tie, index) = (u128::from(total_ms), u128::from(tie), u128::from(index));
        Self((total_ms << 64 | tie) << 31 | index)
    }

    fn index(self) -> usize {
        (self.0 & 0x7fff_ffff) as usize
    }
}

fn judge(
    need: &Need,
    candidate: &Candidate<'_>,
    policy: &Policy<'_>,
    some_holds_all: bool,
) -> Verdict {
    match gate::pass(need, candidate, policy, some_holds_all) {
        Ok(model) => Verdict::Scored(score::score(need, model, candidate, policy.config)),
        Err(refusal) => Verdict::Refused(refusal),
    }
}

fn tie_key(tie: u64, node: &NodeId) -> u64 {
    let mut head = [0; 8];
    head.copy_from_slice(&node.0[..8]);
    mix(tie ^ u64::from_le_bytes(head))
}
