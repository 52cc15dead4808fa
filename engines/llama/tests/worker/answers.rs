//! What the worker answers: greedy and drawn, alone and beside others, whole and resumed.

use pumasi_engine_host::Engine;
use pumasi_protocol::engine::ToolSyntax;
use pumasi_protocol::generate::{
    Embed, EmbedInput, Generate, Message, OutputFormat, Prompt, Resume, Role, Thinking, Tool,
    ToolChoice,
};
use pumasi_protocol::stream::AttemptEvent;
use pumasi_protocol::{Fault, Finish, Work};
use serde_json::Value;

use crate::rig::{Answer, Rig, chat, collect, greedy, question};

#[tokio::test]
async fn the_starter_model_answers_and_counts_honestly() {
    let rig = Rig::new(1).await;
    assert!(rig.model.capabilities.generate && rig.model.capabilities.embed);
    assert!(rig.model.capabilities.tools && rig.model.capabilities.thinking);
    let answer = rig.ask(question("repeat: hello")).await;
    assert_eq!(answer.text(), "hello");
    assert_eq!(answer.finish, Some(Finish::Stop));
    assert_eq!(answer.usage.prompt as usize, answer.prompt.len());
    assert_eq!(answer.usage.completion as usize, answer.tokens.len());
    assert_eq!((answer.cached, answer.usage.cached), (0, 0));
}

#[tokio::test]
async fn slots_beside_each_other_answer_as_they_do_alone() {
    let rig = Rig::new(4).await;
    let words = ["alpha", "bravo", "charlie", "delta", "echo", "foxtrot"];
    let mut alone = Vec::new();
    for word in words {
        alone.push(rig.ask(question(&format!("upper: {word}"))).await.text());
    }
    let together: Vec<_> =
        words.iter().map(|word| rig.submit(question(&format!("upper: {word}")))).collect();
    for (events, (word, alone)) in together.into_iter().zip(words.iter().zip(alone)) {
        let answer = collect(events).await.expect("an answer");
        assert_eq!(answer.text(), alone);
        assert_eq!(alone, word.to_uppercase());
    }
}

#[tokio::test]
async fn prefixes_are_reused_across_turns_and_slots_and_reported() {
    let rig = Rig::new(2).await;
    let system = "you are a careful clerk in a small office with many machines";
    let turn =
        |text: &str| vec![Message::text(Role::System, system), Message::text(Role::User, text)];
    let first = rig.ask(greedy(chat(turn("repeat: one")))).await;
    assert_eq!(first.cached, 0);
    let mut longer = turn("repeat: one");
    longer
        .extend([Message::text(Role::Assistant, "one"), Message::text(Role::User, "repeat: two")]);
    let second = rig.ask(greedy(chat(longer))).await;
    assert_eq!(second.text(), "two");
    assert_eq!(second.cached as usize, first.prompt.len() + first.tokens.len());
    // Another conversation takes the other slot and shares the system prompt from the first.
    let third = rig.ask(greedy(chat(turn("repeat: three")))).await;
    assert_eq!(third.text(), "three");
    assert!(third.cached as usize > system.len() / 2, "{}", third.cached);
    let again = rig.ask(greedy(chat(turn("repeat: three")))).await;
    assert_eq!(again.cached as usize, again.prompt.len() - 1, "the last id is computed anew");
    assert_eq!((again.text(), again.usage.cached), (third.text(), again.cached));
}

fn drawn(text: &str, seed: u64) -> Generate {
    let mut body = question(text);
    body.sampling.temperature = Some(1.5);
    body.sampling.top_p = Some(1.0);
    body.sampling.min_p = Some(0.0);
    body.sampling.seed = Some(seed);
    body.max_tokens = Some(40);
    body.ignore_eos = true;
    body
}

async fn resumes_alike(rig: &Rig, body: &Generate, whole: &Answer) {
    for cut in [0, 1, whole.tokens.len() / 2, whole.tokens.len() - 1] {
        let mut rest = body.clone();
        let delivered = whole.ids()[..cut].to_vec();
        rest.resume = Some(Resume { prompt: whole.prompt.clone(), delivered });
        let answer = rig.ask(rest).await;
        assert_eq!(answer.ids(), whole.ids()[cut..], "cut at {cut}");
        assert_eq!(
            (answer.finish, answer.usage.completion),
            (whole.finish, whole.usage.completion)
        );
        assert_eq!(answer.prompt, whole.prompt);
    }
}

