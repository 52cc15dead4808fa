//! Models out of a hub: real nodes, a hub that speaks the real API, and what goes wrong on the way.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use pumasi_tests::command::until;
use pumasi_tests::hub::{FakeHub, Fault, On};
use pumasi_tests::nodes::{Node, Setup};
use serde_json::{Value, json};

const REPO: &str = "office/starter-GGUF";
const FILE: &str = "starter-Q8_0.gguf";
const MODEL: &str = "office/starter-GGUF:Q8_0";
const PATIENCE: Duration = Duration::from_secs(90);

/// The model that every install holds, as a hub would have it.
fn starter() -> Vec<u8> {
    let path =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../engines/llama/starter/starter-chat.gguf");
    fs::read(path).expect("the starter")
}

fn hub() -> (FakeHub, String) {
    let hub = FakeHub::start();
    let sha256 = hub.put(REPO, FILE, &starter());
    (hub, sha256)
}

/// A node that downloads from this hub.
fn setup(hub: &FakeHub) -> Setup {
    Setup::new("desk").with(format!("--hub={}", hub.base)).with(format!("--hub-cdn={}", hub.cdn))
}

fn blob(node: &Node, sha256: &str) -> PathBuf {
    node.folder().join("models/blobs").join(format!("sha256-{sha256}"))
}

fn state(node: &Node) -> Value {
    node.get("/api/v1/pulls")["data"][0].clone()
}

fn wait_for(node: &Node, wanted: &str) -> Value {
    until(&format!("the download is {wanted}"), PATIENCE, || {
        let pull = state(node);
        (pull["state"] == wanted).then_some(pull)
    })
}

fn answers(node: &Node, model: &str) {
    until(&format!("{model} is in the catalog"), PATIENCE, || {
        let models = node.get("/api/v1/models");
        models["data"].as_array()?.iter().any(|known| known["name"] == model).then_some(())
    });
    let asked = node.pumasi(&["run", model, "upper: hello"]);
    assert_eq!((asked.code, asked.stdout.as_str()), (Some(0), "HELLO\n"), "{asked:?}");
}

#[test]
fn a_model_is_found_pulled_and_answers_without_a_restart() {
    let (hub, sha256) = hub();
    hub.put(REPO, "README.md", b"# Starter\x1b[31m");
    let node = setup(&hub).start();
    let found = node.pumasi(&["search", "starter"]);
    assert!(found.stdout.contains(REPO), "{found:?}");
    let files = node.pumasi(&["search", REPO]);
    assert!(files.stdout.contains(MODEL) && files.stdout.contains("yes"), "{files:?}");
    let card = node.pumasi(&["search", REPO, "--card"]);
    assert!(card.stdout.contains("# Starter") && !card.stdout.contains('\x1b'), "{card:?}");

    let pulled = node.pumasi(&["pull", &format!("hf.co/{MODEL}"), "--json"]).json();
    assert_eq!((&pulled["state"], &pulled["model"]), (&json!("done"), &json!(MODEL)));
    assert_eq!(pulled["sources"][0]["name"], hub.base);
    answers(&node, MODEL);
    assert_eq!(fs::read(blob(&node, &sha256)).expect("the blob"), starter());
    let tree = blob(&node, &sha256).with_extension("tree");
    assert!(tree.is_file(), "peers can be given proven parts of it");

    let stock = node.get("/api/v1/store");
    let stored = &stock["models"][0];
    assert_eq!(stored["origin"]["commit"], hub.commit(REPO));
    assert_eq!(stored["sha256"][0], sha256);
    let disk = node.pumasi(&["models", "disk"]);
    assert!(disk.stdout.contains(MODEL), "{disk:?}");
    assert_eq!(node.pumasi(&["models", "verify", MODEL]).code, Some(0));

    // Again: nothing is fetched.
    let sent = hub.sent();
    assert_eq!(node.pumasi(&["pull", MODEL]).code, Some(0));
    assert_eq!(hub.sent(), sent);

    assert_eq!(node.pumasi(&["models", "pin", MODEL]).code, Some(0));
    assert_eq!(node.pumasi(&["models", "remove", MODEL]).code, Some(65));
    assert_eq!(node.pumasi(&["models", "unpin", MODEL]).code, Some(0));
    assert_eq!(node.pumasi(&["models", "remove", MODEL]).code, Some(0));
    until("the model is gone", PATIENCE, || {
        let models = node.get("/api/v1/models");
        let is_there = |known: &Value| known["name"] == MODEL;
        (!models["data"].as_array()?.iter().any(is_there)).then_some(())
    });
    assert!(!blob(&node, &sha256).exists());
}

