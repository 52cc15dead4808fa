//! Lasting jobs as an office sees them: handed in at one computer, looked at, cancelled and fetched at
//! any other of the same person, and not at anybody else's.

use std::net::SocketAddr;
use std::time::Duration;

use pumasi_tests::command::until;
use pumasi_tests::nodes::{MEET, Node, STARTER, Setup};
use pumasi_tests::peer;
use quinn::Connection;
use serde_json::{Value, json};

/// A job of the starter model takes a moment; machines of tests are busy.
const DONE: Duration = Duration::from_secs(60);

/// Nodes of the persons named, in one mesh, the first of them its founder and admin.
fn office(persons: &[(&str, &str)]) -> Vec<Node> {
    let (first, others) = persons.split_first().expect("a founder");
    let (name, person) = first;
    let founder = Setup::new(name).with(format!("--person={person}")).start();
    let mut nodes = vec![founder];
    for (name, person) in others {
        let node = Node::start(name);
        let terms = json!({ "uses": 1, "valid_s": 600, "person": person });
        let invitation = nodes[0].post("/api/v1/invitations", &terms).body;
        node.join(invitation["token"].as_str().expect("a token"));
        nodes.push(node);
    }
    nodes.iter().for_each(|node| node.meet(nodes.len()));
    nodes
}

fn submit(node: &Node, prompt: &str, more: &Value) -> String {
    let mut request = json!({
        "model": STARTER, "temperature": 0, "messages": [{ "role": "user", "content": prompt }],
    });
    if let (Some(request), Some(more)) = (request.as_object_mut(), more.as_object()) {
        request.extend(more.clone());
    }
    let job = node.post("/api/v1/jobs", &json!({ "kind": "chat", "request": request })).body;
    job["id"].as_str().expect("a job has an id").to_owned()
}

/// Jobs that take a moment, so that some are under way when something happens.
fn submit_some(nodes: &[&Node], count: usize, placement: &Value) -> Vec<String> {
    let text = "repeat: ".to_owned() + &"word ".repeat(20);
    let more = json!({ "max_tokens": 40, "pumasi": placement });
    let places = nodes.iter().cycle().take(count);
    places.map(|node| submit(node, &text, &more)).collect()
}

fn wait_for(node: &Node, job: &str, state: &str) -> Value {
    until(&format!("{} sees job {job} {state}", node.name), DONE, || {
        let reply = node.request("GET", &format!("/api/v1/jobs/{job}"), None);
        (reply.body["state"] == state).then_some(reply.body)
    })
}

fn answer(result: &Value) -> &Value {
    &result["choices"][0]["message"]["content"]
}

#[test]
fn a_job_is_listed_followed_explained_and_fetched_at_another_computer() {
    let nodes = office(&[("here", "kim"), ("there", "kim")]);
    let [here, there] = nodes.as_slice() else { panic!("two nodes") };
    let job = submit(there, "upper: anywhere", &json!({}));
    let short = &job[job.len() - 8..];

    let watched = here.pumasi(&["watch", "--json", &job]);
    assert_eq!(watched.code, Some(0), "{watched:?}");
    assert_eq!(watched.json()["owner"]["name"], json!("there"));
    let waited = here.pumasi(&["wait", short, "--timeout", "60s"]);
    assert_eq!(waited.code, Some(0), "{waited:?}");
    let fetched = here.pumasi(&["get", short]);
    assert_eq!((fetched.code, fetched.stdout.as_str()), (Some(0), "ANYWHERE\n"), "{fetched:?}");
    let listed = here.pumasi(&["jobs"]);
    assert!(listed.stdout.contains(short), "{listed:?}");
    let why = here.pumasi(&["why", short]);
    assert!(why.stdout.contains("chosen"), "{why:?}");
    let own = there.get(&format!("/api/v1/jobs/{job}/result"));
    assert_eq!(answer(&here.get(&format!("/api/v1/jobs/{job}/result"))), answer(&own));
}

