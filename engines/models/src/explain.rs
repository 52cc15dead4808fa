//! A model in plain words, with its own numbers, for people who want to learn what they are. One
//! file per language; every sentence is chosen by what the header says.

mod english;
mod korean;

use std::collections::BTreeSet;

use crate::inspect::{Inspection, Part};

/// A language.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Language {
    /// English.
    #[default]
    English,
    /// Korean.
    Korean,
}

/// What an explanation is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Topic {
    /// The whole.
    Model,
    /// Where its parameters are.
    Parts,
    /// The stack of blocks.
    Blocks,
    /// How tokens look at each other.
    Attention,
    /// The layers between, dense or experts.
    FeedForward,
    /// How its numbers are stored.
    Quantization,
    /// Its tokens.
    Vocabulary,
    /// What remembering a text takes.
    Cache,
    /// How messages become text.
    Template,
    /// What one may do with it.
    License,
}

impl Topic {
    /// Every topic, in the order in which they are told.
    pub const ALL: [Topic; 10] = [
        Topic::Model,
        Topic::Parts,
        Topic::Blocks,
        Topic::Attention,
        Topic::FeedForward,
        Topic::Quantization,
        Topic::Vocabulary,
        Topic::Cache,
        Topic::Template,
        Topic::License,
    ];

    /// A stable word for programs.
    pub fn code(self) -> &'static str {
        match self {
            Topic::Model => "model",
            Topic::Parts => "parts",
            Topic::Blocks => "blocks",
            Topic::Attention => "attention",
            Topic::FeedForward => "feed_forward",
            Topic::Quantization => "quantization",
            Topic::Vocabulary => "vocabulary",
            Topic::Cache => "cache",
            Topic::Template => "template",
            Topic::License => "license",
        }
    }
}

/// One topic in words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Explanation {
    /// What it is about.
    pub topic: Topic,
    /// The same for people.
    pub title: &'static str,
    /// Some sentences.
    pub text: String,
}

/// All of a model in words; topics that say nothing about it are left out.
pub fn explain(model: &Inspection, language: Language) -> Vec<Explanation> {
    let tell = match language {
        Language::English => english::tell,
        Language::Korean => korean::tell,
    };
    let told = Topic::ALL.into_iter().filter_map(|topic| {
        let (title, text) = tell(model, topic)?;
        Some(Explanation { topic, title, text })
    });
    told.collect()
}

/// `8.03 billion`, in the words of one language: a number of three digits and how many thousands
/// it was divided by.
fn scaled(count: u64, step: u64) -> (String, usize) {
    let (mut value, mut steps) = (count as f64, 0);
    let step = step as f64;
    while value >= step && steps < 4 {
        value /= step;
        steps += 1;
    }
    let digits = match value {
        value if steps == 0 || value >= 100.0 => 0,
        value if value >= 10.0 => 1,
        _ => 2,
    };
    (format!("{value:.digits$}"), steps)
}

/// Bytes in the unit that a person would use.
fn bytes(bytes: u64) -> String {
    let (value, steps) = scaled(bytes, 1_024);
    format!("{value} {}", ["B", "KiB", "MiB", "GiB", "TiB"][steps])
}

fn percent(share: f64) -> String {
    let percent = share * 100.0;
    if percent >= 10.0 { format!("{percent:.0} %") } else { format!("{percent:.1} %") }
}

/// The types of the weights; norms are hardly ever quantized, and weigh nothing.
fn weight_types(model: &Inspection) -> Vec<&'static str> {
    let weights = model
        .groups
        .iter()
        .filter(|group| group.part != Part::Norms && group.parameters * 1_000 > model.parameters);
    let types = weights.flat_map(|group| &group.types).map(|share| share.tensor_type.name());
    types.collect::<BTreeSet<_>>().into_iter().collect()
}

/// Bytes that one more token takes, keys and values as 16-bit floats.
fn token_bytes(model: &Inspection) -> u64 {
    use crate::kv_cache::CacheType::F16;
    model.cache.bytes_per_token(F16, F16)
}

/// The context's bytes at full length as 16-bit floats, one slot, windows cut.
fn full_bytes(model: &Inspection) -> u64 {
    let plan = crate::estimate::LoadPlan {
        context_per_slot: model.context_length,
        ..crate::estimate::LoadPlan::default()
    };
    model.cache.bytes(&plan.cache())
}
