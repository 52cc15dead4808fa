//! Whom a job can ask: the ranking noted as its reasons, those asked before, and whether this node's
//! own engine is good enough to ask nobody.

use pumasi_protocol::{Control, NodeId};

use crate::context::Context;
use crate::limits;
use crate::rank::{Policy, Ranked, Score, rank};
use crate::view::{Answer, WhyCandidate};

use super::nominate::nominate;
use super::{Here, Job, Phase};

/// A node to be asked, with its score.
pub(super) type Nominee = (NodeId, Score);

pub(super) fn scored(ranked: &Ranked) -> Option<Nominee> {
    ranked.score().map(|score| (ranked.node, *score))
}

/// Ranks the candidates and notes them as the job's reasons.
pub(super) fn rank_candidates(ctx: &mut Context<'_>, job: &mut Job, here: Here) -> Vec<Ranked> {
    let need = &job.why.need;
    let (avoided, failed) = (&job.avoided, &job.failed);
    let each_ms = ctx.config.repeat_failure_ms;
    let candidates = ctx.mesh.candidates(
        need,
        ctx.now,
        ctx.config,
        here.cached_tokens,
        |node| avoided.get(node).map(|a| a.refusal.clone()),
        |node| failed.get(node).map_or(0, |times| times.saturating_mul(each_ms)),
    );
    let may_submit = ctx.mesh.own_member().is_some_and(|m| m.may_submit);
    let policy = Policy { config: ctx.config, owner: ctx.me, may_submit };
    let ranked = rank(need, &candidates.list, &policy, ctx.draw.next());
    let unreachable = candidates.unreachable;
    note(job, &ranked, unreachable);
    ranked
}

fn note(job: &mut Job, ranked: &[Ranked], unreachable: u32) {
    let kept = ranked.iter().take(limits::WHY_CANDIDATES);
    let candidates = kept.map(|r| WhyCandidate {
        node: r.node,
        verdict: r.verdict.clone(),
        answer: Answer::NotAsked,
    });
    job.why.candidates = candidates.collect();
    let omitted = ranked.len().saturating_sub(limits::WHY_CANDIDATES);
    job.why.candidates_omitted = u32::try_from(omitted).unwrap_or(u32::MAX);
    job.why.unreachable = unreachable;
}

/// The nodes asked before that are still candidates; from the others the offer is withdrawn.
pub(super) fn keep(
    ctx: &mut Context<'_>,
    job: &mut Job,
    ranked: &[Ranked],
) -> Vec<(Nominee, bool)> {
    let attempt = job.attempt();
    let Phase::Asking(round) = &mut job.phase else { return Vec::new() };
    let mut kept = Vec::new();
    let asked: Vec<(NodeId, bool)> = round.asked.iter().map(|(n, a)| (*n, a.late)).collect();
    for (node, late) in asked {
        match ranked.iter().filter(|r| r.node == node).find_map(scored) {
            Some(nominee) => kept.push((nominee, late)),
            None => {
                round.asked.remove(&node);
                ctx.mesh.clear_offered(node, attempt.job);
                ctx.send(node, Control::Gone { attempt });
            }
        }
    }
    if round.asked.is_empty() {
        job.phase = Phase::Parked;
    }
    kept
}

