//! What a computer that does not belong is given, before, while and after others pair: nothing but
//! keys and refusals. And which ports of a node are open at all.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::time::Duration;

use pumasi_tests::command::{program, run, until};
use pumasi_tests::nodes::{MEET, Node, STARTER, Setup};
use pumasi_tests::peer::record::{Record, call_quic, call_tcp, wait};
use pumasi_tests::peer::{PROTOCOLS, key};
use pumasi_tests::wire::ip;
use serde_json::{Value, json};

/// Names that nobody outside must hear; they mean nothing, so that no other text contains them.
const NAMES: [&str; 6] = ["zyqadmin", "zyqmember", "zyqowner", "zyqmesh", "zyqnew", STARTER];

fn runtime() -> tokio::runtime::Runtime {
    let mut runtime = tokio::runtime::Builder::new_multi_thread();
    runtime.worker_threads(2).enable_all().build().expect("a runtime")
}

fn ports(node: &Node) -> [SocketAddr; 3] {
    let running = std::fs::read(node.folder().join("node.json")).expect("it runs");
    let running: Value = serde_json::from_slice(&running).expect("it is JSON");
    ["mesh", "data", "join"].map(|plane| {
        let address = running[plane][0].as_str().expect("it says where it listens");
        address.parse().expect("an address")
    })
}

/// Tries all doors of a node; what came of it.
fn visit(runtime: &tokio::runtime::Runtime, node: &Node, record: &Record) {
    let key = key([99; 32]);
    for at in ports(node) {
        runtime.block_on(async {
            call_quic(record, &key, at).await;
            call_tcp(record, &key, at).await;
        });
    }
}

/// Fails if a stranger was told a name, or agreed with on a protocol of the mesh.
fn check(record: &Record, when: &str, but: &[&str]) {
    let told: Vec<_> = NAMES.into_iter().filter(|name| record.tells(name)).collect();
    let told: Vec<_> = told.into_iter().filter(|name| !but.contains(name)).collect();
    let spoken: Vec<_> = PROTOCOLS.into_iter().filter(|name| record.tells(name)).collect();
    let text = String::from_utf8_lossy(&record.bytes()).into_owned();
    assert!(told.is_empty() && spoken.is_empty(), "{when}: {told:?} {spoken:?} in {text:?}");
    assert!(!record.bytes().is_empty(), "{when}: it came nowhere, so that this shows nothing");
}

#[test]
fn cat_p03_a_stranger_gets_no_protocol_and_no_name_before_while_and_after_pairing() {
    let runtime = runtime();
    let trap = runtime.block_on(wait(&key([98; 32])));
    let peer = format!("--peer={}", trap.at);
    let member = |name: &str| Setup::new(name).with("--person=zyqowner").with(peer.as_str());
    let admin = member("zyqadmin").start();
    let (before, record) = (Record::default(), Record::default());
    visit(&runtime, &admin, &before);
    check(&before, "before there is a mesh", &[]);
    assert_eq!(admin.pumasi(&["found", "zyqmesh"]).code, Some(0));

    let newcomer = Setup::new("zyqnew").with(peer.as_str()).start();
    let asked = newcomer.pumasi(&["join", "--json"]).json();
    let digits = asked["asking"]["digits"].as_str().expect("it shows digits").to_owned();
    let (at_admin, at_newcomer) = (Record::default(), Record::default());
    visit(&runtime, &admin, &at_admin);
    visit(&runtime, &newcomer, &at_newcomer);
    check(&at_admin, "at the admin, while somebody asks", &[]);
    // Who asks to be let in says who it is.
    check(&at_newcomer, "at the newcomer", &["zyqnew"]);
    let door = ports(&newcomer)[2].to_string();
    let approve = json!({ "digits": digits, "address": door });
    let approved = admin.request("POST", "/api/v1/pairing/approve", Some(&approve));
    if approved.status != 200 {
        // A stranger's noise may have spent the digits: the person types those that are shown now.
        let asked = newcomer.pumasi(&["join", "--json"]).json();
        let digits = asked["asking"]["digits"].clone();
        admin.post("/api/v1/pairing/approve", &json!({ "digits": digits, "address": door }));
    }
    admin.meet(2);
    newcomer.meet(2);
    let answer = newcomer.chat("upper: quiet", &json!({ "pumasi": { "only": [admin.id()] } }));
    assert_eq!(answer.status, 200);

    visit(&runtime, &admin, &record);
    visit(&runtime, &newcomer, &record);
    check(&record, "after pairing", &[]);
    until("both dialled the stranger", MEET, || (!trap.record.bytes().is_empty()).then_some(()));
    std::thread::sleep(Duration::from_millis(500));
    check(&trap.record, "dialled", &[]);
}

