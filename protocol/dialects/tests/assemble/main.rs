//! The assembler: what a program sees of a model's tokens, however they are split.

mod properties;

use expect_test::{Expect, expect};
use pumasi_dialects::assemble::{Assembler, Settings};
use pumasi_dialects::{Delta, Ending};
use pumasi_protocol::engine::{Alternative, OutputSyntax, Token, ToolSyntax};
use pumasi_protocol::{Finish, JobId};

fn settings() -> Settings {
    Settings {
        stop: Vec::new(),
        logprobs: false,
        tools: vec!["f".to_owned(), "g".to_owned()],
        parallel_tool_calls: true,
        job: JobId::from_parts(1, [7; 10]),
    }
}

fn stops(stop: &[&str]) -> Settings {
    Settings { stop: stop.iter().map(ToString::to_string).collect(), ..settings() }
}

fn tools(tools: ToolSyntax) -> OutputSyntax {
    OutputSyntax { tools, thinking: false, thinking_open: false }
}

fn thinking(open: bool) -> OutputSyntax {
    OutputSyntax { tools: ToolSyntax::None, thinking: true, thinking_open: open }
}

fn token(bytes: &[u8]) -> Token {
    Token { id: 1, bytes: bytes.to_vec(), logprob: None, top: Vec::new() }
}

/// Runs an answer through the assembler, in the pieces given.
fn run(
    settings: Settings,
    syntax: OutputSyntax,
    pieces: &[&[u8]],
    finish: Finish,
) -> (Vec<Delta>, Ending) {
    let mut assembler = Assembler::new(settings);
    assembler.start(syntax);
    let mut deltas = Vec::new();
    for piece in pieces {
        deltas.extend(assembler.push(&[token(piece)]));
    }
    let (rest, ending) = assembler.finish(finish);
    deltas.extend(rest);
    (deltas, ending)
}

/// What the program ends up with: pieces of one kind joined.
fn joined(deltas: &[Delta]) -> String {
    let mut lines: Vec<(String, String)> = Vec::new();
    for delta in deltas {
        let (kind, text) = match delta {
            Delta::Content { text, .. } => ("text".to_owned(), text.clone()),
            Delta::Reasoning(text) => ("thinking".to_owned(), text.clone()),
            Delta::ToolCall { index, name, .. } => (format!("call {index}"), name.clone()),
            Delta::Arguments { index, text } => (format!("arguments {index}"), text.clone()),
        };
        match lines.last_mut() {
            Some((last, joined)) if *last == kind => joined.push_str(&text),
            Some(_) | None => lines.push((kind, text)),
        }
    }
    lines.iter().map(|(kind, text)| format!("{kind}: {text:?}\n")).collect()
}

fn check(settings: Settings, syntax: OutputSyntax, text: &str, expected: Expect) {
    let bytes: Vec<&[u8]> = text.as_bytes().chunks(1).collect();
    let (deltas, ending) = run(settings, syntax, &bytes, Finish::Stop);
    expected.assert_eq(&format!("{}{ending:?}", joined(&deltas)));
}

#[test]
fn characters_wait_for_their_last_byte_and_broken_ones_are_replaced() {
    let fox = "🦊".as_bytes();
    let mut assembler = Assembler::new(settings());
    assembler.start(OutputSyntax::default());
    assert_eq!(assembler.push(&[token(&fox[..3])]), []);
    let content = Delta::Content { text: "🦊".to_owned(), logprobs: Vec::new() };
    assert_eq!(assembler.push(&[token(&fox[3..])]), [content]);
    let (deltas, _) =
        run(settings(), OutputSyntax::default(), &[b"a\xff\xe2\x82", b"b\xf0\x9f"], Finish::Stop);
    assert_eq!(joined(&deltas), "text: \"a\u{fffd}\u{fffd}b\u{fffd}\"\n");
}