#[test]
fn cat_f16_a_download_survives_a_pause_and_the_end_of_the_node() {
    let (hub, sha256) = hub();
    let whole = starter().len() as u64;
    let node = setup(&hub).start();
    hub.pace(whole / 4);
    assert_eq!(node.pumasi(&["pull", MODEL, "--detach"]).code, Some(0));
    until("a part is there", PATIENCE, || {
        (state(&node)["done_bytes"].as_u64()? > 100_000).then_some(())
    });
    assert_eq!(node.pumasi(&["pulls", "pause", MODEL]).code, Some(0));
    until("nothing is sent any more", PATIENCE, || (hub.sending() == 0).then_some(()));
    let part = node.folder().join("models/partial").join(format!("sha256-{sha256}.part"));
    let kept = fs::metadata(&part).expect("the part is kept").len();
    assert!(kept > 0 && kept < whole, "{kept} of {whole}");

    // A paused one stays paused over a restart.
    let node = setup(&hub).on(node.kill()).start();
    assert_eq!(wait_for(&node, "paused")["done_bytes"], kept);
    assert_eq!(node.pumasi(&["pulls", "resume", MODEL]).code, Some(0));
    until("it goes on", PATIENCE, || (fs::metadata(&part).ok()?.len() > kept).then_some(()));

    // One that was under way goes on by itself.
    let folder = node.kill();
    until("nothing is sent any more", PATIENCE, || (hub.sending() == 0).then_some(()));
    hub.pace(0);
    let node = setup(&hub).on(folder).start();
    wait_for(&node, "done");
    answers(&node, MODEL);
    let sent = hub.sent();
    assert!(sent < whole + whole / 2, "{sent} bytes were sent of a file of {whole}");
}

#[test]
fn cat_f05_a_wrong_file_never_has_its_final_name() {
    let (hub, sha256) = hub();
    let node = setup(&hub).start();
    let blobs = node.folder().join("models/blobs");
    let watch = Watch::of(&blobs);
    hub.misbehave(Fault::WrongBytes, 1);
    let pulled = node.pumasi(&["pull", MODEL]);
    assert_eq!(pulled.code, Some(65), "{pulled:?}");
    assert!(pulled.stderr.contains("SHA-256"), "{pulled:?}");
    assert_eq!(watch.names(), Vec::<String>::new(), "not for a moment");
    let partial = fs::read_dir(node.folder().join("models/partial")).expect("a folder");
    let left: Vec<_> = partial.flatten().map(|entry| entry.file_name()).collect();
    let is_part = |name: &std::ffi::OsString| name.to_string_lossy().ends_with(".part");
    assert!(!left.iter().any(is_part), "{left:?}");
    assert_eq!(node.pumasi(&["pull", MODEL]).code, Some(0), "the next time is fine");
    assert!(watch.names().contains(&format!("sha256-{sha256}")));
}

/// Files that appear in a folder, told by the kernel.
struct Watch(rustix::fd::OwnedFd);

impl Watch {
    fn of(folder: &Path) -> Self {
        use rustix::fs::inotify::{CreateFlags, WatchFlags, add_watch, init};
        let watch = init(CreateFlags::NONBLOCK).expect("inotify is there");
        let flags = WatchFlags::CREATE | WatchFlags::MOVED_TO;
        add_watch(&watch, folder, flags).expect("the folder is there");
        Self(watch)
    }

    fn names(&self) -> Vec<String> {
        let mut space = [std::mem::MaybeUninit::uninit(); 16 << 10];
        let mut events = rustix::fs::inotify::Reader::new(&self.0, &mut space);
        let mut names = Vec::new();
        while let Ok(event) = events.next() {
            names.extend(event.file_name().map(|name| name.to_string_lossy().into_owned()));
        }
        names
    }
}

