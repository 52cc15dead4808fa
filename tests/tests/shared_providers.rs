//! Providers of one node asked through it by others: real nodes, fakes in every language, and what may
//! not pass.

use std::time::Duration;

use pumasi_tests::command::until;
use pumasi_tests::nodes::{Node, Reply, STARTER, Setup, join_all};
use pumasi_tests::provider::{FakeProvider, Speech};
use pumasi_tests::stream::read;
use serde_json::{Value, json};

const CHAT: &str = "/v1/chat/completions";
const KEY: &str = "sk-canary-51be07";
const PATIENCE: Duration = Duration::from_secs(60);

/// `desk`, which has providers and is kim's, and `lab`, which has none and is lee's.
fn pair() -> [Node; 2] {
    let start = |name, person| Setup::new(name).with(format!("--person={person}")).start();
    let nodes = [start("desk", "kim"), start("lab", "lee")];
    join_all(&nodes);
    nodes
}

/// Sets a fake up at a node, with a key.
fn set_up(node: &Node, speech: Speech, kind: &str, id: &str) -> FakeProvider {
    let fake = FakeProvider::start(speech);
    let request = json!({ "kind": kind, "id": id, "base": fake.base, "key": KEY });
    let reply = node.post("/api/v1/providers", &request);
    assert_eq!(reply.body["sharing"]["with"], "nobody", "what has a key is not shared: {reply:?}");
    fake
}

fn share(node: &Node, id: &str, sharing: &Value) {
    node.post(&format!("/api/v1/providers/{id}/share"), sharing);
}

/// Waits until a node sees a model of a provider, or does not any more.
fn sees(node: &Node, model: &str, is_there: bool) {
    until(&format!("{} sees {model}: {is_there}", node.name), PATIENCE, || {
        let models = node.get("/v1/models");
        let found = models["data"].as_array()?.iter().any(|listed| listed["id"] == model);
        (found == is_there).then_some(())
    });
}

/// With a provider of `desk` that `lab` sees.
fn shared(speech: Speech, kind: &str, id: &str) -> ([Node; 2], FakeProvider) {
    let nodes = pair();
    let fake = set_up(&nodes[0], speech, kind, id);
    share(&nodes[0], id, &json!({ "with": "everyone" }));
    sees(&nodes[1], &format!("{id}/fine"), true);
    (nodes, fake)
}

fn chat(model: &str, said: &str) -> Value {
    json!({ "model": model, "messages": [{ "role": "user", "content": said }], "max_tokens": 60 })
}

fn ask(node: &Node, model: &str, said: &str) -> Reply {
    node.request("POST", CHAT, Some(&chat(model, said)))
}

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

fn code(reply: &Reply) -> (u16, &str) {
    (reply.status, reply.body["error"]["code"].as_str().unwrap_or_default())
}

#[test]
fn every_dialect_reaches_every_sort_of_provider_through_another_node() {
    let nodes = pair();
    let [desk, lab] = &nodes;
    let kinds = [
        (Speech::OpenAi, "openai-compatible", "gpu"),
        (Speech::Anthropic, "anthropic", "claude"),
        (Speech::Gemini, "gemini", "google"),
    ];
    let fakes = kinds.map(|(speech, kind, id)| set_up(desk, speech, kind, id));
    for ((_, _, id), fake) in kinds.iter().zip(&fakes) {
        share(desk, id, &json!({ "with": "everyone" }));
        sees(lab, &format!("{id}/fine"), true);
        let (model, said) = (format!("{id}/fine"), "good morning");
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
            let reply = lab.post(&path, &body);
            assert_eq!(text(&reply), format!("You said: {said}"), "{path} at {id}");
            let place = format!("{id}.desk");
            assert_eq!(reply.header("x-pumasi-provider"), Some(place.as_str()), "{path}");
            let seen = fake.seen().pop().expect("it was asked");
            let has_key = seen.headers.iter().any(|(_, value)| value.ends_with(KEY));
            assert!(has_key, "the key is added where the provider is: {seen:?}");
        }
        let streamed = read(lab, CHAT, &chat(&model, said), |_, _| ());
        assert_eq!(streamed.text, format!("You said: {said}"), "{id}");
        assert!(streamed.done && streamed.error.is_none(), "{id}: {streamed:?}");
        assert!(streamed.usage["completion_tokens"].as_u64() > Some(0), "{id}: {streamed:?}");
    }
    let embedded = lab.post("/v1/embeddings", &json!({ "model": "gpu/embed-small", "input": "x" }));
    assert!(embedded.body["data"][0]["embedding"].is_array(), "{embedded:?}");
    for told in [lab.log(), lab.get("/api/v1/providers").to_string(), desk.log()] {
        assert!(!told.contains(KEY), "{told}");
    }
}

