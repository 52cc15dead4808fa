//! What providers are sent: what both sides can say survives the way there and back; the rest is named.

use expect_test::expect;
use proptest::prelude::*;
use pumasi_dialects::Preferences;
use pumasi_dialects::provider::{Speech, Target, Unsayable, outgoing, outgoing_embed};
use pumasi_protocol::generate::{Embed, EmbedInput, Resume, Thinking, ToolChoice};
use pumasi_protocol::{
    Generate, Message, OutputFormat, Part, Prompt, Role, Sampling, Tool, ToolCall,
};
use serde_json::{Value, json};

use super::{SPEECHES, TARGET, parse};

const PNG: &[u8] = b"\x89PNG\r\n\x1a\n";

/// What one side of every dialect can say in a conversation: instructions first, turns in order, results
/// after their calls, the person last.
fn conversations() -> impl Strategy<Value = Vec<Message>> {
    let words = "[a-z창\"\\\\\n]{1,8}";
    let turns = prop::collection::vec((words, words, prop::option::of(words), any::<bool>()), 0..4);
    (prop::option::of(words), turns, words, any::<bool>()).prop_map(
        |(system, turns, last, picture)| {
            let mut messages: Vec<Message> =
                system.into_iter().map(|text| Message::text(Role::System, text)).collect();
            for (number, (asked, said, argument, more)) in turns.into_iter().enumerate() {
                messages.push(Message::text(Role::User, asked));
                let mut answer = Message::text(Role::Assistant, said);
                if let Some(argument) = argument {
                    let id = format!("id{number}");
                    let arguments = json!({ "a": argument }).to_string();
                    answer.tool_calls =
                        vec![ToolCall { id: id.clone(), name: "f".to_owned(), arguments }];
                    messages.push(answer);
                    let content = json!({ "result": more }).to_string();
                    let mut result = Message::text(Role::Tool, content);
                    result.tool_call_id = Some(id);
                    messages.push(result);
                    messages.push(Message::text(Role::Assistant, "so"));
                } else {
                    messages.push(answer);
                }
            }
            let mut user = Message::text(Role::User, last);
            if picture {
                user.content.push(Part::Image(PNG.to_vec()));
            }
            messages.push(user);
            messages
        },
    )
}

fn requests() -> impl Strategy<Value = Generate> {
    let numbers = (prop::option::of(0_u32..10), prop::option::of(1_u32..50), 1_u32..9_000);
    let tools = prop::sample::select(vec![
        ToolChoice::Auto,
        ToolChoice::None,
        ToolChoice::Required,
        ToolChoice::Named("g".to_owned()),
    ]);
    let shapes = (any::<bool>(), any::<bool>(), prop::collection::vec("[a-z]{1,4}", 0..3));
    (conversations(), prop::option::of(tools), numbers, shapes).prop_map(
        |(messages, choice, (tenths, top_k, max_tokens), (schema, thinks, stop))| {
            let tool = |name: &str| Tool {
                name: name.to_owned(),
                description: Some("d".to_owned()),
                parameters: Some("{\"type\":\"object\",\"x\":1e0}".to_owned()),
            };
            let tools = if choice.is_some() { vec![tool("f"), tool("g")] } else { Vec::new() };
            let thinking = if thinks { Thinking::On(Some(1_024)) } else { Thinking::Off };
            let tool_choice = choice.unwrap_or_default();
            let mut generate =
                Generate::new(Prompt::Chat { messages, tools, tool_choice, thinking });
            generate.sampling = Sampling {
                temperature: tenths.map(|tenths| tenths as f32 / 10.0),
                top_k,
                top_p: tenths.map(|tenths| tenths as f32 / 20.0),
                ..Sampling::default()
            };
            generate.max_tokens = Some(max_tokens + 1_024);
            generate.stop = stop;
            if schema {
                generate.format = OutputFormat::JsonSchema("{\"x\":[1e0]}".to_owned());
            }
            generate
        },
    )
}

proptest! {
    #[test]
    fn what_both_sides_can_say_comes_back_as_it_was(generate in requests()) {
        for speech in SPEECHES {
            let sent = outgoing(speech, TARGET, &generate).expect("it can be said");
            prop_assert_eq!(&sent.dropped, &Vec::<&str>::new(), "{:?}", speech);
            let back = match parse(speech, &sent.body) {
                Ok(back) => back,
                Err(invalid) => panic!("{speech:?}: {invalid} in {}", sent.body),
            };
            prop_assert!(back.stream);
            prop_assert_eq!(joined(&back.answers[0]), joined(&generate), "{:?}", speech);
        }
    }

    #[test]
    fn bodies_of_each_dialect_come_back_as_they_were(generate in requests()) {
        for speech in SPEECHES {
            let sent = outgoing(speech, TARGET, &generate).expect("it can be said");
            let back = parse(speech, &sent.body).expect("valid");
            let again = outgoing(speech, TARGET, &back.answers[0]).expect("it can be said");
            prop_assert_eq!(again.body, sent.body, "{:?}", speech);
        }
    }
}

/// A choice among no tools is none.
fn joined(generate: &Generate) -> Generate {
    let mut generate = generate.clone();
    if let Prompt::Chat { tools, tool_choice, .. } = &mut generate.prompt
        && tools.is_empty()
    {
        *tool_choice = ToolChoice::Auto;
    }
    generate
}

