//! From a request's prompt to token ids. Control tokens are read where the template wrote them,
//! and not where a person spelled them (see [`crate::control_text`]).

use llama_cpp_2::model::LlamaModel;
use llama_cpp_2::token::LlamaToken;

use crate::control_text::{Piece, has_marks};
use crate::vocabulary::Vocabulary;

fn extend(ids: &mut Vec<u32>, tokens: &[LlamaToken]) {
    ids.extend(tokens.iter().map(|token| token.0.cast_unsigned()));
}

/// Puts the token in front that the model wants there, unless the text brought it.
fn begin(ids: &mut Vec<u32>, vocabulary: &Vocabulary) {
    if let Some(bos) = vocabulary.begin().filter(|bos| ids.first() != Some(bos)) {
        ids.insert(0, bos);
    }
}

/// Token ids of a rendered chat.
pub(crate) fn chat_ids(model: &LlamaModel, vocabulary: &Vocabulary, rendered: &str) -> Vec<u32> {
    let mut ids = Vec::new();
    if !has_marks(rendered) {
        extend(&mut ids, &model.vocab().tokenize(rendered.as_bytes(), false, true));
    } else {
        for piece in vocabulary.control_texts().pieces(rendered) {
            let (text, control) = match piece {
                Piece::Template(text) => (text, true),
                Piece::Literal(text) => (text, false),
            };
            extend(&mut ids, &model.vocab().tokenize(text.as_bytes(), false, control));
        }
    }
    begin(&mut ids, vocabulary);
    ids
}

/// Token ids of raw text to continue. Its writer controls the whole prompt, so control tokens are
/// read.
pub(crate) fn text_ids(model: &LlamaModel, vocabulary: &Vocabulary, text: &str) -> Vec<u32> {
    let mut ids = Vec::new();
    extend(&mut ids, &model.vocab().tokenize(text.as_bytes(), false, true));
    begin(&mut ids, vocabulary);
    ids
}

/// Token ids of the text with which an answer begins already. Whoever wrote it controls no turn, so
/// control tokens are not read.
pub(crate) fn answer_ids(model: &LlamaModel, text: &str) -> Vec<u32> {
    let mut ids = Vec::new();
    extend(&mut ids, &model.vocab().tokenize(text.as_bytes(), false, false));
    ids
}

/// Token ids of a text to embed, framed as the model wants it.
pub(crate) fn embed_ids(model: &LlamaModel, text: &str) -> Vec<u32> {
    let mut ids = Vec::new();
    extend(&mut ids, &model.vocab().tokenize(text.as_bytes(), true, false));
    ids
}

/// Token ids of a tag such as `</think>`, to be forced.
pub(crate) fn tag_ids(model: &LlamaModel, tag: &str) -> Vec<u32> {
    let mut ids = Vec::new();
    extend(&mut ids, &model.vocab().tokenize(tag.as_bytes(), false, true));
    ids
}
