//! Well-known open models, as data in the repository: their shapes, licences and published quality.
//! From a shape follow the sizes of its quantized files and what loading them takes, by the same
//! reckoning as for a file that is there.

mod layout;

use serde::Deserialize;

use crate::inspect::Inspection;

/// The table: what is known, when it was written down, and from where.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Table {
    /// When, as in `2026-11-28`.
    pub dated: String,
    /// What the figure of quality is.
    pub quality: String,
    /// Where it is published.
    pub quality_source: String,
    /// Where the shapes are published.
    pub shape_source: String,
    /// The models.
    pub models: Vec<KnownModel>,
}

/// One model.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
#[allow(missing_docs, reason = "named after the metadata keys")]
pub struct KnownModel {
    pub title: String,
    /// A repository of the hub with its GGUF files.
    pub repository: String,
    pub license: String,
    pub architecture: String,
    /// In percent, by [`Table::quality`].
    pub quality: f64,
    pub embedding: u32,
    pub blocks: u32,
    pub heads: u32,
    pub heads_kv: u32,
    pub head: u32,
    pub feed_forward: u32,
    pub vocabulary: u32,
    pub context: u32,
    /// Whether the embedding is also the output.
    pub tied: bool,
    #[serde(default)]
    pub window: Option<u32>,
    #[serde(default)]
    pub experts: Option<KnownExperts>,
}

/// The experts of a model.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
#[allow(missing_docs, reason = "named after the metadata keys")]
pub struct KnownExperts {
    pub count: u32,
    pub used: u32,
    pub width: u32,
}

/// How the files of the table are quantized: the usual one, and the one that is as good as whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Quantization {
    /// 4.5 to 6.6 bits.
    Q4KM,
    /// 8.5 bits.
    Q8,
}

impl Quantization {
    /// Both, the larger first.
    pub const ALL: [Quantization; 2] = [Quantization::Q8, Quantization::Q4KM];

    /// As file names have it.
    pub fn name(self) -> &'static str {
        match self {
            Quantization::Q4KM => "Q4_K_M",
            Quantization::Q8 => "Q8_0",
        }
    }
}

/// The table that is part of this program.
///
/// # Panics
/// Never: a test reads it.
pub fn table() -> Table {
    let text = include_str!("../data/known-models.json");
    serde_json::from_str(text).expect("the table in the repository is valid")
}

impl KnownModel {
    /// What its file of this quantization would be, from its shape alone.
    ///
    /// # Panics
    /// Never for the models of the table: a test makes them all.
    pub fn inspection(&self, quantization: Quantization) -> Inspection {
        let gguf = layout::of(self, quantization);
        Inspection::of(&gguf).expect("the shapes of the table are those of real models")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Published sizes: parameters on the models' cards, files in the repositories of the table.
    #[test]
    fn shapes_give_the_published_sizes() {
        let table = table();
        let find = |title: &str| {
            let model = table.models.iter().find(|model| model.title == title);
            model.unwrap_or_else(|| panic!("{title} is in the table"))
        };
        for (title, billions) in [
            ("Qwen3 0.6B", 0.596),
            ("Qwen3 4B", 4.02),
            ("Qwen3 8B", 8.19),
            ("Qwen3 14B", 14.8),
            ("Qwen3 32B", 32.8),
            ("Qwen3 30B-A3B", 30.5),
            ("Qwen3 235B-A22B", 235.0),
            ("Gemma 3 1B", 1.0),
            ("Gemma 3 12B", 11.8),
            ("Gemma 3 27B", 27.0),
        ] {
            let model = find(title).inspection(Quantization::Q8);
            let off = model.parameters as f64 / (billions * 1e9) - 1.0;
            assert!(off.abs() < 0.01, "{title}: {}", model.parameters);
        }
        for (title, quantization, gigabytes) in
            [("Qwen3 4B", Quantization::Q8, 4.28), ("Qwen3 4B", Quantization::Q4KM, 2.50)]
        {
            let model = find(title).inspection(quantization);
            let off = model.weight_bytes as f64 / (gigabytes * 1e9) - 1.0;
            assert!(off.abs() < 0.01, "{title} {}: {}", quantization.name(), model.weight_bytes);
        }
    }

    #[test]
    fn every_model_of_the_table_can_be_reckoned_with() {
        for model in table().models {
            for quantization in Quantization::ALL {
                let inspection = model.inspection(quantization);
                assert_eq!(inspection.quantization, quantization.name(), "{}", model.title);
                assert!(inspection.known && inspection.active.bytes > 0, "{}", model.title);
            }
            assert!((0.0..100.0).contains(&model.quality), "{}", model.title);
            assert!(model.repository.contains('/'), "{}", model.title);
        }
    }

    #[test]
    fn experts_that_do_not_see_a_token_are_not_read() {
        let table = table();
        let sparse = table.models.iter().find(|model| model.title == "Qwen3 30B-A3B");
        let model = sparse.expect("it is in the table").inspection(Quantization::Q8);
        let active = model.active.parameters as f64 / 1e9;
        assert!((2.9..3.5).contains(&active), "{active} billion");
    }
}
