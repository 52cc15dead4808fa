//! What comes over multicast and must not be believed: packets that no honest node sends, and another
//! computer with this one's key. Where namespaces may not be made, it says so and holds nothing.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use pumasi_tests::command::until;
use pumasi_tests::office::{Desk, Office};
use serde_json::{Value, json};

/// A copy of a data directory, as cloning a disk makes it.
fn clone_of(folder: &Path) -> tempfile::TempDir {
    let copy = tempfile::tempdir().expect("a temporary folder");
    let copied = Command::new("cp").arg("-a").arg(folder.join(".")).arg(copy.path()).status();
    assert!(copied.expect("cp runs").success());
    // What a running process left there is not on a disk that was cloned when it was off.
    for left in ["node.json", "log"] {
        let _ = std::fs::remove_file(copy.path().join(left));
    }
    copy
}

#[test]
fn cat_p24_of_two_computers_with_one_key_the_later_one_stays_out_and_both_say_so() {
    let Some(office) = Office::of(3) else { return };
    let patience = Duration::from_secs(60);
    let (original, member) = (office.start(1), office.start(3));
    let token = original.pumasi(&["invite"])["token"].as_str().expect("a token").to_owned();
    member.pumasi(&["join", &token]);
    until("both are reached", patience, || member.reaches(2));
    let (_, folder) = original.node.stop();
    let copy = clone_of(folder.path());
    let original = office.seat(1, office.setup(1).on(folder));
    until("the original is back", patience, || member.reaches(2));

    let copy = office.seat(2, office.setup(2).on(copy));
    assert_eq!(copy.node.id(), original.node.id());
    let told = |desk: &Desk| {
        let status = desk.pumasi(&["status"]);
        let notices = status["notices"].as_array()?.clone();
        let notice = notices.into_iter().find(|notice| notice["code"] == "same_key")?;
        notice["message"].as_str().map(ToOwned::to_owned)
    };
    let at_copy = until("the copy says what to do", patience, || told(&copy));
    assert!(at_copy.contains("stays out of the mesh"), "{at_copy}");
    assert!(at_copy.contains("needs its own identity"), "{at_copy}");
    let at_original = until("the original knows, too", patience, || told(&original));
    assert!(at_original.contains("needs its own identity"), "{at_original}");
    assert!(!at_original.contains("stays out"), "{at_original}");
    until("the copy is alone", patience, || copy.reaches(1));
    until("the mesh is as before", patience, || member.reaches(2));
    let answer = member.pumasi(&["run", "starter-chat", "upper: one", "--only", "desk-1"]);
    assert_eq!((&answer["content"], &answer["node"]), (&json!("ONE"), &json!("desk-1")));
}

/// Packets to the group of multicast DNS, sent by a program inside a desk's namespace.
fn shout(space: &str, script: &str) {
    let mut command = Command::new("ip");
    command.args(["netns", "exec", space, "python3", "-c", script]);
    let ended = pumasi_tests::command::run(&mut command);
    assert_eq!(ended.code, Some(0), "{ended:?}");
}

/// What all such scripts begin with: a socket, names and records as RFC 1035 has them.
const DNS: &str = r#"
import socket, struct
out = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
out.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_TTL, 255)
to = ("224.0.0.251", 5353)
def name(text):
    return b"".join(bytes([len(p)]) + p.encode() for p in text.split(".") if p) + b"\0"
def head(answers):
    return struct.pack(">HHHHHH", 0, 0x8400, 0, answers, 0, 0)
def record(owner, kind, data, ttl=120):
    return owner + struct.pack(">HHIH", kind, 0x8001, ttl, len(data)) + data
service = name("_pumasi._udp.local")
def node(n, address="10.77.0.9"):
    own = name("forged%d._pumasi._udp.local" % n)
    host = name("forged%d.local" % n)
    text = ["id=%064x" % n, "run=1", "join=7865", "mesh=", "meshname=", "name=forged", "asks=1"]
    text = b"".join(bytes([len(t)]) + t.encode() for t in text)
    return [record(service, 12, own), record(own, 33, struct.pack(">HHH", 0, 0, 7863) + host),
            record(own, 16, text), record(host, 1, socket.inet_aton(address))]
