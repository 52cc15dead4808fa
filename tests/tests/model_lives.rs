//! How models are set, loaded, kept and let go: by the command line, over the API, in the words of
//! Ollama and LM Studio, here and on another computer.

use std::time::Duration;

use pumasi_tests::command::until;
use pumasi_tests::nodes::{Node, STARTER, Setup, mesh};
use serde_json::{Value, json};

const PATIENCE: Duration = Duration::from_secs(60);
/// Loads of one model in a row (the goal that is promised).
const LOADS: usize = 200;
/// Loads after which everything that is kept once has been made.
const WARM: usize = 20;
/// What a node may grow by over the others, in KiB: what an allocator keeps for later (two hundred
/// leaks of one model's vocabulary alone would be far beyond it).
const GROWTH_KIB: u64 = 24 << 10;

/// The starter's place on a node, as that node shows it.
fn place(node: &Node) -> Value {
    let models = node.get("/api/v1/models");
    let model = models["data"].as_array().expect("a list").iter().find(|m| m["name"] == STARTER);
    let places = model.expect("the starter")["places"].as_array().expect("places").clone();
    let own = places.into_iter().find(|place| place["node"]["id"] == node.id());
    own.expect("a node holds its own starter")
}

fn is(node: &Node, state: &str) -> Option<Value> {
    Some(place(node)).filter(|place| place["state"]["state"] == state)
}

fn until_is(node: &Node, state: &str) -> Value {
    until(&format!("the model is {state}"), PATIENCE, || is(node, state))
}

fn settings(node: &Node) -> Value {
    node.get(&format!("/api/v1/models/{STARTER}/settings"))
}

#[test]
fn settings_are_kept_followed_and_survive_a_restart() {
    let node = Node::start("desk");
    let set = node.pumasi(&[
        "models",
        "set",
        STARTER,
        "context=256",
        "slots=2",
        "cache=q8_0",
        "flash=on",
        "drafts=off",
        "ttl=1h",
        "--json",
    ]);
    assert_eq!(set.code, Some(0), "{set:?}");
    let kept = settings(&node);
    assert_eq!(set.json(), kept);
    assert_eq!((&kept["context_tokens"], &kept["slots"]), (&json!(256), &json!(2)));
    assert_eq!((&kept["cache"], &kept["ttl_s"]), (&json!("q8_0"), &json!(3_600)));
    let answer = node.chat("upper: packed", &json!({}));
    assert_eq!(answer.body["choices"][0]["message"]["content"], "PACKED");
    assert_eq!(until_is(&node, "loaded")["state"]["slots"], 2);

    // What is loaded otherwise comes back as it is to be.
    assert_eq!(node.pumasi(&["models", "set", STARTER, "slots=3"]).code, Some(0));
    until_is(&node, "held");
    assert_eq!(node.chat("upper: more", &json!({})).status, 200);
    assert_eq!(until_is(&node, "loaded")["state"]["slots"], 3);

    let (code, folder) = node.stop();
    assert_eq!(code, Some(0));
    let node = Setup::new("desk").on(folder).start();
    let again = settings(&node);
    assert_eq!((&again["slots"], &again["cache"]), (&json!(3), &json!("q8_0")));
    let models = node.get("/api/v1/models");
    assert_eq!(models["data"][0]["context_tokens"], 256);
    assert_eq!(node.pumasi(&["models", "set", STARTER, "slots=", "context="]).code, Some(0));
    assert_eq!(
        (&settings(&node)["slots"], &settings(&node)["context_tokens"]),
        (&json!(null), &json!(null))
    );
}

#[test]
fn settings_that_make_no_sense_are_refused_with_a_sentence() {
    let node = Node::start("desk");
    for (word, told) in [
        ("slots=many", "slots wants a number from 1 to 64"),
        ("speed=9", "there is no setting speed"),
        ("slots=0", "slots goes from 1 to 64"),
        ("context=3", "context goes from 16 to"),
    ] {
        let refused = node.pumasi(&["models", "set", STARTER, word]);
        assert_ne!(refused.code, Some(0), "{refused:?}");
        assert!(refused.stderr.contains(told), "{refused:?}");
    }
    let refused = node.pumasi(&["models", "set", STARTER, "cache=q4_0", "flash=off"]);
    assert!(refused.stderr.contains("needs flash attention"), "{refused:?}");
    let path = format!("/api/v1/models/{STARTER}/settings");
    let strange = node.request("POST", &path, Some(&json!({ "settings": { "turbo": true } })));
    assert_eq!(strange.status, 400, "{strange:?}");
    let absent = node.request("GET", "/api/v1/models/absent/settings", None);
    assert_eq!((absent.status, &absent.body["error"]["code"]), (404, &json!("model_not_found")));
    assert_eq!(settings(&node)["slots"], json!(null), "nothing was kept");
}