#[test]
fn what_is_not_shared_is_not_seen_and_cannot_be_asked() {
    let nodes = pair();
    let [desk, lab] = &nodes;
    let fake = set_up(desk, Speech::OpenAi, "openai-compatible", "gpu");
    // A server without a key is lent like a graphics card.
    let open = FakeProvider::start(Speech::OpenAi);
    let request = json!({ "kind": "openai-compatible", "id": "open", "base": open.base });
    assert_eq!(desk.post("/api/v1/providers", &request).body["sharing"]["with"], "everyone");
    sees(lab, "open/fine", true);
    sees(lab, "gpu/fine", false);
    assert_eq!(code(&ask(lab, "gpu/fine", "x")), (404, "model_not_found"));
    share(desk, "gpu", &json!({ "with": "people", "people": ["kim"] }));
    share(desk, "open", &json!({ "with": "nobody" }));
    sees(lab, "open/fine", false);
    sees(lab, "gpu/fine", false);
    share(desk, "gpu", &json!({ "people": ["kim", "lee"] }));
    sees(lab, "gpu/fine", true);
    assert_eq!(text(&ask(lab, "gpu/fine", "hi")), "You said: hi");
    let asked = |fake: &FakeProvider| fake.seen().iter().filter(|s| s.method == "POST").count();
    assert_eq!((asked(&fake), asked(&open)), (1, 0));
}

/// The model of the mesh answers where a provider fails.
fn stands_in(node: &Node, failing: &str) {
    let reply = node.request("PATCH", "/api/v1/routing", Some(&json!({ "stand_in": [STARTER] })));
    assert_eq!(reply.status, 200, "{reply:?}");
    until("the mesh's model stands in", PATIENCE, || {
        (ask(node, failing, "upper: ok").status == 200).then_some(())
    });
}

/// What the mesh writes behind what a provider began is its own affair: here, that it ends well.
fn goes_on(streamed: &pumasi_tests::stream::Streamed, began: &str) {
    assert!(streamed.text.starts_with(began), "{streamed:?}");
    assert!(streamed.done && streamed.error.is_none(), "{streamed:?}");
    assert!(streamed.comments.iter().any(|line| line.starts_with(": moved")), "{streamed:?}");
}

#[test]
fn a_cloud_that_breaks_off_behind_another_node_is_gone_on_with_by_the_mesh() {
    let ([_desk, lab], mut fake) = shared(Speech::OpenAi, "openai-compatible", "gpu");
    stands_in(&lab, "gpu/status-500");
    let streamed = read(&lab, CHAT, &chat("gpu/cut-3", "one two three four five"), |_, _| ());
    goes_on(&streamed, "You said:");
    let mut is_first = true;
    let slow = chat("gpu/pause-100.long-40", "one two three four five");
    let streamed = read(&lab, CHAT, &slow, |_, pieces| {
        if pieces == 4 && is_first {
            is_first = false;
            fake.unplug();
        }
    });
    goes_on(&streamed, "You said: one two");
}

