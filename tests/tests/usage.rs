//! What was asked of two real nodes and a provider is what figures, usage and log say of it, also after a
//! restart; and nothing of what was said, or of a secret, is in any of them.

use pumasi_tests::ask::Asker;
use pumasi_tests::command::until;
use pumasi_tests::nodes::{MEET, Node, STARTER, Setup, join_all};
use pumasi_tests::provider::{FakeProvider, Speech};
use serde_json::{Value, json};

const KEY: &str = "sk-canary-key-81c2";
const PROMPT: &str = "canary-prompt-4d7e and some words";
const CHAT: &str = "/v1/chat/completions";
const MODEL: &str = "gpt-4o-mini";

/// Tokens of some answers, as their clients were told.
#[derive(Debug, Default, Clone, Copy, PartialEq)]
struct Told {
    requests: u64,
    prompt: u64,
    completion: u64,
}

impl Told {
    fn add(&mut self, usage: &Value) {
        let count = |name: &str| usage[name].as_u64().expect("a count");
        self.requests += 1;
        self.prompt += count("prompt_tokens");
        self.completion += count("completion_tokens");
    }

    fn of(row: &Value) -> Self {
        let count = |name: &str| row[name].as_u64().expect("a count");
        Self {
            requests: count("requests") - count("failed"),
            prompt: count("prompt_tokens"),
            completion: count("completion_tokens"),
        }
    }
}

fn chat(model: &str) -> Value {
    json!({ "model": model, "max_tokens": 20,
        "messages": [{ "role": "user", "content": format!("upper: {PROMPT}") }] })
}

/// The counts at the end of a stream.
fn streamed(asker: &Asker, model: &str) -> Value {
    let mut body = chat(model);
    (body["stream"], body["stream_options"]) = (json!(true), json!({ "include_usage": true }));
    let text = asker.post_text(CHAT, &body);
    let data = text.lines().filter_map(|line| line.strip_prefix("data: "));
    let chunks = data.filter_map(|data| serde_json::from_str::<Value>(data).ok());
    let usage = chunks.filter_map(|chunk| chunk["usage"].as_object().cloned()).next_back();
    Value::Object(usage.unwrap_or_else(|| panic!("counts at the end: {text}")))
}

/// The value of a sample of the figures.
fn sample(page: &str, name: &str) -> f64 {
    let line = page.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
    line.and_then(|value| value.parse().ok()).unwrap_or_else(|| panic!("{name}: {page}"))
}

/// Asks the provider and the mesh with a key of Kim's, and the mesh with none; what they were told.
fn ask_all(node: &Node, kim: &Asker) -> (Told, Told, String) {
    let (mut cloud, mut mesh, mut place) = (Told::default(), Told::default(), String::new());
    for _ in 0..3 {
        let (status, body) = kim.ask("POST", CHAT, Some(&chat("openai/gpt-4o-mini"))).expect("one");
        assert_eq!(status, 200, "{body}");
        cloud.add(&body["usage"]);
    }
    for _ in 0..2 {
        cloud.add(&streamed(kim, "openai/gpt-4o-mini"));
    }
    let (status, body) = kim.ask("POST", CHAT, Some(&chat("openai/status-500"))).expect("one");
    assert!(status >= 500, "{body}");
    for _ in 0..2 {
        let reply = node.post(CHAT, &chat(STARTER));
        mesh.add(&reply.body["usage"]);
        let id = reply.header("x-pumasi-node-id").expect("a computer answered");
        place = format!("mesh/{}", &id[..8]);
    }
    mesh.add(&streamed(&Asker::of(node), STARTER));
    (cloud, mesh, place)
}

fn rows(asker: &Asker, by: &str) -> Vec<Value> {
    let (status, body) = asker.ask("GET", &format!("/api/v1/usage?by={by}"), None).expect("one");
    assert_eq!(status, 200, "{body}");
    body["rows"].as_array().expect("rows").clone()
}

