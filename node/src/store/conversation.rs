//! Conversations of this node's person: a record each, and one for each message, so that adding to a
//! long conversation writes what was added and no more. What is too long for a record is a file.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use pumasi_protocol::BlobId;
use pumasi_web::api::{
    Conversation, ConversationChange, ConversationLine, ConversationMessage, ConversationSettings,
};
use pumasi_web::limits::{
    CONVERSATION_BYTES, CONVERSATION_MESSAGES, CONVERSATIONS, CONVERSATIONS_BYTES,
};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::database::{Batch, Changing, Database};
use super::file::Files;
use super::limits::INLINE_TEXT_BYTES;
use super::record::{Record, Table};
use super::{Store, StoreError};

/// Text as it is kept: in its record, or as a file where it is too long for that.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Text {
    Here(String),
    File(BlobId),
}

impl Text {
    pub(super) fn file(&self) -> Option<BlobId> {
        match self {
            Self::Here(_) => None,
            Self::File(id) => Some(*id),
        }
    }
}

/// A conversation without its messages. What is in `settings` is JSON, so that a new field there is no
/// new layout.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct ConversationRecord {
    pub(super) title: String,
    pub(super) model: String,
    pub(super) created_ms: u64,
    pub(super) updated_ms: u64,
    pub(super) revision: u64,
    /// The number of the next message.
    pub(super) next: u64,
    pub(super) messages: u32,
    pub(super) bytes: u64,
    pub(super) settings: Text,
}

/// A message, as JSON, and its place in the order in which they came.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct MessageRecord {
    pub(super) number: u64,
    pub(super) bytes: u64,
    pub(super) message: Text,
}

impl Record for ConversationRecord {}
impl Record for MessageRecord {}

/// Why a conversation is not changed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ConversationRefusal {
    /// It is not there.
    #[error("there is no such conversation")]
    NotFound,
    /// No more are kept.
    #[error("too many conversations")]
    TooMany,
    /// It would be too long.
    #[error("the conversation is too long")]
    TooLong,
    /// All together would be too large.
    #[error("conversations are too large")]
    TooLarge,
    /// The world failed.
    #[error("{0}")]
    Store(#[from] StoreError),
}

/// What all conversations take.
#[derive(Debug, Default)]
pub(super) struct Shelf(Mutex<(usize, u64)>);

impl Shelf {
    fn totals(&self) -> (usize, u64) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn replace(&self, before: Option<u64>, after: Option<u64>) {
        let mut totals = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        totals.0 = totals.0 + usize::from(after.is_some()) - usize::from(before.is_some());
        totals.1 = totals.1 + after.unwrap_or(0) - before.unwrap_or(0);
    }

    /// Counts what is there, and gives the files that it names, each as often as it is named.
    pub(super) fn restore(database: &Database) -> Result<(Arc<Self>, Vec<BlobId>), StoreError> {
        let (shelf, mut named) = (Self::default(), Vec::new());
        database.visit::<ConversationRecord>(Table::Conversation, &[], |_, record| {
            shelf.replace(None, Some(record.bytes));
            named.extend(record.settings.file());
        })?;
        database.visit::<MessageRecord>(Table::Message, &[], |_, record| {
            named.extend(record.message.file());
        })?;
        Ok((Arc::new(shelf), named))
    }
}

/// Messages lie beside each other: no id holds the sign between.
fn message_key(conversation: &str, message: &str) -> Vec<u8> {
    format!("{conversation}/{message}").into_bytes()
}

/// A change, written down as far as it does not depend on what is there.
struct Draft {
    title: Option<String>,
    settings: Option<(String, Text)>,
    messages: BTreeMap<String, (u64, Text)>,
    /// In the order in which they came.
    order: Vec<String>,
    seen: Option<u64>,
    now_ms: u64,
}

/// What a change came to.
struct Changed {
    line: ConversationLine,
    before: Option<u64>,
    named: Vec<BlobId>,
    unnamed: Vec<BlobId>,
}

impl Store {
    /// Begins a conversation or adds to it. A writer that has seen it does not begin one anew that was
    /// deleted since.
    ///
    /// # Errors
    /// When it is deleted or too large, or the disk refuses; then nothing is changed.
    pub async fn change_conversation(
        &self,
        id: &str,
        change: ConversationChange,
        now_ms: u64,
    ) -> Result<ConversationLine, ConversationRefusal> {
        let files = Arc::clone(&self.inner.files);
        let drafted = tokio::task::spawn_blocking(move || draft(&files, change, now_ms)).await;
        let draft = drafted.map_err(|_| StoreError::Stopped)??;
        let files = Arc::clone(&self.inner.files);
        let written: Vec<BlobId> = texts(&draft).filter_map(Text::file).collect();
        let (shelf, id) = (Arc::clone(&self.inner.shelf), id.to_owned());
        let totals = Arc::clone(&shelf);
        let decide = move |ledger: &Changing<'_>| decide(ledger, &id, draft, totals.totals());
        let then = move |changed: &Changed| {
            changed.named.iter().for_each(|id| files.name(*id));
            changed.unnamed.iter().for_each(|id| files.unname(*id));
            shelf.replace(changed.before, Some(changed.line.bytes));
        };
        let changed = self.inner.writer.apply_then(decide, then).await;
        if !matches!(changed, Ok(Ok(_))) {
            written.into_iter().for_each(|id| self.inner.files.give_up(id));
        }
        Ok(changed??.line)
    }