"#;

#[test]
fn cat_p16_hostile_multicast_packets_change_nothing() {
    let Some(office) = Office::of(2) else { return };
    let [first, second] = [1, 2].map(|desk| office.start(desk));
    first.pumasi(&["found"]);
    let memory = |desk: &Desk| {
        let status = std::fs::read_to_string(format!("/proc/{}/status", desk.node.pid()));
        let status = status.expect("it runs");
        let line = status.lines().find(|line| line.starts_with("VmRSS:")).expect("its memory");
        let kib = line.split_whitespace().nth(1).and_then(|kib| kib.parse::<u64>().ok());
        kib.expect("a number")
    };
    let before = memory(&first);
    let bad = [
        // Names that point to themselves, forwards, and around.
        r"
for p in (12, 13, 14, 0x3fff):
    name = struct.pack('>H', 0xc000 | p)
    out.sendto(head(1) + name + struct.pack('>HHIH', 12, 1, 120, 2) + b'\xc0\x0c', to)
out.sendto(head(2) + b'\xc0\x0e\xc0\x0c' * 8, to)",
        // Ten thousand computers.
        r"
for n in range(10000):
    r = node(n)
    out.sendto(head(len(r)) + b''.join(r), to)",
        // Cut at each byte, and with a number of records that is not there.
        r"
r = node(7)
w = head(len(r)) + b''.join(r)
for n in range(len(w)):
    out.sendto(w[:n], to)
out.sendto(head(65535) + b''.join(r), to)",
        // As large as a packet may be, and larger.
        r"
r = node(8)
for size in (8972, 9000, 60000):
    out.sendto((head(65000) + b''.join(r) * 400)[:size], to)",
        // From an address of no network here.
        r"
raw = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_RAW)
own, group = socket.inet_aton('8.8.8.8'), socket.inet_aton('224.0.0.251')
r = node(9, '8.8.8.8')
w = head(len(r)) + b''.join(r)
u = struct.pack('>HHHH', 5353, 5353, 8 + len(w), 0) + w
i = struct.pack('>BBHHHBBH', 0x45, 0, 20 + len(u), 1, 0, 255, 17, 0) + own + group
raw.sendto(i + u, ('224.0.0.251', 0))",
        // Noise.
        r"
import random
random.seed(1)
for n in range(5000):
    out.sendto(random.randbytes(random.randrange(1, 1400)), to)",
    ];
    for script in bad {
        shout(
            &office.space(2),
            &format!(
                "{DNS}
{script}"
            ),
        );
    }
    let listed = first.pumasi(&["approve"])["asking"].as_array().expect("a list").len();
    assert!(listed <= 64, "{listed} computers ask");
    let grown = memory(&first).saturating_sub(before);
    assert!(grown < 64 * 1_024, "{grown} KiB more");
    // Who really asks is found all the same.
    let at = second.node.id().to_owned();
    let patience = Duration::from_secs(60);
    let door = std::fs::read(second.node.folder().join("node.json")).expect("it runs");
    let door: Value = serde_json::from_slice(&door).expect("it is JSON");
    // A desk's cable can come up after its node: the file then knows of no address but loopback.
    let (_, port) = door["join"][0].as_str().and_then(|d| d.rsplit_once(':')).expect("its door");
    let door = format!("{}:{port}", office.address(2));
    // It may still be reading what was shouted, and then answers too late.
    let approved = until("it is let in", patience, || {
        let shown = second.pumasi(&["join"])["asking"]["digits"].clone();
        let digits = shown.as_str().expect("six digits");
        let ended = first.run(&["approve", digits, "--address", &door, "--json"]);
        (ended.code == Some(0)).then(|| ended.json())
    });
    assert_eq!(approved["node"]["id"], at);
    for desk in [&first, &second] {
        until("both are reached", patience, || desk.reaches(2));
    }
}
