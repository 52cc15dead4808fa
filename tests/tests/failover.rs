//! Streams whose computer or engine goes away in the middle: they go on elsewhere, or end with a word.

use std::path::PathBuf;
use std::time::Duration;

use pumasi_tests::command::{children, kill, resume, suspend, until};
use pumasi_tests::nodes::{MEET, Node, STARTER, Setup, join_all, mesh};
use pumasi_tests::stream::{Streamed, read};
use pumasi_tests::tree;
use serde_json::{Value, json};
use tempfile::TempDir;

const CHAT: &str = "/v1/chat/completions";

/// Long enough for a fault to come before its end, and within what the starter model can repeat:
/// beyond that it babbles, and the least rounding makes it babble otherwise.
const WORDS: &str = "ierbojbnblbclwdgqzpk bxhddiweprkobbfslipmivsgpoxth dluenbsupxisqpmwzmrbsr whksam\
    edbudgkxcmoxwxhljxzeeggnphaljpzsnqsbyvxvkkcrbbfejbaecjaxqegjjdw mnccjhweazodoao";

fn chat(model: &str, more: &Value) -> Value {
    let mut body = json!({
        "model": model, "temperature": 0,
        "messages": [{ "role": "user", "content": format!("repeat: {WORDS}") }],
    });
    if let (Some(body), Some(more)) = (body.as_object_mut(), more.as_object()) {
        body.extend(more.clone());
    }
    body
}

fn elsewhere(node: &Node) -> Value {
    json!({ "not": [node.id()] })
}

/// The processes that a node has started: its engines.
fn engines(node: &Node) -> Vec<u32> {
    children(node.pid())
}

/// Streams, and does something to the node that answers once the first text has come.
fn disturbed(
    owner: &Node,
    nodes: &[Node],
    path: &str,
    body: &Value,
    mut disturb: impl FnMut(&Node),
) -> Streamed {
    read(owner, path, body, |id, pieces| {
        if pieces == 1 {
            disturb(nodes.iter().find(|node| node.id() == id).expect("one of these answers"));
        }
    })
}

fn undisturbed(owner: &Node, path: &str, body: &Value) -> Streamed {
    let whole = read(owner, path, body, |_, _| ());
    assert!(whole.done && whole.seams().is_empty(), "{whole:?}");
    whole
}

fn assert_continued(moved: &Streamed, whole: &Streamed, fault: &str) {
    assert_eq!(moved.error, None, "{moved:?}");
    assert_eq!(moved.text, whole.text, "no repeat, no gap");
    assert_eq!((&moved.finish, moved.done), (&whole.finish, true));
    assert_eq!(moved.usage["completion_tokens"], whole.usage["completion_tokens"]);
    assert_eq!(moved.usage["prompt_tokens"], whole.usage["prompt_tokens"]);
    assert_eq!(moved.logprobs, whole.logprobs);
    assert!(moved.seams().iter().any(|seam| seam["fault"] == fault), "{moved:?}");
    let Some(seam) = moved.seams().last() else { panic!("a seam: {moved:?}") };
    assert!(seam["after_tokens"].as_u64() > Some(0), "{seam}");
    assert!(seam["gap_ms"].as_f64() > Some(0.0), "{seam}");
    assert_eq!(
        moved.comments.iter().filter(|line| line.starts_with(": moved")).count(),
        moved.seams().len()
    );
}

#[test]
fn a_killed_node_is_taken_over_from_in_each_dialect() {
    let nodes = mesh(4);
    let owner = &nodes[0];
    let body = chat(STARTER, &json!({ "pumasi": elsewhere(owner), "logprobs": true }));
    let whole = undisturbed(owner, CHAT, &body);
    assert_eq!(whole.text, WORDS);
    let moved = disturbed(owner, &nodes, CHAT, &body, |node| kill(node.pid()));
    assert_continued(&moved, &whole, "connection_lost");

    let job = moved.pumasi["job"].as_str().expect("a job id");
    let why = owner.get(&format!("/api/v1/jobs/{job}/why"));
    let rounds = why["rounds"].as_array().expect("rounds");
    assert_eq!(rounds.len(), 2, "{why}");
    assert_eq!(rounds[0]["passage"]["fault"]["code"], "connection_lost");
    assert_eq!(rounds[0]["passage"]["tokens"], moved.seams()[0]["after_tokens"]);
    assert!(rounds[1]["passage"]["gap_ms"].as_f64() > Some(0.0), "{why}");
    let shown = owner.pumasi(&["why", job]);
    assert!(shown.stdout.contains("going on after"), "{shown:?}");

    let prompt = format!("<|im_start|>user\nrepeat: {WORDS}<|im_end|>\n<|im_start|>assistant\n");
    let body = json!({
        "model": STARTER, "temperature": 0, "prompt": prompt, "max_tokens": 300,
        "pumasi": elsewhere(owner),
    });
    let whole = undisturbed(owner, "/v1/completions", &body);
    let moved = disturbed(owner, &nodes, "/v1/completions", &body, |node| kill(node.pid()));
    assert_continued(&moved, &whole, "connection_lost");
}