    /// Deletes a conversation, with its messages and files.
    ///
    /// # Errors
    /// When there is none, or the disk refuses.
    pub async fn forget_conversation(&self, id: &str) -> Result<(), ConversationRefusal> {
        let (files, id) = (Arc::clone(&self.inner.files), id.to_owned());
        let shelf = Arc::clone(&self.inner.shelf);
        let decide = move |ledger: &Changing<'_>| {
            let record: Option<ConversationRecord> =
                ledger.read(Table::Conversation, id.as_bytes())?;
            let record = record.ok_or(ConversationRefusal::NotFound)?;
            let mut unnamed: Vec<BlobId> = record.settings.file().into_iter().collect();
            let mut batch = Batch::default();
            batch.remove(Table::Conversation, id.as_bytes());
            for (key, message) in ledger.below::<MessageRecord>(Table::Message, &prefix(&id))? {
                unnamed.extend(message.message.file());
                batch.remove(Table::Message, &key);
            }
            Ok::<_, ConversationRefusal>(((record.bytes, unnamed), batch))
        };
        let then = move |(bytes, unnamed): &(u64, Vec<BlobId>)| {
            unnamed.iter().for_each(|id| files.unname(*id));
            shelf.replace(Some(*bytes), None);
        };
        self.inner.writer.apply_then(decide, then).await?.map(drop)
    }

    /// Whether a conversation of this id is there.
    ///
    /// # Errors
    /// When its record is damaged.
    pub fn has_conversation(&self, id: &str) -> Result<bool, StoreError> {
        let record =
            self.inner.database.read::<ConversationRecord>(Table::Conversation, id.as_bytes());
        Ok(record?.is_some())
    }

    /// A whole conversation. Blocks.
    ///
    /// # Errors
    /// When it is damaged.
    pub fn conversation(&self, id: &str) -> Result<Option<Conversation>, StoreError> {
        let database = &self.inner.database;
        let record: Option<ConversationRecord> =
            database.read(Table::Conversation, id.as_bytes())?;
        let Some(record) = record else { return Ok(None) };
        let mut rows = Vec::new();
        database.visit::<MessageRecord>(Table::Message, &prefix(id), |_, row| rows.push(row))?;
        rows.sort_by_key(|row| row.number);
        let messages = rows.iter().map(|row| self.message(row)).collect::<Result<_, _>>()?;
        Ok(Some(Conversation {
            id: id.to_owned(),
            settings: self.read_json(&record.settings)?,
            title: record.title,
            created_ms: record.created_ms,
            updated_ms: record.updated_ms,
            revision: record.revision,
            messages,
        }))
    }

    /// All conversations without their messages, changed last first. Blocks.
    ///
    /// # Errors
    /// When a record is damaged.
    pub fn conversations(&self) -> Result<Vec<ConversationLine>, StoreError> {
        let mut lines = Vec::new();
        let database = &self.inner.database;
        database.visit::<ConversationRecord>(Table::Conversation, &[], |id, record| {
            lines.push(line(&String::from_utf8_lossy(id), &record));
        })?;
        lines.sort_by(|a, b| b.updated_ms.cmp(&a.updated_ms).then_with(|| a.id.cmp(&b.id)));
        Ok(lines)
    }

    /// Shows a conversation's messages until `look` has seen enough, in no order. Blocks.
    ///
    /// # Errors
    /// When a record is damaged.
    pub fn find_in_conversation<T>(
        &self,
        id: &str,
        mut look: impl FnMut(&ConversationMessage) -> Option<T>,
    ) -> Result<Option<T>, StoreError> {
        let (mut found, mut failed) = (None, None);
        let database = &self.inner.database;
        database.visit::<MessageRecord>(Table::Message, &prefix(id), |_, row| {
            if found.is_none() && failed.is_none() {
                match self.message(&row) {
                    Ok(message) => found = look(&message),
                    Err(error) => failed = Some(error),
                }
            }
        })?;
        failed.map_or(Ok(found), Err)
    }

    fn message(&self, row: &MessageRecord) -> Result<ConversationMessage, StoreError> {
        self.read_json(&row.message)
    }

    fn read_json<T: DeserializeOwned>(&self, text: &Text) -> Result<T, StoreError> {
        let damaged = || StoreError::Damaged { path: self.inner.dir.join("store") };
        match text {
            Text::Here(text) => serde_json::from_str(text).map_err(|_| damaged()),
            Text::File(id) => {
                let bytes = self.inner.files.read(*id)?.ok_or_else(damaged)?;
                serde_json::from_slice(&bytes).map_err(|_| damaged())
            }
        }
    }
}