#[tokio::test]
async fn a_resumed_answer_equals_the_undisturbed_one() {
    let rig = Rig::new(2).await;
    let greedy = question("upper: neighbours help");
    let whole = rig.ask(greedy.clone()).await;
    assert_eq!(whole.text(), "NEIGHBOURS HELP");
    resumes_alike(&rig, &greedy, &whole).await;
    let seeded = drawn("repeat: abc", 11);
    let whole = rig.ask(seeded.clone()).await;
    assert_eq!((whole.finish, whole.tokens.len()), (Some(Finish::Length), 40));
    resumes_alike(&rig, &seeded, &whole).await;
    assert_ne!(rig.ask(drawn("repeat: abc", 12)).await.ids(), whole.ids());
    let mut done = seeded.clone();
    done.resume = Some(Resume { prompt: whole.prompt.clone(), delivered: whole.ids() });
    let answer = rig.ask(done).await;
    assert_eq!((answer.finish, answer.tokens.len()), (Some(Finish::Length), 0));
}

#[tokio::test]
async fn answers_follow_a_json_schema() {
    let rig = Rig::new(2).await;
    let schema = r#"{"type":"object","properties":{"name":{"type":"string","maxLength":12},
        "n":{"type":"integer","minimum":0,"maximum":99}},"required":["name","n"],
        "additionalProperties":false}"#;
    let mut body = question("repeat: abc");
    body.format = OutputFormat::JsonSchema(schema.into());
    for seed in 0..4 {
        let mut body = body.clone();
        body.sampling.temperature = Some(if seed == 0 { 0.0 } else { 1.0 });
        body.sampling.seed = Some(seed);
        let answer = rig.ask(body).await;
        let json: Value = serde_json::from_str(&answer.text()).expect("JSON");
        assert!(json["name"].as_str().is_some_and(|name| name.chars().count() <= 12));
        assert!(json["n"].as_u64().is_some_and(|n| n <= 99));
        assert_eq!(json.as_object().map(serde_json::Map::len), Some(2));
        assert!(matches!(answer.finish, Some(Finish::Grammar | Finish::Stop)));
    }
    body.format = OutputFormat::JsonObject;
    body.max_tokens = Some(200);
    assert!(rig.ask(body).await.text().starts_with('{'));
    let mut lark = question("repeat: abc");
    lark.format = OutputFormat::Lark("start: \"maybe\" | \"later\"".into());
    assert!(["maybe", "later"].contains(&rig.ask(lark).await.text().as_str()));
}

fn with_tool(text: &str, choice: ToolChoice, thinking: Thinking) -> Generate {
    let parameters = r#"{"type":"object","properties":{"city":{"type":"string","maxLength":20}},
        "required":["city"],"additionalProperties":false}"#;
    let tool = |name: &str| Tool {
        name: name.into(),
        description: None,
        parameters: Some(parameters.into()),
    };
    let mut body = greedy(Prompt::Chat {
        messages: vec![Message::text(Role::User, text)],
        tools: vec![tool("weather"), tool("clock")],
        tool_choice: choice,
        thinking,
    });
    body.max_tokens = Some(200);
    body
}

fn call_of(answer: &Answer) -> Value {
    let text = answer.text();
    let call = text.rsplit_once("<tool_call>").expect("a call").1;
    let call = call.split_once("</tool_call>").expect("a whole call").0;
    serde_json::from_str(call).expect("JSON")
}

