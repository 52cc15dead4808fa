//! Two real nodes in one mesh: let in by a token, models of one served by the other, and what a
//! stranger gets.

use std::path::{Path, PathBuf};
use std::time::Duration;

use pumasi_tests::command::{pumasi, run, until};
use pumasi_tests::nodes::{MEET, Node, STARTER, Setup, join_all, mesh};
use pumasi_tests::tree;
use serde_json::{Value, json};
use tempfile::TempDir;

/// A folder that holds the starter model under another name.
fn models_of(name: &str) -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let starter = tree::root().join("engines/llama/starter/starter-chat.gguf");
    let path = folder.path().join(format!("{name}.gguf"));
    std::fs::copy(starter, &path).expect("the model is copied");
    (folder, path)
}

fn holder(name: &str, models: &Path) -> Node {
    Setup::new(name).with(format!("--model-dir={}", models.display())).start()
}

fn names(node: &Node, path: &str, field: &str) -> Vec<String> {
    let listed = node.get(path);
    let entries = listed["data"].as_array().expect("a list").iter();
    entries.filter_map(|entry| entry[field].as_str().map(ToOwned::to_owned)).collect()
}

#[test]
fn a_token_lets_a_node_in_and_each_sees_the_others_models() {
    let nodes = mesh(2);
    for (node, other) in [(&nodes[0], &nodes[1]), (&nodes[1], &nodes[0])] {
        assert!(names(node, "/api/v1/nodes", "name").contains(&other.name));
        assert!(names(node, "/v1/models", "id").contains(&STARTER.to_owned()));
        let peers = node.pumasi(&["peers"]);
        assert!(peers.stdout.contains(&other.name), "{peers:?}");
    }
    assert_eq!(nodes[1].get("/api/v1/status")["mesh"], nodes[0].get("/api/v1/status")["mesh"]);
}

#[test]
fn a_model_that_only_the_other_node_holds_answers_from_there() {
    let (folder, _) = models_of("far-chat");
    let nodes = [Node::start("near"), holder("far", folder.path())];
    join_all(&nodes);
    let [near, far] = &nodes;
    until("near knows the model of far", MEET, || {
        names(near, "/v1/models", "id").contains(&"far-chat".to_owned()).then_some(())
    });
    let reply = near.chat("upper: distance", &json!({ "model": "far-chat" }));
    assert_eq!(reply.body["choices"][0]["message"]["content"], "DISTANCE");
    assert_eq!(reply.header("x-pumasi-node"), Some("far"));
    assert_eq!(reply.header("x-pumasi-node-id"), Some(far.id()));
    assert!(reply.header("x-pumasi-why").is_some_and(|why| !why.is_empty()));

    let answered = near.pumasi(&["run", "--json", "far-chat", "repeat: by wire"]).json();
    assert_eq!((&answered["content"], &answered["node"]), (&json!("by wire"), &json!("far")));
    let lasting = near.pumasi(&["submit", "--wait", "--json", "far-chat", "count: abcde"]).json();
    assert_eq!(lasting["choices"][0]["message"]["content"], "5");

    let embedded = near.post("/v1/embeddings", &json!({ "model": "far-chat", "input": "hello" }));
    let vector = embedded.body["data"][0]["embedding"].as_array().expect("a vector");
    let length: f64 = vector.iter().filter_map(Value::as_f64).map(|x| x * x).sum();
    assert!((length - 1.0).abs() < 1e-3, "{length}");
}

#[test]
fn cat_h44_a_model_that_left_with_its_node_is_not_found() {
    let (folder, _) = models_of("far-chat");
    let nodes = [Node::start("near"), holder("far", folder.path())];
    join_all(&nodes);
    let [near, far] = nodes;
    until("near knows the model of far", MEET, || {
        names(&near, "/v1/models", "id").contains(&"far-chat".to_owned()).then_some(())
    });
    let (code, _folder) = far.stop();
    assert_eq!(code, Some(0));
    until("near forgets the model of far", Duration::from_secs(30), || {
        (!names(&near, "/v1/models", "id").contains(&"far-chat".to_owned())).then_some(())
    });
    let body = json!({ "model": "far-chat", "messages": [{ "role": "user", "content": "hello" }] });
    let reply = near.request("POST", "/v1/chat/completions", Some(&body));
    assert_eq!(reply.status, 404, "{reply:?}");
    assert_eq!(reply.body["error"]["code"], "model_not_found");
    let unknown = near.request(
        "POST",
        "/v1/chat/completions",
        Some(&json!({
            "model": "never-was", "messages": [{ "role": "user", "content": "hello" }],
        })),
    );
    assert_eq!((unknown.status, &unknown.body["error"]["code"]), (404, &json!("model_not_found")));
}

