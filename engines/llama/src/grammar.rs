//! Constrains an answer to a JSON schema, a tool call or a Lark grammar (llguidance): what is
//! compiled, within which limits, and which tokens it permits next.

mod shape;

use std::sync::{Arc, OnceLock};

use llguidance::Matcher;
use llguidance::ParserFactory;
use llguidance::api::{ParserLimits, TopLevelGrammar};
use llguidance::earley::SlicedBiasComputer;
use llguidance::toktrie::{
    ApproximateTokEnv, InferenceCapabilities, SimpleVob, TokEnv, TokRxInfo, TokTrie,
};

use crate::bounded::Bounded;
use crate::limits::GRAMMAR_TIME;
use crate::vocabulary::Vocabulary;

pub(crate) use shape::{Shape, ToolUse, parse_schema};

/// The schema or grammar is not valid or too complex.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the schema or grammar is not valid or too complex")]
pub(crate) struct GrammarError;

/// Bounds of llguidance: its defaults, with fewer lexer states (each takes one to two kilobytes,
/// and a node's memory belongs to the models), and without quoting the answer in errors.
fn limits() -> ParserLimits {
    ParserLimits { max_lexer_states: 50_000, verbose_errors: false, ..ParserLimits::default() }
}

/// Compiles grammars for one vocabulary.
#[derive(Debug, Default)]
pub(crate) struct Grammars {
    factory: OnceLock<Option<Arc<Factory>>>,
    bounded: Bounded,
}

struct Factory(ParserFactory);

impl std::fmt::Debug for Factory {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Factory")
    }
}

impl Grammars {
    /// Compiles what an answer must look like. Takes at most [`GRAMMAR_TIME`], apart from the
    /// first time, which prepares the vocabulary.
    pub(crate) fn compile(
        &self,
        shape: &Shape,
        vocabulary: &Vocabulary,
    ) -> Result<Grammar, GrammarError> {
        let grammar = shape.grammar(vocabulary)?;
        let factory = self.factory.get_or_init(|| factory(vocabulary).map(Arc::new));
        let factory = Arc::clone(factory.as_ref().ok_or(GrammarError)?);
        let compile = move || compile(&factory.0, grammar);
        self.bounded.run(GRAMMAR_TIME, compile).unwrap_or(Err(GrammarError))
    }
}

fn compile(factory: &ParserFactory, grammar: TopLevelGrammar) -> Result<Grammar, GrammarError> {
    let parser = factory.create_parser(grammar).map_err(|error| {
        // The text of the error quotes the schema, so only its length is logged.
        tracing::debug!(bytes = error.to_string().len(), "a grammar was refused");
        GrammarError
    })?;
    let mut matcher = Matcher::new(Ok(parser));
    // The first mask does most of the lexer's work; here its cost falls under the time limit.
    matcher.compute_mask().map_err(|_| GrammarError)?;
    Ok(Grammar { matcher })
}

/// The tokens as llguidance wants them: control tokens are marked, so that no text matches them.
fn factory(vocabulary: &Vocabulary) -> Option<Factory> {
    let size = u32::try_from(vocabulary.len()).ok()?;
    let ends = vocabulary.answer_ends();
    let info = TokRxInfo::new(size, *ends.first()?);
    let words: Vec<Vec<u8>> = (0..size).map(|id| word(vocabulary, id)).collect();
    let trie = TokTrie::from(&info, &words).with_eos_tokens(&ends);
    let environment: TokEnv = Arc::new(ApproximateTokEnv::new(trie));
    let slices = SlicedBiasComputer::general_slices();
    let capabilities = InferenceCapabilities::default();
    let mut factory = ParserFactory::new(&environment, capabilities, &slices).ok()?;
    factory.quiet();
    *factory.limits_mut() = limits();
    Some(Factory(factory))
}

fn word(vocabulary: &Vocabulary, id: u32) -> Vec<u8> {
    match vocabulary.control_text(id) {
        Some("") => Vec::new(),
        Some(text) => [&[TokTrie::SPECIAL_TOKEN_MARKER], text.as_bytes()].concat(),
        None => vocabulary.bytes(id).to_vec(),
    }
}

/// One answer's grammar and how far it has come.
pub(crate) struct Grammar {
    matcher: Matcher,
}

impl std::fmt::Debug for Grammar {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Grammar")
    }
}

/// Which tokens may come next.
#[derive(Debug)]
pub(crate) struct Mask(SimpleVob);

impl Mask {
    /// Makes every other token impossible.
    pub(crate) fn apply(&self, logits: &mut [f32]) {
        const BITS: usize = u32::BITS as usize;
        for (word, logits) in self.0.as_slice().iter().zip(logits.chunks_mut(BITS)) {
            match *word {
                u32::MAX => {}
                0 => logits.fill(f32::NEG_INFINITY),
                some => {
                    for (bit, logit) in logits.iter_mut().enumerate() {
                        if some & (1 << bit) == 0 {
                            *logit = f32::NEG_INFINITY;
                        }
                    }
                }
            }
        }
        // Rows of padded vocabularies are longer than the list of tokens.
        let known = (self.0.as_slice().len() * BITS).min(logits.len());
        logits[known..].fill(f32::NEG_INFINITY);
    }
}

impl Grammar {
    /// What may come next; `None`: nothing, the answer is complete.
    pub(crate) fn mask(&mut self) -> Result<Option<Mask>, GrammarError> {
        if self.is_complete() {
            return Ok(None);
        }
        let mask = self.matcher.compute_mask().map_err(|_| GrammarError)?;
        Ok((!mask.is_zero()).then_some(Mask(mask)))
    }

    /// Takes the next token of the answer.
    pub(crate) fn accept(&mut self, id: u32) -> Result<(), GrammarError> {
        self.matcher.consume_token(id).map_err(|_| GrammarError)
    }

    /// Whether nothing may follow.
    pub(crate) fn is_complete(&self) -> bool {
        self.matcher.is_stopped()
    }
}

#[cfg(test)]
mod tests;