/// A network namespace of one node; gone at the end.
struct Space(String);

impl Space {
    fn make() -> Result<Self, String> {
        let space = Self(format!("ps{}", std::process::id() % 100_000));
        ip(&["netns", "add", &space.0])?;
        ip(&["-n", &space.0, "link", "set", "lo", "up"])?;
        Ok(space)
    }
}

impl Drop for Space {
    fn drop(&mut self) {
        // What was not made needs no removing.
        let _ = ip(&["netns", "del", &self.0]);
    }
}

/// The local ports in a table of sockets of a process's namespace, where `is_open` says so of the
/// state (proc(5)).
fn sockets(pid: u32, table: &str, is_open: impl Fn(&str) -> bool) -> BTreeSet<u16> {
    let text = [table, &format!("{table}6")].map(|table| {
        std::fs::read_to_string(format!("/proc/{pid}/net/{table}")).unwrap_or_default()
    });
    let port = |line: &str| {
        let mut words = line.split_whitespace().skip(1);
        let (local, _, state) = (words.next()?, words.next()?, words.next()?);
        let port = u16::from_str_radix(local.rsplit(':').next()?, 16).ok()?;
        is_open(state).then_some(port)
    };
    text.iter().flat_map(|text| text.lines().skip(1)).filter_map(port).collect()
}

#[test]
#[expect(clippy::print_stderr, reason = "a skipped test says why")]
fn cat_p04_only_the_declared_ports_are_open() {
    let space = match Space::make() {
        Ok(space) => space,
        Err(reason) => {
            eprintln!("skipped: network namespaces cannot be made here: {reason}");
            return;
        }
    };
    for discovery in [true, false] {
        let node = Setup::new("desk")
            .with("--listen=0.0.0.0")
            .with("--mesh-port=7863")
            .with("--data-port=7864")
            .with("--join-port=7865")
            .with("--http=127.0.0.1:7862")
            .with(format!("--discovery={discovery}"))
            .under(&["ip", "netns", "exec", &space.0])
            .spawn();
        let healthy = || {
            let mut command = std::process::Command::new("ip");
            command.args(["netns", "exec", &space.0]).arg(program());
            command.arg("--data-dir").arg(node.folder()).arg("found");
            (run(&mut command).code == Some(0)).then_some(())
        };
        until("it is at work", MEET, healthy);
        const LISTENS: &str = "0A";
        assert_eq!(
            sockets(node.pid(), "tcp", |state| state == LISTENS),
            BTreeSet::from([7_862, 7_863, 7_864]),
            "TCP: the interface on loopback, the control plane, and copies of models"
        );
        let multicast = discovery.then_some(5_353);
        assert_eq!(
            sockets(node.pid(), "udp", |_| true),
            [7_863, 7_864, 7_865].into_iter().chain(multicast).collect(),
            "UDP: the three planes, and DNS-SD where it is on"
        );
        let listening = std::fs::read_to_string(format!("/proc/{}/net/tcp", node.pid()));
        let http =
            listening.expect("its sockets").lines().any(|line| line.contains("0100007F:1EB6"));
        assert!(http, "HTTP is open on loopback only");
    }
}
