//! The main figures of a minute, as they are kept for a week, and joined to those of an hour.

use pumasi_dialects::Counts;
use serde::{Deserialize, Serialize};

use super::histogram::{BUCKETS, Histogram};
use super::tally::LEFT;
use super::{Cell, Figures, UNKNOWN, add_counts};
use crate::api::{self, HistoryPlace, HistoryPoint, PlaceState, Presence, ProviderState};
use crate::limits::HISTORY_PLACES;

/// Milliseconds of a minute.
pub const MINUTE_MS: u64 = 60_000;

/// The main figures of a minute. The node keeps it in this layout: a changed field is a new version of it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Minute {
    /// Minutes since 1970.
    pub at_min: u64,
    /// Requests for answers that ended in it.
    pub requests: u64,
    /// Of these, failed.
    pub failed: u64,
    /// Tokens of prompts.
    pub prompt: u64,
    /// Tokens of answers.
    pub completion: u64,
    /// Until answers began: how many fell into each bucket, the empty ones at the end left out.
    pub first_token: Vec<u64>,
    /// Jobs that waited at its end.
    pub waiting: u32,
    /// Places, and how they stood: 0 up, 1 in part, 2 not.
    pub places: Vec<(String, u8)>,
}

/// Figures since the start that a minute is the difference of.
#[derive(Debug, Clone, Default)]
pub struct Totals {
    requests: u64,
    failed: u64,
    counts: Counts,
    first_token: Histogram,
}

impl Totals {
    /// Of all that was counted.
    #[must_use]
    pub fn of(figures: &Figures) -> Self {
        let mut totals = Self::default();
        for ((dialect, _, code), count) in figures.requests.values().flatten() {
            if *dialect != UNKNOWN {
                totals.requests += count;
                totals.failed += if matches!(*code, "" | LEFT) { 0 } else { *count };
            }
        }
        for cell in figures.models.values().flat_map(|places| places.values()) {
            let Cell { first_token, counts, .. } = cell;
            totals.first_token.add(first_token);
            add_counts(&mut totals.counts, *counts);
        }
        totals
    }

    /// The minute from `before` to now.
    #[must_use]
    pub fn since(&self, before: &Self, at_min: u64) -> Minute {
        let buckets = self.first_token.since(&before.first_token).buckets;
        let filled = buckets.iter().rposition(|count| *count > 0).map_or(0, |last| last + 1);
        Minute {
            at_min,
            requests: self.requests - before.requests,
            failed: self.failed - before.failed,
            prompt: self.counts.prompt.saturating_sub(before.counts.prompt),
            completion: self.counts.completion.saturating_sub(before.counts.completion),
            first_token: buckets[..filled].to_vec(),
            waiting: 0,
            places: Vec::new(),
        }
    }
}

impl Minute {
    /// With how things stand at its end.
    #[must_use]
    pub fn standing(
        mut self,
        waiting: u32,
        nodes: &[api::Node],
        providers: &api::Providers,
    ) -> Self {
        let node = |node: &api::Node| {
            let state = match node.presence {
                Presence::Here | Presence::Online => PlaceState::Up,
                Presence::Suspect => PlaceState::Shaky,
                Presence::Offline => PlaceState::Down,
            };
            let short = node.id.get(..8).unwrap_or_default();
            (format!("mesh/{short}"), state as u8)
        };
        let provider = |provider: &api::Provider| {
            let ready = |model: &&api::ProviderModel| model.state == ProviderState::Ready;
            let (all, up) = (provider.models.len(), provider.models.iter().filter(ready).count());
            let state = match (all, up) {
                (all, up) if all == up => PlaceState::Up,
                (_, 0) => PlaceState::Down,
                (_, _) => PlaceState::Shaky,
            };
            (provider.id.clone(), state as u8)
        };
        let places = providers.providers.iter().map(provider).chain(nodes.iter().map(node));
        self.places = places.take(HISTORY_PLACES).collect();
        self.waiting = waiting;
        self
    }

