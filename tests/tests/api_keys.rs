//! API keys and the listener for other computers, with real processes: TLS, limits, and what a key of one
//! person does not see of another's.

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use pumasi_tests::command::{Ended, pumasi, run, until};
use pumasi_tests::https::Https;
use pumasi_tests::nodes::{Node, Reply, STARTER, Setup};
use serde_json::{Value, json};
use tempfile::TempDir;

/// Longer than anything here takes on a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);

/// Makes keys with these arguments, then serves other computers; gives the secrets, too.
fn serving(keys: &[&[&str]]) -> (Node, Https, Vec<String>) {
    let node = Node::start("desk");
    let secrets = keys.iter().map(|arguments| secret(&node, arguments)).collect();
    let (code, folder) = node.stop();
    assert_eq!(code, Some(0));
    let node = public(folder);
    let others = others(&node);
    (node, others, secrets)
}

fn secret(node: &Node, arguments: &[&str]) -> String {
    let made = node.pumasi(&[&["keys", "create", "--json"], arguments].concat());
    assert_eq!(made.code, Some(0), "{made:?}");
    made.json()["secret"].as_str().expect("a secret").to_owned()
}

fn public(folder: TempDir) -> Node {
    Setup::new("desk").with("--http-public=127.0.0.1:0").on(folder).start()
}

fn others(node: &Node) -> Https {
    let status = node.get("/api/v1/status");
    let address = status["endpoint"]["address"].as_str().expect("others are served");
    let certificate = node.folder().join("http-cert.pem");
    Https::new(address.parse().expect("an address"), "localhost", &certificate)
}

fn chat(prompt: &str) -> Value {
    json!({
        "model": STARTER, "temperature": 0,
        "messages": [{ "role": "user", "content": prompt }],
    })
}

fn code(reply: &Reply) -> (u16, &str) {
    (reply.status, reply.body["error"]["code"].as_str().unwrap_or("-"))
}

/// A body without its request's id.
fn anonymous(reply: &Reply) -> String {
    let id = reply.header("x-request-id").expect("each answer has an id");
    reply.body.to_string().replace(id, "ID")
}

#[test]
fn a_program_elsewhere_uses_the_openai_endpoints_over_tls_with_its_key() {
    let (node, others, secrets) =
        serving(&[&["bot", "--person", "lee", "--rpm", "100", "--tokens-per-day", "5000"]]);
    let key = &secrets[0];
    let whole = others.ask(key, "POST", "/v1/chat/completions", Some(&chat("upper: hello")));
    assert_eq!(whole.body["choices"][0]["message"]["content"], "HELLO", "{whole:?}");
    assert_eq!(whole.header("x-pumasi-node"), Some("desk"));
    let mut streaming = chat("upper: again");
    streaming["stream"] = json!(true);
    let streamed = others.ask(key, "POST", "/v1/chat/completions", Some(&streaming));
    let text = streamed.body.as_str().expect("a stream");
    assert!(text.trim_end().ends_with("data: [DONE]"), "{text}");
    let models = others.ask(key, "GET", "/v1/models", None);
    assert_eq!(models.body["data"][0]["id"], STARTER);

    let jobs = node.get("/api/v1/jobs");
    assert!(jobs["data"].as_array().expect("a list").iter().all(|job| job["person"] == "lee"));
    let listed = node.pumasi(&["keys", "list", "--json"]).json();
    let listed = &listed["data"][0];
    assert_eq!(listed["requests"], 3);
    let usage = &whole.body["usage"]["total_tokens"];
    assert!(listed["tokens"].as_u64() > usage.as_u64(), "{listed} {usage}");
    assert!(listed["last_used_ms"].as_u64().is_some());

    // What was used outlives a restart, and so does the certificate.
    let fingerprint = others.fingerprint();
    let (_, folder) = node.stop();
    let node = public(folder);
    let kept = node.pumasi(&["keys", "list", "--json"]).json();
    assert_eq!(kept["data"][0], *listed);
    assert_eq!(self::others(&node).fingerprint(), fingerprint);
}

