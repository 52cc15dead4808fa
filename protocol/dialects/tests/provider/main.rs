//! What providers are asked and what is heard from them: round trips through our own server side, streams
//! cut anywhere, and providers that write nonsense.

mod embeddings;
mod hearing;
mod lying;
mod quirks;
mod requests;

use pumasi_dialects::provider::{Heard, Reader, Speech, Target};
use pumasi_dialects::{
    Counts, Delta, Ending, GenerateRequest, Head, Invalid, Options, Provenance, Writer, anthropic,
    gemini, openai,
};

const SPEECHES: [Speech; 3] = [Speech::OpenAi, Speech::Anthropic, Speech::Gemini];

/// Everything that our own server side understands.
const TARGET: Target<'static> = Target {
    model: "m",
    stream: true,
    parallel_tool_calls: true,
    extensions: true,
    older_ceiling: false,
    stream_usage: true,
    preferences: None,
};

/// Our own server side, reading what a provider of this sort would be sent.
fn parse(speech: Speech, body: &str) -> Result<GenerateRequest, Invalid> {
    let (bytes, options) = (body.as_bytes(), Options { strict: true });
    match speech {
        Speech::OpenAi => openai::parse_chat(bytes, options),
        Speech::Anthropic => anthropic::parse(bytes, options),
        Speech::Gemini => {
            let model = "m".parse().expect("a model's name");
            gemini::parse(model, bytes, true, true, options)
        }
    }
}

/// A request that asks for everything: counts, thoughts, an answer in pieces.
fn asked(speech: Speech) -> GenerateRequest {
    let body = match speech {
        Speech::OpenAi => {
            r#"{"model":"m","stream":true,"stream_options":{"include_usage":true},
                "messages":[{"role":"user","content":"x"}],"logprobs":true}"#
        }
        Speech::Anthropic => {
            r#"{"model":"m","stream":true,"max_tokens":9,
                "messages":[{"role":"user","content":"x"}]}"#
        }
        Speech::Gemini => {
            r#"{"contents":[{"parts":[{"text":"x"}]}],
                "generationConfig":{"thinkingConfig":{"includeThoughts":true}}}"#
        }
    };
    parse(speech, body).expect("valid")
}

const COUNTS: Counts = Counts { prompt: 10, cached: 4, completion: 7, reasoning: 2 };

fn provenance() -> Provenance {
    Provenance {
        job: "j".to_owned(),
        node: None,
        node_name: None,
        provider: None,
        thinking_budget: None,
        attempts: 1,
        timings: None,
        seams: Vec::new(),
    }
}

/// The stream that our own server side writes for an answer.
fn stream(speech: Speech, deltas: &[Delta], ending: &Ending) -> String {
    let head = Head { id: "id_1".to_owned(), created: 1, model: "m".to_owned() };
    let mut writer = Writer::new(&asked(speech), head);
    let mut text = writer.begin(Counts::default());
    for delta in deltas {
        text.push_str(&writer.heartbeat());
        text.push_str(&writer.piece(0, delta));
    }
    text.push_str(&writer.end(0, ending, COUNTS, &provenance()));
    text + &writer.close(COUNTS)
}

/// All that is heard of bytes in these pieces, and of the end of the connection.
fn hear<'a>(speech: Speech, pieces: impl IntoIterator<Item = &'a [u8]>) -> Vec<Heard> {
    let mut reader = Reader::new(speech);
    let mut heard: Vec<Heard> = pieces.into_iter().flat_map(|piece| reader.push(piece)).collect();
    heard.extend(reader.finish());
    assert!(reader.is_over() && reader.push(b"data: {}\n\n").is_empty());
    heard
}

/// An answer in short: what is said, joined while it is of one sort.
fn told(heard: &[Heard]) -> String {
    let mut lines: Vec<(String, String)> = Vec::new();
    let mut ends = String::new();
    for one in heard {
        let (sort, text) = match one {
            Heard::Delta(Delta::Content { text, .. }) => ("text".to_owned(), text.clone()),
            Heard::Delta(Delta::Reasoning(text)) => ("thought".to_owned(), text.clone()),
            Heard::Delta(Delta::ToolCall { index, id, name }) => {
                (format!("call {index} {id} {name}"), String::new())
            }
            Heard::Delta(Delta::Arguments { index, text }) => {
                (format!("with {index}"), text.clone())
            }
            Heard::Counts(counts) => {
                ends = format!("{counts:?}");
                continue;
            }
            Heard::Ended(ending) => (format!("{ending:?}"), String::new()),
            Heard::Failed(fault) => (format!("{fault:?}"), String::new()),
        };
        match lines.last_mut() {
            Some((last, joined)) if *last == sort => joined.push_str(&text),
            Some(_) | None => lines.push((sort, text)),
        }
    }
    let lines: String = lines.iter().map(|(sort, text)| format!("{sort} {text}\n")).collect();
    lines + &ends
}