#[test]
fn stop_strings_cut_and_their_beginnings_wait() {
    let plain = OutputSyntax::default();
    check(
        stops(&["END"]),
        plain,
        "one END two",
        expect![[r#"
            text: "one "
            StopString("END")"#]],
    );
    check(
        stops(&["END"]),
        plain,
        "one EN",
        expect![[r#"
        text: "one EN"
        Stop"#]],
    );
    check(
        stops(&["aab"]),
        plain,
        "aaab",
        expect![[r#"
            text: "a"
            StopString("aab")"#]],
    );
    check(
        stops(&["bc", "abcd"]),
        plain,
        "xabcd",
        expect![[r#"
            text: "xa"
            StopString("bc")"#]],
    );
    check(
        stops(&["c", "bc"]),
        plain,
        "abcd",
        expect![[r#"
            text: "a"
            StopString("bc")"#]],
    );
    check(
        stops(&["é"]),
        plain,
        "cafés",
        expect![[r#"
            text: "caf"
            StopString("é")"#]],
    );
}

#[test]
fn a_stop_string_ends_the_answer_before_the_engine_does() {
    let mut assembler = Assembler::new(stops(&["."]));
    assembler.start(OutputSyntax::default());
    let deltas = assembler.push(&[token(b"a."), token(b"b")]);
    assert_eq!(joined(&deltas), "text: \"a\"\n");
    assert!(assembler.is_over());
    assert_eq!(assembler.push(&[token(b"c")]), []);
    assert_eq!(assembler.finish(Finish::Length), (Vec::new(), Ending::StopString(".".to_owned())));
}

#[test]
fn thinking_is_split_off() {
    check(
        settings(),
        thinking(false),
        "<think>\nhm </think>\n\nyes",
        expect![[r#"
        thinking: "hm"
        text: "yes"
        Stop"#]],
    );
    check(
        settings(),
        thinking(false),
        "\n<think></think>yes",
        expect![[r#"
        text: "yes"
        Stop"#]],
    );
    check(
        settings(),
        thinking(true),
        "hm\n</think>yes",
        expect![[r#"
        thinking: "hm"
        text: "yes"
        Stop"#]],
    );
    check(
        settings(),
        thinking(false),
        "no <think> here",
        expect![[r#"
        text: "no <think> here"
        Stop"#]],
    );
    check(
        settings(),
        thinking(false),
        "<thin",
        expect![[r#"
        text: "<thin"
        Stop"#]],
    );
    check(
        settings(),
        thinking(true),
        "never ends </thi",
        expect![[r#"
        thinking: "never ends </thi"
        Stop"#]],
    );
    check(
        settings(),
        OutputSyntax::default(),
        "<think>a</think>b",
        expect![[r#"
        text: "<think>a</think>b"
        Stop"#]],
    );
}

#[test]
fn hermes_calls() {
    let hermes = tools(ToolSyntax::Hermes);
    let call = "<tool_call>\n{\"name\": \"f\", \"arguments\": {\"a\": [1, \"}\"]}}\n</tool_call>";
    check(
        settings(),
        hermes,
        call,
        expect![[r#"
        call 0: "f"
        arguments 0: "{\"a\": [1, \"}\"]}"
        ToolCalls"#]],
    );
    check(
        settings(),
        hermes,
        &format!("I look.\n{call}\n{call}\n"),
        expect![[r#"
        text: "I look."
        call 0: "f"
        arguments 0: "{\"a\": [1, \"}\"]}"
        call 1: "f"
        arguments 1: "{\"a\": [1, \"}\"]}"
        ToolCalls"#]],
    );
    check(
        settings(),
        hermes,
        "<tool_call>{\"arguments\": {\"a\": 1}, \"name\": \"g\"}</tool_call>",
        expect![[r#"
            call 0: "g"
            arguments 0: "{\"a\": 1}"
            ToolCalls"#]],
    );
    check(
        settings(),
        hermes,
        "<tool_call>{\"name\": \"f\"}</tool_call>",
        expect![[r#"
        call 0: "f"
        arguments 0: "{}"
        ToolCalls"#]],
    );
    check(
        settings(),
        hermes,
        "<tool_call>{\"name\": \"f\", \"arguments\": \"{\\\"a\\\": 1}\"}</tool_call>",
        expect![[r#"
            call 0: "f"
            arguments 0: "{\"a\": 1}"
            ToolCalls"#]],
    );
    check(
        settings(),
        hermes,
        "<tool_call>not json</tool_call> x",
        expect![[r#"
        text: "<tool_call>not json</tool_call> x"
        Stop"#]],
    );
    check(
        settings(),
        hermes,
        "<tool_call>{\"name\": \"f\", \"arguments\": {\"a\": ",
        expect![[r#"
            call 0: "f"
            arguments 0: "{\"a\": "
            ToolCalls"#]],
    );
    check(
        settings(),
        hermes,
        "a < b <tool_",
        expect![[r#"
        text: "a < b <tool_"
        Stop"#]],
    );
    check(
        settings(),
        hermes,
        "plain \n",
        expect![[r#"
        text: "plain \n"
        Stop"#]],
    );
}

#[test]
fn bare_json_calls_are_told_from_data_by_the_tools_name() {
    let bare = tools(ToolSyntax::BareJson);
    check(
        settings(),
        bare,
        " {\"name\": \"f\", \"parameters\": {\"a\": 1}}",
        expect![[r#"
        call 0: "f"
        arguments 0: "{\"a\": 1}"
        ToolCalls"#]],
    );
    check(
        settings(),
        bare,
        "{\"name\": \"f\", \"parameters\": {}}; {\"name\": \"g\", \"parameters\": {}}",
        expect![[r#"
            call 0: "f"
            arguments 0: "{}"
            call 1: "g"
            arguments 1: "{}"
            ToolCalls"#]],
    );
    check(
        settings(),
        bare,
        "{\"name\": \"Kim\", \"age\": 3}",
        expect![[r#"
        text: "{\"name\": \"Kim\", \"age\": 3}"
        Stop"#]],
    );
    check(
        settings(),
        bare,
        "{\"age\": 3}",
        expect![[r#"
        text: "{\"age\": 3}"
        Stop"#]],
    );
    check(
        settings(),
        bare,
        "Look: {\"name\": \"f\"}",
        expect![[r#"
        text: "Look: {\"name\": \"f\"}"
        Stop"#]],
    );
}

#[test]
fn mistral_calls() {
    let mistral = tools(ToolSyntax::Mistral);
    let calls = "[TOOL_CALLS] [{\"name\": \"f\", \"arguments\": {}}, {\"name\": \"g\", \"arguments\": {\"x\": null}}]";
    check(
        settings(),
        mistral,
        calls,
        expect![[r#"
        call 0: "f"
        arguments 0: "{}"
        call 1: "g"
        arguments 1: "{\"x\": null}"
        ToolCalls"#]],
    );
    check(
        settings(),
        mistral,
        "[TOOL",
        expect![[r#"
        text: "[TOOL"
        Stop"#]],
    );
}

#[test]
fn one_call_is_enough_where_only_one_is_welcome() {
    let one = Settings { parallel_tool_calls: false, ..settings() };
    let call = "<tool_call>{\"name\": \"f\", \"arguments\": {}}</tool_call>";
    check(
        one,
        tools(ToolSyntax::Hermes),
        &format!("{call}{call}"),
        expect![[r#"
        call 0: "f"
        arguments 0: "{}"
        ToolCalls"#]],
    );
}

#[test]
fn ids_of_calls_are_nine_plain_characters_and_differ() {
    let call = "<tool_call>{\"name\": \"f\", \"arguments\": {}}</tool_call>";
    let text = call.repeat(50);
    let (deltas, _) = run(settings(), tools(ToolSyntax::Hermes), &[text.as_bytes()], Finish::Stop);
    let ids: std::collections::BTreeSet<&str> = deltas
        .iter()
        .filter_map(|delta| match delta {
            Delta::ToolCall { id, .. } => Some(id.as_str()),
            Delta::Content { .. } | Delta::Reasoning(_) | Delta::Arguments { .. } => None,
        })
        .collect();
    assert_eq!(ids.len(), 50);
    assert!(ids.iter().all(|id| id.len() == 9 && id.bytes().all(|b| b.is_ascii_alphanumeric())));
}

#[test]
fn the_ending_tells_length_and_cancellation() {
    let plain = OutputSyntax::default();
    for (finish, ending) in [
        (Finish::Stop, Ending::Stop),
        (Finish::StopString, Ending::Stop),
        (Finish::Grammar, Ending::Stop),
        (Finish::Length, Ending::Length),
        (Finish::Cancelled, Ending::Cancelled),
    ] {
        assert_eq!(run(settings(), plain, &[b"a"], finish).1, ending);
    }
}

#[test]
fn a_second_start_changes_nothing() {
    let mut assembler = Assembler::new(settings());
    assembler.start(thinking(true));
    let mut deltas = assembler.push(&[token(b"h")]);
    assembler.start(OutputSyntax::default());
    deltas.extend(assembler.push(&[token(b"m</think>yes")]));
    assert_eq!(joined(&deltas), "thinking: \"hm\"\ntext: \"yes\"\n");
    assert_eq!((assembler.tokens(), assembler.reasoning_tokens()), (2, 2));
}

#[test]
fn log_probabilities_stay_with_the_text_in_which_their_tokens_end() {
    let mut assembler =
        Assembler::new(Settings { logprobs: true, stop: vec!["END".to_owned()], ..settings() });
    assembler.start(thinking(true));
    let scored = |bytes: &[u8], logprob: f32| Token {
        logprob: Some(logprob),
        top: vec![Alternative { id: 2, bytes: bytes.to_vec(), logprob }],
        ..token(bytes)
    };
    let fox = "🦊".as_bytes();
    let tokens = [
        scored(b"hm</think>", -1.0),
        scored(b"a", -2.0),
        scored(b"", -2.5),
        scored(&fox[..2], -3.0),
        scored(&fox[2..], -4.0),
        scored(b" E", -5.0),
        scored(b"Z", -6.0),
        scored(b"xEND", -7.0),
    ];
    let mut seen = Vec::new();
    for token in tokens {
        for delta in assembler.push(&[token]) {
            if let Delta::Content { text, logprobs } = delta {
                let values: Vec<f32> = logprobs.iter().map(|l| l.logprob).collect();
                seen.push(format!("{text:?} {values:?}"));
            }
        }
    }
    let expected =
        ["\"a\" [-2.0]", "\"🦊\" [-3.0, -4.0]", "\" \" []", "\"EZ\" [-5.0, -6.0]", "\"x\" []"];
    assert_eq!(seen, expected);
}
