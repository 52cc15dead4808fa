//! Conversations are added to, read, found, deleted; long texts are files; the bounds hold.

use pumasi_web::api::{
    ConversationChange, ConversationMessage, ConversationRole, ConversationSettings,
};
use pumasi_web::limits::CONVERSATION_MESSAGES;

use super::super::conversation::{ConversationRecord, MessageRecord, Text};
use super::super::limits::INLINE_TEXT_BYTES;
use super::*;

pub(super) fn record() -> ConversationRecord {
    ConversationRecord {
        title: "감".to_owned(),
        model: "starter".to_owned(),
        created_ms: 5,
        updated_ms: 6,
        revision: 2,
        next: 3,
        messages: 3,
        bytes: 90,
        settings: Text::Here("{}".to_owned()),
    }
}

pub(super) fn row() -> MessageRecord {
    MessageRecord { number: 2, bytes: 30_000, message: Text::File(BlobId([7; 32])) }
}

fn message(id: &str, content: &str) -> ConversationMessage {
    ConversationMessage {
        id: id.to_owned(),
        parent: None,
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

fn adding(messages: &[(&str, &str)]) -> ConversationChange {
    let messages = messages.iter().map(|(id, content)| message(id, content)).collect();
    ConversationChange { messages, ..ConversationChange::default() }
}

fn texts(store: &Store, id: &str) -> Vec<String> {
    let conversation = store.conversation(id).expect("it is read").expect("it is there");
    conversation.messages.into_iter().map(|message| message.content).collect()
}

fn files(folder: &Path) -> usize {
    let entries = std::fs::read_dir(folder.join("files")).expect("a folder").flatten();
    entries.filter(|entry| entry.file_name() != "new").count()
}

#[tokio::test]
async fn messages_are_added_and_replaced_in_their_order_and_outlive_a_restart() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let store = Store::open(folder.path(), 1).expect("a new store");
    let settings = ConversationSettings { model: "m".to_owned(), ..Default::default() };
    let first = ConversationChange {
        title: Some("one".to_owned()),
        settings: Some(settings.clone()),
        ..adding(&[("z", "first"), ("a", "second")])
    };
    store.change_conversation("c", first, 10).await.expect("kept");
    // Another page adds, without having seen the first: nothing is lost.
    store.change_conversation("c", adding(&[("b", "third")]), 20).await.expect("kept");
    let line = store.change_conversation("c", adding(&[("a", "2nd")]), 30).await.expect("kept");
    assert_eq!((line.revision, line.messages, line.title.as_str()), (3, 3, "one"));
    // A conversation whose id begins alike is another one.
    store.change_conversation("c1", adding(&[("a", "other")]), 5).await.expect("kept");
    drop(store);
    let store = Store::open(folder.path(), 2).expect("it opens again");
    assert_eq!(texts(&store, "c"), ["first", "2nd", "third"]);
    let read = store.conversation("c").expect("it is read").expect("it is there");
    assert_eq!((read.settings, read.created_ms, read.updated_ms), (settings, 10, 30));
    let ids = |store: &Store| -> Vec<String> {
        store.conversations().expect("they are read").into_iter().map(|line| line.id).collect()
    };
    assert_eq!(ids(&store), ["c", "c1"], "changed last first");
    store.forget_conversation("c").await.expect("deleted");
    assert_eq!(
        (ids(&store), texts(&store, "c1")),
        (vec!["c1".to_owned()], vec!["other".to_owned()])
    );
    // A page that has seen it does not bring half of it back.
    let late = ConversationChange { revision: Some(3), ..adding(&[("d", "late")]) };
    let refused = store.change_conversation("c", late, 40).await;
    assert_eq!(refused, Err(ConversationRefusal::NotFound));
    let again = store.forget_conversation("c").await;
    assert_eq!(again, Err(ConversationRefusal::NotFound));
}

#[tokio::test]
async fn a_long_text_is_a_file_until_no_message_names_it() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let store = Store::open(folder.path(), 1).expect("a new store");
    let (long, other) = ("가".repeat(INLINE_TEXT_BYTES), "나".repeat(INLINE_TEXT_BYTES));
    store.change_conversation("c", adding(&[("a", &long)]), 1).await.expect("kept");
    assert_eq!(files(folder.path()), 1);
    drop(store);
    let store = Store::open(folder.path(), 2).expect("it opens again");
    assert_eq!(texts(&store, "c"), [long.as_str()]);
    store.change_conversation("c", adding(&[("a", &other)]), 2).await.expect("kept");
    assert_eq!((texts(&store, "c"), files(folder.path())), (vec![other.clone()], 1));
    drop(store);
    let offline = Offline::open(folder.path()).expect("nobody uses it");
    let report = offline.check().expect("it is read");
    assert_eq!((report.whole, report.files), (true, 1));
    let saved = folder.path().join("saved");
    let exported = offline.export(&saved, true, 9).expect("it is written");
    assert_eq!((exported.files, exported.lost_files), (1, 0));
    drop(offline);
    let store = Store::open(folder.path(), 3).expect("it opens again");
    store.forget_conversation("c").await.expect("deleted");
    assert_eq!(files(folder.path()), 0);
}

#[tokio::test]
async fn a_conversation_has_no_more_messages_than_it_may_have() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let store = Store::open(folder.path(), 1).expect("a new store");
    let ids: Vec<String> = (0..=CONVERSATION_MESSAGES).map(|n| n.to_string()).collect();
    let all: Vec<(&str, &str)> = ids.iter().map(|id| (id.as_str(), "x")).collect();
    let refused = store.change_conversation("c", adding(&all), 1).await;
    assert_eq!(refused, Err(ConversationRefusal::TooLong));
    assert!(!store.has_conversation("c").expect("it is read"), "nothing of it was kept");
    let mebibyte = "x".repeat(1024 * 1024);
    for id in ids.iter().take(31) {
        let one = adding(&[(id.as_str(), mebibyte.as_str())]);
        store.change_conversation("c", one, 1).await.expect("kept");
    }
    let before = files(folder.path());
    let refused = store.change_conversation("c", adding(&[("more", &"y".repeat(1024 * 1024))]), 1);
    assert_eq!(refused.await, Err(ConversationRefusal::TooLong));
    assert_eq!(files(folder.path()), before, "what was written for it is gone");
}

#[tokio::test]
async fn a_search_looks_into_messages() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let store = Store::open(folder.path(), 1).expect("a new store");
    store.change_conversation("c", adding(&[("a", "persimmon")]), 1).await.expect("kept");
    let look = |wanted: &'static str| {
        let found = store.find_in_conversation("c", move |message| {
            message.content.contains(wanted).then(|| message.id.clone())
        });
        found.expect("it is read")
    };
    assert_eq!((look("simmo").as_deref(), look("plum")), (Some("a"), None));
}