#[test]
fn a_node_that_dies_while_its_cloud_answers_is_gone_on_with_elsewhere() {
    let ([desk, lab], _fake) = shared(Speech::OpenAi, "openai-compatible", "gpu");
    stands_in(&lab, "gpu/status-500");
    let mut desk = Some(desk);
    let slow = chat("gpu/pause-200.long-400", "one two three four five");
    let streamed = read(&lab, CHAT, &slow, |_, pieces| {
        if pieces == 4 {
            drop(desk.take().map(Node::kill));
        }
    });
    goes_on(&streamed, "You said: one two");
    sees(&lab, "gpu/fine", false);
}

#[test]
fn who_leaves_ends_the_call_at_the_provider() {
    let ([_desk, lab], fake) = shared(Speech::OpenAi, "openai-compatible", "gpu");
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.expect("a runtime").block_on(async {
        let client = reqwest::Client::builder().no_proxy().build().expect("a client");
        let body = chat("gpu/slow-60000", "x");
        let asking = client.post(lab.url(CHAT)).bearer_auth(lab.token()).json(&body).send();
        let asked = || fake.seen().iter().any(|seen| seen.method == "POST");
        let came = async {
            while !asked() {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        tokio::select! {
            answer = asking => panic!("nobody answers so soon: {answer:?}"),
            () = came => {}
        }
    });
    until("the provider's caller is gone", PATIENCE, || (fake.left() == 1).then_some(()));
}

#[test]
fn limits_hold_for_all_others_together_and_are_told() {
    let ([desk, lab], fake) = shared(Speech::OpenAi, "openai-compatible", "gpu");
    let route = json!({ "retries": 0 });
    assert_eq!(lab.request("PATCH", "/api/v1/routing", Some(&route)).status, 200);
    share(&desk, "gpu", &json!({ "requests_per_minute": 2 }));
    let statuses: Vec<u16> = (0..4).map(|_| ask(&lab, "gpu/fine", "x").status).collect();
    assert_eq!(statuses[..2], [200, 200]);
    assert_eq!(statuses[2..], [429, 429]);
    let refused = ask(&lab, "gpu/fine", "x");
    assert_eq!(code(&refused), (429, "provider_rate_limited"));
    assert!(refused.header("retry-after").is_some(), "{refused:?}");
    assert_eq!(ask(&desk, "gpu/fine", "x").status, 200, "who has it is not limited by it");

    share(&desk, "gpu", &json!({ "requests_per_minute": 0, "tokens_per_day": 1 }));
    until("the tokens of today are used up", PATIENCE, || {
        let seen = lab.get("/api/v1/providers");
        (seen["elsewhere"][0]["spent"] == true).then_some(())
    });
    let asked = fake.seen().len();
    assert_eq!(code(&ask(&lab, "gpu/thinks", "x")), (429, "provider_rate_limited"));
    assert_eq!(fake.seen().len(), asked);

    // What was used is known to both, with names and numbers; a restart does not give it back.
    let lent =
        |node: &Node| node.get("/api/v1/providers")["providers"][0]["sharing"]["lent"].clone();
    let of_lab = lent(&desk)[0].clone();
    assert_eq!((&of_lab["node"]["name"], &of_lab["person"]), (&json!("lab"), &json!("lee")));
    assert_eq!(of_lab["requests"], 2, "{of_lab}");
    let audit = desk.get("/api/v1/audit");
    let ran = |entry: &&Value| entry["act"] == "ran" && entry["job"]["provider"] == "gpu";
    let ran: Vec<&Value> = audit["data"].as_array().expect("entries").iter().filter(ran).collect();
    assert_eq!(ran.len(), 2, "{audit}");
    assert_eq!(
        (&ran[0]["person"], &ran[0]["job"]["owner"]["name"]),
        (&json!("lee"), &json!("lab"))
    );
    assert!(!audit.to_string().contains("You said"), "{audit}");
    let used = desk.get("/api/v1/usage?by=place").to_string()
        + &lab.get("/api/v1/usage?by=place").to_string();
    assert_eq!(used.matches("gpu.desk").count(), 1, "who asked counts it, once: {used}");
    let tokens = of_lab["tokens"].clone();
    let (_, folder) = desk.stop();
    let desk = Setup::new("desk").on(folder).start();
    assert_eq!(lent(&desk)[0]["tokens"], tokens);
}

#[test]
fn a_removed_member_is_cut_off_in_the_middle_of_an_answer() {
    let ([desk, lab], fake) = shared(Speech::OpenAi, "openai-compatible", "gpu");
    let slow = chat("gpu/pause-100.long-2000", "x");
    let streamed = read(&lab, CHAT, &slow, |_, pieces| {
        if pieces == 3 {
            desk.post(&format!("/api/v1/nodes/{}/remove", lab.id()), &json!({ "confirmed": true }));
        }
    });
    assert!(streamed.error.is_some(), "{streamed:?}");
    sees(&lab, "gpu/fine", false);
    let asked = fake.seen().len();
    assert_eq!(ask(&lab, "gpu/fine", "x").status, 404);
    assert_eq!(fake.seen().len(), asked);
}

#[test]
fn who_is_not_meant_any_more_is_cut_off_in_the_middle_of_an_answer() {
    let ([desk, lab], _fake) = shared(Speech::OpenAi, "openai-compatible", "gpu");
    let slow = chat("gpu/pause-100.long-2000", "x");
    let streamed = read(&lab, CHAT, &slow, |_, pieces| {
        if pieces == 3 {
            share(&desk, "gpu", &json!({ "with": "nobody" }));
        }
    });
    assert!(streamed.error.is_some(), "{streamed:?}");
    sees(&lab, "gpu/fine", false);
}

#[test]
fn what_a_person_settled_about_clouds_holds_for_those_of_other_nodes() {
    let nodes = pair();
    let [desk, lab] = &nodes;
    let cloud = set_up(desk, Speech::OpenAi, "openai", "cloud");
    share(desk, "cloud", &json!({ "with": "everyone" }));
    sees(lab, "cloud/fine", true);
    let route = |node: &Node, change: Value| {
        assert_eq!(node.request("PATCH", "/api/v1/routing", Some(&change)).status, 200);
    };
    let with = |more: Value| {
        let mut body = chat("cloud/fine", "x");
        body.as_object_mut().expect("an object").extend(more.as_object().expect("one").clone());
        lab.request("POST", CHAT, Some(&body))
    };
    assert_eq!(with(json!({})).status, 200);
    let asked = cloud.seen().len();
    for more in [
        json!({ "pumasi": { "trust": "mine" } }),
        json!({ "pumasi": { "local_only": true } }),
        json!({ "pumasi": { "not": [desk.id()] } }),
        json!({ "provider": { "ignore": ["cloud.desk"] } }),
        json!({ "provider": { "only": ["mesh"] } }),
        json!({ "provider": { "data_collection": "deny" } }),
    ] {
        let reply = with(more.clone());
        assert!((400..500).contains(&reply.status), "{more}: {reply:?}");
    }
    route(lab, json!({ "rehearsal": true }));
    sees(lab, "cloud/fine", false);
    assert_eq!(code(&with(json!({}))), (403, "providers_disabled"));
    route(lab, json!({ "rehearsal": false, "policy": "never_cloud" }));
    assert_eq!(code(&with(json!({}))), (403, "providers_disabled"));
    route(lab, json!({ "policy": "mesh_first" }));
    assert_eq!(with(json!({ "provider": { "only": ["cloud"] } })).status, 200);
    // Nor does anything leave the office through a node whose person does not want that.
    route(desk, json!({ "policy": "never_cloud" }));
    sees(lab, "cloud/fine", false);
    assert_eq!(cloud.seen().len(), asked + 1);
}

#[test]
fn two_nodes_with_one_service_stand_in_for_each_other() {
    let start = |name: &str| Setup::new(name).with(format!("--person={name}")).start();
    let nodes = [start("desk"), start("window"), start("lab")];
    join_all(&nodes);
    let [desk, window, lab] = &nodes;
    let set = |node: &Node| {
        let fake = set_up(node, Speech::OpenAi, "openai-compatible", "gpu");
        share(node, "gpu", &json!({ "with": "everyone" }));
        fake
    };
    let (mut of_desk, of_window) = (set(desk), set(window));
    until("both are listed, once", PATIENCE, || {
        let models = lab.get("/v1/models");
        let mut listed = models["data"].as_array()?.iter().filter(|m| m["id"] == "gpu/fine");
        let nodes = listed.next()?["pumasi"]["nodes"].as_array()?.len();
        (nodes == 2 && listed.next().is_none()).then_some(())
    });
    of_desk.unplug();
    for at in ["gpu/fine", "gpu.window/fine"] {
        let reply = ask(lab, at, "hi");
        assert_eq!(text(&reply), "You said: hi");
        assert_eq!(reply.header("x-pumasi-provider"), Some("gpu.window"), "{reply:?}");
    }
    assert!(!of_window.seen().is_empty());
    let alone = ask(lab, "gpu.desk/fine", "hi");
    assert_eq!(alone.status, 503, "it names one computer and no other: {alone:?}");
}

#[test]
fn sharing_is_said_and_shown_by_the_command_line() {
    let nodes = pair();
    let [desk, lab] = &nodes;
    let _fake = set_up(desk, Speech::OpenAi, "openai-compatible", "gpu");
    let share = |arguments: &[&str]| {
        let ended = desk.pumasi(&[&["providers", "share"], arguments].concat());
        (ended.code, ended.stdout.trim().to_owned(), ended.stderr)
    };
    assert_eq!(share(&["gpu"]).1, "gpu is for this computer alone");
    let (code, told, _) = share(&["gpu", "--with", "kim,lee", "--tokens-a-day", "5000"]);
    let expected =
        "gpu is shared with the computers of kim, lee: 5000 tokens a day for all together";
    assert_eq!((code, told.as_str()), (Some(0), expected));
    sees(lab, "gpu/fine", true);
    let asked = lab.pumasi(&["run", "gpu/fine", "hello"]);
    assert_eq!((asked.code, asked.stdout.trim()), (Some(0), "You said: hello"), "{asked:?}");
    let listed = lab.pumasi(&["providers"]);
    assert!(listed.stdout.contains("gpu.desk"), "{listed:?}");
    let models = lab.pumasi(&["models"]);
    assert!(models.stdout.contains("gpu through desk"), "{models:?}");
    until("who used it is shown", PATIENCE, || {
        let (_, told, _) = share(&["gpu"]);
        (told.contains("lee") && told.contains("lab")).then_some(())
    });
    let (_, told, _) = share(&["gpu", "--with", "nobody"]);
    assert!(told.starts_with("gpu is for this computer alone"), "{told}");
    sees(lab, "gpu/fine", false);
    for (arguments, code, word) in [
        (&["no-such"][..], 66, "no provider"),
        (&["gpu", "--with", "everyone,kim"], 2, "not both"),
        (&["gpu", "--with", "kim", "--tokens-a-day=-1"], 2, "--tokens-a-day"),
        (&["gpu", "--requests-a-minute", "4000000000"], 65, "at most"),
    ] {
        let (ended, _, told) = share(arguments);
        assert_eq!(ended, Some(code), "{arguments:?}: {told}");
        assert!(told.contains(word), "{arguments:?}: {told}");
    }
    assert_eq!(lab.pumasi(&["providers", "share", "gpu.desk"]).code, Some(66));
}