#[test]
fn cat_h16_others_get_nothing_without_a_key_and_the_installs_token_is_none() {
    let (node, others, _) = serving(&[&["bot"]]);
    let routes = [
        ("GET", "/healthz"),
        ("GET", "/"),
        ("GET", "/no/such/route"),
        ("GET", "/v1/models"),
        ("POST", "/v1/chat/completions"),
        ("POST", "/v1/completions"),
        ("POST", "/v1/embeddings"),
        ("GET", "/api/v1/status"),
        ("GET", "/api/v1/jobs"),
        ("POST", "/api/v1/jobs"),
        ("GET", "/api/v1/events"),
        ("POST", "/api/v1/keys"),
        ("POST", "/api/v1/invitations"),
        ("POST", "/api/v1/join"),
    ];
    let mut bodies = std::collections::BTreeSet::new();
    for (method, path) in routes {
        let reply = others.try_ask(method, path, &[], None).expect("an answer").0;
        assert_eq!(code(&reply), (401, "invalid_token"), "{method} {path}");
        bodies.insert(anonymous(&reply));
    }
    let bearer = format!("Bearer {}", node.token());
    for headers in [("authorization", bearer.as_str()), ("x-api-key", node.token())] {
        let reply = others.try_ask("GET", "/api/v1/status", &[headers], None).expect("an answer").0;
        assert_eq!(code(&reply), (401, "invalid_token"), "it stays on its computer");
        bodies.insert(anonymous(&reply));
    }
    assert_eq!(bodies.len(), 1, "{bodies:?}");
    // This computer is served as ever, without a key and in the clear.
    assert_eq!(node.chat("upper: here", &json!({})).status, 200);
    assert!(node.pumasi(&["status"]).stdout.contains(&others.fingerprint()));
}

#[test]
fn keys_are_wrong_expired_revoked_too_narrow_or_too_fast() {
    let (node, others, secrets) = serving(&[
        &["narrow"],
        &["brief", "--expires", "1s"],
        &["slow", "--rpm", "2", "--scope", "inference,view"],
        &["small", "--tokens", "1"],
    ]);
    let [narrow, brief, slow, small] = secrets.as_slice() else { panic!("four keys") };
    let get = |key: &str, path: &str| others.ask(key, "GET", path, None);
    assert_eq!(code(&get("pumasi-key-wrong", "/v1/models")), (401, "invalid_token"));
    assert_eq!(code(&get(&narrow.to_uppercase(), "/v1/models")), (401, "invalid_token"));
    until("a key of one second expires", Duration::from_secs(20), || {
        (code(&get(brief, "/v1/models")) == (401, "key_expired")).then_some(())
    });

    assert_eq!(get(narrow, "/v1/models").status, 200);
    for path in ["/api/v1/status", "/api/v1/jobs", "/api/v1/jobs/..%2f..%2f..%2fv1%2fmodels"] {
        assert_eq!(code(&get(narrow, path)), (403, "scope_missing"), "{path}");
    }
    assert_eq!(code(&get(narrow, "/api/v1/keys")), (403, "not_by_key"));
    assert_eq!(code(&get(narrow, "/v1/../api/v1/status")), (404, "not_found"));

    assert_eq!(get(slow, "/v1/models").status, 200);
    assert_eq!(get(slow, "/api/v1/status").status, 200);
    let refused = get(slow, "/v1/models");
    assert_eq!(code(&refused), (429, "rate_limited"));
    assert!(refused.header("retry-after").is_some_and(|s| s.parse::<u32>().is_ok()));

    let ask = |key: &str| others.ask(key, "POST", "/v1/chat/completions", Some(&chat("upper: a")));
    assert_eq!(ask(small).status, 200, "what has begun is finished");
    assert_eq!(code(&ask(small)), (429, "quota_exceeded"));

    assert_eq!(node.pumasi(&["keys", "revoke", "narrow"]).code, Some(0));
    assert_eq!(code(&get(narrow, "/v1/models")), (401, "key_revoked"));
    let (_, folder) = node.stop();
    let node = public(folder);
    let others = self::others(&node);
    assert_eq!(code(&others.ask(narrow, "GET", "/v1/models", None)), (401, "key_revoked"));
}

