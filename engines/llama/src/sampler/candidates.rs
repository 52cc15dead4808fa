//! The tokens that can still be drawn, likeliest first, and log-probabilities of the whole
//! distribution.

/// Tokens more than e^22 (about four thousand million) times less likely than the likeliest are not
/// considered, which leaves hundreds of candidates instead of a whole vocabulary.
const NEGLIGIBLE: f32 = -22.0;

/// A token and its weight.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Scored {
    pub(crate) id: u32,
    pub(crate) score: f32,
}

/// Likeliest first; of equals, the smaller id.
fn likelier(a: &Scored, b: &Scored) -> std::cmp::Ordering {
    b.score.total_cmp(&a.score).then(a.id.cmp(&b.id))
}

fn id_of(index: usize) -> u32 {
    u32::try_from(index).unwrap_or(u32::MAX)
}

/// Candidates of one draw; the buffer is reused.
#[derive(Debug, Default)]
pub(crate) struct Candidates {
    /// Scores are weights relative to the likeliest, which has 1.
    kept: Vec<Scored>,
    sorted: bool,
}

impl Candidates {
    /// Takes every token that is not negligible at this temperature.
    pub(crate) fn fill(&mut self, logits: &[f32], highest: f32, temperature: f32) {
        self.kept.clear();
        self.sorted = false;
        let floor = highest + NEGLIGIBLE * temperature;
        let inverse = 1.0 / temperature;
        for (index, logit) in logits.iter().enumerate() {
            if *logit >= floor {
                let score = ((logit - highest) * inverse).exp();
                self.kept.push(Scored { id: id_of(index), score });
            }
        }
    }

    fn sort(&mut self) {
        if !self.sorted {
            self.kept.sort_unstable_by(likelier);
            self.sorted = true;
        }
    }

    /// Keeps the `k` likeliest; 0 keeps all.
    pub(crate) fn keep_top_k(&mut self, k: u32) {
        let k = k as usize;
        if k > 0 && k < self.kept.len() {
            self.kept.select_nth_unstable_by(k - 1, likelier);
            self.kept.truncate(k);
        }
    }

    /// Keeps the fewest likeliest that together hold this share of the weight, at least one.
    pub(crate) fn keep_top_p(&mut self, share: f32) {
        if share >= 1.0 {
            return;
        }
        self.sort();
        let enough = self.total() * f64::from(share);
        let mut sum = 0.0;
        let reaches = |c: &Scored| {
            sum += f64::from(c.score);
            sum >= enough
        };
        let last = self.kept.iter().position(reaches).unwrap_or(self.kept.len());
        self.kept.truncate(last + 1);
    }

    /// Drops what has less than this share of the likeliest's weight.
    pub(crate) fn keep_min_p(&mut self, share: f32) {
        if share > 0.0 {
            self.kept.retain(|candidate| candidate.score >= share);
        }
    }

    fn total(&self) -> f64 {
        self.kept.iter().map(|candidate| f64::from(candidate.score)).sum()
    }

    /// Draws by weight with the Gumbel-max trick (Gumbel 1954; Maddison et al. 2014, section 2):
    /// each token gets noise of its own from `key` and its id, and the largest sum wins. Unlike a
    /// walk along the cumulated weights, a token that is rounded in or out of the candidates, or
    /// past another one, leaves the draw of all others as it is, so that a continuation on another
    /// machine almost always draws alike.
    pub(crate) fn draw(&self, key: u64) -> u32 {
        let noisy =
            |candidate: &Scored| f64::from(candidate.score).ln() + gumbel(key, candidate.id);
        let best = self.kept.iter().max_by(|a, b| noisy(a).total_cmp(&noisy(b)));
        best.map_or(0, |candidate| candidate.id)
    }
}

/// One finalisation step of SplitMix64 (Steele et al. 2014).
fn mix(mut bits: u64) -> u64 {
    bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    bits ^ (bits >> 31)
}

/// Standard Gumbel noise for one token: from a uniform number of 53 bits, never 0 or 1.
fn gumbel(key: u64, id: u32) -> f64 {
    const STEP: f64 = 1.0 / (1u64 << 53) as f64;
    let bits = mix(key.wrapping_add(u64::from(id).wrapping_mul(0x9e37_79b9_7f4a_7c15)));
    let uniform = ((bits >> 11) as f64 + 0.5) * STEP;
    -(-uniform.ln()).ln()
}

/// The natural logarithm of the probability of `chosen` and of the `count` likeliest tokens, from
/// the raw logits, likeliest first.
pub(crate) fn log_probabilities(logits: &[f32], chosen: u32, count: usize) -> (f32, Vec<Scored>) {
    let highest = logits.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let sum: f64 = logits.iter().map(|logit| f64::from((logit - highest).exp())).sum();
    let log_sum = highest + sum.ln() as f32;
    let mut top: Vec<Scored> = Vec::with_capacity(count + 1);
    for (index, logit) in logits.iter().enumerate() {
        let scored = Scored { id: id_of(index), score: *logit };
        if top.len() == count && top.last().is_none_or(|last| likelier(last, &scored).is_lt()) {
            continue;
        }
        let at = top.partition_point(|other| likelier(other, &scored).is_lt());
        top.insert(at, scored);
        top.truncate(count);
    }
    for scored in &mut top {
        scored.score -= log_sum;
    }
    let chosen = logits.get(chosen as usize).map_or(f32::NEG_INFINITY, |logit| logit - log_sum);
    (chosen, top)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn log_probabilities_are_the_log_softmax_with_the_likeliest_first() {
        let logits = [0.2f32.ln(), 0.5f32.ln(), 0.3f32.ln()];
        let (chosen, top) = log_probabilities(&logits, 0, 2);
        assert!((chosen - 0.2f32.ln()).abs() < 1e-6);
        let ids: Vec<u32> = top.iter().map(|scored| scored.id).collect();
        assert_eq!(ids, [1, 2]);
        assert!((top[0].score - 0.5f32.ln()).abs() < 1e-6);
        assert_eq!(log_probabilities(&logits, 0, 0).1, []);
        assert_eq!(log_probabilities(&logits, 9, 9).1.len(), 3);
    }

    #[test]
    fn equal_tokens_come_in_the_order_of_their_ids() {
        let (_, top) = log_probabilities(&[1.0; 6], 3, 3);
        let ids: Vec<u32> = top.iter().map(|scored| scored.id).collect();
        assert_eq!(ids, [0, 1, 2]);
    }

    #[test]
    fn the_noise_is_gumbel_distributed_and_independent_between_tokens() {
        let noise: Vec<f64> = (0..20_000).map(|id| gumbel(42, id)).collect();
        let mean = noise.iter().sum::<f64>() / 20_000.0;
        let variance = noise.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / 20_000.0;
        // The Euler-Mascheroni constant, and pi squared by six.
        assert!((mean - 0.5772).abs() < 0.03, "{mean}");
        assert!((variance - 1.6449).abs() < 0.08, "{variance}");
        let lagged: f64 = noise.windows(2).map(|w| (w[0] - mean) * (w[1] - mean)).sum();
        assert!((lagged / 20_000.0 / variance).abs() < 0.03);
        assert!(gumbel(0, 0).is_finite() && gumbel(u64::MAX, u32::MAX).is_finite());
    }

    #[test]
    fn impossible_tokens_are_never_candidates() {
        let mut candidates = Candidates::default();
        candidates.fill(&[1.0, 2.0, f32::NEG_INFINITY, 2.0], 2.0, 1.0);
        assert_eq!(candidates.kept.len(), 3);
        assert!((0..500).all(|key| candidates.draw(key) != 2));
    }
}
