//! Prefix sketches: keyed hashes of a prompt's growing prefixes, so that a node without the model's
//! tokenizer can tell where a prefix lies in a KV cache, and a stranger can tell nothing.

use pumasi_protocol::{ModelName, limits};

/// The key of one mesh: 32 secret bytes that its members share.
pub type SketchKey = [u8; 32];

/// Shortest prefix, and the unit of all prefix lengths, in bytes.
const BLOCK_BYTES: usize = 256;

/// The length of the prefix after the one of `bytes` bytes: a block more, or a sixteenth if that is
/// longer, so that a prompt of a megabyte has about a hundred prefixes.
fn next_length(bytes: usize) -> usize {
    bytes + (bytes / 16 / BLOCK_BYTES).max(1) * BLOCK_BYTES
}

/// Hashes of the growing prefixes of `chunks` laid end to end, shortest first. The caller gives the
/// prompt's canonical bytes (roles and lengths included), cut as it likes: only their sequence
/// counts. The unfinished rest after the last prefix is left out, because the next turn changes it.
#[must_use]
pub fn sketch<C: AsRef<[u8]>>(
    key: &SketchKey,
    model: &ModelName,
    chunks: impl IntoIterator<Item = C>,
) -> Vec<u64> {
    let mut hasher = blake3::Hasher::new_keyed(key);
    hasher.update(model.as_str().as_bytes()).update(&[0]);
    let mut prefixes = Vec::new();
    let (mut length, mut target) = (0, BLOCK_BYTES);
    for chunk in chunks {
        let mut rest = chunk.as_ref();
        while !rest.is_empty() && prefixes.len() < limits::ADVERT_PREFIXES {
            let (taken, left) = rest.split_at(rest.len().min(target - length));
            hasher.update(taken);
            length += taken.len();
            rest = left;
            if length == target {
                prefixes.push(head(&hasher.finalize()));
                target = next_length(target);
            }
        }
    }
    prefixes
}

fn head(hash: &blake3::Hash) -> u64 {
    let mut bytes = [0; 8];
    bytes.copy_from_slice(&hash.as_bytes()[..8]);
    u64::from_le_bytes(bytes)
}

/// Tokens of a prompt of `prompt_tokens` that a cache holds, if `hot` says which prefixes lie in it:
/// the share of the longest common prefix. Less than one block is nothing.
#[must_use]
pub fn common_tokens(prefix: &[u64], prompt_tokens: u32, hot: impl Fn(u64) -> bool) -> u32 {
    let Some(longest) = prefix.iter().rposition(|hash| hot(*hash)) else { return 0 };
    token_shares(prefix.len(), prompt_tokens).nth(longest).unwrap_or(0)
}

/// For each of a prompt's `prefixes`, shortest first, its share of the prompt's tokens.
pub(crate) fn token_shares(
    prefixes: usize,
    prompt_tokens: u32,
) -> impl DoubleEndedIterator<Item = u32> + ExactSizeIterator {
    let mut lengths = Vec::with_capacity(prefixes);
    let mut length = 0;
    for index in 0..prefixes {
        length = if index == 0 { BLOCK_BYTES } else { next_length(length) };
        lengths.push(length);
    }
    let whole = length.max(1) as u64;
    lengths.into_iter().map(move |common| {
        let share = u64::from(prompt_tokens) * common as u64 / whole;
        u32::try_from(share).unwrap_or(prompt_tokens)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(text: &str) -> Vec<u64> {
        sketch(&[7; 32], &"m".parse().expect("a model name"), [text])
    }

    #[test]
    fn a_longer_prompt_keeps_the_prefixes_of_the_shorter_one() {
        let (short, long) = (of(&"a".repeat(1_000)), of(&"a".repeat(5_000)));
        assert_eq!(short.len(), 3);
        assert_eq!(long[..3], short[..]);
    }

    #[test]
    fn cutting_the_chunks_elsewhere_changes_nothing() {
        let text = "many words ".repeat(200);
        let model = "m".parse().expect("a model name");
        let pieces = sketch(&[7; 32], &model, text.as_bytes().chunks(37));
        assert_eq!(pieces, of(&text));
    }

    #[test]
    fn key_model_and_text_each_change_every_prefix() {
        let text = "a".repeat(600);
        let (model, other) = ("m".parse().expect("a name"), "n".parse().expect("a name"));
        let base = sketch(&[7; 32], &model, [&text]);
        for different in [sketch(&[8; 32], &model, [&text]), sketch(&[7; 32], &other, [&text])] {
            assert!(base.iter().all(|hash| !different.contains(hash)));
        }
    }

    #[test]
    fn a_megabyte_has_about_a_hundred_prefixes_and_none_has_more_than_the_limit() {
        assert!((80..140).contains(&of(&"a".repeat(1 << 20)).len()));
        assert!(of(&"a".repeat(64 << 20)).len() <= limits::ADVERT_PREFIXES);
    }

    #[test]
    fn common_tokens_are_the_share_of_the_longest_common_prefix() {
        let long = of(&"a".repeat(2_560));
        let short = of(&"a".repeat(1_300));
        assert_eq!(common_tokens(&long, 1_000, |hash| short.contains(&hash)), 500);
        assert_eq!(common_tokens(&long, 1_000, |_| false), 0);
        assert_eq!(common_tokens(&long, 1_000, |_| true), 1_000);
        assert_eq!(common_tokens(&[], 1_000, |_| true), 0);
    }
}
