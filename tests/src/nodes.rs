//! Real nodes as processes: own data directories, free ports, loopback only, ended with the test.

use std::fs::File;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command};
use std::time::Duration;

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::command::{self, Ended, clean, log_end, program, terminate, until};

/// The model that every fresh install holds.
pub const STARTER: &str = "starter-chat";

/// A node answers within half a second on an idle machine; tests share theirs with compilers.
pub const START: Duration = Duration::from_secs(60);
/// Members see each other within seconds.
pub const MEET: Duration = Duration::from_secs(60);
/// After which a node that was asked to stop is ended.
const STOP: Duration = Duration::from_secs(15);

/// How to start a node.
#[derive(Debug)]
pub struct Setup {
    name: String,
    arguments: Vec<String>,
    folder: Option<TempDir>,
    wrapper: Vec<String>,
}

impl Setup {
    /// A node of this name on loopback, without discovery.
    #[must_use]
    pub fn new(name: &str) -> Self {
        let fixed = "--listen=127.0.0.1 --http=127.0.0.1:0 --discovery=false --yield=none";
        let ports = "--mesh-port=0 --data-port=0 --join-port=0 --threads=1";
        let arguments = fixed.split(' ').chain(ports.split(' ')).map(ToOwned::to_owned).collect();
        Self { name: name.to_owned(), arguments, folder: None, wrapper: Vec::new() }
    }

    /// With a further argument; the last of one kind counts.
    #[must_use]
    pub fn with(mut self, argument: impl Into<String>) -> Self {
        let argument = argument.into();
        if let Some((flag, _)) = argument.split_once('=') {
            let same = format!("{flag}=");
            self.arguments.retain(|known| !known.starts_with(&same));
        }
        self.arguments.push(argument);
        self
    }

    /// On the data directory of a node that was stopped.
    #[must_use]
    pub fn on(mut self, folder: TempDir) -> Self {
        self.folder = Some(folder);
        self
    }

    /// Run by another program, as in `ip netns exec NAME`.
    #[must_use]
    pub fn under(mut self, wrapper: &[&str]) -> Self {
        self.wrapper = wrapper.iter().map(|&part| part.to_owned()).collect();
        self
    }

    /// Starts it and waits until `/healthz` answers.
    ///
    /// # Panics
    /// When it does not start.
    #[must_use]
    pub fn start(self) -> Node {
        let node = self.spawn();
        until(&format!("node {} answers /healthz", node.name), START, || {
            node.is_healthy().then_some(())
        });
        node
    }

    /// Starts it and waits until it says where it listens.
    ///
    /// # Panics
    /// When it does not start.
    #[must_use]
    pub fn spawn(mut self) -> Node {
        let folder = self.folder.take();
        let folder = folder.unwrap_or_else(|| {
            tempfile::Builder::new().prefix("pumasi-test-").tempdir().expect("a temporary folder")
        });
        let log = File::create(folder.path().join("log")).expect("a log file");
        // What goes wrong is told there.
        let out = log.try_clone().expect("a log file");
        let mut words = self.wrapper.iter().map(PathBuf::from).chain([program()]);
        let mut command = Command::new(words.next().expect("there is a program"));
        command.args(words);
        clean(&mut command);
        command.args(["up", "--json", "--name", &self.name, "--data-dir"]).arg(folder.path());
        command.args(&self.arguments).stdout(out).stderr(log);
        let mut child = command.spawn().expect("the node starts");
        let json = folder.path().join("node.json");
        let running = until(&format!("node {} says where it listens", self.name), START, || {
            let ended = child.try_wait().expect("its state can be read");
            if let Some(ended) = ended {
                panic!("node {} ended, {ended}: {}", self.name, log_end(folder.path()));
            }
            let running: Value = serde_json::from_slice(&std::fs::read(&json).ok()?).ok()?;
            // A node that was killed left its file behind; a wrapper's process is not the node.
            (running["pid"] == child.id() || !self.wrapper.is_empty()).then_some(running)
        });
        let token = std::fs::read_to_string(folder.path().join("token")).expect("a token");
        Node { name: self.name, child, folder: Some(folder), running, token }
    }
}

