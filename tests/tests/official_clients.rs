//! The official Python clients of every dialect against a node of a two-node mesh whose model lies on
//! the other.

use std::path::PathBuf;
use std::process::Command;

use pumasi_tests::command::{clean, run, until};
use pumasi_tests::nodes::{MEET, Node, Setup, join_all};
use pumasi_tests::tree;

const MODEL: &str = "far-chat";

/// The Python that `scripts/setup --tests` prepared.
fn python() -> PathBuf {
    let cache = std::env::var_os("PUMASI_CACHE").map(PathBuf::from).or_else(|| {
        let cache = std::env::var_os("XDG_CACHE_HOME").map(PathBuf::from);
        let home = || Some(PathBuf::from(std::env::var_os("HOME")?).join(".cache"));
        Some(cache.or_else(home)?.join("pumasi"))
    });
    let cache = cache.expect("a cache folder: set PUMASI_CACHE or HOME");
    let python = cache.join("test-venv/bin/python");
    assert!(python.is_file(), "{} is missing: run scripts/setup --tests", python.display());
    python
}

#[test]
fn the_openai_client_works_against_a_model_on_another_node() {
    works("openai_suite.py");
}

#[test]
fn the_openai_clients_responses_work_against_a_model_on_another_node() {
    works("responses_suite.py");
}

#[test]
fn the_anthropic_client_works_against_a_model_on_another_node() {
    works("anthropic_suite.py");
}

#[test]
fn the_google_client_works_against_a_model_on_another_node() {
    works("google_suite.py");
}

#[test]
fn the_ollama_client_works_against_a_model_on_another_node() {
    works("ollama_suite.py");
}

fn works(file: &str) {
    let models = tempfile::tempdir().expect("a temporary folder");
    let starter = tree::root().join("engines/llama/starter/starter-chat.gguf");
    let copy = models.path().join(format!("{MODEL}.gguf"));
    std::fs::copy(starter, copy).expect("the model is copied");
    let far = Setup::new("far").with(format!("--model-dir={}", models.path().display())).start();
    let nodes = [Node::start("near"), far];
    join_all(&nodes);
    let [near, _] = &nodes;
    until("near knows the model of far", MEET, || {
        let models = near.get("/v1/models");
        models["data"].as_array()?.iter().find(|model| model["id"] == MODEL).map(drop)
    });
    let mut suite = Command::new(python());
    clean(&mut suite);
    suite.arg(tree::root().join("tests/clients").join(file));
    suite.env("PUMASI_URL", near.url("")).env("PUMASI_MODEL", MODEL).env("PUMASI_NODE", "far");
    let ended = run(&mut suite);
    assert_eq!(ended.code, Some(0), "{}\n{}", ended.stdout, ended.stderr);
    let ran = ended.stderr.lines().find(|line| line.starts_with("Ran "));
    assert!(ran.is_some_and(|line| !line.contains("Ran 0")), "{}", ended.stderr);
}