#[test]
fn figures_and_usage_say_what_was_asked_and_nothing_of_what_was_said() {
    let setup = Setup::new("desk").with("--person=lee").with("--log-format=json");
    let (node, other) = (setup.start(), Node::start("attic"));
    let nodes = [node, other];
    join_all(&nodes);
    let [node, _other] = nodes;
    let fake = FakeProvider::start(Speech::OpenAi);
    let provider = json!({ "kind": "openai", "base": fake.base, "key": KEY });
    node.post("/api/v1/providers", &provider);
    let made = node
        .pumasi(&["keys", "create", "bot", "--person=kim", "--json", "--scope=inference,jobs"])
        .json();
    let secret = made["secret"].as_str().expect("a secret").to_owned();
    let kim = Asker::holding(&node, &secret);
    let (cloud, mesh, place) = ask_all(&node, &kim);

    let page = Asker::of(&node).text("/metrics");
    let at = format!("{{model=\"{MODEL}\",place=\"openai\"}}");
    assert_eq!(sample(&page, &format!("pumasi_tokens_in_total{at}")), cloud.prompt as f64);
    assert_eq!(sample(&page, &format!("pumasi_tokens_out_total{at}")), cloud.completion as f64);
    assert_eq!(sample(&page, &format!("pumasi_answer_seconds_count{at}")), 5.0);
    assert_eq!(sample(&page, &format!("pumasi_first_token_seconds_count{at}")), 2.0);
    let fine = format!("{{route=\"{CHAT}\",dialect=\"openai\",status=\"2xx\",code=\"\"}}");
    assert_eq!(sample(&page, &format!("pumasi_requests_total{fine}")), 8.0);
    let at = "{provider=\"openai\",model=\"openai/gpt-4o-mini\"}";
    assert_eq!(sample(&page, &format!("pumasi_provider_requests_total{at}")), 5.0);
    assert_eq!(sample(&page, "pumasi_members{presence=\"online\"}"), 1.0);

    let own = Asker::of(&node);
    check_usage(&own, &kim, cloud, mesh, &place);
    let csv = node.pumasi(&["usage", "--by=person,model", "--csv"]);
    assert!(csv.stdout.contains(",kim,,,gpt-4o-mini,"), "{csv:?}");
    let table = node.pumasi(&["usage", "--by=day,person"]);
    assert!(table.stdout.contains("COST (USD)") && table.stdout.contains("kim"), "{table:?}");
    let record = node.pumasi(&["audit"]);
    assert!(record.stdout.contains("openai/gpt-4o-mini on openai: "), "{record:?}");
    let line = until("a request's line is in the log", MEET, || {
        let log = node.log();
        let mut lines = log.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
        lines.rfind(|line| line["place"] == "openai")
    });
    assert_eq!((&line["route"], &line["dialect"]), (&json!(CHAT), &json!("openai")));
    assert!(line["tokens_in"].as_u64() > Some(0) && line.get("model").is_none(), "{line}");
    let told = [&page, &csv.stdout, &table.stdout, &node.log(), &own.text("/api/v1/usage")];
    for text in told {
        assert!(!text.contains("canary") && !text.contains(&secret), "{text}");
    }

    let (code, folder) = node.stop();
    assert_eq!(code, Some(0));
    let node = Setup::new("desk").with("--person=lee").on(folder).start();
    let (own, kim) = (Asker::of(&node), Asker::holding(&node, &secret));
    check_usage(&own, &kim, cloud, mesh, &place);
}

fn check_usage(own: &Asker, kim: &Asker, cloud: Told, mesh: Told, place: &str) {
    let all = rows(own, "person,key,model,place,day");
    let of = |model: &str| {
        let found: Vec<&Value> = all.iter().filter(|row| row["model"] == model).collect();
        assert_eq!(found.len(), 1, "{model}: {all:?}");
        found[0].clone()
    };
    let row = of(MODEL);
    assert_eq!((Told::of(&row), &row["person"]), (cloud, &json!("kim")));
    let cost = (0.15 * cloud.prompt as f64 + 0.6 * cloud.completion as f64) / 1e6;
    let told = row["cost_usd"].as_f64().expect("a known price");
    assert!((told - cost).abs() < 1e-9, "{told} and {cost}");
    let row = of(STARTER);
    assert_eq!((Told::of(&row), &row["person"], &row["key"]), (mesh, &json!("lee"), &json!("")));
    assert_eq!(row["place"], place);
    assert!(row["engine_s"].as_f64() > Some(0.0), "{row}");
    let row = of("openai/status-500");
    assert_eq!((&row["failed"], &row["requests"]), (&json!(1), &json!(1)));
    let mine = rows(kim, "person");
    assert_eq!(mine.len(), 1, "{mine:?}");
    assert_eq!((&mine[0]["person"], &mine[0]["requests"]), (&json!("kim"), &json!(6)));
}
