//! Drafts: the next ids of an answer, guessed from what stands earlier in the same prompt and answer,
//! and computed in one batch with the id that is due (prompt lookup, after Saxena 2023). Only what the
//! sampler draws is kept, so the answer is the one without drafts. A draft is made where the odds and
//! costs that were measured say that it pays.

mod costs;
mod lookup;
mod odds;

pub(crate) use costs::Costs;
pub(crate) use lookup::Lookup;
pub(crate) use odds::Odds;

use pumasi_protocol::worker::Drafting;

use crate::limits::DRAFT_TOKENS;

/// Lengths that are weighed; those between them differ little.
const LENGTHS: [usize; 13] = [1, 2, 3, 4, 6, 8, 12, 16, 24, 32, 40, 48, DRAFT_TOKENS];

/// What a draft must promise over none, as a factor: what is measured is not exact, and sampling
/// and cutting the cache cost something too.
const WORTH: f64 = 1.1;

/// What the step does anyway.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Step {
    /// Ids in the batch, drafts of other slots included.
    pub(crate) tokens: usize,
    /// Ids that it is expected to add to answers.
    pub(crate) gain: f64,
}

/// How many ids to draft, at most `most`, and how many of them will probably be kept.
pub(crate) fn plan(
    drafting: Drafting,
    step: Step,
    streak: usize,
    most: usize,
    odds: &Odds,
    costs: &Costs,
) -> (usize, f64) {
    match drafting {
        Drafting::Off => (0, 0.0),
        Drafting::Always => (most.min(LENGTHS[7]), 0.0),
        Drafting::Paying => paying(step, streak, most, odds, costs).unwrap_or((0, 0.0)),
    }
}

fn paying(
    step: Step,
    streak: usize,
    most: usize,
    odds: &Odds,
    costs: &Costs,
) -> Option<(usize, f64)> {
    let rate =
        |length: usize, kept: f64| Some((step.gain + kept) / costs.micros(step.tokens + length)?);
    let without = rate(0, 0.0)?;
    let mut best: Option<(f64, usize, f64)> = None;
    let (mut kept, mut all, mut drafted) = (0.0, 1.0, 0);
    for length in LENGTHS.into_iter().filter(|length| *length <= most) {
        while drafted < length {
            all *= odds.of(streak + drafted);
            kept += all;
            drafted += 1;
        }
        let promise = rate(length, kept)?;
        if best.is_none_or(|(most, ..)| promise > most) {
            best = Some((promise, length, kept));
        }
    }
    let (promise, length, kept) = best?;
    (promise >= without * WORTH).then_some((length, kept))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    /// Steps of this many microseconds for 1 and for 128 ids.
    fn costs(one: u64, many: u64) -> Costs {
        let mut costs = Costs::default();
        costs.measured(1, Duration::from_micros(one));
        costs.measured(128, Duration::from_micros(many));
        costs
    }

    fn odds(kept: bool) -> Odds {
        let mut odds = Odds::default();
        for streak in 0..64 {
            (0..200).for_each(|_| odds.record(streak, kept));
        }
        odds
    }

    fn drafted(odds: &Odds, costs: &Costs) -> usize {
        let step = Step { tokens: 1, gain: 1.0 };
        plan(Drafting::Paying, step, 8, DRAFT_TOKENS, odds, costs).0
    }

    #[test]
    fn nothing_is_drafted_where_costs_are_unknown_or_guesses_fail() {
        assert_eq!(drafted(&odds(true), &Costs::default()), 0);
        assert_eq!(drafted(&odds(false), &costs(1_000, 10_000)), 0);
    }

    #[test]
    fn the_longest_draft_is_made_where_guesses_hold_and_more_ids_cost_little() {
        assert_eq!(drafted(&odds(true), &costs(1_000, 10_000)), DRAFT_TOKENS);
    }

    #[test]
    fn nothing_is_drafted_where_each_id_costs_as_much_as_the_first() {
        assert_eq!(drafted(&odds(true), &costs(1_000, 128_000)), 0);
    }

    #[test]
    fn short_drafts_are_made_where_guesses_hold_for_a_while() {
        let mut odds = Odds::default();
        for streak in 0..64 {
            (0..200).for_each(|turn| odds.record(streak, turn % 4 != 0));
        }
        let length = drafted(&odds, &costs(1_000, 10_000));
        assert!((3..=12).contains(&length), "{length}");
    }

    #[test]
    fn what_others_write_in_the_same_step_counts() {
        let step = Step { tokens: 8, gain: 8.0 };
        // Eight at once are nearly as dear as one after the other, so nothing is left to gain.
        let mut costs = costs(1_000, 128_000);
        costs.measured(8, Duration::from_micros(7_000));
        let drafted = plan(Drafting::Paying, step, 40, 16, &odds(true), &costs).0;
        assert_eq!(drafted, 0);
    }
}