#[test]
fn cat_h36_a_job_of_another_person_looks_like_none() {
    let (node, others, secrets) = serving(&[
        &["lee", "--person", "lee", "--scope", "jobs"],
        &["kim", "--person", "kim", "--scope", "jobs"],
    ]);
    let [lee, kim] = secrets.as_slice() else { panic!("two keys") };
    let body = json!({ "kind": "chat", "request": chat("upper: mine") });
    let job = others.ask(lee, "POST", "/api/v1/jobs", Some(&body));
    assert_eq!(job.status, 201, "{job:?}");
    let job = job.body["id"].as_str().expect("an id").to_owned();
    assert_eq!(node.pumasi(&["wait", &job]).code, Some(0));
    let of = |job: &str| {
        let path = |rest: &str| format!("/api/v1/jobs/{job}{rest}");
        [
            ("GET", path("")),
            ("GET", path("/why")),
            ("GET", path("/result")),
            ("GET", path("/events")),
            ("POST", path("/cancel")),
            ("POST", path("/adopt")),
            ("DELETE", path("")),
        ]
    };
    let unknown = "01900000-0000-7000-8000-000000000000";
    let mut bodies = std::collections::BTreeSet::new();
    for (method, path) in of(&job).into_iter().chain(of(unknown)) {
        let reply = others.ask(kim, method, &path, None);
        assert_eq!(code(&reply), (404, "job_not_found"), "{method} {path}");
        bodies.insert(anonymous(&reply));
    }
    assert_eq!(bodies.len(), 1, "{bodies:?}");
    let list = others.ask(kim, "GET", "/api/v1/jobs", None);
    assert_eq!(list.body["data"], json!([]));

    let result = others.ask(lee, "GET", &format!("/api/v1/jobs/{job}/result"), None);
    assert_eq!(result.body["choices"][0]["message"]["content"], "MINE");
    let forgotten = others.ask(lee, "DELETE", &format!("/api/v1/jobs/{job}"), None);
    assert_eq!(forgotten.status, 204);
    let again = others.ask(lee, "GET", &format!("/api/v1/jobs/{job}"), None);
    assert_eq!(code(&again), (404, "job_not_found"));
    bodies.insert(anonymous(&again));
    assert_eq!(bodies.len(), 1, "a deleted one looks the same: {bodies:?}");
}

/// `up` on this folder, to its end.
fn up(folder: &Path, more: &[&str]) -> Ended {
    let fixed = "up --json --name desk --listen 127.0.0.1 --discovery=false \
                 --mesh-port 0 --data-port 0 --join-port 0";
    run(pumasi(folder).args(fixed.split_whitespace()).args(more).env("PUMASI_HTTP", "127.0.0.1:0"))
}

fn refusal(ended: &Ended) -> String {
    assert_eq!(ended.code, Some(78), "{ended:?}");
    let message = ended.json()["error"]["message"].as_str().expect("a sentence").to_owned();
    assert!(!message.contains('\n'), "{message}");
    message
}

#[test]
fn cat_s01_others_are_not_served_without_a_key() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    for address in ["0.0.0.0:0", "[::]:0", "127.0.0.1:0"] {
        let message = refusal(&up(folder.path(), &["--http-public", address]));
        assert!(message.contains("pumasi keys create") && message.contains("SSH"), "{message}");
    }
    let message = refusal(&up(folder.path(), &["--http", "0.0.0.0:0"]));
    assert!(message.contains("--http-public") && message.contains("SSH"), "{message}");

    let node = Setup::new("desk").on(folder).start();
    secret(&node, &["bot"]);
    assert_eq!(node.pumasi(&["keys", "revoke", "bot"]).code, Some(0));
    let (_, folder) = node.stop();
    let message = refusal(&up(folder.path(), &["--http-public", "0.0.0.0:0"]));
    assert!(message.contains("no API key"), "a revoked one is none: {message}");
}