#[test]
fn cat_h36_jobs_of_other_persons_look_like_jobs_that_do_not_exist() {
    let nodes = office(&[("boss", "kim"), ("desk", "lee"), ("other", "park")]);
    let [boss, desk, other] = nodes.as_slice() else { panic!("three nodes") };
    let job = submit(desk, "upper: mine", &json!({ "pumasi": { "local_only": true } }));
    wait_for(desk, &job, "completed");
    // An admin sees every person's jobs.
    assert_eq!(boss.get(&format!("/api/v1/jobs/{job}"))["owner"]["name"], json!("desk"));
    let unknown = "01900000-0000-7000-8000-000000000000";
    for path in ["", "/why", "/result", "/events"] {
        let ask = |job: &str| {
            let mut reply = other.request("GET", &format!("/api/v1/jobs/{job}{path}"), None);
            reply.body["error"]["request_id"] = Value::Null;
            (reply.status, reply.body)
        };
        assert_eq!(ask(&job), ask(unknown), "{path}");
        assert_eq!(ask(&job).0, 404, "{path}");
    }
    let cancelled = other.request("POST", &format!("/api/v1/jobs/{job}/cancel"), None);
    assert_eq!(cancelled.status, 404, "{cancelled:?}");
    let listed = other.get("/api/v1/jobs");
    assert_eq!(listed["data"].as_array().map(Vec::len), Some(0), "{listed}");
}

fn digits(text: &str) -> Vec<u8> {
    let text = text.replace('-', "");
    let byte = |at: usize| u8::from_str_radix(&text[at..at + 2], 16).expect("digits");
    (0..text.len()).step_by(2).map(byte).collect()
}

/// Whether whoever is at the other end of a connection gives this file by the right of this job.
async fn gives(connection: &Connection, job: &str, file: &str) -> bool {
    // A frame that asks for a file, from its first byte on, up to 65,535 bytes.
    let right = [&[0, 16], &digits(job)[..]].concat();
    let body = [&[2], &digits(file)[..], &right, &[0], &[0xfb, 0xff, 0xff]].concat();
    let length = u32::try_from(body.len()).expect("it is small").to_le_bytes();
    let (mut out, mut input) = connection.open_bi().await.expect("a stream");
    out.write_all(&[&length[..], &body].concat()).await.expect("it listens");
    out.finish().expect("it is open");
    let mut answer = [0; 5];
    input.read_exact(&mut answer).await.expect("an answer");
    match answer[4] {
        0 => true,
        2 => false,
        other => panic!("neither found nor absent: {other}"),
    }
}

#[test]
fn cat_p03_files_of_a_job_are_given_to_its_readers_and_to_no_other_member() {
    let nodes = office(&[("boss", "kim"), ("desk", "lee"), ("other", "park")]);
    let [boss, desk, other] = nodes.as_slice() else { panic!("three nodes") };
    // So that no other computer holds it.
    let job = submit(desk, "upper: mine", &json!({ "pumasi": { "local_only": true } }));
    wait_for(desk, &job, "completed");
    let files = std::fs::read_dir(desk.folder().join("files")).expect("its files");
    let files = files.map(|file| file.expect("a file").file_name().into_string().expect("text"));
    let files: Vec<String> = files.filter(|name| name.len() == 64).collect();
    assert_eq!(files.len(), 2, "what was asked, and what came of it: {files:?}");

    let running = std::fs::read(desk.folder().join("node.json")).expect("it runs");
    let running: Value = serde_json::from_slice(&running).expect("it is JSON");
    let at: SocketAddr = running["data"][0].as_str().expect("it listens").parse().expect("there");
    let asking = async {
        for (node, is_reader) in [(boss, true), (other, false)] {
            let seed = std::fs::read(node.folder().join("identity.key")).expect("its key");
            let key = peer::key(seed.try_into().expect("32 bytes"));
            let socket = peer::socket(at.ip());
            let connection = peer::dial(&socket, &key, at, peer::DATA).await.expect("a member");
            for file in &files {
                let name = &node.name;
                assert_eq!(gives(&connection, &job, file).await, is_reader, "{name}: {file}");
                let unknown = "01900000-0000-7000-8000-000000000000";
                assert!(!gives(&connection, unknown, file).await, "{name}: by another job");
            }
        }
    };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let asking = async { tokio::time::timeout(MEET, asking).await };
    runtime.expect("a runtime").block_on(asking).expect("in time");
}

