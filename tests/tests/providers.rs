//! Providers behind a real node: asked in every dialect, left when they fail, gone on from in the middle
//! of a stream, and never told to anybody with their key.

use std::time::Duration;

use pumasi_tests::command::{Ended, pumasi, run, until};
use pumasi_tests::nodes::{Node, Reply, STARTER};
use pumasi_tests::provider::{FakeProvider, Speech};
use pumasi_tests::stream::{Streamed, read};
use serde_json::{Value, json};

const KEY: &str = "sk-canary-7f3a91";
const PATIENCE: Duration = Duration::from_secs(60);

/// Sets a fake up as a provider of this kind, under this id.
fn set_up(node: &Node, fake: &FakeProvider, kind: &str, id: &str) {
    let request = json!({ "kind": kind, "id": id, "base": fake.base, "key": KEY });
    let reply = node.post("/api/v1/providers", &request);
    assert!(reply.body["models"].as_array().is_some_and(|models| !models.is_empty()), "{reply:?}");
}

/// A node and a fake that speaks OpenAI's language, as `lab`.
fn with_lab() -> (Node, FakeProvider) {
    let (node, fake) = (Node::start("desk"), FakeProvider::start(Speech::OpenAi));
    set_up(&node, &fake, "openai-compatible", "lab");
    (node, fake)
}

fn chat(model: &str, said: &str) -> Value {
    json!({ "model": model, "messages": [{ "role": "user", "content": said }], "max_tokens": 60 })
}

fn stands_in(node: &Node) {
    let reply = node.request("PATCH", "/api/v1/routing", Some(&json!({ "stand_in": [STARTER] })));
    assert_eq!(reply.status, 200, "{reply:?}");
    // What the mesh has is looked at every two seconds.
    until("the mesh's model stands in", PATIENCE, || {
        let reply = node.request("POST", CHAT, Some(&chat("lab/status-500", "upper: ok")));
        (reply.status == 200).then_some(())
    });
}

const CHAT: &str = "/v1/chat/completions";

/// The text of a whole answer, in any dialect.
fn text(reply: &Reply) -> String {
    let body = &reply.body;
    let places = [
        &body["choices"][0]["message"]["content"],
        &body["content"][0]["text"],
        &body["candidates"][0]["content"]["parts"][0]["text"],
        &body["message"]["content"],
        &body["output"][0]["content"][0]["text"],
    ];
    let text = places.into_iter().find_map(Value::as_str);
    text.unwrap_or_else(|| panic!("an answer: {reply:?}")).to_owned()
}

#[test]
fn every_dialect_reaches_every_sort_of_provider() {
    let node = Node::start("desk");
    let kinds = [
        (Speech::OpenAi, "openai-compatible", "lab"),
        (Speech::Anthropic, "anthropic", "claude"),
        (Speech::Gemini, "gemini", "google"),
    ];
    let fakes = kinds.map(|(speech, kind, id)| {
        let fake = FakeProvider::start(speech);
        set_up(&node, &fake, kind, id);
        fake
    });
    for ((_, _, id), fake) in kinds.iter().zip(&fakes) {
        let model = format!("{id}/fine");
        let said = "good morning";
        let user = json!([{ "role": "user", "content": said }]);
        let content = json!({ "contents": [{ "role": "user", "parts": [{ "text": said }] }] });
        let asked = [
            (CHAT.to_owned(), chat(&model, said)),
            ("/v1/responses".to_owned(), json!({ "model": model, "input": said })),
            (
                "/v1/messages".to_owned(),
                json!({ "model": model, "messages": user, "max_tokens": 60 }),
            ),
            (format!("/v1beta/models/{model}:generateContent"), content),
            ("/api/chat".to_owned(), json!({ "model": model, "messages": user, "stream": false })),
        ];
        for (path, body) in asked {
            let reply = node.post(&path, &body);
            assert_eq!(text(&reply), format!("You said: {said}"), "{path} at {id}");
            assert_eq!(reply.header("x-pumasi-provider"), Some(*id), "{path}: {reply:?}");
            let seen = fake.seen().pop().expect("it was asked");
            let named = seen.header("authorization").is_some_and(|value| value.ends_with(KEY))
                || seen.header("x-api-key") == Some(KEY)
                || seen.header("x-goog-api-key") == Some(KEY);
            assert!(named, "{path} at {id}: {seen:?}");
        }
        let streamed = read(&node, CHAT, &chat(&model, said), |_, _| ());
        assert_eq!(streamed.text, format!("You said: {said}"), "{id}");
        assert!(streamed.done && streamed.error.is_none(), "{id}: {streamed:?}");
        assert!(streamed.usage["completion_tokens"].as_u64() > Some(0), "{id}: {streamed:?}");
    }
}