#[test]
fn cat_f15_a_gated_model_says_where_to_go_and_a_token_opens_it() {
    let (hub, _) = hub();
    hub.change(REPO, |repo| {
        repo.gated = Some("manual");
        repo.accepted = vec!["hf_member".to_owned()];
    });
    let node = setup(&hub).start();
    let refused = node.pumasi(&["pull", MODEL]);
    assert_eq!(refused.code, Some(77), "{refused:?}");
    let page = format!("{}/{REPO}", hub.base);
    assert!(refused.stderr.contains(&page), "{refused:?}");
    node.post("/api/v1/hub/token", &json!({ "token": "hf_member" }));
    assert_eq!(node.pumasi(&["pull", MODEL]).code, Some(0));
    let at_cdn = hub.seen().into_iter().filter(|seen| seen.path.starts_with("/blob/"));
    assert!(at_cdn.clone().count() > 0);
    assert!(at_cdn.into_iter().all(|seen| seen.header("authorization").is_none()));
    assert!(!node.log().contains("hf_member"), "a token is in no log");
    assert!(node.get("/api/v1/store")["hub_token"].as_bool().expect("a flag"));
    let logged_out = node.pumasi(&["hub", "logout"]);
    assert_eq!(logged_out.code, Some(0), "{logged_out:?}");
}

#[test]
fn cat_f14_another_file_under_the_same_name_is_only_taken_when_asked_for() {
    let (hub, sha256) = hub();
    let node = setup(&hub).start();
    assert_eq!(node.pumasi(&["pull", MODEL]).code, Some(0));
    hub.remove(REPO);
    let mut other = starter();
    *other.last_mut().expect("it is not empty") ^= 1;
    let changed = hub.put(REPO, FILE, &other);
    let asked = node.pumasi(&["pull", MODEL, "--json"]);
    assert_eq!(asked.json()["error"]["code"], "revision_changed");
    assert!(blob(&node, &sha256).exists() && !blob(&node, &changed).exists());
    let updated = node.pumasi(&["pull", MODEL, "--update"]);
    assert_eq!(updated.code, Some(0), "{updated:?}");
    assert!(blob(&node, &changed).exists());
    let swept = node.pumasi(&["models", "gc", "--json"]).json();
    assert_eq!(swept["files"], 1, "the file before is not needed any more");
    assert!(!blob(&node, &sha256).exists());
}

#[test]
fn one_file_is_downloaded_once_however_often_it_is_asked_for() {
    let (hub, _) = hub();
    let whole = starter().len() as u64;
    let node = setup(&hub).start();
    hub.pace(whole);
    let pull = |body: &Value| node.request("POST", "/api/v1/pulls", Some(body));
    let first = pull(&json!({ "model": MODEL }));
    let second =
        pull(&json!({ "model": format!("https://huggingface.co/{REPO}/blob/main/{FILE}") }));
    assert_eq!((first.status, second.status), (202, 202));
    assert_eq!(first.body["id"], second.body["id"]);
    let other = pull(&json!({ "model": MODEL, "name": "mine" }));
    assert_eq!((other.status, &other.body["error"]["code"]), (409, &json!("pull_under_way")));
    wait_for(&node, "done");
    assert_eq!(hub.sent(), whole);
    assert_eq!(node.pumasi(&["pull", MODEL, "--name", "mine"]).code, Some(0));
    assert_eq!(hub.sent(), whole, "a second name is only a name");
    answers(&node, "mine");
}

#[test]
fn cat_f08_a_hub_that_is_out_of_order_is_said_to_be_so() {
    let (hub, _) = hub();
    let node = setup(&hub).start();
    hub.misbehave(Fault::LoginPage(On::Api), 1);
    let portal = node.pumasi(&["pull", MODEL, "--json"]);
    assert_eq!(portal.json()["error"]["code"], "hub_unavailable");
    hub.misbehave(Fault::Status(On::Resolve, 503, vec![("retry-after", "1".to_owned())]), 2);
    assert_eq!(node.pumasi(&["pull", MODEL]).code, Some(0), "it was tried again");
    let none = node.pumasi(&["pull", "office/none"]);
    assert_eq!(none.code, Some(77), "{none:?}");
    let odd = node.pumasi(&["pull", "https://evil.example/a/b"]);
    assert_eq!(odd.code, Some(65), "{odd:?}");
    assert!(!node.log().contains("panicked"));
}

