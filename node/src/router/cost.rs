//! What an answer cost by the provider's list of prices.

use pumasi_web::meters::{Spent, UsageKey};

use super::Router;
use super::place::Place;
use super::plan::price_at;

impl Router {
    /// Puts a price on what was used. Computers of the mesh and model servers of one's own have none, and
    /// cost nothing; a model of a cloud that is on no list costs what nobody here knows.
    pub(crate) fn price(&self, key: &UsageKey, spent: &mut Spent) {
        let known = self.known();
        let Some(place) = known.places.iter().find(|place| place.id() == key.place) else {
            return;
        };
        self.price_at_place(place, &key.model, spent);
    }

    /// The same where the place is at hand.
    pub(super) fn price_at_place(&self, place: &Place, model: &str, spent: &mut Spent) {
        if !place.provider.kind().paid || spent.prompt + spent.completion == 0 {
            return;
        }
        match price_at(place, model) {
            Some(price) => spent.cost_nano_usd = nano_usd(price, spent),
            None => spent.unpriced = spent.requests.saturating_sub(spent.failed).max(1),
        }
    }
}

/// Prices are for a million tokens: a token's is a thousand times that in billionths.
fn nano_usd(price: pumasi_cloud::Price, spent: &Spent) -> u64 {
    let cached = spent.cached.min(spent.prompt);
    let cost = (spent.prompt - cached) as f64 * price.input
        + cached as f64 * price.cached.unwrap_or(price.input)
        + spent.completion as f64 * price.output;
    (cost * 1_000.0).round() as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_came_from_a_cache_is_cheaper_where_that_is_known() {
        let spent = Spent { prompt: 1_000, cached: 400, completion: 10, ..Spent::default() };
        let price = pumasi_cloud::Price { input: 2.5, output: 10.0, cached: Some(1.25) };
        assert_eq!(nano_usd(price, &spent), 1_500_000 + 500_000 + 100_000);
        let price = pumasi_cloud::Price { cached: None, ..price };
        assert_eq!(nano_usd(price, &spent), 2_500_000 + 100_000);
    }
}
