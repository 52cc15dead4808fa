//! What a provider's model costs by its public list: data, in `prices.toml`. What is not there is not
//! known, which is not the same as free.

use std::sync::LazyLock;

use serde::Deserialize;

/// US dollars for a million tokens.
#[derive(Debug, Clone, Copy, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Price {
    /// Of the prompt.
    pub input: f64,
    /// Of the answer, thinking included.
    pub output: f64,
    /// Of what the provider had in its cache; none where that is not known.
    pub cached: Option<f64>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Row {
    kind: String,
    /// A model's name, or the beginning of names where `*` ends it.
    model: String,
    #[serde(flatten)]
    price: Price,
}

#[derive(Deserialize)]
struct Table {
    price: Vec<Row>,
}

static ROWS: LazyLock<Vec<Row>> = LazyLock::new(|| {
    let table: Table =
        toml::from_str(include_str!("prices.toml")).expect("a test reads the table of prices");
    table.price
});

/// The list price of a kind's model. The row that says most of the name counts.
#[must_use]
pub fn price(kind: &str, model: &str) -> Option<Price> {
    let matching = ROWS.iter().filter(|row| row.kind == kind && row.is_for(model));
    matching.max_by_key(|row| row.model.len()).map(|row| row.price)
}

impl Row {
    fn is_for(&self, model: &str) -> bool {
        match self.model.strip_suffix('*') {
            Some(beginning) => model.starts_with(beginning),
            None => model == self.model,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::kind::kind;

    #[test]
    fn every_row_is_a_price_of_a_paid_kind() {
        let mut seen = BTreeSet::new();
        for row in ROWS.iter() {
            assert!(kind(&row.kind).is_some_and(|kind| kind.paid), "{}", row.kind);
            assert!(seen.insert((&row.kind, &row.model)), "{} {} twice", row.kind, row.model);
            let Price { input, output, cached } = row.price;
            let sane = |price: f64| price > 0.0 && price < 1_000.0;
            let embeds = row.model.contains("embed");
            assert!(sane(input) && embeds == (output == 0.0), "{}", row.model);
            assert!(embeds || sane(output), "{}", row.model);
            assert!(cached.is_none_or(|cached| sane(cached) && cached < input), "{}", row.model);
        }
    }

    #[test]
    fn the_row_that_says_most_counts_and_the_unknown_stays_unknown() {
        let input = |kind, model| price(kind, model).map(|price| price.input);
        assert_eq!(input("openai", "gpt-4o"), Some(2.5));
        assert_eq!(input("openai", "gpt-4o-mini"), Some(0.15));
        assert_eq!(input("openai", "gpt-5-mini-2025-08-07"), Some(0.25));
        assert_eq!(input("openai", "gpt-5-2025-08-07"), Some(1.25));
        assert_eq!(input("anthropic", "claude-opus-4-5-20251101"), Some(5.0));
        // A first version was dearer; a coming one may be anything.
        assert_eq!(input("openai", "gpt-4o-2024-05-13"), None);
        assert_eq!(input("anthropic", "claude-opus-5-9"), None);
        assert_eq!(input("ollama", "gpt-4o"), None);
    }
}