#[test]
fn texts_become_vectors_at_a_provider_in_each_dialect_that_has_them() {
    let node = Node::start("desk");
    let fakes = [
        (FakeProvider::start(Speech::OpenAi), "openai-compatible", "lab"),
        (FakeProvider::start(Speech::Gemini), "gemini", "google"),
    ];
    for (fake, kind, id) in &fakes {
        set_up(&node, fake, kind, id);
        let model = format!("{id}/embed-small");
        let ours = node.post("/v1/embeddings", &json!({ "model": model, "input": ["a b", "c"] }));
        let first = |value: &Value| value.as_array().map_or(0, Vec::len);
        assert!(first(&ours.body["data"][1]["embedding"]) > 1, "{id}: {ours:?}");
        let ollama = node.post("/api/embed", &json!({ "model": model, "input": ["a b", "c"] }));
        assert_eq!(first(&ollama.body["embeddings"]), 2, "{id}: {ollama:?}");
        let path = format!("/v1beta/models/{model}:embedContent");
        let google = node.post(&path, &json!({ "content": { "parts": [{ "text": "a b" }] } }));
        assert!(first(&google.body["embedding"]["values"]) > 1, "{id}: {google:?}");
        assert_eq!(google.header("x-pumasi-provider"), Some(*id), "{google:?}");
    }
}

#[test]
fn a_request_in_the_providers_own_words_is_handed_on_as_it_came() {
    let (node, fake) = with_lab();
    let mut body = chat("lab/fine", "as it is");
    body["something_new"] = json!({ "that": ["nobody", "knows", 1.50] });
    let reply = node.post(CHAT, &body);
    assert_eq!(reply.body["id"], "chatcmpl-fake");
    assert_eq!(reply.body["system_fingerprint"], "fp_fake");
    assert_eq!(reply.header("x-pumasi-ignored"), None);
    let seen = fake.seen().pop().expect("it was asked").json();
    body["model"] = json!("fine");
    assert_eq!(seen, body);
}

/// Streams from the lab and pulls its plug once so many pieces have come.
fn unplugged(node: &Node, fake: &mut FakeProvider, path: &str, body: &Value) -> Streamed {
    read(node, path, body, |_, pieces| {
        if pieces == 6 {
            fake.unplug();
        }
    })
}

#[test]
fn a_plug_that_is_pulled_in_the_middle_of_a_stream_is_a_pause() {
    let (node, mut fake) = with_lab();
    stands_in(&node);
    let body = chat("lab/long-200.pause-20", "repeat: neighbours");
    let streamed = unplugged(&node, &mut fake, CHAT, &body);
    assert_eq!(streamed.error, None, "{streamed:?}");
    assert!(streamed.text.starts_with("You said: repeat: neighbours word1 word2"), "{streamed:?}");
    assert_eq!(streamed.text.matches("word1 ").count(), 1, "nothing twice: {streamed:?}");
    assert!(!streamed.text.contains("word200"), "the plug was pulled: {streamed:?}");
    assert!(streamed.done && streamed.finish.is_some(), "{streamed:?}");
    assert!(streamed.seams().iter().any(|seam| seam["to"] == "desk"), "{streamed:?}");
    let why = node.pumasi(&["jobs", "--json"]);
    assert!(why.stdout.contains("lab"), "{why:?}");
}

