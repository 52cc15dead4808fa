//! Providers against fakes that answer as clouds do, and misbehave as they do.

mod asking;
mod breaker;
mod breaking;
mod keys;
mod local;
mod lying;
mod secrecy;
mod tls;

use std::time::Duration;

use bytes::Bytes;
use futures::StreamExt;
use http::{HeaderName, HeaderValue};
use pumasi_cloud::{
    Call, CallError, Client, ClientConfig, Permit, Provider, Reply, Secret, Settings, Speech,
};
use pumasi_dialects::provider::{Heard, Reader, Target, outgoing, read_whole};
use pumasi_dialects::{Delta, Ending};
use pumasi_protocol::generate::{Thinking, ToolChoice};
use pumasi_protocol::{Generate, Message, Prompt, Role, Tool};
use pumasi_tests::provider::{FakeProvider, Speech as FakeSpeech};

/// What must never be seen outside a header.
pub(crate) const KEY: &str = "sk-canary-5f1c0e7d";

/// A kind of each dialect, and the fake that speaks it.
pub(crate) const KINDS: [(&str, Speech, FakeSpeech); 3] = [
    ("openai", Speech::OpenAi, FakeSpeech::OpenAi),
    ("anthropic", Speech::Anthropic, FakeSpeech::Anthropic),
    ("gemini", Speech::Gemini, FakeSpeech::Gemini),
];

pub(crate) fn client() -> Client {
    Client::new(&ClientConfig::default())
}

pub(crate) fn settings(kind: &str, base: &str) -> Settings {
    let mut settings = Settings::new("one".parse().expect("an id"), kind);
    settings.base = Some(base.to_owned());
    settings
}

pub(crate) fn key() -> Secret {
    Secret::new(KEY).expect("a key")
}

pub(crate) fn provider(settings: Settings) -> Provider {
    Provider::new(client(), settings, Some(key())).expect("it can be set up")
}

/// A provider of OpenAI's sort in front of this fake.
pub(crate) fn openai(fake: &FakeProvider) -> Provider {
    provider(settings("openai", &fake.base))
}

/// A question in a dialect.
pub(crate) fn question(speech: Speech, model: &str, stream: bool) -> Call {
    call(speech, model, stream, &Generate::new(chat("say hello", Vec::new())))
}

pub(crate) fn chat(said: &str, tools: Vec<Tool>) -> Prompt {
    Prompt::Chat {
        messages: vec![Message::text(Role::User, said)],
        tools,
        tool_choice: ToolChoice::Auto,
        thinking: Thinking::Default,
    }
}

pub(crate) fn call(speech: Speech, model: &str, stream: bool, generate: &Generate) -> Call {
    let target = Target {
        model,
        stream,
        parallel_tool_calls: true,
        extensions: false,
        older_ceiling: false,
        stream_usage: true,
        preferences: None,
    };
    let sent = outgoing(speech, target, generate).expect("it can be said");
    let header = |(name, value): (&str, String)| {
        let name = HeaderName::from_bytes(name.as_bytes()).expect("a header");
        (name, HeaderValue::from_str(&value).expect("a header"))
    };
    Call {
        path: sent.path,
        headers: sent.headers.into_iter().map(header).collect(),
        body: Bytes::from(sent.body),
    }
}

pub(crate) fn permit(provider: &Provider, model: &str) -> Permit {
    provider.permit(model).expect("the breaker is closed")
}

/// Asks a model and settles the permit by what became of it.
pub(crate) async fn ask(provider: &Provider, model: &str) -> Result<Vec<Heard>, CallError> {
    let permit = permit(provider, model);
    let speech = provider.kind().speech;
    let outcome = match provider.post(&permit, question(speech, model, true)).await {
        Ok(reply) => hear(speech, reply).await,
        Err(error) => Err(error),
    };
    match &outcome {
        Ok(_) => permit.succeeded(),
        Err(error) => permit.failed(error),
    }
    outcome
}

/// Everything that is heard of a stream.
pub(crate) async fn hear(speech: Speech, mut reply: Reply) -> Result<Vec<Heard>, CallError> {
    let mut reader = Reader::new(speech);
    let mut heard = Vec::new();
    while let Some(piece) = reply.body.next().await {
        heard.extend(reader.push(&piece?));
    }
    heard.extend(reader.finish());
    match heard.last() {
        Some(Heard::Failed(fault)) => Err(CallError::Provider(*fault)),
        _ => Ok(heard),
    }
}

/// A whole answer.
pub(crate) async fn hear_whole(speech: Speech, reply: Reply) -> Vec<Heard> {
    read_whole(speech, &reply.body.whole(1 << 20).await.expect("an answer"))
}

pub(crate) fn text(heard: &[Heard]) -> String {
    let said = |one: &Heard| match one {
        Heard::Delta(Delta::Content { text, .. }) => Some(text.clone()),
        Heard::Delta(_) | Heard::Counts(_) | Heard::Ended(_) | Heard::Failed(_) => None,
    };
    heard.iter().filter_map(said).collect()
}

pub(crate) fn arguments(heard: &[Heard]) -> String {
    let said = |one: &Heard| match one {
        Heard::Delta(Delta::Arguments { text, .. }) => Some(text.clone()),
        Heard::Delta(_) | Heard::Counts(_) | Heard::Ended(_) | Heard::Failed(_) => None,
    };
    heard.iter().filter_map(said).collect()
}

pub(crate) fn ended(heard: &[Heard]) -> Option<Ending> {
    match heard.last() {
        Some(Heard::Ended(ending)) => Some(ending.clone()),
        _ => None,
    }
}

/// Waits for what comes soon; a test that hangs must end, too.
pub(crate) async fn soon<T>(what: impl Future<Output = T>) -> T {
    tokio::time::timeout(Duration::from_secs(30), what).await.expect("it came soon")
}
