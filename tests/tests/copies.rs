//! Models that go from node to node, between real processes: pulled by hand, put on another computer,
//! fetched by a job, gone on with after a kill.

use std::path::{Path, PathBuf};
use std::time::Duration;

use pumasi_tests::command::until;
use pumasi_tests::nodes::{MEET, Node, Setup, join_all};
use pumasi_tests::tree;
use serde_json::{Value, json};
use tempfile::TempDir;

/// Far longer than any copy here takes on a busy machine.
const COPIED: Duration = Duration::from_secs(120);

/// A folder with the starter model under another name.
fn models_of(name: &str) -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let starter = tree::root().join("engines/llama/starter/starter-chat.gguf");
    let path = folder.path().join(format!("{name}.gguf"));
    let mut content = std::fs::read(starter).expect("the starter");
    // Another content than the starter that every node has.
    content.extend_from_slice(&[0; 64]);
    std::fs::write(&path, content).expect("the model is written");
    (folder, path)
}

fn holder(name: &str, models: &Path) -> Node {
    Setup::new(name).with(format!("--model-dir={}", models.display())).start()
}

/// Whether this node itself holds a model.
fn holds(node: &Node, model: &str) -> bool {
    let models = node.get("/api/v1/models");
    let known = models["data"].as_array().expect("a list").iter().find(|m| m["name"] == model);
    let places = known.and_then(|known| known["places"].as_array().cloned()).unwrap_or_default();
    places.iter().any(|place| place["node"]["id"] == node.id())
}

fn until_known(node: &Node, model: &str) {
    until("the model is known", MEET, || {
        let models = node.get("/api/v1/models");
        models["data"].as_array()?.iter().find(|m| m["name"] == model).map(drop)
    });
}

fn last_copy(node: &Node) -> Value {
    let copies = node.get("/api/v1/copies");
    copies["data"].as_array().expect("a list").last().cloned().unwrap_or(Value::Null)
}

#[test]
fn a_model_put_on_one_of_five_is_on_the_others_after_one_request_each() {
    let (folder, path) = models_of("passed-on");
    let mut nodes = vec![holder("first", folder.path())];
    nodes.extend((2..=5).map(|n| Node::start(&format!("node-{n}"))));
    join_all(&nodes);
    let others = &nodes[1..];
    others.iter().for_each(|node| until_known(node, "passed-on"));
    for node in others {
        let pulled = node.pumasi(&["models", "copy", "passed-on", "--json"]);
        assert_eq!(pulled.code, Some(0), "{pulled:?}");
        let pulled = pulled.json();
        assert_eq!(pulled["copy"]["state"], "done", "{pulled}");
        let sources = pulled["copy"]["sources"].as_array().expect("sources");
        let bytes: u64 = sources.iter().filter_map(|source| source["bytes"].as_u64()).sum();
        assert_eq!(bytes, std::fs::metadata(&path).expect("there").len(), "{pulled}");
        assert!(holds(node, "passed-on"));
    }
    let content = std::fs::read(&path).expect("the model");
    for node in others {
        let blobs = node.folder().join("models/blobs");
        let files = std::fs::read_dir(blobs).expect("a store").map(|f| f.expect("a file").path());
        let files: Vec<PathBuf> = files.filter(|path| path.extension().is_none()).collect();
        let [file] = &files[..] else { panic!("one blob: {files:?}") };
        assert!(std::fs::read(file).expect("the blob") == content, "the same bytes");
    }
    // The copies are loaded and answer by themselves.
    let (gone, _) = nodes.remove(0).stop();
    assert_eq!(gone, Some(0));
    let asked = json!({ "model": "passed-on", "pumasi": { "local_only": true } });
    let reply = nodes[0].chat("upper: copied", &asked);
    assert_eq!(reply.body["choices"][0]["message"]["content"], "COPIED", "{:?}", reply.body);
    drop(folder);
}

#[test]
fn a_person_puts_a_model_on_another_computer_and_pulling_again_changes_nothing() {
    let (folder, _) = models_of("put-there");
    let nodes = [holder("near", folder.path()), Node::start("far")];
    join_all(&nodes);
    let [near, far] = &nodes;
    until_known(far, "put-there");
    let put = near.pumasi(&["models", "copy", "put-there", "--node", "far"]);
    assert_eq!(put.code, Some(0), "{put:?}");
    assert!(holds(far, "put-there"));
    let again = far.pumasi(&["models", "copy", "put-there"]);
    assert_eq!(again.code, Some(0), "{again:?}");
    let unknown = far.pumasi(&["models", "copy", "no-such-model"]);
    assert_eq!(unknown.code, Some(66), "{unknown:?}");
}

#[test]
fn a_node_whose_copies_are_off_neither_gives_nor_takes() {
    let (folder, _) = models_of("kept");
    let shut = Setup::new("shut").with("--copies=false".to_owned());
    let shut = shut.with(format!("--model-dir={}", folder.path().display())).start();
    let nodes = [shut, Node::start("open")];
    join_all(&nodes);
    let [shut, open] = &nodes;
    until_known(open, "kept");
    let refused = shut.pumasi(&["models", "copy", "kept"]);
    assert_eq!(refused.code, Some(77), "{refused:?}");
    let asked = open.post("/api/v1/models/kept/copy", &json!({}));
    assert_eq!(asked.status, 202, "{:?}", asked.body);
    let source = until("the holder is asked", COPIED, || {
        let copy = last_copy(open);
        let stage = copy["sources"][0]["stage"].clone();
        (stage == "resting").then_some(copy)
    });
    assert_eq!(source["held_bytes"], 0, "{source}");
    let stopped = open.request("DELETE", "/api/v1/models/kept/copy", None);
    assert_eq!(stopped.status, 204, "{:?}", stopped.body);
    until("it ends", COPIED, || (last_copy(open)["state"] == "failed").then_some(()));
    assert!(!holds(open, "kept"));
}

#[test]
fn cat_f16_killed_in_the_middle_it_goes_on_where_it_was() {
    let (folder, path) = models_of("long-way");
    let mut content = std::fs::read(&path).expect("the model");
    content.resize(24 << 20, 7);
    std::fs::write(&path, &content).expect("a longer one");
    let slow = Setup::new("slow").with("--copy-mbit=40".to_owned());
    let slow = slow.with(format!("--model-dir={}", folder.path().display())).start();
    let nodes = [slow, Node::start("reader")];
    join_all(&nodes);
    let [slow, reader] = nodes;
    until_known(&reader, "long-way");
    let asked = reader.post("/api/v1/models/long-way/copy", &json!({}));
    assert_eq!(asked.status, 202, "{:?}", asked.body);
    let held = until("a part of it is here", COPIED, || {
        last_copy(&reader)["held_bytes"].as_u64().filter(|held| *held > 4 << 20)
    });
    let reader = Setup::new("reader").on(reader.kill()).start();
    until_known(&reader, "long-way");
    let pulled = reader.pumasi(&["models", "copy", "long-way", "--json"]);
    assert_eq!(pulled.code, Some(0), "{pulled:?}");
    let sources = pulled.json()["copy"]["sources"].clone();
    let fetched: u64 =
        sources.as_array().expect("a list").iter().filter_map(|s| s["bytes"].as_u64()).sum();
    let whole = content.len() as u64;
    assert!(fetched + held <= whole + (1 << 20), "{fetched} after {held} of {whole}");
    drop(slow);
}
