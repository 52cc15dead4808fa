//! What bodies become: the canonical request, field by field.

use pumasi_dialects::openai::{parse_completion, parse_embeddings};
use pumasi_dialects::{Form, Options};
use pumasi_protocol::generate::{EmbedInput, Thinking, ToolChoice};
use pumasi_protocol::{
    Generate, JobKind, Message, NodeId, OutputFormat, Part, Priority, Prompt, Role, Tool, ToolCall,
    Trust,
};
use serde_json::{Value, json};

use super::{chat, parse};

fn generate(extra: Value) -> Generate {
    let mut request = parse(&chat(extra)).expect("a valid body");
    assert_eq!(request.answers.len(), 1);
    request.answers.remove(0)
}

fn prompt(extra: Value) -> (Vec<Message>, Vec<Tool>, ToolChoice, Thinking) {
    match generate(extra).prompt {
        Prompt::Chat { messages, tools, tool_choice, thinking } => {
            (messages, tools, tool_choice, thinking)
        }
        other @ (Prompt::Text(_) | Prompt::Tokens(_)) => panic!("not a chat: {other:?}"),
    }
}

#[test]
fn a_plain_chat_leaves_everything_at_the_models_own_defaults() {
    let request = parse(&chat(json!({}))).expect("valid");
    let message = Message::text(Role::User, "hi");
    let prompt = Prompt::Chat {
        messages: vec![message],
        tools: Vec::new(),
        tool_choice: ToolChoice::Auto,
        thinking: Thinking::Default,
    };
    assert_eq!(request.answers, [Generate::new(prompt)]);
    assert_eq!((request.kind, request.model.as_str()), (JobKind::Chat, "m"));
    assert!(!request.stream && request.parallel_tool_calls);
    assert_eq!(request.form, Form::Chat { include_usage: false });
    assert_eq!(request.priority, None);
    assert!(request.answers[0].is_within_limits());
}

#[test]
fn sampling_fields_arrive() {
    let generate = generate(json!({
        "temperature": 0.5, "top_p": 0.9, "top_k": 40, "min_p": 0.05, "repetition_penalty": 1.1,
        "frequency_penalty": -0.5, "presence_penalty": 2, "logit_bias": { "7": -100, "9": 1.5 },
        "seed": 42, "max_tokens": 5, "max_completion_tokens": 7, "stop": ["a", "b"],
        "logprobs": true, "top_logprobs": 3,
    }));
    let sampling = &generate.sampling;
    assert_eq!((sampling.temperature, sampling.top_p), (Some(0.5), Some(0.9)));
    assert_eq!((sampling.top_k, sampling.min_p), (Some(40), Some(0.05)));
    assert_eq!(sampling.repeat_penalty, Some(1.1));
    assert_eq!((sampling.frequency_penalty, sampling.presence_penalty), (Some(-0.5), Some(2.0)));
    assert_eq!(sampling.logit_bias, [(7, -100.0), (9, 1.5)]);
    assert_eq!((sampling.seed, generate.max_tokens), (Some(42), Some(7)));
    assert_eq!(generate.stop, ["a", "b"]);
    assert_eq!(generate.logprobs, Some(3));
    assert!(generate.is_within_limits());
}

#[test]
fn n_answers_differ_in_their_seeds_only() {
    let request = parse(&chat(json!({ "n": 3, "seed": -1 }))).expect("valid");
    let seeds: Vec<_> = request.answers.iter().map(|g| g.sampling.seed).collect();
    assert_eq!(seeds, [Some(u64::MAX), Some(0), Some(1)]);
    assert_eq!(request.copies, 3);
}

#[test]
fn roles_parts_names_thinking_and_calls_arrive() {
    let (messages, ..) = prompt(json!({ "messages": [
        { "role": "developer", "content": [{ "type": "text", "text": "be " },
            { "type": "text", "text": "brief" }] },
        { "role": "user", "name": "kim", "content": [{ "type": "text", "text": "look" },
            { "type": "image_url", "image_url": { "url": "data:image/jpeg;base64,/9j/", "detail": "low" } }] },
        { "role": "assistant", "reasoning_content": "hm", "content": null, "tool_calls": [
            { "index": 0, "id": "c1", "type": "function", "function": { "name": "f", "arguments": "{\"a\": 1}" } }] },
        { "role": "tool", "tool_call_id": "c1", "content": "42" },
        { "role": "assistant", "refusal": "no" },
    ] }));
    assert_eq!(messages[0].role, Role::System);
    assert_eq!(messages[0].joined_text(), "be brief");
    assert_eq!(messages[1].name.as_deref(), Some("kim"));
    assert_eq!(messages[1].content[1], Part::Image(vec![0xff, 0xd8, 0xff]));
    assert_eq!(messages[2].thinking.as_deref(), Some("hm"));
    let call =
        ToolCall { id: "c1".to_owned(), name: "f".to_owned(), arguments: "{\"a\": 1}".to_owned() };
    assert_eq!(messages[2].tool_calls, [call]);
    assert_eq!(messages[3].tool_call_id.as_deref(), Some("c1"));
    assert_eq!(messages[4].joined_text(), "no");
}