#[test]
fn a_job_goes_where_it_is_told_to_and_why_explains_it() {
    let nodes = mesh(2);
    let [near, far] = nodes.as_slice() else { panic!("two nodes") };
    for other in [&far.name, &far.id()[..8].to_owned()] {
        let told = near.pumasi(&["run", "--json", STARTER, "upper: there", "--only", other]).json();
        assert_eq!((&told["content"], &told["node"]), (&json!("THERE"), &json!(far.name)));
    }
    let kept = near.pumasi(&["run", "--json", STARTER, "upper: here", "--local-only"]).json();
    assert_eq!(kept["node"], json!(near.name));
    let away = near.pumasi(&["run", "--json", STARTER, "upper: away", "--not", &near.name]).json();
    assert_eq!(away["node"], json!(far.name));

    let job = away["job"].as_str().expect("a job id");
    let why = near.pumasi(&["why", job]);
    assert!(why.stdout.contains("chosen") && why.stdout.contains(&far.name), "{why:?}");
    let explained = near.pumasi(&["why", "--json", job]).json();
    let candidates = explained["rounds"][0]["candidates"].as_array().expect("candidates");
    let chosen = candidates.iter().find(|c| c["outcome"]["outcome"] == "chosen");
    let chosen = chosen.expect("one was chosen");
    assert_eq!(chosen["node"]["name"], json!(far.name));
    assert!(chosen["terms"].as_array().is_some_and(|terms| !terms.is_empty()), "{chosen}");
}

#[test]
fn a_token_is_used_once_and_nonsense_is_refused() {
    let nodes: Vec<Node> = ["one", "two", "three"].map(Node::start).into();
    let [first, second, third] = nodes.as_slice() else { panic!("three nodes") };
    let token = first.invite(1);
    second.join(&token);
    let used = third.pumasi(&["join", &token]);
    assert!(used.code.is_some_and(|code| code != 0), "{used:?}");
    assert!(used.stderr.contains("no longer valid"), "{used:?}");
    let nonsense = third.pumasi(&["join", "pumasi-abcdef"]);
    assert!(nonsense.code.is_some_and(|code| code != 0), "{nonsense:?}");
    assert!(nonsense.stderr.contains("invit"), "{nonsense:?}");
    let again = second.pumasi(&["join", &first.invite(1)]);
    assert!(again.code.is_some_and(|code| code != 0), "{again:?}");
    assert_eq!(names(third, "/api/v1/nodes", "name"), ["three"], "a stranger sees itself only");
    assert_eq!(names(first, "/api/v1/nodes", "name").len(), 2);
}

#[test]
fn an_invitation_kept_before_the_first_start_is_used_by_it() {
    let first = Node::start("first");
    let folder = tempfile::tempdir().expect("a temporary folder");
    let kept = run(pumasi(folder.path()).args(["join", &first.invite(1)]));
    assert_eq!(kept.code, Some(0), "{kept:?}");
    let second = Setup::new("second").on(folder).start();
    second.meet(2);
    first.meet(2);
    assert!(!second.folder().join("invitation").exists(), "it is used up");
}

#[test]
fn a_node_that_is_killed_right_after_it_joined_finds_its_mesh_again() {
    let first = Node::start("first");
    let second = Node::start("second");
    second.join(&first.invite(1));
    let second = Setup::new("second").on(second.kill()).start();
    second.meet(2);
    first.meet(2);
}

#[test]
fn members_find_each_other_again_after_a_restart() {
    let mut nodes = mesh(2);
    let second = nodes.pop().expect("two nodes");
    let first = nodes.pop().expect("two nodes");
    let (_, folder) = second.stop();
    let second = Setup::new("desk-2").on(folder).start();
    second.meet(2);
    first.meet(2);
    let reply = first.chat("upper: back", &json!({ "pumasi": { "only": [second.id()] } }));
    assert_eq!(reply.body["choices"][0]["message"]["content"], "BACK");
    assert_eq!(reply.header("x-pumasi-node"), Some("desk-2"));
}