    /// Takes a later one in. Of each place the worst counts.
    pub fn join(&mut self, later: &Self) {
        self.requests = self.requests.saturating_add(later.requests);
        self.failed = self.failed.saturating_add(later.failed);
        self.prompt = self.prompt.saturating_add(later.prompt);
        self.completion = self.completion.saturating_add(later.completion);
        if self.first_token.len() < later.first_token.len() {
            self.first_token.resize(later.first_token.len(), 0);
        }
        for (sum, count) in self.first_token.iter_mut().zip(&later.first_token) {
            *sum = sum.saturating_add(*count);
        }
        self.waiting = later.waiting;
        for (place, state) in &later.places {
            match self.places.iter_mut().find(|(known, _)| known == place) {
                Some((_, worst)) => *worst = (*worst).max(*state),
                None => self.places.push((place.clone(), *state)),
            }
        }
    }

    /// As the API shows it, where it stands for so many seconds.
    #[must_use]
    pub fn point(&self, step_s: u32) -> HistoryPoint {
        let mut histogram = Histogram::default();
        for (bucket, count) in histogram.buckets.iter_mut().zip(&self.first_token).take(BUCKETS) {
            *bucket = *count;
        }
        let ms = |share| histogram.quantile(share).map(|time| time.as_secs_f64() * 1e3);
        let places = self.places.iter().map(|(place, state)| HistoryPlace {
            place: place.clone(),
            state: match state {
                0 => PlaceState::Up,
                1 => PlaceState::Shaky,
                _ => PlaceState::Down,
            },
        });
        HistoryPoint {
            at_ms: self.at_min.saturating_mul(MINUTE_MS),
            requests: self.requests,
            failed: self.failed,
            prompt_tokens: self.prompt,
            completion_tokens: self.completion,
            tokens_per_s: self.completion as f64 / f64::from(step_s.max(1)),
            ttft_p50_ms: ms(0.5),
            ttft_p99_ms: ms(0.99),
            waiting: self.waiting,
            places: places.collect(),
        }
    }
}

/// Points of so many minutes each, from minutes in their order.
#[must_use]
pub fn points(minutes: &[Minute], step_min: u64) -> Vec<HistoryPoint> {
    let step_min = step_min.max(1);
    let mut joined: Vec<Minute> = Vec::new();
    for minute in minutes {
        let at_min = minute.at_min - minute.at_min % step_min;
        match joined.last_mut() {
            Some(last) if last.at_min == at_min => last.join(minute),
            Some(_) | None => joined.push(Minute { at_min, ..minute.clone() }),
        }
    }
    let step_s = u32::try_from(step_min.saturating_mul(60)).unwrap_or(u32::MAX);
    joined.iter().map(|minute| minute.point(step_s)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn minutes_join_to_hours_with_their_quantiles() {
        let minute = |at_min, first_token: &[u64], state| Minute {
            at_min,
            requests: 2,
            failed: 1,
            completion: 30,
            first_token: first_token.to_vec(),
            places: vec![("ollama".to_owned(), state)],
            ..Minute::default()
        };
        let minutes = [minute(119, &[1], 0), minute(120, &[0, 4], 0), minute(121, &[0, 0, 4], 2)];
        let hours = points(&minutes, 60);
        assert_eq!(hours.iter().map(|hour| hour.at_ms).collect::<Vec<_>>(), [3_600_000, 7_200_000]);
        let last = &hours[1];
        assert_eq!((last.requests, last.failed, last.completion_tokens), (4, 2, 60));
        assert!((last.tokens_per_s - 60.0 / 3_600.0).abs() < 1e-9);
        assert_eq!(last.ttft_p50_ms, Some(0.25));
        assert_eq!(last.places[0].state, PlaceState::Down);
        assert_eq!(points(&minutes, 1).len(), 3);
    }
}