/// A running node. Dropping it ends the process; a failing test prints the end of its log.
#[derive(Debug)]
pub struct Node {
    /// Its name.
    pub name: String,
    child: Child,
    folder: Option<TempDir>,
    running: Value,
    token: String,
}

/// What an HTTP request got.
#[derive(Debug, Clone, PartialEq)]
pub struct Reply {
    /// The status code.
    pub status: u16,
    /// The headers, names in lower case.
    pub headers: Vec<(String, String)>,
    /// The body as JSON; null when it is none.
    pub body: Value,
}

impl Reply {
    /// A header's value.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }
}

impl Node {
    /// A node of this name, as [`Setup::new`] has it.
    #[must_use]
    pub fn start(name: &str) -> Self {
        Setup::new(name).start()
    }

    /// Its process.
    #[must_use]
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Its data directory.
    ///
    /// # Panics
    /// After [`Node::stop`].
    #[must_use]
    pub fn folder(&self) -> &Path {
        self.folder.as_ref().expect("a running node has its folder").path()
    }

    /// Its id, 64 hexadecimal digits.
    ///
    /// # Panics
    /// When `node.json` does not say.
    #[must_use]
    pub fn id(&self) -> &str {
        self.running["node"].as_str().expect("node.json names the node")
    }

    /// The secret that opens its API.
    #[must_use]
    pub fn token(&self) -> &str {
        &self.token
    }

    /// Where HTTP listens.
    ///
    /// # Panics
    /// When `node.json` does not say.
    #[must_use]
    pub fn http(&self) -> SocketAddr {
        let text = self.running["http"].as_str().expect("node.json names the address");
        text.parse().expect("an address")
    }

    /// The address of a path of its API.
    #[must_use]
    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.http())
    }

    /// What it wrote to its log so far.
    #[must_use]
    pub fn log(&self) -> String {
        std::fs::read_to_string(self.folder().join("log")).unwrap_or_default()
    }

    /// Whether it answers.
    #[must_use]
    pub fn is_healthy(&self) -> bool {
        self.try_request("GET", "/healthz", None).is_some_and(|reply| reply.status == 200)
    }

    /// Gets a path that must answer with success.
    ///
    /// # Panics
    /// When it does not.
    #[must_use]
    pub fn get(&self, path: &str) -> Value {
        let reply = self.request("GET", path, None);
        assert!((200..300).contains(&reply.status), "GET {path}: {reply:?}");
        reply.body
    }

    /// Posts to a path that must answer with success.
    ///
    /// # Panics
    /// When it does not.
    pub fn post(&self, path: &str, body: &Value) -> Reply {
        let reply = self.request("POST", path, Some(body));
        assert!((200..300).contains(&reply.status), "POST {path}: {reply:?}");
        reply
    }

    /// Sends a request with the token.
    ///
    /// # Panics
    /// When there is no answer.
    #[must_use]
    pub fn request(&self, method: &str, path: &str, body: Option<&Value>) -> Reply {
        self.try_request(method, path, body)
            .unwrap_or_else(|| panic!("{method} {path} has no answer from {}", self.name))
    }

    fn try_request(&self, method: &str, path: &str, body: Option<&Value>) -> Option<Reply> {
        let (url, token) = (self.url(path), self.token.clone());
        let method = method.parse().expect("a method");
        let body = body.cloned();
        // A runtime of its own, on a thread of its own, so that async tests can call it too.
        let thread = std::thread::spawn(move || block_on(send(method, url, token, body)));
        thread.join().expect("a request does not panic")
    }

    /// Asks a model one thing, in one piece.
    ///
    /// # Panics
    /// When there is no answer.
    pub fn chat(&self, prompt: &str, more: &Value) -> Reply {
        let mut body = json!({
            "model": STARTER, "temperature": 0,
            "messages": [{ "role": "user", "content": prompt }],
        });
        if let (Some(body), Some(more)) = (body.as_object_mut(), more.as_object()) {
            body.extend(more.clone());
        }
        self.post("/v1/chat/completions", &body)
    }

    /// Runs `pumasi` against this node.
    #[must_use]
    pub fn pumasi(&self, arguments: &[&str]) -> Ended {
        command::run_with(self.folder(), arguments)
    }

    /// An invitation for this many further nodes.
    ///
    /// # Panics
    /// When it makes none.
    #[must_use]
    pub fn invite(&self, uses: u32) -> String {
        let reply = self.post("/api/v1/invitations", &json!({ "uses": uses, "valid_s": 600 }));
        reply.body["token"].as_str().expect("an invitation has a token").to_owned()
    }

    /// Joins the mesh of an invitation.
    ///
    /// # Panics
    /// When it is not let in.
    pub fn join(&self, token: &str) {
        self.post("/api/v1/join", &json!({ "token": token }));
    }

    /// Waits until it reaches this many members, itself included, and knows this many places of the
    /// starter model.
    ///
    /// # Panics
    /// When it does not within [`MEET`].
    pub fn meet(&self, members: usize) {
        until(&format!("{} reaches {members} members and their models", self.name), MEET, || {
            let nodes = self.get("/api/v1/nodes");
            let present =
                |node: &&Value| node["presence"] == "here" || node["presence"] == "online";
            let reached = nodes["data"].as_array()?.iter().filter(present).count();
            let models = self.get("/api/v1/models");
            let starter = models["data"].as_array()?.iter().find(|m| m["name"] == STARTER)?;
            (reached == members && starter["places"].as_array()?.len() == members).then_some(())
        });
    }

    /// Ends it without asking, as a power cut would, and gives its data directory.
    ///
    /// # Panics
    /// When it cannot be ended.
    pub fn kill(mut self) -> TempDir {
        self.child.kill().expect("it runs");
        self.child.wait().expect("it ends");
        self.folder.take().expect("a running node has its folder")
    }

    /// Asks it to stop, and gives its exit code and data directory.
    ///
    /// # Panics
    /// When it does not stop within 15 seconds.
    pub fn stop(mut self) -> (Option<i32>, TempDir) {
        terminate(self.pid());
        let status = until(&format!("node {} stops", self.name), STOP, || {
            self.child.try_wait().expect("its state can be read")
        });
        (status.code(), self.folder.take().expect("a running node has its folder"))
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        if std::thread::panicking()
            && let Some(folder) = &self.folder
        {
            #[expect(clippy::print_stderr, reason = "the runner shows it with the failure")]
            {
                eprintln!("--- log of {}\n{}", self.name, log_end(folder.path()));
            }
        }
        if matches!(self.child.try_wait(), Ok(None)) {
            // Its workers end with it: they read from a pipe that closes.
            let _ = self.child.kill();
            let _ = self.child.wait();
        }
    }
}