/// Those asked before, and further ones in place of the silent, up to the bound of offers.
pub(super) fn top_up(
    ctx: &mut Context<'_>,
    kept: Vec<(Nominee, bool)>,
    ranked: &[Ranked],
) -> Vec<Nominee> {
    let wanted = usize::from(ctx.config.offers.max(1));
    let answering = kept.iter().filter(|(_, late)| !late).count();
    let mut nominees: Vec<Nominee> = kept.into_iter().map(|(nominee, _)| nominee).collect();
    let known: Vec<NodeId> = nominees.iter().map(|(node, _)| *node).collect();
    let best = ranked.iter().find_map(Ranked::score);
    let short = best.is_some_and(|best| best.total_ms() < ctx.config.short_ms);
    let draws = usize::from(ctx.config.draws_per_offer).min(if short { 1 } else { usize::MAX });
    let missing = wanted.saturating_sub(answering);
    let able = ranked.iter().take_while(|r| r.score().is_some());
    let unknown: Vec<&Ranked> = able.filter(|r| !known.contains(&r.node)).collect();
    let mut sure: Vec<Nominee> = holders(&unknown, ctx.config.cached_offers);
    sure.truncate(missing);
    let idle = unknown.iter().filter(|r| r.idle);
    let idle = idle.filter(|r| sure.iter().all(|(node, _)| *node != r.node));
    let idle: Vec<Nominee> = idle.filter_map(|r| scored(r)).take(missing - sure.len()).collect();
    sure.extend(idle);
    let (missing, mut others) = (missing - sure.len(), unknown);
    if !sure.is_empty() {
        others.retain(|r| sure.iter().all(|(node, _)| *node != r.node));
    }
    let totals_ms = others.iter().filter_map(|r| r.score()).map(Score::total_ms);
    let drawn = nominate(&totals_ms.collect::<Vec<u32>>(), missing, draws, ctx.draw);
    nominees.extend(drawn.into_iter().filter_map(|index| scored(others[index])));
    nominees.extend(sure);
    nominees
}

/// The best of those that hold about as much of the prompt as any, if that is worth asking for:
/// a prefix lies on few nodes, so that a draw would miss them and asking them herds nobody.
fn holders(ranked: &[&Ranked], count: u8) -> Vec<Nominee> {
    let most_ms = ranked.iter().filter_map(|r| r.score()).map(|s| s.cached_ms).max().unwrap_or(0);
    if most_ms == 0 {
        return Vec::new();
    }
    let holds = |s: &Score| s.cached_ms > most_ms / 2 && s.cached_ms > s.service_ms() / 8;
    let nominees = ranked.iter().filter_map(|r| scored(r));
    nominees.filter(|(_, score)| holds(score)).take(usize::from(count)).collect()
}

/// Whether the engine here, warm and idle, is about as good as the best other one. What lies in a
/// cache elsewhere is not read again here, if it is sooner done there.
pub(super) fn is_local_good(ctx: &Context<'_>, ranked: &[Ranked]) -> bool {
    let mut own = ranked.iter().filter(|r| r.node == ctx.me).filter_map(Ranked::score);
    let Some(own) = own.next() else { return false };
    let best = ranked.iter().filter(|r| r.node != ctx.me).find_map(Ranked::score);
    best.is_none_or(|best| {
        if best.cached_ms > own.cached_ms {
            return own.total_ms() <= best.total_ms();
        }
        let allowed = u64::from(best.total_ms()) * u64::from(ctx.config.local_permille) / 1_000;
        u64::from(own.total_ms()) <= allowed + u64::from(ctx.config.local_slack_ms)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rank::Verdict;

    fn ranked(node: u8, wait_ms: u32, cached_ms: u32) -> Ranked {
        let score =
            Score { wait_ms, prefill_ms: 1_000, cached_ms, decode_ms: 500, ..Score::default() };
        Ranked { node: NodeId([node; 32]), verdict: Verdict::Scored(score), idle: false }
    }

    fn held_by(ranked: &[Ranked], count: u8) -> Vec<u8> {
        let ranked: Vec<&Ranked> = ranked.iter().collect();
        holders(&ranked, count).iter().map(|(node, _)| node.0[0]).collect()
    }

    #[test]
    fn the_best_of_those_with_about_the_longest_prefix_are_asked_for_sure() {
        let all = [ranked(1, 0, 0), ranked(2, 10, 900), ranked(3, 20, 400), ranked(4, 90, 800)];
        assert_eq!(held_by(&all, 2), [2, 4]);
        assert_eq!(held_by(&all, 1), [2]);
        assert_eq!(held_by(&all, 0), [0_u8; 0]);
    }

    #[test]
    fn a_prefix_that_saves_little_is_no_reason() {
        assert_eq!(held_by(&[ranked(1, 0, 0), ranked(2, 0, 100)], 2), [0_u8; 0]);
    }
}