fn plain() -> Generate {
    Generate::new(Prompt::Chat {
        messages: vec![Message::text(Role::User, "hi")],
        tools: Vec::new(),
        tool_choice: ToolChoice::Auto,
        thinking: Thinking::Default,
    })
}

#[test]
fn a_plain_question_in_every_dialect() {
    let sent = |speech| {
        let target = Target { stream: false, extensions: false, ..TARGET };
        let sent = outgoing(speech, target, &plain()).expect("it can be said");
        format!("{} {:?} {}\n", sent.path, sent.headers, sent.body)
    };
    expect![[r#"
        /chat/completions [] {"model":"m","messages":[{"role":"user","content":"hi"}]}
        /v1/messages [("anthropic-version", "2023-06-01")] {"model":"m","max_tokens":8192,"messages":[{"role":"user","content":[{"type":"text","text":"hi"}]}]}
        /v1beta/models/m:generateContent [] {"contents":[{"role":"user","parts":[{"text":"hi"}]}],"generationConfig":{}}
    "#]]
    .assert_eq(&SPEECHES.map(sent).concat());
}

#[test]
fn what_a_provider_has_no_words_for_is_named() {
    let mut generate = plain();
    generate.sampling = Sampling {
        temperature: Some(1.5),
        top_k: Some(3),
        min_p: Some(0.1),
        repeat_penalty: Some(1.1),
        frequency_penalty: Some(0.5),
        logit_bias: vec![(7, -1.0)],
        seed: Some(u64::MAX),
        ..Sampling::default()
    };
    generate.logprobs = Some(2);
    generate.ignore_eos = true;
    generate.max_tokens = Some(500);
    if let Prompt::Chat { messages, thinking, .. } = &mut generate.prompt {
        let mut answer = Message::text(Role::Assistant, "x");
        answer.thinking = Some("hm".to_owned());
        messages.insert(1, answer);
        messages.push(Message::text(Role::User, "and?"));
        *thinking = Thinking::On(Some(600));
    }
    let dropped = |speech| {
        let target = Target { extensions: false, ..TARGET };
        let sent = outgoing(speech, target, &generate).expect("it can be said");
        format!("{:?}\n", sent.dropped)
    };
    expect![[r#"
        ["messages.thinking", "top_k", "min_p", "repeat_penalty", "ignore_eos", "thinking.budget"]
        ["temperature", "seed", "frequency_penalty", "logprobs", "logit_bias", "min_p", "repeat_penalty", "ignore_eos", "thinking.budget", "thinking", "messages.thinking"]
        ["logit_bias", "min_p", "repeat_penalty", "ignore_eos"]
    "#]]
    .assert_eq(&SPEECHES.map(dropped).concat());
    let body = outgoing(Speech::OpenAi, TARGET, &generate).expect("it can be said").body;
    let body: Value = serde_json::from_str(&body).expect("JSON");
    assert_eq!((&body["seed"], &body["min_p"]), (&json!(-1), &json!(0.1)));
    assert_eq!(body["stream_options"], json!({ "include_usage": true }));
    let shy = Target { stream_usage: false, ..TARGET };
    let body = outgoing(Speech::OpenAi, shy, &generate).expect("it can be said").body;
    assert!(!body.contains("stream_options"), "{body}");
}

#[test]
fn openrouters_words_go_only_where_they_are_taken() {
    let wanted = Preferences {
        order: vec!["mesh".to_owned()],
        deny_collection: true,
        allow_fallbacks: false,
        ..Preferences::default()
    };
    let told = json!({ "data_collection": "deny", "allow_fallbacks": false });
    for (preferences, provider) in [(Some(&wanted), &told), (None, &Value::Null)] {
        let target = Target { preferences, ..TARGET };
        let sent = outgoing(Speech::OpenAi, target, &plain()).expect("it can be said");
        let body: Value = serde_json::from_str(&sent.body).expect("JSON");
        assert_eq!(&body["provider"], provider, "{body}");
        let inputs = vec![EmbedInput::Text("x".to_owned())];
        let embed = Embed { inputs, dimensions: None };
        let sent = outgoing_embed(Speech::OpenAi, "m", &embed, preferences).expect("said");
        let body: Value = serde_json::from_str(&sent.body).expect("JSON");
        assert_eq!(&body["provider"], provider, "{body}");
    }
}

#[test]
fn what_would_change_the_meaning_is_not_sent() {
    let raw = Generate::new(Prompt::Text("x".to_owned()));
    let lark = Generate { format: OutputFormat::Lark("start: \"x\"".to_owned()), ..plain() };
    let resumed = Resume { prompt: vec![1], delivered: vec![2] };
    let resumed = Generate { resume: Some(resumed), ..plain() };
    for speech in SPEECHES {
        assert_eq!(outgoing(speech, TARGET, &raw), Err(Unsayable::Raw));
        assert_eq!(outgoing(speech, TARGET, &lark), Err(Unsayable::Format));
        assert_eq!(outgoing(speech, TARGET, &resumed), Err(Unsayable::Resume));
    }
    let json = Generate { format: OutputFormat::JsonObject, ..plain() };
    assert_eq!(outgoing(Speech::Anthropic, TARGET, &json), Err(Unsayable::Format));
    let mut odd = plain();
    if let Prompt::Chat { messages, .. } = &mut odd.prompt {
        messages[0].content.push(Part::Image(b"GIF89a".to_vec()));
    }
    assert_eq!(outgoing(Speech::Gemini, TARGET, &odd), Err(Unsayable::Picture));
}
