//! The other dialects from outside: Anthropic's, Gemini's, Ollama's and OpenAI's responses. Bodies in,
//! canonical requests or typed refusals out; pieces of answers in, replies and streams out.

mod anthropic;
mod anthropic_replies;
mod bad_input;
mod gemini;
mod ollama;
mod properties;
mod responses;

use pumasi_dialects::assemble::TokenLogprob;
use pumasi_dialects::{
    Answer, Counts, Delta, Ending, GenerateRequest, Head, Invalid, Options, Provenance, TimingsMs,
    Writer,
};
use pumasi_protocol::generate::{Thinking, ToolChoice};
use pumasi_protocol::{Message, Part, Prompt, Tool};
use serde_json::Value;

type Parser = fn(&[u8], Options) -> Result<GenerateRequest, Invalid>;

fn gemini_parser(bytes: &[u8], options: Options) -> Result<GenerateRequest, Invalid> {
    let model = "m".parse().expect("a model's name");
    pumasi_dialects::gemini::parse(model, bytes, false, true, options)
}

/// Responses have another meaning for the field in which Ollama's generations have their text.
fn responses_parser(bytes: &[u8], options: Options) -> Result<GenerateRequest, Invalid> {
    let at = bytes.windows(PROMPT.len()).position(|window| window == PROMPT);
    let rest = at.map_or(Vec::new(), |at| [&bytes[..at], &bytes[at + PROMPT.len()..]].concat());
    pumasi_dialects::responses::parse(if at.is_some() { &rest } else { bytes }, options)
}

const PROMPT: &[u8] = b"\"prompt\":\"x\",";

fn read(parser: Parser, body: &Value) -> GenerateRequest {
    match parser(body.to_string().as_bytes(), Options::default()) {
        Ok(request) => {
            assert!(request.answers.iter().all(pumasi_protocol::Generate::is_within_limits));
            request
        }
        Err(invalid) => panic!("{body} was refused: {invalid}"),
    }
}

/// The code and the field of a refusal, as `code @ field`.
fn refusal(parser: Parser, body: &str) -> String {
    match parser(body.as_bytes(), Options::default()) {
        Ok(_) => "accepted".to_owned(),
        Err(invalid) => {
            format!("{} @ {}", invalid.code(), invalid.param.as_deref().unwrap_or("-"))
        }
    }
}

struct Chat {
    messages: Vec<Message>,
    tools: Vec<Tool>,
    choice: ToolChoice,
    thinking: Thinking,
}

fn chat(request: &GenerateRequest) -> Chat {
    match request.answers[0].prompt.clone() {
        Prompt::Chat { messages, tools, tool_choice, thinking } => {
            Chat { messages, tools, choice: tool_choice, thinking }
        }
        other @ (Prompt::Text(_) | Prompt::Tokens(_)) => panic!("not a chat: {other:?}"),
    }
}

/// A conversation in short: role, text, `+n` pictures, thinking, calls and what is answered.
fn told(messages: &[Message]) -> String {
    let line = |message: &Message| {
        let mut line = format!("{:?} {:?}", message.role, message.joined_text());
        let is_image = |part: &&Part| matches!(part, Part::Image(_));
        let pictures = message.content.iter().filter(is_image).count();
        if pictures > 0 {
            line.push_str(&format!(" +{pictures}"));
        }
        if let Some(thinking) = &message.thinking {
            line.push_str(&format!(" thought {thinking:?}"));
        }
        for call in &message.tool_calls {
            line.push_str(&format!(" calls {} {}{}", call.id, call.name, call.arguments));
        }
        if let Some(id) = &message.tool_call_id {
            line.push_str(&format!(" answers {id}"));
        }
        line + "\n"
    };
    messages.iter().map(line).collect()
}

/// A PNG's first bytes, in base64.
const PNG: &str = "iVBORw0KGgo=";

fn head(id: &str) -> Head {
    Head { id: id.to_owned(), created: 1_700_000_000, model: "m".to_owned() }
}

fn provenance() -> Provenance {
    let timings = TimingsMs { queued_ms: 1.0, prefill_ms: 2.0, decode_ms: 3.5 };
    Provenance {
        job: "j".to_owned(),
        node: None,
        node_name: None,
        provider: None,
        thinking_budget: None,
        attempts: 1,
        timings: Some(timings),
        seams: Vec::new(),
    }
}

const COUNTS: Counts = Counts { prompt: 10, cached: 4, completion: 7, reasoning: 2 };

fn text(text: &str) -> Delta {
    Delta::Content { text: text.to_owned(), logprobs: Vec::new() }
}

fn scored(text: &str) -> Delta {
    let token = TokenLogprob {
        bytes: text.as_bytes().to_vec(),
        logprob: -0.5,
        top: vec![(text.as_bytes().to_vec(), -0.5), (b"x".to_vec(), -2.0)],
    };
    Delta::Content { text: text.to_owned(), logprobs: vec![token] }
}

fn thought(text: &str) -> Delta {
    Delta::Reasoning(text.to_owned())
}

fn call(index: u32, name: &str) -> Delta {
    Delta::ToolCall { index, id: format!("call{index}"), name: name.to_owned() }
}

fn arguments(index: u32, text: &str) -> Delta {
    Delta::Arguments { index, text: text.to_owned() }
}

/// Thinking, text in two pieces, a call in two pieces.
fn everything() -> Vec<Delta> {
    vec![
        thought("hm"),
        text("Hel"),
        text("lo"),
        call(0, "f"),
        arguments(0, "{\"a\":"),
        arguments(0, "1}"),
    ]
}

fn answer(deltas: &[Delta], ending: Ending) -> Answer {
    let mut answer = Answer::default();
    deltas.iter().for_each(|delta| answer.push(delta.clone()));
    answer.end(ending);
    answer
}

fn whole(request: &GenerateRequest, id: &str, deltas: &[Delta], ending: Ending) -> Value {
    let answers = vec![answer(deltas, ending); request.answers.len()];
    let text = pumasi_dialects::whole(request, &head(id), &answers, COUNTS, &[provenance()]);
    serde_json::from_str(&text).expect("JSON")
}

fn streamed(request: &GenerateRequest, id: &str, deltas: &[Delta], ending: &Ending) -> String {
    let mut writer = Writer::new(request, head(id));
    let mut text = writer.begin(Counts { completion: 0, reasoning: 0, ..COUNTS });
    for delta in deltas {
        text.push_str(&writer.piece(0, delta));
    }
    text.push_str(&writer.end(0, ending, COUNTS, &provenance()));
    text + &writer.close(COUNTS)
}

/// The data of a stream's events.
fn events(stream: &str) -> Vec<Value> {
    let data = stream.split("\n\n").filter_map(|event| {
        let data = event.split_once("data: ")?.1;
        (data != "[DONE]").then(|| serde_json::from_str(data).expect("JSON"))
    });
    data.collect()
}
