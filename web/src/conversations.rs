//! What a conversation may be, before it is kept; and how it reads as Markdown.

use std::fmt::Write;

use pumasi_dialects::{Invalid, Reason};

use crate::api::{
    Conversation, ConversationChange, ConversationMessage, ConversationRole, ConversationSettings,
};
use crate::error::ApiError;
use crate::limits;

/// A new id.
pub(crate) fn fresh_id() -> Result<String, ApiError> {
    let mut bytes = [0; 16];
    getrandom::fill(&mut bytes).map_err(|_| ApiError::Internal)?;
    Ok(hex::encode(bytes))
}

/// Ids are part of addresses and of keys in the ledger.
pub(crate) fn check_id(field: &'static str, id: &str) -> Result<(), Invalid> {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
    let fits = (1..=limits::CONVERSATION_ID_BYTES).contains(&id.len());
    if fits && id.bytes().all(plain) {
        return Ok(());
    }
    Err(Invalid::at(field, Reason::Type { expected: "1 to 64 letters, digits, - or _" }))
}

/// A conversation that came from a file.
pub(crate) fn checked(conversation: Conversation) -> Result<Conversation, Invalid> {
    check_id("id", &conversation.id)?;
    title(&conversation.title)?;
    settings(&conversation.settings)?;
    messages(&conversation.messages)?;
    Ok(conversation)
}

/// A change, as a page asks for it.
pub(crate) fn check_change(change: ConversationChange) -> Result<ConversationChange, Invalid> {
    change.title.as_deref().map_or(Ok(()), title)?;
    change.settings.as_ref().map_or(Ok(()), settings)?;
    messages(&change.messages)?;
    Ok(change)
}

fn at_most(field: &str, text: &str, most: usize) -> Result<(), Invalid> {
    match text.len() <= most {
        true => Ok(()),
        false => Err(Invalid::at(field, Reason::TooLong { max: most })),
    }
}

fn title(title: &str) -> Result<(), Invalid> {
    at_most("title", title, limits::TITLE_BYTES)
}

fn settings(settings: &ConversationSettings) -> Result<(), Invalid> {
    at_most("settings.model", &settings.model, limits::CONVERSATION_WORD_BYTES)?;
    at_most("settings.system", &settings.system, limits::SYSTEM_BYTES)?;
    settings.leaf.as_deref().map_or(Ok(()), |leaf| check_id("settings.leaf", leaf))?;
    let known = |effort: &str| matches!(effort, "auto" | "none" | "low" | "medium" | "high");
    if settings.effort.as_deref().is_some_and(|effort| !known(effort)) {
        let allowed = "auto, none, low, medium, high";
        return Err(Invalid::at("settings.effort", Reason::UnknownValue { allowed }));
    }
    match settings.temperature {
        Some(warmth) if !(0.0..=2.0).contains(&warmth) => {
            let (min, max) = ("0".to_owned(), "2".to_owned());
            Err(Invalid::at("settings.temperature", Reason::Range { min, max }))
        }
        Some(_) | None => Ok(()),
    }
}

fn messages(messages: &[ConversationMessage]) -> Result<(), Invalid> {
    if messages.len() > limits::CONVERSATION_MESSAGES {
        let max = limits::CONVERSATION_MESSAGES;
        return Err(Invalid::at("messages", Reason::TooMany { max }));
    }
    messages.iter().try_for_each(message)
}

fn message(message: &ConversationMessage) -> Result<(), Invalid> {
    check_id("messages.id", &message.id)?;
    message.parent.as_deref().map_or(Ok(()), |parent| check_id("messages.parent", parent))?;
    let model = message.model.as_deref().unwrap_or("");
    at_most("messages.model", model, limits::CONVERSATION_WORD_BYTES)?;
    let files: usize = message.files.iter().map(|file| file.name.len() + file.text.len()).sum();
    let calls: usize = message.calls.iter().map(|c| c.name.len() + c.arguments.len()).sum();
    let bytes = message.content.len() + message.thinking.len() + files + calls;
    if bytes > limits::MESSAGE_BYTES {
        let max = limits::MESSAGE_BYTES;
        return Err(Invalid::at("messages.content", Reason::TooLong { max }));
    }
    Ok(())
}

