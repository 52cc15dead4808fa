//! Why a job is where it is, in words and in numbers, from what the scheduler remembers.

use pumasi_protocol::{JobId, NodeId};
use pumasi_scheduler::{Answer, Outcome, Reason, Score, Verdict, Why, WhyAttempt, WhyCandidate};
use pumasi_web::api;

use super::Core;
use super::owned::OwnedJob;

/// Why loading takes long.
const COPIED: &str = "the model is copied from other computers first";

impl Core {
    pub(super) fn why_view(&self, job: JobId) -> Option<api::Why> {
        let view = self.scheduler.view();
        let why = view.why(job)?;
        Some(api::Why {
            job: job.to_string(),
            summary: self.why_sentence(why),
            rounds: self.rounds(why),
        })
    }

    /// One round for each binding, and one for what is under way.
    fn rounds(&self, why: &Why) -> Vec<api::Round> {
        let job = self.owned.find(why.job);
        let is_bound = why.attempts.last().is_some_and(|last| last.ended.is_none());
        let open = (!is_bound && why.ended.is_none()) || why.attempts.is_empty();
        let last = why.attempts.len().saturating_sub(usize::from(!open));
        let earlier = why.attempts.iter().take(last).map(|a| (Some(a), &a.candidates));
        let latest = (why.attempts.get(last), &why.candidates);
        earlier.chain([latest]).map(|(a, list)| self.round(why, job, a, list)).collect()
    }

    fn round(
        &self,
        why: &Why,
        job: Option<&OwnedJob>,
        attempt: Option<&WhyAttempt>,
        candidates: &[WhyCandidate],
    ) -> api::Round {
        let next = why.attempts.last().map_or(0, |last| last.epoch.0 + 1);
        let candidates = candidates.iter().map(|c| self.candidate(why, attempt, c));
        api::Round {
            epoch: attempt.map_or(next, |attempt| attempt.epoch.0),
            after_ms: attempt.map_or(0, |a| a.bound.ms_since(why.submitted)),
            candidates: candidates.collect(),
            passage: attempt.map(|attempt| self.passage(job, attempt)),
        }
    }

    fn passage(&self, job: Option<&OwnedJob>, attempt: &WhyAttempt) -> api::Passage {
        let passages = job.map_or(&[][..], |job| &job.passages);
        let known = passages.iter().find(|passage| passage.epoch == attempt.epoch);
        let (ended, fault) = match &attempt.ended {
            Some((_, Outcome::Failed(fault))) => (true, Some(fault.into())),
            Some((_, Outcome::Completed { .. } | Outcome::Cancelled)) => (true, None),
            None => (false, None),
        };
        api::Passage {
            node: self.node_ref(attempt.executor),
            alone: attempt.alone,
            tokens: known.filter(|_| ended).map(|passage| passage.delivered),
            gap_ms: known.and_then(|passage| Some(passage.gap?.as_secs_f64() * 1_000.0)),
            fault,
        }
    }

    fn candidate(
        &self,
        why: &Why,
        attempt: Option<&WhyAttempt>,
        candidate: &WhyCandidate,
    ) -> api::Candidate {
        let bid_ms = match &candidate.answer {
            Answer::Bid(bid) => Some(f64::from(bid.finish_ms)),
            Answer::NotAsked | Answer::Asked | Answer::Refused(_) | Answer::Silent => None,
        };
        let (predicted_ms, terms) = match &candidate.verdict {
            Verdict::Scored(score) => {
                let is_here = candidate.node == self.me;
                let copied = is_here && self.is_copy(&why.need.model, score.load_ms);
                (Some(f64::from(score.total_ms())), terms(score, copied))
            }
            Verdict::Refused(_) => (None, Vec::new()),
        };
        api::Candidate {
            node: self.node_ref(candidate.node),
            outcome: outcome(attempt, candidate),
            predicted_ms,
            bid_ms,
            terms,
        }
    }

    /// One sentence for people.
    pub(super) fn why_sentence(&self, why: &Why) -> String {
        let Some(attempt) = why.attempts.last() else {
            return waiting_sentence(why);
        };
        let name = if attempt.executor == self.me {
            "this computer".to_owned()
        } else {
            self.node_name(attempt.executor).to_string()
        };
        let first = match attempt.reason {
            Reason::LocalIdle => format!("{name} is ready and idle"),
            Reason::BestBid => match predicted(why, attempt.executor) {
                Some(ms) => format!("{name} predicted the earliest end ({})", seconds(ms)),
                None => format!("{name} made the best offer"),
            },
            Reason::Hedge => {
                format!("the first words were late elsewhere, and {name} had them sooner")
            }
            Reason::FirstClaim => format!("all were busy, and {name} was free first"),
        };
        let others = others(why, attempt.executor);
        let earlier = match why.attempts.as_slice() {
            [.., before, _] => {
                let n = why.attempts.len();
                let name = self.node_name(before.executor);
                match &before.ended {
                    Some((_, Outcome::Failed(fault))) => {
                        format!("; attempt {n}, the one before on {name} failed: {fault}")
                    }
                    Some((_, Outcome::Completed { .. } | Outcome::Cancelled)) | None => {
                        format!("; attempt {n}, the one before on {name} failed")
                    }
                }
            }
            [_] | [] => String::new(),
        };
        format!("{first}{others}{earlier}")
    }
}

