//! What a model writes, token by token, to what a program reads. A model's words are a stranger's.
//! The first byte says how calls look and what thinks, the second the stop strings; then tokens, each
//! a length and its bytes.

use pumasi_dialects::assemble::Settings;
use pumasi_dialects::openai::Stream;
use pumasi_dialects::{Assembler, Delta, Head, Provenance};
use pumasi_protocol::engine::{OutputSyntax, ToolSyntax};
use pumasi_protocol::{Finish, JobId, Token};

const STOPS: [&str; 4] = ["\n\n", "END", "한국", "</"];

/// See the module.
///
/// # Panics
/// When what a program reads depends on how the tokens came, holds a stop string, or is no event.
pub fn run(data: &[u8]) {
    let Some(([how, stops], bytes)) = data.split_first_chunk::<2>() else { return };
    let tokens = tokens(bytes);
    let syntax = OutputSyntax {
        tools: match how % 4 {
            0 => ToolSyntax::None,
            1 => ToolSyntax::Hermes,
            2 => ToolSyntax::BareJson,
            _ => ToolSyntax::Mistral,
        },
        thinking: how & 4 != 0,
        thinking_open: how & 8 != 0,
    };
    let stop = STOPS.iter().enumerate().filter(|(bit, _)| stops & (1 << bit) != 0);
    let stop: Vec<String> = stop.map(|(_, text)| (*text).to_owned()).collect();
    let settings = Settings {
        stop,
        logprobs: how & 16 != 0,
        tools: vec!["f".to_owned(), "get_weather".to_owned()],
        parallel_tool_calls: how & 32 != 0,
        job: JobId::from_parts(0, [0; 10]),
    };
    let one_by_one = read(&settings, syntax, tokens.chunks(1));
    let at_once = read(&settings, syntax, tokens.chunks(tokens.len().max(1)));
    assert_eq!(one_by_one, at_once, "how tokens come changes what is read");
    if syntax == OutputSyntax::default() {
        let text = &one_by_one.content;
        assert!(!settings.stop.iter().any(|stop| text.contains(stop)), "a stop string is read");
    }
}

fn tokens(mut bytes: &[u8]) -> Vec<Token> {
    let mut tokens = Vec::new();
    while let Some((length, rest)) = bytes.split_first() {
        let (token, rest) = rest.split_at(usize::from(*length).min(rest.len()));
        let (bytes_of, logprob) = (token.to_vec(), Some(-0.5));
        tokens.push(Token { id: 0, bytes: bytes_of, logprob, top: Vec::new() });
        bytes = rest;
    }
    tokens
}

/// What a program has read in the end.
#[derive(Debug, Default, PartialEq)]
struct Read {
    content: String,
    reasoning: String,
    calls: Vec<(String, String)>,
}

fn read<'a>(
    settings: &Settings,
    syntax: OutputSyntax,
    pushes: impl Iterator<Item = &'a [Token]>,
) -> Read {
    let mut assembler = Assembler::new(settings.clone());
    assembler.start(syntax);
    let head = Head { id: "chatcmpl-0".to_owned(), created: 0, model: "a".to_owned() };
    let mut stream = Stream::chat(head, 1, false, settings.logprobs);
    let mut read = Read::default();
    for push in pushes {
        for delta in assembler.push(push) {
            is_event(&stream.piece(0, &delta));
            read.take(delta);
        }
    }
    let (rest, ending) = assembler.finish(Finish::Stop);
    for delta in rest {
        is_event(&stream.piece(0, &delta));
        read.take(delta);
    }
    let provenance = Provenance {
        job: "job".to_owned(),
        node: None,
        node_name: None,
        provider: None,
        thinking_budget: None,
        attempts: 1,
        timings: None,
        seams: Vec::new(),
    };
    is_event(&stream.end(0, &ending, &provenance));
    read
}

fn is_event(event: &str) {
    let json = event.strip_prefix("data: ").and_then(|rest| rest.strip_suffix("\n\n"));
    let json = json.expect("one event");
    assert!(!json.contains(['\n', '\r']), "an event of several lines");
    serde_json::from_str::<serde_json::Value>(json).expect("JSON");
}

impl Read {
    fn take(&mut self, delta: Delta) {
        match delta {
            Delta::Content { text, .. } => self.content.push_str(&text),
            Delta::Reasoning(text) => self.reasoning.push_str(&text),
            Delta::ToolCall { index, id, name } => {
                assert_eq!(index as usize, self.calls.len(), "calls are counted");
                assert!(!id.is_empty());
                self.calls.push((name, String::new()));
            }
            Delta::Arguments { index, text } => {
                let (_, arguments) = &mut self.calls[index as usize];
                arguments.push_str(&text);
            }
        }
    }
}

/// Answers of each sort.
#[must_use]
pub fn seeds() -> Vec<Vec<u8>> {
    let answers: [(u8, u8, &[&str]); 7] = [
        (0, 0, &["Hello", " there"]),
        (0, 15, &["one", "\n", "\n", "EN", "D", " more"]),
        (16, 4, &["\u{d55c}", "\u{ad6d}"]),
        (4 + 1, 0, &["<thi", "nk>", "so", "</think>", "answer"]),
        (
            1 + 32,
            0,
            &[
                "<tool_call>",
                "{\"name\": \"f\", \"arguments\": {\"x\": [1, \"}\"]}}",
                "</tool_call>",
            ],
        ),
        (2, 0, &["{\"name\": \"get_weather\",", " \"parameters\": {}}"]),
        (3, 0, &["[TOOL_CALLS]", "[{\"name\": \"f\", \"arguments\": {\"a\": null}}]"]),
    ];
    let written = answers.iter().map(|(how, stops, tokens)| {
        let tokens = tokens.iter().map(|token| {
            let length = u8::try_from(token.len()).expect("short");
            [&[length], token.as_bytes()].concat()
        });
        [vec![*how, *stops], tokens.collect::<Vec<_>>().concat()].concat()
    });
    written.collect()
}