/// The branch that is shown, as Markdown: what was asked in bold heads, answers as they were written.
pub(crate) fn markdown(conversation: &Conversation) -> String {
    let mut text = format!("# {}\n", one_line(&conversation.title));
    if !conversation.settings.system.is_empty() {
        let _ = write!(text, "\n> {}\n", conversation.settings.system.replace('\n', "\n> "));
    }
    for message in branch(conversation) {
        let head = match (message.role, &message.model) {
            (ConversationRole::User, _) => "You",
            (ConversationRole::Assistant, Some(model)) => model,
            (ConversationRole::Assistant, None) => "Answer",
        };
        let _ = write!(text, "\n## {}\n", one_line(head));
        for file in &message.files {
            let fence = fence(&file.text);
            let name = one_line(&file.name);
            let _ = write!(text, "\n{name}\n\n{fence}\n{}\n{fence}\n", file.text);
        }
        let _ = write!(text, "\n{}\n", message.content.trim_end());
    }
    text
}

fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Longer than any run of backticks in what it goes around.
fn fence(text: &str) -> String {
    let runs = text.split(|sign| sign != '`').map(str::len);
    "`".repeat(runs.max().unwrap_or(0).max(2) + 1)
}

/// From the leaf back to the first message. Without a leaf, from the newest message.
fn branch(conversation: &Conversation) -> Vec<&ConversationMessage> {
    let messages = &conversation.messages;
    let by_id: std::collections::BTreeMap<&str, &ConversationMessage> =
        messages.iter().map(|message| (message.id.as_str(), message)).collect();
    let leaf = conversation.settings.leaf.as_deref().and_then(|leaf| by_id.get(leaf).copied());
    let mut branch = Vec::new();
    let mut next = leaf.or_else(|| messages.last());
    while let Some(message) = next {
        branch.push(message);
        // A file may hold a circle.
        if branch.len() >= messages.len() {
            break;
        }
        next = message.parent.as_deref().and_then(|parent| by_id.get(parent).copied());
    }
    branch.reverse();
    branch
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(id: &str, parent: Option<&str>, content: &str) -> ConversationMessage {
        ConversationMessage {
            id: id.to_owned(),
            parent: parent.map(str::to_owned),
            role: ConversationRole::User,
            at_ms: 1,
            content: content.to_owned(),
            thinking: String::new(),
            model: None,
            files: Vec::new(),
            calls: Vec::new(),
            facts: None,
        }
    }

    fn conversation(leaf: &str, messages: Vec<ConversationMessage>) -> Conversation {
        let settings =
            ConversationSettings { leaf: Some(leaf.to_owned()), ..ConversationSettings::default() };
        let (id, title) = ("c".to_owned(), "A\ntitle".to_owned());
        Conversation { id, title, created_ms: 1, updated_ms: 1, revision: 1, settings, messages }
    }

    #[test]
    fn markdown_holds_the_branch_that_is_shown_and_no_other() {
        let messages = vec![
            message("1", None, "first"),
            message("2", Some("1"), "other branch"),
            message("3", Some("1"), "second"),
        ];
        let text = markdown(&conversation("3", messages));
        assert_eq!(text, "# A title\n\n## You\n\nfirst\n\n## You\n\nsecond\n");
    }

    #[test]
    fn a_circle_of_messages_ends() {
        let circle = vec![message("1", Some("2"), "a"), message("2", Some("1"), "b")];
        assert_eq!(branch(&conversation("1", circle)).len(), 2);
    }

    #[test]
    fn a_file_is_fenced_by_more_backticks_than_it_holds() {
        assert_eq!((fence("plain"), fence("a ```` b")), ("```".to_owned(), "`````".to_owned()));
    }

    #[test]
    fn ids_are_plain_and_short() {
        assert_eq!(check_id("id", "0d9c-_Z"), Ok(()));
        for wrong in ["", "a/b", "a b", "é", &"x".repeat(65)] {
            assert!(check_id("id", wrong).is_err(), "{wrong:?}");
        }
    }
}