#[test]
fn a_stream_that_breaks_off_goes_on_at_another_provider_in_each_conversion() {
    let node = Node::start("desk");
    let mut cloud = FakeProvider::start(Speech::Anthropic);
    set_up(&node, &cloud, "anthropic", "claude");
    let routing = json!({ "stand_in": [STARTER], "policy": "cloud_first" });
    assert_eq!(node.request("PATCH", "/api/v1/routing", Some(&routing)).status, 200);
    until("the mesh's model stands in", PATIENCE, || {
        let reply = node.request("POST", CHAT, Some(&chat("claude/status-500", "upper: ok")));
        (reply.status == 200).then_some(())
    });
    let body = chat("claude/long-200.pause-20", "repeat: neighbours");
    let streamed = unplugged(&node, &mut cloud, CHAT, &body);
    assert_eq!(streamed.error, None, "{streamed:?}");
    assert!(streamed.text.starts_with("You said: repeat: neighbours word1 word2"), "{streamed:?}");
    assert!(streamed.done && streamed.finish.is_some(), "{streamed:?}");
}

#[test]
fn what_stands_in_answers_where_a_provider_fails_before_its_first_word() {
    let (node, _fake) = with_lab();
    stands_in(&node);
    for model in ["html", "garbled", "wrong-json", "status-503", "redirect", "bad-key", "cut-0"] {
        let body = chat(&format!("lab/{model}"), "upper: still here");
        let reply = node.post(CHAT, &body);
        assert_eq!(text(&reply), "STILL HERE", "{model}");
        let streamed = read(&node, CHAT, &body, |_, _| ());
        assert_eq!((streamed.text.as_str(), streamed.done), ("STILL HERE", true), "{model}");
    }
}

#[test]
fn what_is_wrong_with_a_request_is_told_and_not_tried_elsewhere() {
    let (node, _fake) = with_lab();
    stands_in(&node);
    let reply = node.request("POST", CHAT, Some(&chat("lab/context", "x")));
    assert_eq!(
        (reply.status, &reply.body["error"]["code"]),
        (400, &json!("context_length_exceeded"))
    );
    let reply = node.request("POST", CHAT, Some(&chat("lab/status-400", "x")));
    assert_eq!((reply.status, &reply.body["error"]["code"]), (400, &json!("provider_refused")));
}

#[test]
fn without_anybody_to_stand_in_a_failure_is_told_in_its_own_words() {
    let (node, mut fake) = with_lab();
    let refused = |model: &str| {
        let reply = node.request("POST", CHAT, Some(&chat(&format!("lab/{model}"), "x")));
        let code = reply.body["error"]["code"].as_str().unwrap_or_default().to_owned();
        (reply.status, code, reply.header("retry-after").is_some())
    };
    assert_eq!(refused("bad-key"), (502, "provider_key".to_owned(), false));
    assert_eq!(refused("html"), (502, "provider_garbled".to_owned(), false));
    assert_eq!(refused("status-429-7").0, 429);
    fake.unplug();
    assert_eq!(refused("fine"), (503, "provider_unavailable".to_owned(), true));
}

