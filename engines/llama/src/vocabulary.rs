//! The model's tokens as bytes, taken out of the library once: what an answer's tokens spell,
//! which of them end it, and which texts must not be read as control tokens in what people write.

use std::ops::Range;

use llama_cpp_2::model::LlamaModel;
use llama_cpp_2::token::LlamaToken;
use pumasi_protocol::limits::TOKEN_BYTES;

use crate::control_text::ControlTexts;

/// Control tokens that structure an answer are spelled out, because whoever reads the answer finds
/// thinking and tool calls by their text.
const SPELLED: [&str; 8] = [
    "<think>",
    "</think>",
    "<tool_call>",
    "</tool_call>",
    "[TOOL_CALLS]",
    "<|python_tag|>",
    "<tool_response>",
    "</tool_response>",
];

/// All tokens of a model.
#[derive(Debug)]
pub(crate) struct Vocabulary {
    bytes: Vec<u8>,
    /// Where each token's bytes end; they begin where those of the one before it end.
    ends: Vec<u32>,
    /// Which tokens end an answer.
    ends_answer: Vec<bool>,
    /// Spelling of every control token.
    controls: Vec<(u32, String)>,
    control_texts: ControlTexts,
    bos: Option<u32>,
    eos: u32,
    adds_bos: bool,
}

/// Why a vocabulary cannot be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum VocabularyError {
    /// No tokens, or none that ends an answer.
    #[error("the vocabulary is empty")]
    Empty,
    /// A token is longer than an event can carry.
    #[error("token {id} has {length} bytes")]
    TokenTooLong {
        /// Which.
        id: u32,
        /// How long.
        length: usize,
    },
}

fn id_of(token: LlamaToken) -> Option<u32> {
    u32::try_from(token.0).ok()
}

impl Vocabulary {
    /// Reads the vocabulary of a loaded model.
    pub(crate) fn of(model: &LlamaModel) -> Result<Self, VocabularyError> {
        let vocab = model.vocab();
        let mut bytes = Vec::new();
        let (mut ends, mut ends_answer, mut controls) = (Vec::new(), Vec::new(), Vec::new());
        for id in 0..u32::try_from(vocab.n_tokens()).unwrap_or(0) {
            let token = LlamaToken(id.cast_signed());
            let control = vocab.is_control(token);
            let begin = bytes.len();
            if control {
                let text = vocab.token_to_piece(token, true, None);
                let text = String::from_utf8_lossy(&text).into_owned();
                if SPELLED.contains(&text.as_str()) {
                    bytes.extend_from_slice(text.as_bytes());
                }
                controls.push((id, text));
            } else {
                vocab.token_to_piece_into(token, &mut bytes, false, None);
            }
            let length = bytes.len() - begin;
            if length > TOKEN_BYTES {
                return Err(VocabularyError::TokenTooLong { id, length });
            }
            ends.push(u32::try_from(bytes.len()).map_err(|_| VocabularyError::Empty)?);
            ends_answer.push(vocab.is_eog(token));
        }
        let eos = id_of(vocab.eot()).or_else(|| id_of(vocab.eos())).unwrap_or(0);
        let texts = controls.iter().map(|(_, text)| text.as_str());
        let control_texts = ControlTexts::new(texts.filter(|text| !SPELLED.contains(text)));
        let (bos, adds_bos) = (id_of(vocab.bos()), vocab.should_add_bos());
        if ends.is_empty() {
            return Err(VocabularyError::Empty);
        }
        Ok(Self { bytes, ends, ends_answer, controls, control_texts, bos, eos, adds_bos })
    }

    /// Number of tokens.
    pub(crate) fn len(&self) -> usize {
        self.ends.len()
    }

    fn range(&self, id: u32) -> Range<usize> {
        let id = id as usize;
        let begin = if id == 0 { 0 } else { self.ends[id - 1] as usize };
        begin..self.ends[id] as usize
    }

    /// Whether there is such a token.
    pub(crate) fn contains(&self, id: u32) -> bool {
        (id as usize) < self.ends.len()
    }

    /// What a token adds to an answer's text; nothing for most control tokens.
    pub(crate) fn bytes(&self, id: u32) -> &[u8] {
        &self.bytes[self.range(id)]
    }

    /// Whether this token ends an answer.
    pub(crate) fn ends_answer(&self, id: u32) -> bool {
        self.ends_answer[id as usize]
    }

    /// The control token spelled `text`.
    pub(crate) fn control(&self, text: &str) -> Option<u32> {
        self.controls.iter().find(|(_, spelling)| spelling == text).map(|(id, _)| *id)
    }

    /// The spelling of a control token.
    pub(crate) fn control_text(&self, id: u32) -> Option<&str> {
        let at = self.controls.binary_search_by_key(&id, |(control, _)| *control).ok()?;
        Some(&self.controls[at].1)
    }

    /// Texts that must not be read as control tokens.
    pub(crate) fn control_texts(&self) -> &ControlTexts {
        &self.control_texts
    }

    /// Tokens that end an answer, the usual one first.
    pub(crate) fn answer_ends(&self) -> Vec<u32> {
        let all = 0..u32::try_from(self.len()).unwrap_or(u32::MAX);
        let others = all.filter(|id| *id != self.eos && self.ends_answer(*id));
        std::iter::once(self.eos).chain(others).collect()
    }

    /// The token that begins a text, if the model wants one.
    pub(crate) fn begin(&self) -> Option<u32> {
        self.bos.filter(|_| self.adds_bos)
    }

    /// Spelling of the token that begins a text, for templates.
    pub(crate) fn bos_text(&self) -> &str {
        self.bos.and_then(|id| self.control_text(id)).unwrap_or_default()
    }

    /// Spelling of the token that ends an answer, for templates.
    pub(crate) fn eos_text(&self) -> &str {
        self.control_text(self.eos).unwrap_or_default()
    }
}

#[cfg(test)]
impl Vocabulary {
    /// One token per byte, an end of the answer, and no others but these control tokens.
    pub(crate) fn of_bytes(controls: &[&str]) -> Self {
        let mut vocabulary = Self {
            bytes: (0..=255).collect(),
            ends: (1..=256).chain([256]).collect(),
            ends_answer: (0..=256).map(|id| id == 256).collect(),
            controls: vec![(256, "<end>".to_owned())],
            control_texts: ControlTexts::default(),
            bos: None,
            eos: 256,
            adds_bos: false,
        };
        for (id, text) in (257..).zip(controls) {
            vocabulary.ends.push(256);
            vocabulary.ends_answer.push(false);
            vocabulary.controls.push((id, (*text).to_owned()));
        }
        vocabulary
    }
}
