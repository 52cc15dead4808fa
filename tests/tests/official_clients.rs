//! The official clients of every dialect, and what is built on them, against a node of a two-node mesh
//! whose model lies on the other, and with clouds behind it that may die in the middle of a stream.

use std::io::{BufRead, BufReader, Read};
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::Duration;

use pumasi_tests::command::{Ended, clean, kill, program, run, until};
use pumasi_tests::nodes::{MEET, Node, STARTER, Setup, join_all};
use pumasi_tests::provider::{FakeProvider, Speech};
use pumasi_tests::tree;
use serde_json::{Value, json};
use tempfile::TempDir;

const MODEL: &str = "far-chat";
const CLIENTS: &str = "tests/clients";
/// For a client whose cloud died, before it is ended.
const PATIENCE: Duration = Duration::from_secs(120);

/// A file or folder of what `scripts/setup --tests` prepared.
fn prepared(path: &str) -> PathBuf {
    let cache = std::env::var_os("PUMASI_CACHE").map(PathBuf::from).or_else(|| {
        let cache = std::env::var_os("XDG_CACHE_HOME").map(PathBuf::from);
        let home = || Some(PathBuf::from(std::env::var_os("HOME")?).join(".cache"));
        Some(cache.or_else(home)?.join("pumasi"))
    });
    let path = cache.expect("a cache folder: set PUMASI_CACHE or HOME").join(path);
    assert!(path.exists(), "{} is missing: run scripts/setup --tests", path.display());
    path
}

/// Python with the clients of a folder, about to run a file.
fn python(venv: &str, file: &str) -> Command {
    let mut command = Command::new(prepared(venv).join("bin/python"));
    clean(&mut command);
    command.arg(tree::root().join(CLIENTS).join(file));
    command
}

const VENV: &str = "test-venv";

#[test]
fn the_openai_client_works_against_a_model_on_another_node() {
    Office::open().works("openai_suite.py");
}

#[test]
fn the_openai_clients_responses_work_against_a_model_on_another_node() {
    Office::open().works("responses_suite.py");
}

#[test]
fn the_anthropic_client_works_against_a_model_on_another_node() {
    Office::open().works("anthropic_suite.py");
}

#[test]
fn the_google_client_works_against_a_model_on_another_node() {
    Office::open().works("google_suite.py");
}

#[test]
fn the_ollama_client_works_against_a_model_on_another_node() {
    Office::open().works("ollama_suite.py");
}

#[test]
fn a_coding_agents_traffic_works_against_another_node_and_clouds() {
    Office::with_clouds().works("agent_suite.py");
}

#[test]
fn the_mcp_client_uses_the_tools_on_standard_input_and_output() {
    tools_are_used("streams");
}

#[test]
fn the_mcp_client_uses_the_tools_over_http() {
    tools_are_used("http");
}

fn tools_are_used(way: &str) {
    let mut suite = python(VENV, "mcp_suite.py");
    suite.env("PUMASI_WAY", way);
    Office::with_clouds().suite(suite);
}

#[test]
fn what_a_node_answers_is_as_the_document_of_its_api_says() {
    Office::with_clouds().works("openapi_suite.py");
}

#[test]
fn langchain_works_against_another_node_and_a_cloud() {
    Office::with_clouds().works("langchain_suite.py");
}

#[test]
fn llamaindex_works_against_another_node_and_a_cloud() {
    Office::with_clouds().suite(python("test-venv-llamaindex", "llamaindex_suite.py"));
}

#[test]
fn the_openai_package_for_node_works_against_another_node_and_a_cloud() {
    let mut suite = Command::new("node");
    clean(&mut suite);
    suite.args(["--test-reporter=tap", "--test-reporter-destination=stdout"]);
    suite.arg(tree::root().join(CLIENTS).join("node/openai_suite.mjs"));
    suite.env("PUMASI_NODE_MODULES", prepared("test-node"));
    let ended = Office::with_clouds().run(suite);
    let passed = ended.stdout.lines().find_map(|line| line.strip_prefix("# pass "));
    assert!(passed.is_some_and(|count| count != "0"), "{ended:?}");
}

/// A node, and another that holds the model.
struct Office {
    near: Node,
    _far: Node,
    _models: TempDir,
    clouds: Vec<FakeProvider>,
}

impl Office {
    fn open() -> Self {
        let models = tempfile::tempdir().expect("a temporary folder");
        let starter = tree::root().join("engines/llama/starter/starter-chat.gguf");
        let copy = models.path().join(format!("{MODEL}.gguf"));
        std::fs::copy(starter, copy).expect("the model is copied");
        let far = Setup::new("far").with(format!("--model-dir={}", models.path().display()));
        let nodes = [Node::start("near"), far.start()];
        join_all(&nodes);
        let [near, far] = nodes;
        until("near knows the model of far", MEET, || {
            let models = near.get("/v1/models");
            models["data"].as_array()?.iter().find(|model| model["id"] == MODEL).map(drop)
        });
        Self { near, _far: far, _models: models, clouds: Vec::new() }
    }

    fn with_clouds() -> Self {
        let mut office = Self::open();
        office.clouds = vec![
            cloud(&office.near, Speech::OpenAi, "openai-compatible", "lab"),
            cloud(&office.near, Speech::Anthropic, "anthropic", "claude"),
        ];
        office
    }

    fn works(&self, file: &str) {
        self.suite(python(VENV, file));
    }

