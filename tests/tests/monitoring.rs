//! The dashboard and the rules of `packaging/monitoring`, held against a real Prometheus that reads a real
//! node: what they ask for is there under these names.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use pumasi_tests::ask::Asker;
use pumasi_tests::command::{run, until};
use pumasi_tests::nodes::{Node, STARTER};
use pumasi_tests::provider::{FakeProvider, Speech};
use serde_json::{Value, json};
use tempfile::TempDir;

/// A scrape a second, and rates over some of them.
const INTERVAL: &str = "10s";
const PATIENCE: Duration = Duration::from_secs(60);

fn monitoring() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../packaging/monitoring")
}

struct Prometheus {
    child: Child,
    address: String,
    _folder: TempDir,
}

impl Drop for Prometheus {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Prometheus {
    fn reading(node: &Node) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
        let address = listener.local_addr().expect("it is bound").to_string();
        drop(listener);
        let config = json!({
            "global": { "scrape_interval": "1s", "evaluation_interval": "1s" },
            "rule_files": [std::fs::canonicalize(monitoring().join("rules.yml")).expect("there")],
            "scrape_configs": [{
                "job_name": "pumasi",
                "authorization": { "credentials": node.token() },
                "static_configs": [{ "targets": [node.http().to_string()] }],
            }],
        });
        // JSON is YAML.
        let file = folder.path().join("prometheus.yml");
        std::fs::write(&file, config.to_string()).expect("written");
        let child = Command::new("prometheus")
            .arg(format!("--config.file={}", file.display()))
            .arg(format!("--storage.tsdb.path={}", folder.path().join("data").display()))
            .arg(format!("--web.listen-address={address}"))
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("prometheus is installed: scripts/setup --tests does that");
        Self { child, address, _folder: folder }
    }

    /// The samples that an expression yields; none while Prometheus starts.
    fn ask(&self, expression: &str) -> Option<Vec<Value>> {
        let url = format!("http://{}/api/v1/query", self.address);
        let query = format!("query={expression}");
        let asked = run(Command::new("curl")
            .args(["--silent", "--max-time", "10", "--data-urlencode", &query, &url])
            .stdin(Stdio::null()));
        let answer: Value = serde_json::from_str(&asked.stdout).ok()?;
        assert_eq!(answer["status"], "success", "{expression}: {answer}");
        answer["data"]["result"].as_array().cloned()
    }
}

/// Title and expressions of each panel, with the dashboard's variables filled in.
fn panels() -> Vec<(String, Vec<String>)> {
    let text = std::fs::read_to_string(monitoring().join("grafana.json")).expect("it is there");
    let dashboard: Value = serde_json::from_str(&text).expect("JSON");
    let filled = |expression: &Value| {
        let text = expression.as_str().expect("a text");
        text.replace("$instance", ".*").replace("$__rate_interval", INTERVAL)
    };
    let panels = dashboard["panels"].as_array().expect("panels").iter();
    panels
        .filter(|panel| panel["type"] != "row")
        .map(|panel| {
            let targets = panel["targets"].as_array().expect("targets").iter();
            let title = panel["title"].as_str().expect("a title").to_owned();
            (title, targets.map(|target| filled(&target["expr"])).collect())
        })
        .collect()
}

#[test]
fn each_panel_of_the_dashboard_shows_something_of_a_node_at_work() {
    let node = Node::start("watched");
    let cloud = FakeProvider::start(Speech::OpenAi);
    let provider = json!({ "kind": "openai", "base": cloud.base, "key": "sk-watched" });
    node.post("/api/v1/providers", &provider);
    let asker = Asker::of(&node);
    let prometheus = Prometheus::reading(&node);
    let expected = panels();
    assert!(expected.len() >= 12, "{expected:?}");
    let ask = |model: &str| {
        let body = json!({ "model": model, "stream": true, "max_tokens": 20,
            "messages": [{ "role": "user", "content": "repeat: neighbours" }] });
        let _ = asker.ask("POST", "/v1/chat/completions", Some(&body));
    };
    for (title, expressions) in expected {
        for expression in expressions {
            // What is rare may be absent, but it is asked for under a name that exists.
            until(&format!("{title} shows {expression}"), PATIENCE, || {
                for model in [STARTER, "openai/gpt-4o-mini", "openai/status-500", "nowhere"] {
                    ask(model);
                }
                prometheus.ask(&expression).filter(|samples| !samples.is_empty())
            });
        }
    }
    until("the recorded rule has a value", PATIENCE, || {
        ask("openai/status-500");
        prometheus.ask("pumasi:failed:ratio").filter(|samples| !samples.is_empty())
    });
}

#[test]
fn the_rules_tell_what_they_should_and_only_that() {
    let check = |arguments: &[&str]| {
        run(Command::new("promtool").args(arguments).current_dir(monitoring()).stdin(Stdio::null()))
    };
    let rules = check(&["check", "rules", "rules.yml"]);
    assert_eq!(rules.code, Some(0), "{rules:?}");
    let tests = check(&["test", "rules", "rules.test.yml"]);
    assert_eq!(tests.code, Some(0), "{tests:?}");
}