/// Starts this many nodes in one mesh, each seeing all, the founder first.
///
/// # Panics
/// When they do not come together.
#[must_use]
pub fn mesh(count: u32) -> Vec<Node> {
    let nodes: Vec<Node> = (1..=count).map(|n| Node::start(&format!("desk-{n}"))).collect();
    join_all(&nodes);
    nodes
}

/// Lets all nodes into the mesh of the first, and waits until each sees all.
///
/// # Panics
/// When they do not come together.
pub fn join_all(nodes: &[Node]) {
    let [first, others @ ..] = nodes else { return };
    let uses = u32::try_from(others.len().max(1)).expect("a few nodes");
    let token = first.invite(uses);
    others.iter().for_each(|node| node.join(&token));
    nodes.iter().for_each(|node| node.meet(nodes.len()));
}

fn block_on<T>(work: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.expect("a runtime").block_on(work)
}

async fn send(
    method: reqwest::Method,
    url: String,
    token: String,
    body: Option<Value>,
) -> Option<Reply> {
    let client = reqwest::Client::builder().no_proxy().build().expect("a client");
    let mut request = client.request(method, url).bearer_auth(token);
    request = request.timeout(Duration::from_secs(120));
    if let Some(body) = body {
        request = request.json(&body);
    }
    let response = request.send().await.ok()?;
    let status = response.status().as_u16();
    let text = |value: &reqwest::header::HeaderValue| {
        String::from_utf8_lossy(value.as_bytes()).into_owned()
    };
    let headers = response.headers().iter();
    let headers = headers.map(|(name, value)| (name.as_str().to_owned(), text(value))).collect();
    let body = serde_json::from_slice(&response.bytes().await.ok()?).unwrap_or(Value::Null);
    Some(Reply { status, headers, body })
}