    /// Runs a suite of `unittest`, of which at least one test must have run.
    fn suite(&self, suite: Command) {
        let ended = self.run(suite);
        let ran = ended.stderr.lines().find(|line| line.starts_with("Ran "));
        assert!(ran.is_some_and(|line| !line.contains("Ran 0")), "{}", ended.stderr);
    }

    fn run(&self, mut suite: Command) -> Ended {
        suite.env("PUMASI_URL", self.near.url("")).env("PUMASI_MODEL", MODEL);
        suite.env("PUMASI_NODE", "far").env("PUMASI_TOKEN", self.near.token());
        suite.env("PUMASI_DATA", self.near.folder()).env("PUMASI_PROGRAM", program());
        if !self.clouds.is_empty() {
            suite.env("PUMASI_CLOUD", "lab/fine").env("PUMASI_CLAUDE", "claude/fine");
        }
        let ended = run(&mut suite);
        assert_eq!(ended.code, Some(0), "{}\n{}", ended.stdout, ended.stderr);
        ended
    }
}

/// A fake cloud that is set up at this node, under this id.
fn cloud(node: &Node, speech: Speech, kind: &str, id: &str) -> FakeProvider {
    let fake = FakeProvider::start(speech);
    let request = json!({ "kind": kind, "id": id, "base": fake.base, "key": "sk-of-the-tests" });
    let reply = node.post("/api/v1/providers", &request);
    assert!(reply.body["models"].as_array().is_some_and(|models| !models.is_empty()), "{reply:?}");
    fake
}

#[test]
fn each_official_client_sees_one_whole_answer_when_its_cloud_dies_in_the_middle() {
    let node = Node::start("desk");
    let routing = json!({ "stand_in": [STARTER] });
    assert_eq!(node.request("PATCH", "/api/v1/routing", Some(&routing)).status, 200);
    // Each dialect at a cloud that speaks it, where there is one, and at one that speaks another.
    // What stands in is a tiny model: it ends by itself or at the ceiling.
    let clients = [
        ("openai", Speech::OpenAi, "openai-compatible", ["stop", "length"]),
        ("openai", Speech::Anthropic, "anthropic", ["stop", "length"]),
        ("responses", Speech::OpenAi, "openai-compatible", ["completed", "incomplete"]),
        ("anthropic", Speech::Anthropic, "anthropic", ["end_turn", "max_tokens"]),
        ("anthropic", Speech::OpenAi, "openai-compatible", ["end_turn", "max_tokens"]),
        ("google", Speech::Gemini, "gemini", ["STOP", "MAX_TOKENS"]),
        ("google", Speech::OpenAi, "openai-compatible", ["STOP", "MAX_TOKENS"]),
        ("ollama", Speech::OpenAi, "openai-compatible", ["stop", "length"]),
    ];
    for (number, (dialect, speech, kind, ends)) in clients.into_iter().enumerate() {
        let id = format!("cloud-{number}");
        let mut fake = cloud(&node, speech, kind, &id);
        stands_in(&node, &id);
        let model = format!("{id}/long-200.pause-20");
        let ended = unplugged(&node, &mut fake, dialect, &model);
        let text = ended["text"].as_str().expect("a text");
        let what = format!("{dialect} at {kind}: {ended}");
        assert!(text.starts_with("You said: repeat: neighbours word1 word2"), "{what}");
        assert_eq!(text.matches("word1 ").count(), 1, "nothing twice: {what}");
        assert!(!text.contains("word200"), "the plug was pulled: {what}");
        assert_eq!(ended["whole"], ended["text"], "{what}");
        assert!(ended["finish"].as_str().is_some_and(|end| ends.contains(&end)), "{what}");
    }
}

/// Waits until the mesh's model answers for a provider that fails at once.
fn stands_in(node: &Node, id: &str) {
    let request = json!({ "model": format!("{id}/status-500"), "max_tokens": 20,
        "messages": [{ "role": "user", "content": "upper: ok" }] });
    until("the mesh's model stands in", MEET, || {
        let reply = node.request("POST", "/v1/chat/completions", Some(&request));
        (reply.status == 200).then_some(())
    });
}

/// What a client saw whose cloud died after it had begun to read.
fn unplugged(node: &Node, fake: &mut FakeProvider, dialect: &str, model: &str) -> Value {
    let mut client = python(VENV, "broken_cloud.py");
    client.args([dialect, model]).env("PUMASI_URL", node.url(""));
    client.stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = client.spawn().expect("the client starts");
    let pid = child.id();
    let (done, over) = std::sync::mpsc::channel::<()>();
    let watch = std::thread::spawn(move || {
        if over.recv_timeout(PATIENCE).is_err() {
            kill(pid);
        }
    });
    let mut lines = BufReader::new(child.stdout.take().expect("it is piped")).lines();
    let mut line = || lines.next().and_then(Result::ok).unwrap_or_default();
    let first = line();
    if first == "streaming" {
        fake.unplug();
    }
    let last = line();
    let _ = done.send(());
    watch.join().expect("it only waits");
    let mut said = String::new();
    let _ = child.stderr.take().expect("it is piped").read_to_string(&mut said);
    assert!(child.wait().expect("it ends").success(), "{dialect}: {first} {last} {said}");
    assert_eq!(first, "streaming", "{dialect}: {said}");
    serde_json::from_str(&last).unwrap_or_else(|error| panic!("{dialect}: {error}: {last} {said}"))
}