#[tokio::test]
async fn a_required_tool_is_called_whatever_the_model_wants() {
    let rig = Rig::new(1).await;
    let required = with_tool("repeat: abc", ToolChoice::Required, Thinking::Default);
    let answer = rig.ask(required).await;
    assert_eq!(answer.syntax.tools, ToolSyntax::Hermes);
    assert!(["weather", "clock"].contains(&call_of(&answer)["name"].as_str().expect("a name")));
    assert!(call_of(&answer)["arguments"]["city"].is_string());
    let named = ToolChoice::Named("clock".into());
    let answer = rig.ask(with_tool("repeat: abc", named, Thinking::On(Some(8)))).await;
    assert!(answer.text().starts_with("<think>"), "{}", answer.text());
    assert!(answer.text().contains("</think>"), "the budget closes it: {}", answer.text());
    assert_eq!(call_of(&answer)["name"], "clock");
    let absent = ToolChoice::Named("absent".into());
    let fault = rig.fails(with_tool("repeat: abc", absent, Thinking::Default)).await;
    assert_eq!(fault, Fault::BadRequest);
    let answer = rig.ask(with_tool("repeat: abc", ToolChoice::None, Thinking::Default)).await;
    assert_eq!((answer.text().as_str(), answer.syntax.tools), ("abc", ToolSyntax::None));
}

#[tokio::test]
async fn thinking_stops_at_its_budget() {
    let rig = Rig::new(1).await;
    let prompt = Prompt::Chat {
        messages: vec![Message::text(Role::User, "upper: abc")],
        tools: Vec::new(),
        tool_choice: ToolChoice::Auto,
        thinking: Thinking::On(Some(2)),
    };
    let mut body = greedy(prompt.clone());
    body.max_tokens = Some(64);
    let answer = rig.ask(body.clone()).await;
    let closes = answer.tokens.iter().position(|token| token.bytes == b"</think>");
    if answer.text().starts_with("<think>") {
        assert!(closes.is_some_and(|at| at <= 3), "{}", answer.text());
    }
}

#[tokio::test]
async fn log_probabilities_are_of_the_model_and_ordered() {
    let rig = Rig::new(1).await;
    let mut body = question("repeat: abc");
    body.logprobs = Some(5);
    body.sampling.logit_bias = vec![(u32::from(b'z'), 100.0)];
    body.max_tokens = Some(3);
    for token in rig.ask(body).await.tokens {
        assert_eq!(token.bytes, b"z", "the bias decides");
        assert_eq!(token.top.len(), 5);
        assert!(token.logprob.is_some_and(|p| p < token.top[0].logprob), "the model would not");
        assert!(token.top.windows(2).all(|pair| pair[0].logprob >= pair[1].logprob));
        let mass: f32 = token.top.iter().map(|top| top.logprob.exp()).sum();
        assert!(mass > 0.5 && mass < 1.001, "{mass}");
    }
    assert_eq!(rig.ask(question("repeat: abc")).await.tokens[0].logprob, None);
}

#[tokio::test]
async fn stop_strings_end_the_answer_and_all_ids_are_told() {
    let rig = Rig::new(1).await;
    let mut body = question("repeat: one two three");
    body.stop = vec!["o t".into()];
    let answer = rig.ask(body).await;
    assert_eq!(answer.finish, Some(Finish::StopString));
    assert!(answer.text().ends_with("o t"), "{}", answer.text());
    assert_eq!(answer.usage.completion as usize, answer.tokens.len());
}

#[tokio::test]
async fn ceilings_hold_and_raw_prompts_are_continued() {
    let rig = Rig::new(1).await;
    let mut body = question("repeat: abcdef");
    body.max_tokens = Some(2);
    let answer = rig.ask(body).await;
    assert_eq!((answer.text().as_str(), answer.finish), ("ab", Some(Finish::Length)));
    let raw = "<|im_start|>user\nrepeat: raw<|im_end|>\n<|im_start|>assistant\n";
    assert_eq!(rig.ask(greedy(Prompt::Text(raw.into()))).await.text(), "raw");
    let ids = rig.ask(question("repeat: raw")).await.prompt;
    assert_eq!(rig.ask(greedy(Prompt::Tokens(ids))).await.text(), "raw");
}

#[tokio::test]
async fn control_tokens_spelled_by_a_person_are_text() {
    let rig = Rig::new(1).await;
    let plain = rig.ask(question("repeat: x")).await.prompt;
    let spelled = rig.ask(question("repeat: <|im_end|>")).await.prompt;
    // One id per byte of the spelled token instead of the control token itself.
    assert_eq!(spelled.len(), plain.len() + "<|im_end|>".len() - 1);
}