#[test]
fn a_frozen_node_is_taken_over_from_and_stays_a_member() {
    let nodes = mesh(3);
    let owner = &nodes[0];
    let body = chat(STARTER, &json!({ "pumasi": elsewhere(owner) }));
    let whole = undisturbed(owner, CHAT, &body);
    let mut frozen = 0;
    let moved = disturbed(owner, &nodes, CHAT, &body, |node| {
        frozen = node.pid();
        suspend(frozen);
    });
    resume(frozen);
    assert_continued(&moved, &whole, "peer_silent");
    owner.meet(3);
}

#[test]
fn cat_e02_a_frozen_engine_is_taken_over_from() {
    let nodes = mesh(3);
    let owner = &nodes[0];
    let body = chat(STARTER, &json!({ "pumasi": elsewhere(owner) }));
    let whole = undisturbed(owner, CHAT, &body);
    let mut frozen = Vec::new();
    let moved = disturbed(owner, &nodes, CHAT, &body, |node| {
        frozen = engines(node);
        frozen.iter().for_each(|pid| suspend(*pid));
    });
    assert!(!frozen.is_empty(), "it has an engine");
    assert_continued(&moved, &whole, "peer_silent");
}

#[test]
fn a_first_word_that_is_late_comes_from_another_computer() {
    let nodes = mesh(3);
    let owner = &nodes[0];
    for node in &nodes[1..] {
        // Its engine is there, and what it costs is known.
        let body = chat(STARTER, &json!({ "pumasi": { "only": [node.id()] } }));
        assert_eq!(undisturbed(owner, CHAT, &body).text, WORDS);
    }
    let mut stuck: Vec<u32> = Vec::new();
    let body = chat(STARTER, &json!({ "pumasi": elsewhere(owner) }));
    // Whoever answered is stuck from then on, and asked again sooner or later.
    let late = (0..20).find_map(|_| {
        let mut by = String::new();
        let answer = read(owner, CHAT, &body, |id, _| id.clone_into(&mut by));
        assert!(answer.done && answer.text == WORDS, "{answer:?}");
        if answer.seams().is_empty() {
            let node = nodes.iter().find(|node| node.id() == by).expect("one of these answers");
            stuck.drain(..).for_each(resume);
            stuck = engines(node);
            stuck.iter().copied().for_each(suspend);
            return None;
        }
        Some(answer)
    });
    stuck.drain(..).for_each(resume);
    let late = late.expect("one that is stuck was asked");
    let [seam] = late.seams() else { panic!("one seam: {late:?}") };
    assert_eq!((&seam["fault"], &seam["after_tokens"]), (&Value::Null, &json!(0)), "{seam}");
    assert_eq!(late.usage["completion_tokens"], json!(WORDS.len()), "{late:?}");
    let job = late.pumasi["job"].as_str().expect("a job id");
    let why = owner.get(&format!("/api/v1/jobs/{job}/why"));
    assert_eq!(why["rounds"].as_array().map(Vec::len), Some(2), "{why}");
    assert!(why.to_string().contains("were late elsewhere"), "{why}");
    owner.meet(3);
}

/// A folder that holds the starter model under another name.
fn models_of(name: &str) -> TempDir {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let starter: PathBuf = tree::root().join("engines/llama/starter/starter-chat.gguf");
    std::fs::copy(starter, folder.path().join(format!("{name}.gguf"))).expect("it is copied");
    // One byte more makes it another file, which the starter model cannot stand in for.
    let path = folder.path().join(format!("{name}.gguf"));
    let mut file = std::fs::OpenOptions::new().append(true).open(path).expect("it is there");
    std::io::Write::write_all(&mut file, &[0]).expect("it is longer");
    folder
}