/// The node's own certificate and key, as files of IT.
fn pair(node: &Node, folder: &Path) -> (PathBuf, PathBuf) {
    let paths = (folder.join("it.pem"), folder.join("it.key"));
    std::fs::copy(node.folder().join("http-cert.pem"), &paths.0).expect("it is copied");
    std::fs::copy(node.folder().join("http-key.pem"), &paths.1).expect("it is copied");
    set_mode(&paths.1, 0o640);
    paths
}

fn set_mode(path: &Path, mode: u32) {
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).expect("it is set");
}

#[test]
fn cat_s02_a_certificate_of_it_is_served_or_refused_with_one_sentence() {
    let (node, others, secrets) = serving(&[&["bot"]]);
    let mode = |name: &str| {
        let file = std::fs::metadata(node.folder().join(name)).expect("it exists");
        file.permissions().mode() & 0o777
    };
    assert_eq!((mode("http-key.pem"), mode("http-cert.pem")), (0o600, 0o600));
    let files = tempfile::tempdir().expect("a temporary folder");
    let (certificate, key) = pair(&node, files.path());
    let fingerprint = others.fingerprint();
    let (_, folder) = node.stop();
    std::fs::remove_file(folder.path().join("http-cert.pem")).expect("it is removed");

    let (cert_flag, key_flag) =
        (format!("--http-cert={}", certificate.display()), format!("--http-key={}", key.display()));
    let refused = |more: &[&str]| {
        let flags = ["--http-public=127.0.0.1:0", cert_flag.as_str()];
        refusal(&up(folder.path(), &[&flags, more].concat()))
    };
    assert!(refused(&[]).contains("go together"));
    let absent = format!("--http-key={}", files.path().join("absent").display());
    assert!(refused(&[&absent]).contains("cannot be read"));
    set_mode(&key, 0o644);
    assert!(refused(&[&key_flag]).contains("chmod 600"));
    set_mode(&key, 0o600);
    let pem = std::fs::read(&key).expect("it is read");
    std::fs::write(&key, "").expect("it is written");
    assert!(refused(&[&key_flag]).contains("no private key"));
    std::fs::write(&key, pem).expect("it is written");

    let node = Setup::new("desk").with("--http-public=127.0.0.1:0").with(cert_flag);
    let node = node.with(key_flag).on(folder).start();
    let status = node.get("/api/v1/status");
    assert_eq!(status["endpoint"]["fingerprint"], fingerprint.as_str());
    let address = status["endpoint"]["address"].as_str().expect("others are served");
    let others = Https::new(address.parse().expect("an address"), "localhost", &certificate);
    assert_eq!(others.ask(&secrets[0], "GET", "/v1/models", None).status, 200);
}

