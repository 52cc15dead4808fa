//! A loaded model and everything about it that outlives a request: its tokens, its template, its
//! grammars, its own sampling defaults. Shared by the engine and the threads that prepare requests.

use llama_cpp_2::model::LlamaModel;

use pumasi_models::inspect::Inspection;

use crate::grammar::Grammars;
use crate::sampler::Settings;
use crate::template::ChatTemplate;
use crate::vocabulary::{Vocabulary, VocabularyError};

/// See the module.
#[derive(Debug)]
pub(crate) struct Model {
    pub(crate) llama: LlamaModel,
    pub(crate) vocabulary: Vocabulary,
    pub(crate) template: ChatTemplate,
    pub(crate) grammars: Grammars,
    pub(crate) defaults: Settings,
    pub(crate) inspection: Inspection,
    /// Whether the file says how its embeddings are pooled.
    pub(crate) pools: bool,
    /// Keys and values can be dropped from the middle on; recurrent models cannot do that.
    pub(crate) rewinds: bool,
}

fn number<T: std::str::FromStr>(llama: &LlamaModel, key: &str) -> Option<T> {
    llama.meta_val_str(key).ok()?.parse().ok()
}

/// The sampling that the file recommends (llama.cpp's `general.sampling.*` keys).
fn defaults(llama: &LlamaModel) -> Settings {
    let own = Settings::default();
    let within = |key, low: f32, high: f32, default| {
        let found = number::<f32>(llama, key).filter(|v| v.is_finite() && (low..=high).contains(v));
        found.unwrap_or(default)
    };
    Settings {
        temperature: within("general.sampling.temp", 0.0, 2.0, own.temperature),
        top_k: number(llama, "general.sampling.top_k").unwrap_or(own.top_k),
        top_p: within("general.sampling.top_p", 0.0, 1.0, own.top_p),
        min_p: within("general.sampling.min_p", 0.0, 1.0, own.min_p),
        repeat_penalty: within("general.sampling.penalty_repeat", 0.01, 10.0, own.repeat_penalty),
    }
}

impl Model {
    /// Takes stock of a model that the library has just loaded.
    pub(crate) fn new(llama: LlamaModel, inspection: Inspection) -> Result<Self, VocabularyError> {
        let vocabulary = Vocabulary::of(&llama)?;
        let source = llama.meta_val_str("tokenizer.chat_template").ok();
        let (bos, eos) = (vocabulary.bos_text(), vocabulary.eos_text());
        let template = ChatTemplate::new(source.as_deref(), bos, eos);
        let pooling = number::<u32>(&llama, &format!("{}.pooling_type", inspection.architecture));
        Ok(Self {
            template,
            grammars: Grammars::default(),
            defaults: defaults(&llama),
            inspection,
            pools: pooling.is_some_and(|kind| kind != 0),
            rewinds: !llama.is_recurrent() && !llama.is_hybrid(),
            vocabulary,
            llama,
        })
    }

    /// Whether it can write text: encoders cannot.
    pub(crate) fn generates(&self) -> bool {
        !self.inspection.embeds
    }
}