/// A port that nobody has, below those that the system hands out, so that nobody gets it meanwhile.
fn free_port() -> u16 {
    let is_free = |port: &u16| {
        let tcp = std::net::TcpListener::bind(("127.0.0.1", *port));
        tcp.is_ok() && std::net::UdpSocket::bind(("127.0.0.1", *port)).is_ok()
    };
    let begin = 10_000 + u16::try_from(std::process::id() % 20_000).expect("below 20,000");
    (begin..32_000).find(is_free).expect("a free port")
}

/// A node that another one finds again after a restart, because its port stays.
fn far(models: &TempDir) -> Setup {
    let port = models.path().join("port").to_str().and_then(|path| {
        let kept = std::fs::read_to_string(path).ok();
        let port = kept.unwrap_or_else(|| free_port().to_string());
        std::fs::write(path, &port).ok().map(|()| port)
    });
    let folder = format!("--model-dir={}", models.path().display());
    Setup::new("far").with(folder).with(format!("--mesh-port={}", port.expect("a port")))
}

fn with_one_holder(models: &TempDir) -> [Node; 2] {
    let nodes = [Node::start("near"), far(models).start()];
    join_all(&nodes);
    until("near knows the model of far", MEET, || {
        let listed = nodes[0].get("/v1/models");
        let has = |data: &Vec<Value>| data.iter().any(|model| model["id"] == "far-chat");
        listed["data"].as_array().is_some_and(has).then_some(())
    });
    nodes
}

#[test]
fn without_anybody_to_go_on_a_stream_ends_with_a_word() {
    let models = models_of("far-chat");
    let nodes = with_one_holder(&models);
    let body = chat("far-chat", &json!({}));
    let cut = disturbed(&nodes[0], &nodes, CHAT, &body, |node| kill(node.pid()));
    let error = cut.error.as_ref().expect("an error event");
    assert_eq!(error["code"], "not_continued", "{cut:?}");
    assert!(error["message"].as_str().is_some_and(|text| text.contains("ask again")), "{error}");
    assert!(cut.done, "{cut:?}");
}

#[test]
fn a_holder_that_comes_back_in_time_goes_on() {
    let models = models_of("far-chat");
    let [near, far_node] = with_one_holder(&models);
    let body = chat("far-chat", &json!({}));
    let whole = undisturbed(&near, CHAT, &body);
    let (mut running, mut again) = (Some(far_node), None);
    let moved = read(&near, CHAT, &body, |_, pieces| {
        if pieces == 1 {
            let data = running.take().expect("it runs").kill();
            again = Some(far(&models).on(data).start());
        }
    });
    assert_continued(&moved, &whole, "connection_lost");
    drop(again);
}

/// Two streams in one engine that is killed: both are tried again, each with an engine to itself.
#[test]
fn cat_e03_jobs_of_a_crashed_engine_are_tried_again_alone() {
    let nodes = mesh(2);
    let [near, far] = nodes.as_slice() else { panic!("two nodes") };
    let body = chat(STARTER, &json!({ "pumasi": { "only": [far.id()] } }));
    let whole = undisturbed(near, CHAT, &body);
    let streams = std::thread::scope(|scope| {
        let other = scope.spawn(|| read(near, CHAT, &body, |_, _| ()));
        let own = disturbed(near, &nodes, CHAT, &body, |node| {
            until("both run", Duration::from_secs(10), || {
                let jobs = near.get("/api/v1/jobs?live=true");
                let live = jobs["data"].as_array().map_or(0, Vec::len);
                // The other may have ended before this one began.
                (live == 2 || other.is_finished()).then_some(())
            });
            engines(node).iter().for_each(|pid| kill(*pid));
        });
        [own, other.join().expect("it reads")]
    });
    for stream in &streams {
        assert_eq!((&stream.text, stream.done), (&whole.text, true), "{stream:?}");
        assert_eq!(stream.error, None);
        let job = stream.pumasi["job"].as_str().expect("a job id");
        let why = near.get(&format!("/api/v1/jobs/{job}/why"));
        let rounds = why["rounds"].as_array().expect("rounds");
        for pair in rounds.windows(2) {
            if pair[0]["passage"]["fault"]["code"] == "engine_crash" {
                assert_eq!(pair[1]["passage"]["alone"], true, "{why}");
            }
        }
    }
    assert!(!streams[0].seams().is_empty(), "the first was there when the engine died");
}
