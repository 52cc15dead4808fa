//! What a worker that was taken over tries, and that it gets nowhere (row E05). Each attack is first
//! shown to succeed without the sandbox.
#![cfg(target_os = "linux")]

use std::fs;
use std::net::{TcpListener, UdpSocket};
use std::os::unix::net::UnixListener;
use std::path::PathBuf;

use pumasi_engine_host::{Engine, WorkerEngine, WorkerSpec};
use pumasi_protocol::EngineKind;
use pumasi_protocol::worker::READABLE_ARGUMENT;
use tempfile::TempDir;

/// As an engine on the processor, and as one with a graphics card.
const CONFINED: [&str; 2] = ["confined", "graphics"];

/// A user's folder with a key, and a folder of models of which one is granted.
struct Office {
    folder: TempDir,
}

impl Office {
    fn new() -> Self {
        let office = Self { folder: tempfile::tempdir().expect("a temporary folder") };
        for file in ["home/.ssh/id_ed25519", "models/granted.gguf", "models/other.gguf"] {
            let path = office.path(file);
            fs::create_dir_all(path.parent().expect("a folder")).expect("it is made");
            fs::write(path, "some bytes").expect("it is written");
        }
        office
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn text(&self, name: &str) -> String {
        self.path(name).to_string_lossy().into_owned()
    }

    async fn start(&self, attack: &str, target: &str, how: &str) -> WorkerEngine {
        let mut spec = WorkerSpec::new(env!("CARGO_BIN_EXE_prying-worker"), EngineKind::Llama);
        let granted = self.text("models/granted.gguf");
        spec.arguments =
            [attack, target, how, READABLE_ARGUMENT, &granted].map(str::to_owned).into();
        WorkerEngine::start(spec).await.expect("it says hello")
    }

    async fn attempt(&self, attack: &str, target: &str, how: &str) -> String {
        let worker = self.start(attack, target, how).await;
        let diagnostics = worker.diagnostics();
        assert_eq!(diagnostics.confinement.is_whole(), how != "free", "{}", diagnostics.stderr);
        worker.shutdown().await;
        diagnostics.version
    }
}

fn is_refused(said: &str) -> bool {
    ["os error 1)", "os error 13)"].iter().any(|denied| said.ends_with(denied))
}

/// Each attack succeeds in a fresh office when free, and is denied when confined.
async fn refused(attacks: &[(&str, &str)]) {
    for (attack, file) in attacks {
        for how in ["free"].into_iter().chain(CONFINED) {
            let office = Office::new();
            let said = office.attempt(attack, &office.text(file), how).await;
            let expected = if how == "free" { said == "done" } else { is_refused(&said) };
            assert!(expected, "{attack} {file} {how}: {said}");
        }
    }
}

/// As [`refused`], for targets that stay.
async fn refused_at(attacks: &[&str], target: &str) {
    let office = Office::new();
    for attack in attacks {
        for how in ["free"].into_iter().chain(CONFINED) {
            let said = office.attempt(attack, target, how).await;
            let expected = if how == "free" { said == "done" } else { is_refused(&said) };
            assert!(expected, "{attack} {target} {how}: {said}");
        }
    }
}

#[tokio::test]
async fn cat_e05_no_socket_of_any_kind_is_opened() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = listener.local_addr().expect("it is bound").to_string();
    refused_at(&["connect", "listen", "unix-pair", "netlink"], &address).await;
    let receiver = UdpSocket::bind("127.0.0.1:0").expect("a free port");
    let address = receiver.local_addr().expect("it is bound").to_string();
    refused_at(&["datagram"], &address).await;
    let office = Office::new();
    let _listener = UnixListener::bind(office.path("socket")).expect("a free name");
    refused_at(&["unix-connect"], &office.text("socket")).await;
}

#[tokio::test]
async fn cat_e05_no_file_but_the_granted_one_is_read() {
    refused(&[
        ("read", "home/.ssh/id_ed25519"),
        ("list", "home"),
        ("read", "models/other.gguf"),
        ("list", "models"),
    ])
    .await;
    refused_at(&["read"], "/etc/passwd").await;
    refused_at(&["list"], "/tmp").await;
    refused_at(&["list"], "/proc").await;
}

#[tokio::test]
async fn cat_e05_a_link_to_a_file_is_that_file() {
    let office = Office::new();
    let link = office.path("models/link.gguf");
    std::os::unix::fs::symlink(office.path("home/.ssh/id_ed25519"), &link).expect("a link");
    refused_at(&["read"], &link.to_string_lossy()).await;
}

#[tokio::test]
async fn cat_e05_nothing_is_written_changed_or_removed() {
    let model = "models/granted.gguf";
    refused(&[
        ("create", "home/mine"),
        ("create", "models/mine.gguf"),
        ("overwrite", "home/.ssh/id_ed25519"),
        ("overwrite", model),
        ("truncate", model),
        ("remove", model),
        ("rename", model),
        ("link", model),
        ("symlink", model),
        ("folder", model),
        ("mode", model),
        ("mode", "home/.ssh/id_ed25519"),
    ])
    .await;
}

#[tokio::test]
async fn cat_e05_no_program_and_no_process_is_started() {
    refused_at(&["shell", "exec", "fork"], "").await;
}

#[tokio::test]
async fn cat_e05_no_other_process_is_read_written_stopped_or_limited() {
    let attacks = [
        "read-memory",
        "write-memory",
        "memory-file",
        "maps",
        "trace",
        "signal",
        "limit-other",
        "handle",
        "shared-memory",
    ];
    // It lets everybody look into it: what holds is on the attacker's side.
    let office = Office::new();
    let other = office.start("keep-secret", "", "free").await;
    refused_at(&attacks, &other.diagnostics().version).await;
    // As it is in a node: one engine beside another.
    let other = office.start("keep-secret", "", "confined").await;
    for attack in attacks {
        let said = office.attempt(attack, &other.diagnostics().version, "confined").await;
        assert!(is_refused(&said), "{attack}: {said}");
    }
}

#[tokio::test]
async fn cat_e05_large_parts_of_the_kernel_are_closed() {
    let closed = [
        libc::SYS_io_uring_setup,
        libc::SYS_bpf,
        libc::SYS_perf_event_open,
        libc::SYS_userfaultfd,
        libc::SYS_keyctl,
        libc::SYS_mount,
        libc::SYS_unshare,
        libc::SYS_setns,
        libc::SYS_open_by_handle_at,
        libc::SYS_memfd_create,
    ];
    let office = Office::new();
    for number in closed {
        for how in CONFINED {
            let said = office.attempt(&number.to_string(), "", how).await;
            // A file in memory alone harms nobody, and drivers make them: the kernel looks at it.
            let open = number == libc::SYS_memfd_create;
            assert_eq!(is_refused(&said), !open, "{number} {how}: {said}");
        }
    }
    // What came after the list is no call at all.
    for number in [libc::SYS_clone3, 470, 1_000] {
        let said = office.attempt(&number.to_string(), "", "confined").await;
        assert!(said.ends_with("os error 38)"), "{number}: {said}");
    }
}

#[tokio::test]
async fn a_confined_worker_does_its_work() {
    let office = Office::new();
    for how in CONFINED {
        assert_eq!(office.attempt("work", &office.text("models/granted.gguf"), how).await, "done");
    }
}