#[test]
fn a_provider_that_fails_five_times_rests_and_is_not_asked() {
    let (node, fake) = with_lab();
    let once = node.request("PATCH", "/api/v1/routing", Some(&json!({ "retries": 0 })));
    assert_eq!(once.status, 200, "{once:?}");
    for _ in 0..5 {
        let reply = node.request("POST", CHAT, Some(&chat("lab/status-500", "x")));
        assert_eq!(reply.status, 503, "{reply:?}");
    }
    let asked = fake.seen().len();
    let reply = node.request("POST", CHAT, Some(&chat("lab/status-500", "x")));
    assert_eq!((reply.status, fake.seen().len()), (503, asked), "{reply:?}");
    let jobs = node.get("/api/v1/jobs");
    let failed = |job: &&Value| job["state"] == "failed" && job["provider"] == "lab";
    let failed = jobs["data"].as_array().map_or(0, |jobs| jobs.iter().filter(failed).count());
    assert_eq!(failed, 6, "each is in the list: {jobs}");
    let providers = node.get("/api/v1/providers");
    let models = providers["providers"][0]["models"].as_array().expect("models");
    let resting = models.iter().find(|model| model["name"] == "lab/status-500");
    let resting = resting.expect("it was asked for");
    assert_eq!((&resting["state"], &resting["failed"]), (&json!("resting"), &json!(5)));
    assert_eq!(text(&node.post(CHAT, &chat("lab/fine", "others go on"))), "You said: others go on");
}

#[test]
fn tools_are_called_whole_or_not_at_all() {
    let (node, _fake) = with_lab();
    stands_in(&node);
    let with_tool = |model: &str| {
        let mut body = chat(model, "what is the weather in Seoul?");
        body["tools"] = json!([{ "type": "function", "function": {
            "name": "weather",
            "parameters": { "type": "object", "properties": { "city": { "type": "string" } } } } }]);
        body
    };
    let reply = node.post(CHAT, &with_tool("lab/fine"));
    let call = &reply.body["choices"][0]["message"]["tool_calls"][0]["function"];
    assert_eq!(call["name"], "weather", "{reply:?}");
    let streamed = read(&node, CHAT, &with_tool("lab/fine"), |_, _| ());
    assert_eq!(streamed.finish.as_deref(), Some("tool_calls"), "{streamed:?}");
    // Cut within the call: what stands in begins anew, and no half call is heard.
    let streamed = read(&node, CHAT, &with_tool("lab/cut-3"), |_, _| ());
    assert!(streamed.done && streamed.error.is_none(), "{streamed:?}");
    assert!(streamed.finish.is_some(), "{streamed:?}");
}

#[test]
fn aliases_policies_and_the_rehearsal_decide_who_is_asked() {
    let (node, _fake) = with_lab();
    let route = |change: Value| {
        let reply = node.request("PATCH", "/api/v1/routing", Some(&change));
        assert_eq!(reply.status, 200, "{reply:?}");
    };
    route(json!({ "aliases": { "fast": ["lab/status-500", "lab/fine"] } }));
    assert_eq!(text(&node.post(CHAT, &chat("fast", "hi"))), "You said: hi");
    let listed = node.get("/v1/models");
    let ids: Vec<&str> = listed["data"]
        .as_array()
        .expect("models")
        .iter()
        .filter_map(|m| m["id"].as_str())
        .collect();
    assert!(ids.contains(&"fast") && ids.contains(&"lab/fine"), "{ids:?}");

    let shown = node.pumasi(&["route"]);
    assert!(shown.stdout.contains("fast: lab/status-500, then lab/fine"), "{shown:?}");
    let bad = node.request(
        "PATCH",
        "/api/v1/routing",
        Some(&json!({ "aliases": { "a": ["fast"], "b": ["a"] } })),
    );
    assert_eq!((bad.status, &bad.body["error"]["code"]), (400, &json!("provider_settings")));
    let removed = node.pumasi(&["route", "--alias", "fast="]);
    assert_eq!(removed.code, Some(0), "{removed:?}");
    assert_eq!(node.request("POST", CHAT, Some(&chat("fast", "hi"))).status, 404);
}

