//! In English.

use super::{Topic, bytes, full_bytes, percent, scaled, token_bytes};
use crate::gguf::ContextMemory;
use crate::inspect::{Activation, AttentionKind, Inspection, Norm, Part, Positions, facts};

pub(super) fn tell(model: &Inspection, topic: Topic) -> Option<(&'static str, String)> {
    Some(match topic {
        Topic::Model => ("What it is", whole(model)),
        Topic::Parts => ("Where its parameters are", parts(model)),
        Topic::Blocks => ("The stack", blocks(model)),
        Topic::Attention => ("How tokens look at each other", attention(model)),
        Topic::FeedForward => ("The layers between", feed_forward(model)?),
        Topic::Quantization => ("How its numbers are stored", quantization(model)),
        Topic::Vocabulary => ("Its words", vocabulary(model)?),
        Topic::Cache => ("What remembering takes", cache(model)),
        Topic::Template => ("How a chat becomes text", template(model)),
        Topic::License => ("What you may do with it", license(model)),
    })
}

fn many(count: u64) -> String {
    let (value, steps) = scaled(count, 1_000);
    match steps {
        0 => value,
        1 if count < 100_000 => format!("{},{:03}", count / 1_000, count % 1_000),
        1 => format!("{value} thousand"),
        2 => format!("{value} million"),
        3 => format!("{value} billion"),
        _ => format!("{value} trillion"),
    }
}

fn whole(model: &Inspection) -> String {
    let family = facts(&model.architecture).and_then(|facts| facts.family);
    let kind = match (family, model.known) {
        (Some(family), _) => format!("of the {family} family"),
        (None, true) => format!("of the architecture {}", model.architecture),
        (None, false) => format!(
            "of an architecture ({}) that the engine here does not know: it cannot be run, and what \
             is said of its attention and memory is a guess",
            model.architecture
        ),
    };
    let work = if model.embeds {
        "It turns text into vectors that can be compared"
    } else {
        "It writes text token by token"
    };
    let active = if model.active.parameters * 10 < model.parameters * 9 {
        format!(
            " For one token only {} of them are used, so it is faster than its size suggests.",
            many(model.active.parameters)
        )
    } else {
        String::new()
    };
    format!(
        "A model {kind} with {} parameters: numbers that were found by training. {work}. It was \
         trained to see {} tokens at once, about {} English words.{active}",
        many(model.parameters),
        many(model.context_length),
        many(model.context_length * 3 / 4),
    )
}

fn part_name(part: Part) -> &'static str {
    match part {
        Part::Embedding => "embedding",
        Part::Attention => "attention",
        Part::Recurrent => "recurrent layers",
        Part::FeedForward => "feed-forward layers",
        Part::Experts => "experts",
        Part::Norms => "norms",
        Part::Output => "output",
        Part::Other => "the rest",
    }
}

fn parts(model: &Inspection) -> String {
    let mut ordered: Vec<_> = model.parts.iter().collect();
    ordered.sort_by(|a, b| b.share.total_cmp(&a.share));
    let named = ordered.iter().take(3);
    let named: Vec<String> =
        named.map(|sum| format!("{} {}", percent(sum.share), part_name(sum.part))).collect();
    let tied = if model.tied_output {
        " The table that turns tokens into vectors also turns the last vector back into a token, so \
         it is stored once."
    } else {
        ""
    };
    format!(
        "By number of parameters: {}. Attention decides what belongs together; feed-forward layers and experts hold most of \
         what was learned.{tied}",
        named.join(", ")
    )
}

fn blocks(model: &Inspection) -> String {
    let a = &model.attention;
    let mix = match (a.blocks, a.recurrent_blocks) {
        (0, _) => {
            " None of them looks back at single tokens: each carries a state along.".to_owned()
        }
        (_, 0) => String::new(),
        (blocks, recurrent) => format!(
            " {blocks} of them look back at single tokens, {recurrent} carry a state of fixed size \
             along: a hybrid, which saves memory on long texts."
        ),
    };
    let norm = match facts(&model.architecture).and_then(|facts| facts.norm) {
        Some(Norm::RootMeanSquare) => " Before each step its size is evened out (RMS norm).",
        Some(Norm::Layer) => " Before each step its mean and size are evened out (layer norm).",
        None => "",
    };
    format!(
        "A token becomes a vector of {} numbers and passes {} blocks, one after the other. Each adds \
         something to it.{mix}{norm}",
        model.embedding_length, model.block_count
    )
}