#[test]
fn another_computers_model_is_set_and_loaded_from_here() {
    let nodes = mesh(2);
    let [near, far] = nodes.as_slice() else { panic!("two nodes") };
    let set =
        near.pumasi(&["models", "set", STARTER, "slots=5", "pinned=yes", "--node", &far.name]);
    assert_eq!(set.code, Some(0), "{set:?}");
    assert_eq!((&settings(far)["slots"], &settings(near)["slots"]), (&json!(5), &json!(null)));
    // A pinned model is loaded, and stays where others go.
    assert_eq!(until_is(far, "loaded")["state"]["slots"], 5);
    let shown = near.pumasi(&["models", "set", STARTER, "--node", &far.name, "--json"]).json();
    assert_eq!(shown["pinned"], json!(true));
    let wrong = near.pumasi(&["models", "set", STARTER, "slots=65", "--node", &far.name]);
    assert_ne!(wrong.code, Some(0), "{wrong:?}");
}

#[test]
fn a_model_stays_as_long_as_the_request_says_in_ollamas_words() {
    let node = Node::start("desk");
    let chat = |keep: Value| {
        let body = json!({
            "model": STARTER, "stream": false, "keep_alive": keep,
            "messages": [{ "role": "user", "content": "upper: kept" }],
        });
        let answer = node.request("POST", "/api/chat", Some(&body));
        assert_eq!(answer.body["message"]["content"], "KEPT", "{answer:?}");
    };
    let running = || node.get("/api/ps")["models"].as_array().expect("a list").clone();

    chat(json!("1s"));
    until_is(&node, "held");
    assert_eq!(running(), Vec::<Value>::new());

    chat(json!(-1));
    let stays = until("it is running", PATIENCE, || running().pop());
    assert_eq!(stays["expires_at"], "9999-12-31T23:59:59Z");

    // Without a question it is only loaded or unloaded.
    let path = "/api/generate";
    let gone = node.request("POST", path, Some(&json!({ "model": STARTER, "keep_alive": 0 })));
    assert_eq!((gone.status, &gone.body["done_reason"]), (200, &json!("unload")), "{gone:?}");
    until_is(&node, "held");
    let loaded =
        node.request("POST", path, Some(&json!({ "model": STARTER, "keep_alive": "10m" })));
    assert_eq!((loaded.status, &loaded.body["done_reason"]), (200, &json!("load")), "{loaded:?}");
    let place = is(&node, "loaded").expect("the answer waits until it is loaded");
    let left_ms = place["expires_ms"].as_u64().expect("an end") as i128 - now_ms();
    assert!((500_000..=600_000).contains(&left_ms), "{left_ms}");

    // LM Studio's word, in OpenAI's dialect.
    node.chat("upper: brief", &json!({ "ttl": 1 }));
    until_is(&node, "held");
    let wrong = json!({ "model": STARTER, "keep_alive": "soon", "messages": [{ "role": "user", "content": "x" }] });
    assert_eq!(node.request("POST", "/api/chat", Some(&wrong)).status, 400);
}

fn now_ms() -> i128 {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    now.expect("after 1970").as_millis() as i128
}

#[test]
fn a_pinned_model_is_loaded_at_the_start_and_outlives_its_ttl() {
    let node = Node::start("desk");
    assert_eq!(node.pumasi(&["models", "set", STARTER, "pinned=yes", "ttl=1s"]).code, Some(0));
    until_is(&node, "loaded");
    let (_, folder) = node.stop();
    let node = Setup::new("desk").on(folder).start();
    let place = until_is(&node, "loaded");
    assert_eq!(place["expires_ms"], json!(253_402_300_799_000_u64));
    node.chat("upper: on", &json!({ "ttl": 1 }));
    assert_eq!(until_is(&node, "loaded")["expires_ms"], json!(253_402_300_799_000_u64));
    assert_eq!(node.pumasi(&["models", "unload", STARTER]).code, Some(0), "a person may");
    until_is(&node, "held");
}

/// Open files, threads, and memory in KiB of a process.
fn footprint(pid: u32) -> (usize, usize, u64) {
    let entries = |what: &str| {
        let entries = std::fs::read_dir(format!("/proc/{pid}/{what}")).expect("the process runs");
        entries.count()
    };
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).expect("the process runs");
    let memory = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).expect("its memory");
    let memory = memory.trim().trim_end_matches(" kB").parse().expect("a number");
    (entries("fd"), entries("task"), memory)
}

#[test]
fn two_hundred_loads_leave_nothing_behind() {
    let node = Node::start("desk");
    let act = |verb: &str| {
        let path = format!("/api/v1/models/{STARTER}/{verb}");
        assert_eq!(node.request("POST", &path, Some(&json!({}))).status, 202);
    };
    let mut warm = None;
    for load in 1..=LOADS {
        act("load");
        until_is(&node, "loaded");
        if load % 50 == 0 {
            assert_eq!(node.chat("upper: still", &json!({})).status, 200);
        }
        act("unload");
        until_is(&node, "held");
        if load == WARM {
            warm = Some(footprint(node.pid()));
        }
    }
    let (files, threads, memory) = warm.expect("it was warm once");
    let settled = until("its files and threads are as before", PATIENCE, || {
        let now = footprint(node.pid());
        (now.0 <= files && now.1 <= threads).then_some(now)
    });
    let grown = settled.2.saturating_sub(memory);
    assert!(grown <= GROWTH_KIB, "{grown} KiB more after {LOADS} loads");
    let workers = pumasi_tests::command::children(node.pid());
    assert_eq!(workers, Vec::<u32>::new(), "no worker is left");
}