fn waiting_sentence(why: &Why) -> String {
    let refused = |c: &&WhyCandidate| c.verdict_refused().is_some();
    match why.candidates.iter().find(refused).and_then(|c| c.verdict_refused()) {
        Some(refusal) if why.unreachable == 0 && why.candidates.iter().all(|c| refused(&c)) => {
            format!("no computer can take it: {refusal}")
        }
        _ if why.unreachable > 0 && why.candidates.iter().all(|c| refused(&c)) => {
            "waiting for a computer that cannot be reached now".to_owned()
        }
        _ => "waiting for a free computer".to_owned(),
    }
}

/// The refusal of a gate, if one stopped the candidate.
trait Refused {
    fn verdict_refused(&self) -> Option<&pumasi_protocol::Refusal>;
}

impl Refused for WhyCandidate {
    fn verdict_refused(&self) -> Option<&pumasi_protocol::Refusal> {
        match &self.verdict {
            Verdict::Refused(refusal) => Some(refusal),
            Verdict::Scored(_) => None,
        }
    }
}

fn bid_or_score(candidate: &WhyCandidate) -> Option<u32> {
    match (&candidate.answer, &candidate.verdict) {
        (Answer::Bid(bid), _) => Some(bid.finish_ms),
        (Answer::NotAsked | Answer::Asked | Answer::Silent, Verdict::Scored(score)) => {
            Some(score.total_ms())
        }
        (Answer::Refused(_), _) | (_, Verdict::Refused(_)) => None,
    }
}

fn predicted(why: &Why, node: NodeId) -> Option<u32> {
    why.candidates.iter().find(|c| c.node == node).and_then(bid_or_score)
}

fn others(why: &Why, chosen: NodeId) -> String {
    let others = why.candidates.iter().filter(|c| c.node != chosen);
    match others.filter_map(bid_or_score).min() {
        Some(ms) => format!(", the next best {}", seconds(ms)),
        None => String::new(),
    }
}

fn seconds(ms: u32) -> String {
    if ms < 1_000 { format!("{ms} ms") } else { format!("{:.1} s", f64::from(ms) / 1_000.0) }
}

/// `copied`: the model had to come from other computers first.
fn terms(score: &Score, copied: bool) -> Vec<api::Term> {
    let term = |name: &str, ms: u32| api::Term { name: name.to_owned(), ms: ms.into(), note: None };
    vec![
        term("wait", score.wait_ms),
        api::Term {
            name: "load".to_owned(),
            ms: score.load_ms.into(),
            note: copied.then(|| COPIED.to_owned()),
        },
        term("prefill", score.prefill_ms),
        api::Term {
            name: "cached".to_owned(),
            ms: -f64::from(score.cached_ms),
            note: Some("the beginning of the prompt is still in this computer's memory".to_owned()),
        },
        term("decode", score.decode_ms),
        term("network", score.network_ms),
        term("penalty", score.penalty_ms),
    ]
}

fn outcome(attempt: Option<&WhyAttempt>, candidate: &WhyCandidate) -> api::CandidateOutcome {
    if let Some(attempt) = attempt.filter(|attempt| attempt.executor == candidate.node) {
        return match &attempt.ended {
            Some((_, Outcome::Failed(fault))) => {
                api::CandidateOutcome::Failed { reason: fault.to_string() }
            }
            Some((_, Outcome::Completed { .. } | Outcome::Cancelled)) | None => {
                api::CandidateOutcome::Chosen
            }
        };
    }
    match (&candidate.answer, &candidate.verdict) {
        (_, Verdict::Refused(refusal)) => {
            api::CandidateOutcome::Excluded { reason: refusal.to_string() }
        }
        (Answer::Refused(refusal), _) => {
            api::CandidateOutcome::Refused { reason: refusal.to_string() }
        }
        (Answer::Silent, _) => api::CandidateOutcome::Silent,
        (Answer::Bid(_), _) => api::CandidateOutcome::Outbid,
        (Answer::NotAsked | Answer::Asked, _) => api::CandidateOutcome::NotAsked,
    }
}
