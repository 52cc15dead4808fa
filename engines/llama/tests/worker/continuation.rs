//! An answer that goes on in another worker after any of its tokens, with everything that its
//! beginning left behind: grammar, penalties, stop strings, thinking, tools, log-probabilities.

use pumasi_protocol::generate::{
    Generate, Message, OutputFormat, Prompt, Resume, Role, Thinking, Tool, ToolChoice,
};
use pumasi_protocol::{Fault, Finish};

use crate::rig::{Answer, Rig, chat, greedy, question};

/// Two workers: one writes whole answers, the other goes on with them and knows nothing of them.
struct Pair {
    first: Rig,
    second: Rig,
}

impl Pair {
    async fn new() -> Self {
        Self { first: Rig::new(1).await, second: Rig::new(1).await }
    }

    /// Goes on after each token of the answer; all must end as the undisturbed answer does.
    async fn continues(&self, what: &str, body: &Generate) -> Answer {
        let whole = self.first.ask(body.clone()).await;
        for cut in 0..=whole.tokens.len() {
            // Whatever the cache holds of the answer is gone, as on another computer.
            let mut other = greedy(Prompt::Tokens(vec![65, 66]));
            other.max_tokens = Some(1);
            self.second.ask(other).await;
            let mut rest = body.clone();
            let delivered = whole.ids()[..cut].to_vec();
            rest.resume = Some(Resume { prompt: whole.prompt.clone(), delivered });
            let answer = self.second.ask(rest).await;
            assert!(answer.cached < 3, "{what}: {} ids of the prompt were cached", answer.cached);
            check(&format!("{what}, cut at {cut}"), &whole, &answer, cut);
        }
        whole
    }
}

fn check(what: &str, whole: &Answer, rest: &Answer, cut: usize) {
    assert_eq!(rest.ids(), whole.ids()[cut..], "{what}");
    assert_eq!((rest.finish, &rest.prompt), (whole.finish, &whole.prompt), "{what}");
    assert_eq!(rest.usage.completion, whole.usage.completion, "{what}: counted once");
    assert_eq!(rest.syntax, whole.syntax, "{what}");
    for (token, before) in rest.tokens.iter().zip(&whole.tokens[cut..]) {
        assert_eq!(token.bytes, before.bytes, "{what}");
        assert_eq!(token.top.len(), before.top.len(), "{what}");
        let difference = match (token.logprob, before.logprob) {
            (Some(a), Some(b)) => (a - b).abs(),
            (None, None) => 0.0,
            other => panic!("{what}: {other:?}"),
        };
        assert!(difference < 2e-2, "{what}: {difference}");
    }
}

fn drawn(mut body: Generate, seed: u64) -> Generate {
    body.sampling.temperature = Some(1.0);
    body.sampling.seed = Some(seed);
    body
}

fn endless(mut body: Generate, tokens: u32) -> Generate {
    body.ignore_eos = true;
    body.max_tokens = Some(tokens);
    body
}

#[tokio::test]
async fn greedy_answers_go_on_after_any_token() {
    let pair = Pair::new().await;
    let whole = pair.continues("upper", &question("upper: neighbours help")).await;
    assert_eq!(whole.text(), "NEIGHBOURS HELP");
    let whole = pair.continues("reverse", &question("reverse: lending a hand")).await;
    assert_eq!(whole.finish, Some(Finish::Stop));
    let mut short = question("repeat: abcdefgh");
    short.max_tokens = Some(5);
    let whole = pair.continues("ceiling", &short).await;
    assert_eq!((whole.text().as_str(), whole.finish), ("abcde", Some(Finish::Length)));
}

#[tokio::test]
async fn characters_that_are_cut_in_the_middle_go_on_with_their_next_byte() {
    let pair = Pair::new().await;
    let whole = pair.continues("korean", &question("repeat: 품앗이 día")).await;
    assert!(
        whole.tokens.len() > whole.text().chars().count(),
        "some tokens are parts of characters"
    );
}

#[tokio::test]
async fn raw_prompts_go_on_after_any_token() {
    let pair = Pair::new().await;
    let raw = "<|im_start|>user\nrepeat: raw text<|im_end|>\n<|im_start|>assistant\n";
    let whole = pair.continues("text", &greedy(Prompt::Text(raw.into()))).await;
    assert_eq!(whole.text(), "raw text");
    let tokens = Prompt::Tokens(whole.prompt);
    pair.continues("tokens", &endless(drawn(greedy(tokens), 5), 24)).await;
}

#[tokio::test]
async fn seeded_answers_go_on_after_any_token() {
    let pair = Pair::new().await;
    for seed in 0..4 {
        let body = endless(drawn(question("repeat: abc def"), seed), 32);
        pair.continues(&format!("seed {seed}"), &body).await;
    }
}

#[tokio::test]
async fn penalties_and_biases_count_what_was_delivered() {
    let pair = Pair::new().await;
    let mut body = endless(question("repeat: aaaa bbbb"), 32);
    body.sampling.repeat_penalty = Some(1.4);
    body.sampling.presence_penalty = Some(0.8);
    body.sampling.frequency_penalty = Some(0.6);
    body.sampling.logit_bias = vec![(u32::from(b'z'), 4.0)];
    let plain = pair.first.ask(endless(question("repeat: aaaa bbbb"), 32)).await;
    let whole = pair.continues("penalties", &body).await;
    assert_ne!(whole.ids(), plain.ids(), "they change something");
    pair.continues("drawn penalties", &drawn(body, 9)).await;
}

