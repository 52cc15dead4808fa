//! How long a step takes by how many ids it computes: measured, and read between what was measured.

use std::time::Duration;

/// Steps of up to this many ids are measured each by themselves, longer ones by half powers of two.
const SINGLE: usize = 8;
const CLASSES: usize = SINGLE + 18;

/// What a step that takes longer than the ones before it may weigh, as a factor: the machine does
/// other things as well.
const OUTLIER: f64 = 2.0;
/// The weight of the latest step.
const LATEST: f64 = 0.2;

#[derive(Debug, Clone, Copy)]
struct Point {
    tokens: f64,
    micros: f64,
}

/// See the module.
#[derive(Debug, Default)]
pub(crate) struct Costs {
    points: [Option<Point>; CLASSES],
}

fn class(tokens: usize) -> usize {
    if tokens <= SINGLE {
        return tokens.saturating_sub(1);
    }
    let power = tokens.ilog2() as usize;
    let upper_half = usize::from(tokens >= (3 << power) / 2);
    // 9 to 11 are the first class beyond the single ones.
    (SINGLE + (power - 3) * 2 + upper_half).min(CLASSES - 1)
}

impl Costs {
    /// A step that computed this many ids took this long.
    pub(crate) fn measured(&mut self, tokens: usize, took: Duration) {
        let (tokens_f, micros) = (tokens as f64, took.as_secs_f64() * 1e6);
        if tokens == 0 || micros <= 0.0 {
            return;
        }
        let point = &mut self.points[class(tokens)];
        *point = Some(match *point {
            None => Point { tokens: tokens_f, micros },
            Some(old) => {
                let micros = micros.min(old.micros * OUTLIER);
                let mix = |old: f64, new: f64| old + (new - old) * LATEST;
                Point { tokens: mix(old.tokens, tokens_f), micros: mix(old.micros, micros) }
            }
        });
    }

    /// How long a step of this many ids probably takes, in microseconds: on the line between the
    /// nearest ones that were measured. Beyond the longest one each id costs its share of that;
    /// `None` as long as nothing was measured.
    pub(crate) fn micros(&self, tokens: usize) -> Option<f64> {
        let tokens = tokens as f64;
        let known = || self.points.iter().flatten();
        let below = known().rfind(|point| point.tokens <= tokens);
        let above = known().find(|point| point.tokens >= tokens);
        Some(match (below, above) {
            (Some(below), Some(above)) if above.tokens > below.tokens => {
                let share = (tokens - below.tokens) / (above.tokens - below.tokens);
                below.micros + (above.micros - below.micros) * share
            }
            (Some(exact), Some(_)) => exact.micros,
            (Some(below), None) => below.micros * tokens / below.tokens,
            (None, Some(above)) => above.micros,
            (None, None) => return None,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn micros(costs: &Costs, tokens: usize) -> Option<u64> {
        costs.micros(tokens).map(|micros| micros.round() as u64)
    }

    #[test]
    fn costs_are_read_between_and_beyond_what_was_measured() {
        let mut costs = Costs::default();
        assert_eq!(micros(&costs, 1), None);
        costs.measured(1, Duration::from_micros(100));
        assert_eq!([micros(&costs, 1), micros(&costs, 4)], [Some(100), Some(400)]);
        costs.measured(101, Duration::from_micros(1_100));
        assert_eq!([micros(&costs, 11), micros(&costs, 202)], [Some(200), Some(2_200)]);
    }

    #[test]
    fn one_slow_step_changes_little_and_many_change_all() {
        let mut costs = Costs::default();
        costs.measured(4, Duration::from_micros(100));
        costs.measured(4, Duration::from_millis(900));
        assert_eq!(micros(&costs, 4), Some(120));
        (0..60).for_each(|_| costs.measured(4, Duration::from_micros(300)));
        assert_eq!(micros(&costs, 4), Some(300));
    }

    #[test]
    fn classes_are_in_order_and_bounded() {
        let classes: Vec<usize> = (1..=4_096).map(class).collect();
        assert!(classes.is_sorted());
        assert_eq!((classes[0], classes[7], classes[8], classes[11]), (0, 7, 8, 9));
        assert_eq!(class(1 << 20), CLASSES - 1);
    }
}