fn prefix(conversation: &str) -> Vec<u8> {
    message_key(conversation, "")
}

fn line(id: &str, record: &ConversationRecord) -> ConversationLine {
    ConversationLine {
        id: id.to_owned(),
        title: record.title.clone(),
        model: record.model.clone(),
        created_ms: record.created_ms,
        updated_ms: record.updated_ms,
        revision: record.revision,
        messages: record.messages,
        bytes: record.bytes,
        found: None,
    }
}

fn texts(draft: &Draft) -> impl Iterator<Item = &Text> {
    let settings = draft.settings.iter().map(|(_, text)| text);
    settings.chain(draft.messages.values().map(|(_, text)| text))
}

/// Writes long texts to files. If the disk refuses one, those before it go at the next start.
fn draft(files: &Files, change: ConversationChange, now_ms: u64) -> Result<Draft, StoreError> {
    let settings = change.settings.map(|settings| {
        let text = keep(files, &settings)?.1;
        Ok::<_, StoreError>((settings.model, text))
    });
    let mut messages = BTreeMap::new();
    let mut order = Vec::new();
    for message in change.messages {
        order.push(message.id.clone());
        messages.insert(message.id.clone(), keep(files, &message)?);
    }
    let settings = settings.transpose()?;
    Ok(Draft { title: change.title, settings, messages, order, seen: change.revision, now_ms })
}

fn keep(files: &Files, value: &impl Serialize) -> Result<(u64, Text), StoreError> {
    let json = serde_json::to_string(value).expect("plain text and numbers");
    let bytes = u64::try_from(json.len()).unwrap_or(u64::MAX);
    let text = match json.len() <= INLINE_TEXT_BYTES {
        true => Text::Here(json),
        false => Text::File(files.put(json.as_bytes())?),
    };
    Ok((bytes, text))
}

fn decide(
    ledger: &Changing<'_>,
    id: &str,
    draft: Draft,
    (count, all_bytes): (usize, u64),
) -> Result<(Changed, Batch), ConversationRefusal> {
    let found: Option<ConversationRecord> = ledger.read(Table::Conversation, id.as_bytes())?;
    let before = found.as_ref().map(|record| record.bytes);
    if found.is_none() && draft.seen.is_some() {
        return Err(ConversationRefusal::NotFound);
    }
    if found.is_none() && count >= CONVERSATIONS {
        return Err(ConversationRefusal::TooMany);
    }
    let mut record = found.unwrap_or_else(|| begun(draft.now_ms));
    let (mut named, mut unnamed, mut batch) = (Vec::new(), Vec::new(), Batch::default());
    record.revision += 1;
    record.updated_ms = draft.now_ms.max(record.created_ms);
    record.title = draft.title.unwrap_or(record.title);
    if let Some((model, text)) = draft.settings {
        record.model = model;
        named.extend(text.file());
        unnamed.extend(record.settings.file());
        record.settings = text;
    }
    let mut messages = draft.messages;
    for name in draft.order {
        // Of one that is given twice, the last stands.
        let Some((bytes, message)) = messages.remove(&name) else { continue };
        let key = message_key(id, &name);
        let old: Option<MessageRecord> = ledger.read(Table::Message, &key)?;
        unnamed.extend(old.as_ref().and_then(|old| old.message.file()));
        named.extend(message.file());
        let number = old.as_ref().map_or(record.next, |old| old.number);
        if old.is_none() {
            record.next += 1;
            record.messages += 1;
        }
        record.bytes = record.bytes + bytes - old.map_or(0, |old| old.bytes);
        batch.put(Table::Message, &key, &MessageRecord { number, bytes, message })?;
    }
    let messages = usize::try_from(record.messages).unwrap_or(usize::MAX);
    if record.bytes > CONVERSATION_BYTES || messages > CONVERSATION_MESSAGES {
        return Err(ConversationRefusal::TooLong);
    }
    // What makes it smaller is always taken.
    let grown = record.bytes.saturating_sub(before.unwrap_or(0));
    if grown > 0 && all_bytes.saturating_add(grown) > CONVERSATIONS_BYTES {
        return Err(ConversationRefusal::TooLarge);
    }
    batch.put(Table::Conversation, id.as_bytes(), &record)?;
    Ok((Changed { line: line(id, &record), before, named, unnamed }, batch))
}

fn begun(now_ms: u64) -> ConversationRecord {
    let settings = serde_json::to_string(&ConversationSettings::default());
    ConversationRecord {
        title: String::new(),
        model: String::new(),
        created_ms: now_ms,
        updated_ms: now_ms,
        revision: 0,
        next: 0,
        messages: 0,
        bytes: 0,
        settings: Text::Here(settings.expect("plain text and numbers")),
    }
}