#[test]
fn cat_h42_a_job_is_cancelled_from_another_computer_once_and_not_after_its_end() {
    let nodes = office(&[("here", "kim"), ("there", "kim")]);
    let [here, there] = nodes.as_slice() else { panic!("two nodes") };
    // They may run at one computer only, so that the last waits behind the others.
    let jobs = submit_some(&[there], 24, &json!({ "local_only": true }));
    let last = jobs.last().expect("some jobs");
    let cancel = |job: &str| here.request("POST", &format!("/api/v1/jobs/{job}/cancel"), None);
    let first = cancel(last);
    if first.status == 200 {
        wait_for(here, last, "cancelled");
        assert_eq!(cancel(last).status, 200, "twice");
        assert_eq!(there.get(&format!("/api/v1/jobs/{last}"))["state"], "cancelled");
    } else {
        assert_eq!(first.status, 409, "it was over already: {first:?}");
    }
    wait_for(here, &jobs[0], "completed");
    assert_eq!(cancel(&jobs[0]).status, 409, "after its end");
    assert_eq!(cancel("01900000-0000-7000-8000-000000000000").status, 404);
    until("here reaches there", MEET, || {
        here.get("/api/v1/status")["reachable"].as_u64().filter(|reached| *reached == 2)
    });
}

/// Ends a node as a power cut would, and gives what its restart needs.
fn cut(nodes: &mut Vec<Node>, name: &str) -> tempfile::TempDir {
    let at = nodes.iter().position(|node| node.name == name).expect("it runs");
    nodes.remove(at).kill()
}

/// Starts it again, and waits until it sees all others.
fn bring_back(name: &str, folder: tempfile::TempDir, others: &[Node]) -> Node {
    let back = Setup::new(name).on(folder).start();
    back.meet(others.len() + 1);
    back
}

/// How long a lost owner is waited for, the election of another, and its work.
const TAKEN_OVER: Duration = Duration::from_secs(90);

fn ends(node: &Node, job: &str) -> Value {
    until(&format!("{} sees the end of job {job}", node.name), TAKEN_OVER, || {
        let reply = node.request("GET", &format!("/api/v1/jobs/{job}"), None);
        let state = reply.body["state"].as_str()?;
        ["completed", "failed", "cancelled"].contains(&state).then_some(reply.body)
    })
}

#[test]
fn every_acknowledged_job_of_a_lost_computer_ends_and_is_read_at_another() {
    let mut nodes = office(&[("one", "kim"), ("two", "kim"), ("three", "kim")]);
    let jobs = submit_some(&[&nodes[0]], 20, &json!({}));
    let folder = cut(&mut nodes, "one");
    let told: Vec<Value> = jobs.iter().map(|job| ends(&nodes[1], job)).collect();
    for (job, told) in jobs.iter().zip(&told) {
        assert_eq!(told["state"], "completed", "{told}");
        let result = nodes[0].get(&format!("/api/v1/jobs/{job}/result"));
        assert!(
            answer(&result).as_str().is_some_and(|text| text.starts_with("word word")),
            "{job}"
        );
    }
    // I1: the lost computer comes back, and shows what the others ended.
    let back = bring_back("one", folder, &nodes);
    for (job, told) in jobs.iter().zip(&told) {
        let seen = ends(&back, job);
        assert_eq!((&seen["state"], &seen["node"]), (&told["state"], &told["node"]), "{seen}");
        let result = |node: &Node| node.get(&format!("/api/v1/jobs/{job}/result"));
        assert_eq!(answer(&result(&back)), answer(&result(&nodes[0])));
    }
}

