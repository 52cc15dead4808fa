//! Conversations that this node keeps: read, searched and written away from the async threads.

use pumasi_web::api::{Conversation, ConversationChange, ConversationLine};
use pumasi_web::mesh::{ConversationError, ConversationFilter};

use crate::store::{ConversationRefusal, Store, StoreError};

/// Characters before and after what a search found.
const AROUND_CHARS: usize = 40;

pub(super) async fn list(
    store: &Store,
    filter: ConversationFilter,
) -> Result<Vec<ConversationLine>, ConversationError> {
    let store = store.clone();
    reading(move || listed(&store, &filter)).await
}

pub(super) async fn one(store: &Store, id: &str) -> Result<Conversation, ConversationError> {
    let (store, id) = (store.clone(), id.to_owned());
    reading(move || store.conversation(&id)).await?.ok_or(ConversationError::NotFound)
}

pub(super) async fn change(
    store: &Store,
    id: &str,
    change: ConversationChange,
    now_ms: u64,
) -> Result<ConversationLine, ConversationError> {
    store.check_space(0).map_err(|error| unkept(error.into()))?;
    store.change_conversation(id, change, now_ms).await.map_err(unkept)
}

async fn reading<T: Send + 'static>(
    read: impl FnOnce() -> Result<T, StoreError> + Send + 'static,
) -> Result<T, ConversationError> {
    let read = tokio::task::spawn_blocking(read).await;
    read.unwrap_or(Err(StoreError::Stopped)).map_err(|error| unkept(error.into()))
}

fn listed(store: &Store, filter: &ConversationFilter) -> Result<Vec<ConversationLine>, StoreError> {
    let mut lines = store.conversations()?;
    let wanted = filter.search.trim().to_lowercase();
    if wanted.is_empty() {
        lines.truncate(filter.limit);
        return Ok(lines);
    }
    let mut found = Vec::new();
    for mut line in lines {
        if found.len() >= filter.limit {
            break;
        }
        if !line.title.to_lowercase().contains(&wanted) {
            let words = store
                .find_in_conversation(&line.id, |message| around(&message.content, &wanted))?;
            let Some(words) = words else { continue };
            line.found = Some(words);
        }
        found.push(line);
    }
    Ok(found)
}

/// The words around the first place where a text holds what is wanted, which is in lower case.
fn around(text: &str, wanted: &str) -> Option<String> {
    // Lower case may have another length; each sign of it remembers where it is from.
    let lower: Vec<(usize, char)> = text
        .chars()
        .enumerate()
        .flat_map(|(at, sign)| sign.to_lowercase().map(move |lower| (at, lower)))
        .collect();
    let signs: Vec<char> = wanted.chars().collect();
    let is_there = |window: &[(usize, char)]| window.iter().map(|(_, c)| c).eq(signs.iter());
    let at = lower.windows(signs.len()).position(is_there)?;
    let (from, to) = (lower[at].0, lower[at + signs.len() - 1].0 + 1);
    let skipped = from.saturating_sub(AROUND_CHARS);
    let shown: String = text.chars().skip(skipped).take(to + AROUND_CHARS - skipped).collect();
    let before = if skipped > 0 { "…" } else { "" };
    let after = if text.chars().nth(to + AROUND_CHARS).is_some() { "…" } else { "" };
    Some(format!("{before}{}{after}", shown.split_whitespace().collect::<Vec<_>>().join(" ")))
}

/// What the page is told; what failed here is in the log, without a word of the conversation.
pub(super) fn unkept(refusal: ConversationRefusal) -> ConversationError {
    match refusal {
        ConversationRefusal::NotFound => ConversationError::NotFound,
        ConversationRefusal::TooMany => ConversationError::TooMany,
        ConversationRefusal::TooLong => ConversationError::TooLong,
        ConversationRefusal::TooLarge => ConversationError::TooLarge,
        ConversationRefusal::Store(StoreError::Full) => ConversationError::DiskFull,
        ConversationRefusal::Store(error) => {
            tracing::warn!(%error, "conversations cannot be read or written");
            ConversationError::Store
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_search_shows_the_words_around() {
        assert_eq!(
            around("Hello neighbours", "NEIGH".to_lowercase().as_str()).as_deref(),
            Some("Hello neighbours")
        );
        let long = format!("{}persimmon{}", "가 ".repeat(60), " 나".repeat(60));
        let found = around(&long, "persimmon").expect("it is there");
        assert!(
            found.starts_with('…') && found.ends_with('…') && found.contains("가 persimmon 나")
        );
        assert_eq!(around("İstanbul", "i̇stan").as_deref(), Some("İstanbul"));
        assert_eq!(around("short", "longer than that"), None);
    }
}
