//! One chat request to the node's OpenAI endpoint, answered piece by piece.

use pumasi_web::api::ErrorDetail;
use reqwest::Method;
use reqwest::header::HeaderMap;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::arguments::{AskArguments, PlacementArguments, TrustArgument};
use super::client::Client;
use super::events::Events;
use super::failure::{Failure, Kind};
use super::lookup;
use super::text::{escape, percent_decode};

/// A message of a conversation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct Message {
    role: &'static str,
    content: String,
}

impl Message {
    pub(super) fn system(content: impl Into<String>) -> Self {
        Self { role: "system", content: content.into() }
    }

    pub(super) fn user(content: impl Into<String>) -> Self {
        Self { role: "user", content: content.into() }
    }

    pub(super) fn assistant(content: impl Into<String>) -> Self {
        Self { role: "assistant", content: content.into() }
    }
}

/// What stays the same over a conversation, as fields of a request.
pub(super) async fn settings(
    client: &Client,
    ask: &AskArguments,
) -> Result<Map<String, Value>, Failure> {
    let mut fields = Map::new();
    if let Some(temperature) = ask.temperature {
        if !(0.0..=2.0).contains(&temperature) {
            return Err(Failure::usage("--temperature is a number from 0 to 2"));
        }
        fields.insert("temperature".to_owned(), json!(temperature));
    }
    let counts = [("max_tokens", ask.max_tokens), ("seed", ask.seed)];
    let given = counts.into_iter().filter_map(|(name, value)| Some((name, value?)));
    fields.extend(given.map(|(name, value)| (name.to_owned(), json!(value))));
    let placement = placement(client, &ask.placement).await?;
    if placement != json!({}) {
        fields.insert("pumasi".to_owned(), placement);
    }
    Ok(fields)
}

async fn placement(client: &Client, given: &PlacementArguments) -> Result<Value, Failure> {
    let mut placement = Map::new();
    for (field, names) in [("only", &given.only), ("not", &given.not)] {
        if !names.is_empty() {
            placement.insert(field.to_owned(), json!(lookup::nodes(client, names).await?));
        }
    }
    if given.local_only {
        placement.insert("local_only".to_owned(), json!(true));
    }
    if given.trust == TrustArgument::Mine {
        placement.insert("trust".to_owned(), json!("mine"));
    }
    Ok(Value::Object(placement))
}

/// A piece of an answer as it arrives.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Piece<'a> {
    Text(&'a str),
    Thinking(&'a str),
}

/// An answer, whole or as far as it came.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub(super) struct Answer {
    pub(super) model: String,
    pub(super) content: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub(super) reasoning: String,
    pub(super) finish_reason: Option<String>,
    pub(super) job: Option<String>,
    pub(super) node: Option<String>,
    pub(super) why: Option<String>,
    pub(super) usage: Option<Usage>,
    /// Ctrl-C ended it.
    pub(super) stopped: bool,
}

/// Token counts.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Usage {
    prompt_tokens: u32,
    completion_tokens: u32,
}

#[derive(Debug, Deserialize)]
struct Chunk {
    #[serde(default)]
    choices: Vec<Choice>,
    usage: Option<Usage>,
    error: Option<ErrorDetail>,
    pumasi: Option<Provenance>,
}

/// Where an answer came from in the end: it can move after the headers were sent.
#[derive(Debug, Deserialize)]
struct Provenance {
    node_name: Option<String>,
}

#[derive(Debug, Deserialize)]
struct Choice {
    #[serde(default)]
    delta: Delta,
    finish_reason: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
struct Delta {
    content: Option<String>,
    reasoning_content: Option<String>,
}

/// Asks, and hands on each piece. Ctrl-C stops the answer, which cancels the job.
pub(super) async fn ask(
    client: &Client,
    model: &str,
    messages: &[Message],
    settings: &Map<String, Value>,
    mut on_piece: impl FnMut(Piece<'_>) -> Result<(), Failure>,
) -> Result<Answer, Failure> {
    let mut body = settings.clone();
    body.insert("model".to_owned(), json!(model));
    body.insert("messages".to_owned(), json!(messages));
    body.insert("stream".to_owned(), json!(true));
    body.insert("stream_options".to_owned(), json!({ "include_usage": true }));
    let body = Value::Object(body);
    let response = client.stream(Method::POST, &["v1", "chat", "completions"], Some(&body));
    let mut answer = Answer { model: model.to_owned(), ..Answer::default() };
    let response = tokio::select! {
        biased;
        () = interrupt() => return Ok(Answer { stopped: true, ..answer }),
        response = response => response?,
    };
    answer.read_headers(response.headers());
    let mut events = Events::new(response);
    loop {
        let chunk = tokio::select! {
            biased;
            () = interrupt() => return Ok(Answer { stopped: true, ..answer }),
            chunk = events.next_json::<Chunk>() => chunk?,
        };
        let Some(chunk) = chunk else { return answer.ended() };
        answer.take(chunk, &mut on_piece)?;
    }
}

async fn interrupt() {
    if tokio::signal::ctrl_c().await.is_err() {
        // Without a handler the system ends this program by itself.
        std::future::pending::<()>().await;
    }
}

impl Answer {
    fn read_headers(&mut self, headers: &HeaderMap) {
        let text = |name: &str| {
            let value = headers.get(name)?;
            Some(escape(&percent_decode(value.as_bytes())))
        };
        self.job = text("x-pumasi-job");
        self.node = text("x-pumasi-node");
        self.why = text("x-pumasi-why");
    }

    fn take(
        &mut self,
        chunk: Chunk,
        on_piece: &mut impl FnMut(Piece<'_>) -> Result<(), Failure>,
    ) -> Result<(), Failure> {
        if let Some(error) = chunk.error {
            let (code, message) = (escape(&error.code), escape(&error.message));
            return Err(Failure::new(Kind::Software, &code, message));
        }
        self.usage = chunk.usage.or(self.usage);
        if let Some(name) = chunk.pumasi.and_then(|provenance| provenance.node_name) {
            self.node = Some(escape(&name));
        }
        let Some(choice) = chunk.choices.into_iter().next() else { return Ok(()) };
        if let Some(thinking) = choice.delta.reasoning_content {
            on_piece(Piece::Thinking(&thinking))?;
            self.reasoning.push_str(&thinking);
        }
        if let Some(text) = choice.delta.content {
            on_piece(Piece::Text(&text))?;
            self.content.push_str(&text);
        }
        self.finish_reason = choice.finish_reason.or_else(|| self.finish_reason.take());
        Ok(())
    }

    fn ended(self) -> Result<Self, Failure> {
        if self.finish_reason.is_some() {
            return Ok(self);
        }
        let sentence = "the node broke off the answer: look at its log, or ask again";
        Err(Failure::new(Kind::Unavailable, "stream_broken", sentence))
    }

    /// One line on who answered, and why.
    pub(super) fn origin(&self) -> String {
        let node = self.node.as_deref().unwrap_or("an unnamed computer");
        let mut line = format!("answered by {node} with {}", self.model);
        if let Some(usage) = self.usage {
            line.push_str(&format!(
                ", {} tokens after {} of prompt",
                usage.completion_tokens, usage.prompt_tokens
            ));
        }
        if let Some(why) = &self.why {
            line.push_str(&format!(" ({why})"));
        }
        line
    }
}
