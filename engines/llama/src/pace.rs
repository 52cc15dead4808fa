//! How large the next prefill chunk is: from the measured rate, so that slots that decode never
//! stall for long, and a cancel never waits for long.

use std::time::Duration;

use crate::limits::{
    BATCH_TOKENS, CHUNK_ALONE, CHUNK_WHILE_DECODING, FIRST_CHUNK, SMALLEST_CHUNK,
    SMALLEST_CHUNK_ALONE,
};

/// Tokens per second of recent chunks.
#[derive(Debug, Default)]
pub(crate) struct Pace {
    rate: Option<f64>,
}

impl Pace {
    /// Tokens of the next chunk.
    pub(crate) fn chunk(&self, decoding: bool) -> usize {
        let (target, smallest) = if decoding {
            (CHUNK_WHILE_DECODING, SMALLEST_CHUNK)
        } else {
            (CHUNK_ALONE, SMALLEST_CHUNK_ALONE)
        };
        let tokens = match self.rate {
            Some(rate) => (rate * target.as_secs_f64()) as u32,
            None => FIRST_CHUNK,
        };
        tokens.clamp(smallest, BATCH_TOKENS) as usize
    }

    /// A step that computed this many tokens took this long. Steps below the smallest chunk say
    /// nothing about prefill: reading the weights dominates them.
    pub(crate) fn measured(&mut self, tokens: usize, took: Duration) {
        if tokens < SMALLEST_CHUNK as usize || took.is_zero() {
            return;
        }
        let rate = tokens as f64 / took.as_secs_f64();
        self.rate = Some(self.rate.map_or(rate, |old| old * 0.5 + rate * 0.5));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chunks_follow_the_rate_within_their_bounds() {
        let mut pace = Pace::default();
        assert_eq!(pace.chunk(true), FIRST_CHUNK as usize);
        pace.measured(100, Duration::from_secs(1));
        assert_eq!((pace.chunk(true), pace.chunk(false)), (16, 128));
        pace.measured(1, Duration::from_secs(1));
        assert_eq!(pace.chunk(false), 128);
        pace.measured(700, Duration::from_secs(1));
        assert_eq!((pace.chunk(true), pace.chunk(false)), (24, 160));
        for _ in 0..20 {
            pace.measured(2_000, Duration::from_millis(10));
        }
        assert_eq!(pace.chunk(false), BATCH_TOKENS as usize);
    }
}