fn attention(model: &Inspection) -> String {
    let a = &model.attention;
    let kind = match a.kind {
        AttentionKind::None => {
            return "This model has no attention. What it read is in a state of fixed size, so a \
                    longer text takes no more memory, but details can fade."
                .to_owned();
        }
        AttentionKind::Unknown => {
            return format!(
                "Unknown attention kind: the engine has no graph for the architecture {}. The file \
                 speaks of {} query heads and {} key-value heads.",
                model.architecture, a.heads, a.heads_kv
            );
        }
        AttentionKind::MultiHead => format!(
            "Multi-head attention (MHA): {} heads look at the text in different ways, and each keeps \
             keys and values of its own. Exact, and the most expensive to remember.",
            a.heads
        ),
        AttentionKind::GroupedQuery => format!(
            "Grouped-query attention (GQA): {} heads look at the text in different ways, but groups \
             of {} share one set of keys and values, so {} are kept. That is {} times less to \
             remember than without sharing.",
            a.heads,
            a.heads / a.heads_kv.max(1),
            a.heads_kv,
            a.heads / a.heads_kv.max(1),
        ),
        AttentionKind::MultiQuery => format!(
            "Multi-query attention (MQA): all {} heads share one set of keys and values. The least \
             to remember of those that keep keys and values.",
            a.heads
        ),
        AttentionKind::MultiHeadLatent => format!(
            "Multi-head latent attention (MLA): instead of keys and values for {} heads one \
             compressed vector of {} numbers is kept for each token; keys and values are computed \
             from it.",
            a.heads,
            a.latent_length.max(a.value_length)
        ),
    };
    let sliding = match (a.sliding_blocks, a.sliding_window) {
        (0, _) | (_, None) => String::new(),
        (blocks, Some(window)) => format!(
            " {blocks} of its {} attention blocks see only the last {window} tokens (a sliding \
             window); the others see everything.",
            a.blocks
        ),
    };
    let positions = match facts(&model.architecture).and_then(|facts| facts.positions) {
        Some(Positions::Rotary) => match model.rope_base {
            Some(base) => format!(
                " It knows the order of tokens by turning their vectors (RoPE, base {}).",
                many(base as u64)
            ),
            None => " It knows the order of tokens by turning their vectors (RoPE).".to_owned(),
        },
        Some(Positions::Alibi) => " Far tokens weigh less by a fixed slope (ALiBi).".to_owned(),
        Some(Positions::Learned) => " Each position has a learned vector.".to_owned(),
        Some(Positions::Relative) => " Distances between tokens have learned weights.".to_owned(),
        Some(Positions::None) | None => String::new(),
    };
    format!("{kind}{sliding}{positions}")
}

fn feed_forward(model: &Inspection) -> Option<String> {
    let curve = match facts(&model.architecture).and_then(|facts| facts.activation) {
        Some(Activation::Silu) => " (SiLU)",
        Some(Activation::Gelu) => " (GELU)",
        Some(Activation::Relu) => " (ReLU)",
        Some(Activation::ReluSquared) => " (squared ReLU)",
        Some(Activation::ClampedSilu) => " (SiLU within bounds)",
        None => "",
    };
    if model.expert_count > 0 {
        let shared = match model.expert_shared_count {
            0 => String::new(),
            1 => " One more sees every token.".to_owned(),
            more => format!(" {more} more see every token."),
        };
        return Some(format!(
            "A mixture of experts: each block has {} small feed-forward layers of width {}, and a \
             router picks {} of them for each token{curve}.{shared} All of them must be in memory, \
             but only those few are computed.",
            model.expert_count, model.expert_feed_forward_length, model.expert_used_count
        ));
    }
    let width = Some(model.feed_forward_length).filter(|width| *width > 0)?;
    let times = width as f64 / model.embedding_length.max(1) as f64;
    Some(format!(
        "After attention each token is widened to {width} numbers ({times:.1} times its vector), \
         bent by a curve{curve} and narrowed again. It is dense: every token uses all of it."
    ))
}