#[test]
fn in_a_mesh_of_two_a_job_waits_for_its_computer_or_is_adopted() {
    let mut nodes = office(&[("one", "kim"), ("two", "kim")]);
    let mut jobs = submit_some(&[&nodes[0]], 6, &json!({}));
    // Drained, the only computer that may run it lets it wait, its own person's too.
    assert_eq!(nodes[1].pumasi(&["drain"]).code, Some(0));
    let held =
        submit(&nodes[0], "upper: adopted", &json!({ "pumasi": { "only": [nodes[1].id()] } }));
    let held = held.as_str();
    jobs.push(held.to_owned());
    let refused = nodes[1].pumasi(&["adopt", held]);
    assert!(refused.code.is_some_and(|code| code != 0), "its owner can be reached: {refused:?}");
    let folder = cut(&mut nodes, "one");
    let two = &nodes[0];
    until("two loses one", MEET, || {
        two.get("/api/v1/status")["reachable"].as_u64().filter(|reached| *reached == 1)
    });
    let job = two.get(&format!("/api/v1/jobs/{held}"));
    assert_eq!((&job["state"], &job["owner_reachable"]), (&json!("waiting"), &json!(false)));
    assert!(job["why"].as_str().is_some_and(|why| why.contains("pumasi adopt")), "{job}");
    let adopted = two.pumasi(&["adopt", "--json", held]);
    assert_eq!(adopted.code, Some(0), "{adopted:?}");
    assert_eq!(adopted.json()["owner"]["name"], json!("two"));
    assert_eq!(two.pumasi(&["resume"]).code, Some(0));
    assert_eq!(ends(two, held)["state"], "completed");
    let back = bring_back("one", folder, &nodes);
    // What nobody adopted went on with its computer.
    for job in &jobs {
        assert_eq!(ends(&back, job)["state"], "completed");
        assert_eq!(ends(two, job)["state"], "completed");
    }
}

#[test]
fn jobs_survive_a_restart_of_every_computer_at_once() {
    let mut nodes = office(&[("one", "kim"), ("two", "kim"), ("three", "kim")]);
    let jobs = submit_some(&nodes.iter().collect::<Vec<_>>(), 9, &json!({}));
    let folders: Vec<_> = ["one", "two", "three"].map(|name| (name, cut(&mut nodes, name))).into();
    // All have new ports, so that one address must be told.
    let free = std::net::TcpListener::bind("127.0.0.1:0").and_then(|port| port.local_addr());
    let first = free.expect("a free port");
    let start = |(name, folder)| {
        let setup = Setup::new(name).on(folder).with(format!("--peer={first}"));
        let port = if name == "one" { first.port() } else { 0 };
        setup.with(format!("--mesh-port={port}")).spawn()
    };
    let nodes: Vec<Node> = folders.into_iter().map(start).collect();
    for job in &jobs {
        assert_eq!(ends(&nodes[1], job)["state"], "completed");
        assert_eq!(ends(&nodes[2], job)["state"], "completed");
    }
}

#[test]
fn the_same_key_at_two_computers_is_one_job_and_a_removed_job_is_gone_everywhere() {
    let nodes = office(&[("one", "kim"), ("two", "kim"), ("three", "kim")]);
    let send = |node: &Node, prompt: &str| {
        let key = ["--idempotency-key", "one-of-two"];
        node.pumasi(&[&["submit", "--json", STARTER, prompt], &key[..]].concat())
    };
    let first = send(&nodes[0], "upper: once");
    assert_eq!(first.code, Some(0), "{first:?}");
    let job = first.json()["id"].as_str().expect("an id").to_owned();
    let job = job.as_str();
    assert_eq!(send(&nodes[1], "upper: once").json()["id"], json!(job));
    let other = send(&nodes[2], "upper: twice");
    assert_eq!(other.json()["error"]["code"], json!("idempotency_key_reused"), "{other:?}");
    assert_eq!(ends(&nodes[2], job)["state"], "completed");
    let removed = nodes[2].pumasi(&["jobs", "rm", job]);
    assert_eq!(removed.code, Some(0), "{removed:?}");
    for node in &nodes {
        until(&format!("{} forgets the job", node.name), DONE, || {
            let reply = node.request("GET", &format!("/api/v1/jobs/{job}"), None);
            (reply.status == 404).then_some(())
        });
    }
}