#[test]
fn cat_c10_the_commands_about_keys_print_one_object_each() {
    let node = Node::start("desk");
    let made = node.pumasi(&["keys", "create", "--json", "bot", "--expires", "30d", "--rpm", "9"]);
    let made = made.json();
    let id = made["key"]["id"].as_str().expect("an id").to_owned();
    assert_eq!(made["key"]["person"], "bot", "a shared computer has no person of its own");
    let changed =
        node.pumasi(&["keys", "change", "--json", &id[..6], "--scope", "view,jobs"]).json();
    assert_eq!(changed["scopes"], json!(["jobs", "view"]));
    assert_eq!(node.pumasi(&["keys", "--json"]).json()["data"][0]["id"], id.as_str());
    let table = node.pumasi(&["keys"]).stdout;
    assert!(table.contains("jobs,view") && table.contains("9/min"), "{table}");
    let secret = made["secret"].as_str().expect("a secret");
    assert!(!table.contains(secret));
    assert_eq!(node.pumasi(&["keys", "revoke", "--json", "bot"]).json()["state"], "revoked");
    for (arguments, code, word) in [
        (&["keys", "revoke", "--json", "ffffff-no"][..], 66, "key_not_found"),
        (&["keys", "change", "--json", "bot"], 2, "usage"),
        (&["keys", "create", "--json", "a\nb"], 2, "usage"),
        (&["keys", "create", "--json", "a", "--scope", "all"], 2, "usage"),
        (&["keys", "change", "--json", &id, "--rpm", "5"], 65, "already_revoked"),
    ] {
        let ended = node.pumasi(arguments);
        let found = ended.json()["error"]["code"].as_str().unwrap_or_default().to_owned();
        assert_eq!((ended.code, found.as_str()), (Some(code), word), "{arguments:?}: {ended:?}");
    }
    assert!(!node.log().contains(secret), "no secret is logged");
}

/// Puts another certificate where that of IT is, with its key.
fn renew(certificate: &Path, key: &Path) {
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).expect("a certificate");
    std::fs::write(certificate, made.cert.pem()).expect("it is written");
    std::fs::write(key, made.signing_key.serialize_pem()).expect("it is written");
}

#[test]
fn a_renewed_certificate_of_it_is_served_without_a_restart_and_a_broken_one_changes_nothing() {
    let files = tempfile::tempdir().expect("a temporary folder");
    let (certificate, key) = (files.path().join("it.pem"), files.path().join("it.key"));
    renew(&certificate, &key);
    set_mode(&key, 0o600);
    let node = Setup::new("desk").start();
    let token = secret(&node, &["bot"]);
    let (_, folder) = node.stop();
    let node = Setup::new("desk").on(folder).with("--http-public=127.0.0.1:0");
    let node = node.with(format!("--http-cert={}", certificate.display()));
    let node = node.with(format!("--http-key={}", key.display())).start();
    let address = node.get("/api/v1/status")["endpoint"]["address"].clone();
    let address = address.as_str().expect("others are served").parse().expect("an address");
    // A program trusts the certificate that it was given, and no other.
    let asks = |trusted: &Path| {
        let bearer = format!("Bearer {token}");
        let others = Https::new(address, "localhost", trusted);
        let asked = others.try_ask("GET", "/v1/models", &[("authorization", &bearer)], None);
        asked.is_ok_and(|(reply, _)| reply.status == 200)
    };
    let first = files.path().join("first.pem");
    std::fs::copy(&certificate, &first).expect("it is copied");
    assert!(asks(&first));

    std::fs::write(&key, "half of a key").expect("it is written");
    let notices = || node.get("/api/v1/status")["notices"].as_array().cloned().unwrap_or_default();
    let told = || notices().into_iter().find(|notice| notice["code"] == "certificate");
    let notice = until("the broken one is told", PATIENCE, told);
    assert!(notice["message"].as_str().is_some_and(|text| text.contains("no private key")));
    assert!(asks(&first), "the old one is served meanwhile");
    let doctor = node.pumasi(&["doctor", "--json"]).json();
    assert!(doctor.to_string().contains("no private key"), "{doctor}");

    renew(&certificate, &key);
    until("the new one is served", PATIENCE, || asks(&certificate).then_some(()));
    assert!(!asks(&first), "the old one is not");
    until("nothing is amiss any more", PATIENCE, || told().is_none().then_some(()));
    let shown = node.get("/api/v1/status")["endpoint"]["fingerprint"].clone();
    assert_ne!(shown, Value::Null);
    assert_eq!(
        node.log().matches("the new certificate cannot be used").count(),
        1,
        "{}",
        node.log()
    );
}