fn quantization(model: &Inspection) -> String {
    let bits = model.bits_per_weight;
    let whole = 16.0 / bits;
    let types = super::weight_types(model);
    let mixed = if types.len() > 1 {
        format!(
            " Not all parts are stored alike ({}): those that matter most keep more bits.",
            types.join(", ")
        )
    } else {
        String::new()
    };
    if bits > 15.0 {
        return format!(
            "{}: {bits:.1} bits for each parameter, as exact as it was published.{mixed}",
            model.quantization
        );
    }
    let loss = match bits {
        bits if bits >= 8.0 => "The difference to the original can hardly be measured.",
        bits if bits >= 5.5 => "Its answers are very close to the original's.",
        bits if bits >= 4.0 => "A good balance; the usual choice.",
        bits if bits >= 3.0 => "Answers get noticeably worse; take it only if memory is short.",
        _ => "Much is lost; a smaller model with more bits is often better.",
    };
    format!(
        "{}: {bits:.2} bits for each parameter on average, {whole:.1} times smaller than 16 bits. \
         {loss}{mixed}",
        model.quantization
    )
}

fn vocabulary(model: &Inspection) -> Option<String> {
    let count = Some(model.vocabulary_size).filter(|count| *count > 0)?;
    let how = match model.tokenizer.as_str() {
        "gpt2" | "gemma4" => "by merging frequent pairs of bytes (BPE)",
        "llama" => "by the likeliest pieces (SentencePiece)",
        "bert" => "by the longest known pieces of words (WordPiece)",
        "t5" => "by the likeliest pieces (Unigram)",
        _ => "by its own tokenizer",
    };
    let scripts = if count >= 100_000 {
        " So large a vocabulary writes Korean and other scripts in fewer tokens."
    } else if count < 40_000 {
        " With so few, Korean and other scripts take more tokens than English."
    } else {
        ""
    };
    Some(format!("It knows {count} tokens, pieces of words, and splits text {how}.{scripts}"))
}

fn cache(model: &Inspection) -> String {
    let token = token_bytes(model);
    match model.memory {
        ContextMemory::None => {
            "It sees its whole input at once and keeps nothing between requests.".to_owned()
        }
        ContextMemory::Recurrent => format!(
            "Its state takes {} for each request, however long the text is.",
            bytes(model.cache.state_bytes)
        ),
        ContextMemory::KeyValue | ContextMemory::Hybrid => {
            let state = match model.cache.state_bytes {
                0 => String::new(),
                state => format!(" Its recurrent blocks add {} for each request.", bytes(state)),
            };
            format!(
                "To go on with a text, keys and values of all its tokens are kept: {} for each token \
                 as 16-bit floats, {} for its whole context of {} tokens. With an 8-bit cache it is \
                 about half, with 4 bits about a quarter.{state}",
                bytes(token),
                bytes(full_bytes(model)),
                model.context_length
            )
        }
    }
}

fn template(model: &Inspection) -> String {
    let Some(template) = &model.chat_template else {
        return "The file has no chat template: it continues text rather than answer, or a general \
                template is used."
            .to_owned();
    };
    let mut can = Vec::new();
    if template.system {
        can.push("instructions of the system");
    }
    if template.tools {
        can.push("tools");
    }
    if template.thinking {
        can.push("thinking before the answer");
    }
    let can = if can.is_empty() { "nothing beyond messages".to_owned() } else { can.join(", ") };
    format!(
        "A small program in the file turns messages into the text that the model was trained on. It \
         knows {can}. Its fingerprint is {}: if it changes between two versions of a file, look at \
         the text before you use it.",
        &template.sha256[..12.min(template.sha256.len())]
    )
}

fn license(model: &Inspection) -> String {
    model.license.as_ref().map_or_else(
        || "The file names no licence: look where it was published before you use it at work.".to_owned(),
        |license| format!(
            "The file names the licence “{license}”. It says so itself; the publisher's page decides."
        ),
    )
}
