//! Text in pieces that fit a question: cut between paragraphs, else lines, else words.

use super::limits::{CHUNK_BYTES, STARTER_CHUNK_BYTES};

/// How much of a text goes into one question to a model.
pub(super) fn size_for(model: &str) -> usize {
    let is_starter = model.parse().is_ok_and(|name| crate::starter::is_starter(&name));
    if is_starter { STARTER_CHUNK_BYTES } else { CHUNK_BYTES }
}

/// A piece, and the pages that it is from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Chunk {
    pub(super) first: u32,
    pub(super) last: u32,
    pub(super) text: String,
}

/// Where to cut `text` so that what comes before has `most` bytes at most.
fn cut(text: &str, most: usize) -> usize {
    if text.len() <= most {
        return text.len();
    }
    let most = text.floor_char_boundary(most);
    let before = &text[..most];
    let at = |mark: &str| before.rfind(mark).map(|at| at + mark.len()).filter(|at| *at > most / 3);
    at("\n\n").or_else(|| at("\n")).or_else(|| at(". ")).or_else(|| at(" ")).unwrap_or(most.max(1))
}

/// Pages as pieces of `most` bytes at most; short pages share one.
pub(super) fn chunks(pages: &[(u32, String)], most: usize) -> Vec<Chunk> {
    let mut chunks: Vec<Chunk> = Vec::new();
    for (number, text) in pages {
        let mut rest = text.trim();
        while !rest.is_empty() {
            let room = match chunks.last() {
                Some(last) => most.saturating_sub(last.text.len() + 2),
                None => 0,
            };
            let fits = rest.len() <= room;
            let end = if fits { rest.len() } else { cut(rest, most) };
            let (piece, after) = rest.split_at(end);
            match chunks.last_mut().filter(|_| fits) {
                Some(last) => {
                    last.text.push_str("\n\n");
                    last.text.push_str(piece.trim());
                    last.last = *number;
                }
                None => {
                    let text = piece.trim().to_owned();
                    chunks.push(Chunk { first: *number, last: *number, text });
                }
            }
            rest = after.trim_start();
        }
    }
    chunks
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_fit_lose_nothing_and_know_their_pages() {
        let long = "one two three. four five\n\nsix seven eight nine ten";
        let pages = [(1, "short".to_owned()), (2, "too".to_owned()), (3, long.to_owned())];
        let chunks = chunks(&pages, 30);
        assert!(chunks.iter().all(|chunk| chunk.text.len() <= 30), "{chunks:?}");
        assert_eq!((chunks[0].first, chunks[0].last), (1, 2));
        let words = |text: &str| text.split_whitespace().map(str::to_owned).collect::<Vec<_>>();
        let all: String = pages.iter().map(|(_, text)| format!("{text} ")).collect();
        let cut: String = chunks.iter().map(|chunk| format!("{} ", chunk.text)).collect();
        assert_eq!(words(&cut), words(&all));
        let korean = super::chunks(&[(1, "가".repeat(100))], 10);
        assert_eq!(korean.len(), 34, "letters stay whole");
    }
}