#[test]
fn no_room_is_said_before_a_byte_is_fetched() {
    let (hub, _) = hub();
    let node = setup(&hub).with("--model-space=1kB").start();
    let full = node.pumasi(&["pull", MODEL]);
    assert_eq!(full.code, Some(75), "{full:?}");
    assert!(full.stderr.contains("bytes"), "{full:?}");
    assert_eq!(hub.sent(), 0);
}

#[test]
fn ollamas_programs_pull_copy_and_delete() {
    let (hub, sha256) = hub();
    let node = setup(&hub).start();
    let pulled = node.request(
        "POST",
        "/api/pull",
        Some(&json!({
            "model": format!("hf.co/{MODEL}"), "stream": false,
        })),
    );
    assert_eq!((pulled.status, &pulled.body), (200, &json!({ "status": "success" })));
    node.post("/api/copy", &json!({ "source": MODEL, "destination": "mine" }));
    answers(&node, "mine");
    for name in [format!("hf.co/{MODEL}"), "mine".to_owned()] {
        let deleted = node.request("DELETE", "/api/delete", Some(&json!({ "model": name })));
        assert_eq!(deleted.status, 200, "{name}: {deleted:?}");
    }
    assert!(!blob(&node, &sha256).exists());
}

#[test]
fn models_of_other_programs_are_imported_without_a_copy() {
    let (hub, sha256) = hub();
    let node = setup(&hub).start();
    let ollama = node.folder().join("ollama");
    let manifests = ollama.join("manifests/registry.ollama.ai/library/starter");
    fs::create_dir_all(&manifests).expect("a folder");
    fs::create_dir_all(ollama.join("blobs")).expect("a folder");
    let file = ollama.join("blobs").join(format!("sha256-{sha256}"));
    fs::write(&file, starter()).expect("a file");
    let manifest = json!({ "layers": [{
        "mediaType": "application/vnd.ollama.image.model", "digest": format!("sha256:{sha256}"),
    }] });
    fs::write(manifests.join("latest"), manifest.to_string()).expect("a file");
    let folder = ollama.to_str().expect("text");
    let import = ["models", "import", "--from", "ollama", "--folder", folder];
    let listed = node.pumasi(&[&import[..], &["--dry-run"]].concat());
    assert!(listed.stdout.contains("starter "), "{listed:?}");
    assert_eq!(node.get("/api/v1/store")["models"], json!([]));
    let imported = node.pumasi(&[&import[..], &["--json"]].concat()).json();
    assert_eq!(imported["data"][0]["outcome"], "linked");
    answers(&node, "starter");
    // A pull of the same file is then only a name.
    assert_eq!(node.pumasi(&["pull", MODEL]).code, Some(0));
    assert_eq!(hub.sent(), 0);
    let text = node.folder().join("notes.txt");
    fs::write(&text, "no model").expect("a file");
    let odd = node.pumasi(&["models", "import", text.to_str().expect("text")]);
    assert_eq!(odd.code, Some(65), "{odd:?}");
}

/// Peak memory of a process, in bytes (`VmHWM`).
fn peak(node: &Node) -> u64 {
    let status = fs::read_to_string(format!("/proc/{}/status", node.pid())).expect("it runs");
    let line = status.lines().find(|line| line.starts_with("VmHWM:")).expect("the kernel says it");
    let digits: String = line.chars().filter(char::is_ascii_digit).collect();
    digits.parse::<u64>().expect("a number") * 1_024
}

/// Of a file three times as large as the memory that it may take.
#[test]
fn a_download_and_an_import_take_little_memory() {
    let hub = FakeHub::start();
    let mut content = starter();
    content.resize(192 << 20, 0);
    hub.put(REPO, FILE, &content);
    let node = setup(&hub).start();
    assert_eq!(node.pumasi(&["models"]).code, Some(0));
    let before = peak(&node);
    let pulled = node.pumasi(&["pull", MODEL]);
    assert_eq!(pulled.code, Some(0), "{pulled:?}");
    let file = node.folder().join("large.gguf");
    content[(192 << 20) - 1] = 1;
    fs::write(&file, &content).expect("a file");
    let imported = node.pumasi(&["models", "import", file.to_str().expect("text")]);
    assert_eq!(imported.code, Some(0), "{imported:?}");
    let grown = peak(&node).saturating_sub(before);
    assert!(grown < 64 << 20, "{} MiB more at the peak", grown >> 20);
}