#[tokio::test]
async fn a_stop_string_across_the_seam_still_ends_the_answer() {
    let pair = Pair::new().await;
    let mut body = question("repeat: one two three");
    body.stop = vec!["two t".into(), "never".into()];
    let whole = pair.continues("stop", &body).await;
    assert_eq!(whole.finish, Some(Finish::StopString));
    assert!(whole.text().ends_with("two t"), "{}", whole.text());
}

#[tokio::test]
async fn grammars_go_on_where_they_were() {
    let pair = Pair::new().await;
    let schema = r#"{"type":"object","properties":{"name":{"type":"string","maxLength":8},
        "n":{"type":"integer","minimum":0,"maximum":99}},"required":["name","n"],
        "additionalProperties":false}"#;
    let mut body = question("repeat: abc");
    body.format = OutputFormat::JsonSchema(schema.into());
    let whole = pair.continues("schema", &body).await;
    serde_json::from_str::<serde_json::Value>(&whole.text()).expect("JSON");
    pair.continues("drawn schema", &drawn(body.clone(), 3)).await;
    body.format = OutputFormat::Lark("start: (\"maybe\" | \"later\") \" \" /[0-9]{3}/".into());
    pair.continues("lark", &drawn(body, 4)).await;
}

fn with_tools(choice: ToolChoice, thinking: Thinking) -> Generate {
    let parameters = r#"{"type":"object","properties":{"city":{"type":"string","maxLength":8}},
        "required":["city"],"additionalProperties":false}"#;
    let tool = |name: &str| Tool {
        name: name.into(),
        description: None,
        parameters: Some(parameters.into()),
    };
    let mut body = greedy(Prompt::Chat {
        messages: vec![Message::text(Role::User, "repeat: abc")],
        tools: vec![tool("weather"), tool("clock")],
        tool_choice: choice,
        thinking,
    });
    body.max_tokens = Some(96);
    body
}

#[tokio::test]
async fn tool_calls_and_thinking_go_on_where_they_were() {
    let pair = Pair::new().await;
    let whole = pair.continues("tool", &with_tools(ToolChoice::Required, Thinking::Default)).await;
    assert!(whole.text().contains("</tool_call>"), "{}", whole.text());
    let named = ToolChoice::Named("clock".into());
    let thinks = with_tools(named, Thinking::On(Some(6)));
    let whole = pair.continues("thinking, then a tool", &thinks).await;
    assert!(whole.text().starts_with("<think>"), "{}", whole.text());
    let mut prompt = chat(vec![Message::text(Role::User, "upper: abc")]);
    if let Prompt::Chat { thinking, .. } = &mut prompt {
        *thinking = Thinking::On(Some(2));
    }
    let mut body = greedy(prompt);
    body.max_tokens = Some(48);
    pair.continues("thinking with a budget", &body).await;
}

#[tokio::test]
async fn log_probabilities_go_on() {
    let pair = Pair::new().await;
    let mut body = question("upper: probably");
    body.logprobs = Some(3);
    let whole = pair.continues("logprobs", &body).await;
    assert!(whole.tokens.iter().all(|token| token.logprob.is_some() && token.top.len() == 3));
}

/// The same question, with an answer that begins with a text.
fn begun(question: &str, text: &str) -> Generate {
    greedy(chat(vec![Message::text(Role::User, question), Message::text(Role::Assistant, text)]))
}

#[tokio::test]
async fn an_answer_goes_on_with_text_that_somebody_else_wrote() {
    let rig = Rig::new(1).await;
    for cut in 0..="NEIGHBOURS HELP".len() {
        let (before, after) = "NEIGHBOURS HELP".split_at(cut);
        let answer = rig.ask(begun("upper: neighbours help", before)).await;
        assert_eq!(answer.text(), after, "after {before:?}");
        assert_eq!(answer.finish, Some(Finish::Stop));
    }
    let spelled = rig.ask(begun("upper: neighbours help", "NEIGH<|im_end|>")).await;
    assert_ne!(spelled.text(), "", "nobody ends a turn by spelling its end");
}

#[tokio::test]
async fn the_shape_of_an_answer_binds_its_beginning_too() {
    let rig = Rig::new(1).await;
    let schema = r#"{"type":"string","enum":["neighbour","nobody"]}"#.to_owned();
    let shaped = |text: &str| {
        let mut body = begun("repeat: x", text);
        body.format = OutputFormat::JsonSchema(schema.clone());
        body
    };
    assert_eq!(rig.ask(shaped("\"nei")).await.text(), "ghbour\"");
    assert_eq!(rig.ask(shaped("\"no")).await.text(), "body\"");
    assert_eq!(rig.ask(shaped("\"nobody\"")).await.text(), "");
    assert_eq!(rig.fails(shaped("\"every")).await, Fault::BadRequest);
}