#[tokio::test]
async fn embeddings_have_unit_length_and_honest_counts() {
    let rig = Rig::new(1).await;
    let texts = ["repeat: one", "repeat: one", "upper: something else", "x"];
    let inputs = texts.map(|text| EmbedInput::Text(text.into())).to_vec();
    let embed = |inputs, dimensions| Work::Embed(Embed { inputs, dimensions });
    let ask = async |work| {
        let mut events = rig.engine.submit(work).expect("a ready engine takes work").events;
        loop {
            match events.recv().await.expect("a last event") {
                AttemptEvent::Embedded { embedded, .. } => return Ok(embedded),
                AttemptEvent::Failed(fault) => return Err(fault),
                AttemptEvent::Alive { .. } => {}
                AttemptEvent::Started { .. }
                | AttemptEvent::Tokens { .. }
                | AttemptEvent::Part { .. }
                | AttemptEvent::Finished { .. } => panic!("no text was asked for"),
            }
        }
    };
    let embedded = ask(embed(inputs.clone(), None)).await.expect("embeddings");
    assert_eq!(embedded.len(), 4);
    for one in &embedded {
        assert_eq!(one.vector.len(), rig.model.embedding_dimensions as usize);
        let length: f32 = one.vector.iter().map(|x| x * x).sum::<f32>().sqrt();
        assert!((length - 1.0).abs() < 1e-4, "{length}");
    }
    let dot = |a: usize, b: usize| -> f32 {
        embedded[a].vector.iter().zip(&embedded[b].vector).map(|(x, y)| x * y).sum()
    };
    assert!(dot(0, 1) > 0.999 && dot(0, 2) < dot(0, 1));
    assert_eq!(embedded[3].tokens, 1);
    let short = ask(embed(inputs, Some(8))).await.expect("embeddings");
    assert!(short.iter().all(|one| one.vector.len() == 8));
    let empty = vec![EmbedInput::Text(String::new())];
    assert_eq!(ask(embed(empty, None)).await, Err(Fault::BadRequest));
    assert_eq!(ask(embed(Vec::new(), None)).await, Err(Fault::BadRequest));
    let long = vec![EmbedInput::Tokens(vec![65; 5_000])];
    assert!(matches!(ask(embed(long, None)).await, Err(Fault::Context { .. })));
    let many: Vec<_> = (0..300).map(|i| EmbedInput::Text(format!("repeat: {i}"))).collect();
    assert_eq!(ask(embed(many, Some(16))).await.map(|e| e.len()), Ok(300));
}

/// The largest difference of log-probabilities at the same place of two equal answers.
fn largest_difference(a: &Answer, b: &Answer) -> f32 {
    assert_eq!(a.ids(), b.ids());
    let pairs = a.tokens.iter().zip(&b.tokens);
    let of = |token: &pumasi_protocol::Token| token.logprob.expect("it was asked for");
    pairs.map(|(a, b)| (of(a) - of(b)).abs()).fold(0.0, f32::max)
}

#[tokio::test]
async fn what_is_reused_or_shared_is_what_would_have_been_computed() {
    let system = Message::text(Role::System, "neighbours lend each other a day's work");
    let ask = |text: &str| {
        let mut body = greedy(chat(vec![system.clone(), Message::text(Role::User, text)]));
        body.logprobs = Some(0);
        body
    };
    let fresh = Rig::new(1).await.ask(ask("upper: abcdefg")).await;
    assert_eq!(fresh.cached, 0);
    let rig = Rig::new(3).await;
    rig.ask(ask("reverse: zyx")).await;
    let shared = rig.ask(ask("upper: abcdefg")).await;
    let reused = rig.ask(ask("upper: abcdefg")).await;
    let beside = [ask("repeat: something long to keep a slot busy"), ask("upper: abcdefg")];
    let [other, beside] = beside.map(|body| rig.submit(body));
    let beside = collect(beside).await.expect("an answer");
    collect(other).await.expect("an answer");
    for answer in [&shared, &reused, &beside] {
        assert!(answer.cached > 0);
        let difference = largest_difference(&fresh, answer);
        assert!(difference < 1e-2, "{difference}");
    }
}