/// Runs `pumasi` with the key on its standard input.
fn with_key(node: &Node, arguments: &[&str]) -> Ended {
    let file = node.folder().join("key-to-enter");
    std::fs::write(&file, KEY).expect("it is written");
    let input = std::fs::File::open(&file).expect("it opens");
    run(pumasi(node.folder()).args(arguments).stdin(input))
}

#[test]
fn providers_are_set_up_listed_tried_and_removed_by_the_command_line() {
    let node = Node::start("desk");
    let fake = FakeProvider::start(Speech::OpenAi);
    let kinds = node.pumasi(&["providers", "kinds"]);
    assert!(kinds.stdout.contains("anthropic") && kinds.stdout.contains("openrouter"), "{kinds:?}");
    let arguments = ["providers", "add", "openai-compatible", "--id", "lab", "--base", &fake.base];
    let added = with_key(&node, &arguments);
    assert_eq!(added.code, Some(0), "{added:?}");
    assert!(added.stdout.contains("lab is set up"), "{added:?}");
    let asked = node.pumasi(&["run", "lab/fine", "hello"]);
    assert_eq!((asked.code, asked.stdout.trim()), (Some(0), "You said: hello"), "{asked:?}");
    let listed = node.pumasi(&["providers"]);
    assert!(listed.stdout.contains("lab") && listed.stdout.contains("ready"), "{listed:?}");
    let (_, folder) = node.stop();
    let node = pumasi_tests::nodes::Setup::new("desk").on(folder).start();
    assert_eq!(node.pumasi(&["providers", "check", "lab"]).code, Some(0));
    assert_eq!(text(&node.post(CHAT, &chat("lab/fine", "again"))), "You said: again");
    assert_eq!(node.pumasi(&["providers", "remove", "lab"]).code, Some(0));
    let gone = node.pumasi(&["providers", "check", "lab"]);
    assert_eq!(gone.code, Some(66), "{gone:?}");
    for arguments in [
        &["providers", "add", "no-such-kind", "--no-key"][..],
        &["providers", "add", "openai", "--no-key"],
        &["providers", "add", "openai-compatible", "--no-key"],
        &["providers", "add", "openai-compatible", "--no-key", "--base", "ftp://x"],
        &[
            "providers",
            "add",
            "openai-compatible",
            "--no-key",
            "--id",
            "../x",
            "--base",
            &fake.base,
        ],
        &[
            "providers",
            "add",
            "openai-compatible",
            "--no-key",
            "--id",
            "alias",
            "--base",
            &fake.base,
        ],
        &[
            "providers",
            "add",
            "openai-compatible",
            "--no-key",
            "--id",
            "mesh",
            "--base",
            &fake.base,
        ],
    ] {
        let refused = node.pumasi(arguments);
        assert_eq!(refused.code, Some(65), "{arguments:?}: {refused:?}");
        assert!(refused.stderr.len() > 40, "it says what to do: {refused:?}");
    }
}

#[test]
fn no_key_is_ever_told() {
    let (node, mut fake) = with_lab();
    for model in ["fine", "bad-key", "status-500", "html", "redirect", "cut-2"] {
        let _ = node.request("POST", CHAT, Some(&chat(&format!("lab/{model}"), "x")));
    }
    let elsewhere = FakeProvider::start(Speech::OpenAi);
    fake.point_redirects_at(&elsewhere.base);
    let _ = node.request("POST", CHAT, Some(&chat("lab/redirect", "x")));
    assert_eq!(elsewhere.seen(), Vec::new(), "a redirect is not followed");
    let told = [
        node.get("/api/v1/providers").to_string(),
        node.get("/api/v1/jobs").to_string(),
        node.get("/api/v1/models").to_string(),
        node.pumasi(&["providers", "--json"]).stdout,
        node.pumasi(&["audit", "--json"]).stdout,
        node.log(),
        std::fs::read_to_string(node.folder().join("router.toml")).expect("it is written"),
    ];
    for text in told {
        assert!(!text.contains(KEY), "{text}");
    }
    fake.unplug();
}