#[test]
fn tools_and_schemas_travel_as_they_were_written() {
    let body = r#"{"model":"m","messages":[{"role":"user","content":"x"}],
        "tools":[{"type":"function","function":{"name":"f","description":"d","strict":true,
        "parameters":{ "type" : "object", "a": 1e0 }}}],
        "tool_choice":{"type":"function","function":{"name":"f"}},
        "response_format":{"type":"json_schema","json_schema":{"name":"n","schema":{"x" :1}}}}"#;
    let request = super::parse_text(body).expect("valid");
    assert_eq!(request.tools(), ["f"]);
    assert_eq!(request.ignored, Vec::<String>::new());
    let generate = &request.answers[0];
    assert_eq!(generate.format, OutputFormat::JsonSchema(r#"{"x" :1}"#.to_owned()));
    let Prompt::Chat { tools, tool_choice, .. } = &generate.prompt else { panic!("a chat") };
    assert_eq!(tools[0].parameters.as_deref(), Some(r#"{ "type" : "object", "a": 1e0 }"#));
    assert_eq!(*tool_choice, ToolChoice::Named("f".to_owned()));
}

#[test]
fn thinking_is_asked_for_in_every_spelling() {
    let cases = [
        (json!({}), Thinking::Default),
        (json!({ "reasoning_effort": "none" }), Thinking::Off),
        (json!({ "reasoning_effort": "low" }), Thinking::On(Some(1_024))),
        (json!({ "reasoning_effort": "auto" }), Thinking::Auto),
        (json!({ "thinking": true }), Thinking::On(None)),
        (json!({ "thinking": false, "reasoning_effort": "high" }), Thinking::Off),
        (json!({ "thinking": { "type": "enabled", "budget_tokens": 9 } }), Thinking::On(Some(9))),
        (json!({ "thinking": { "type": "disabled" } }), Thinking::Off),
    ];
    for (extra, expected) in cases {
        assert_eq!(prompt(extra.clone()).3, expected, "{extra}");
    }
}

#[test]
fn placement_arrives() {
    let id = "ab".repeat(32);
    let request = parse(&chat(json!({ "pumasi": { "only": [id], "not": [], "local_only": true,
        "trust": "mine", "priority": "batch" } })));
    let request = request.expect("valid");
    assert_eq!(request.constraints.only, [NodeId([0xab; 32])]);
    assert!(request.constraints.local_only);
    assert_eq!(request.constraints.trust, Trust::Mine);
    assert_eq!(request.priority, Some(Priority::Batch));
}

#[test]
fn completions_take_text_tokens_and_lists_of_both() {
    let prompts = |prompt: Value, n: u32| -> Vec<Prompt> {
        let body = json!({ "model": "m", "prompt": prompt, "n": n, "logprobs": 2, "echo": true });
        let parsed = parse_completion(body.to_string().as_bytes(), Options::default());
        let parsed = parsed.expect("valid");
        assert_eq!(parsed.kind, JobKind::Completion);
        assert_eq!(parsed.form, Form::Completion { include_usage: false, echo: true });
        parsed.answers.into_iter().map(|generate| generate.prompt).collect()
    };
    let text = |text: &str| Prompt::Text(text.to_owned());
    assert_eq!(prompts(json!("a"), 1), [text("a")]);
    assert_eq!(prompts(json!(["a", "b"]), 2), [text("a"), text("a"), text("b"), text("b")]);
    assert_eq!(prompts(json!([1, 2]), 1), [Prompt::Tokens(vec![1, 2])]);
    assert_eq!(prompts(json!([[1], [2]]), 1), [Prompt::Tokens(vec![1]), Prompt::Tokens(vec![2])]);
}

#[test]
fn embeddings_take_text_tokens_and_lists_of_both() {
    let inputs = |input: Value| {
        let body = json!({ "model": "m", "input": input, "dimensions": 64 });
        let parsed = parse_embeddings(body.to_string().as_bytes(), Options::default());
        let parsed = parsed.expect("valid");
        assert_eq!(parsed.embed.dimensions, Some(64));
        parsed.embed.inputs
    };
    assert_eq!(inputs(json!("a")), [EmbedInput::Text("a".to_owned())]);
    assert_eq!(inputs(json!([1, 2])), [EmbedInput::Tokens(vec![1, 2])]);
    let two = [EmbedInput::Text("a".to_owned()), EmbedInput::Tokens(vec![1])];
    assert_eq!(inputs(json!(["a", [1]])), two);
}
