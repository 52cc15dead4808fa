//! The store: what comes in, under which names, what stays and what goes, and what is never done.

use std::collections::BTreeSet;
use std::fs;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::time::Duration;

use pumasi_models::catalog::of_store;
use pumasi_models::gguf::GgufError;
use pumasi_models::name::ModelName;
use pumasi_models::open::OpenError;
use pumasi_models::store::{
    Candidate, Complete, Garbage, Program, Sha256, Store, StoreError, Taken, candidates,
};
use pumasi_models::test_support::{GgufBuilder, Sizes};
use sha2::Digest;
use tempfile::TempDir;

fn model() -> Vec<u8> {
    GgufBuilder::llama(Sizes::default()).build()
}

/// Another model: one byte of its tensors differs.
fn other() -> Vec<u8> {
    let mut bytes = model();
    *bytes.last_mut().expect("it is not empty") ^= 1;
    bytes
}

fn digest(bytes: &[u8]) -> Sha256 {
    Sha256::from_bytes(sha2::Sha256::digest(bytes).into())
}

fn name(text: &str) -> ModelName {
    ModelName::parse(text).expect("a name")
}

/// A store, and a folder beside it for files.
struct Desk {
    folder: TempDir,
    store: Store,
}

impl Desk {
    fn new() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let store = Store::open(&folder.path().join("models")).expect("a store");
        Self { folder, store }
    }

    fn file(&self, name: &str, bytes: &[u8]) -> PathBuf {
        let path = self.folder.path().join(name);
        fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
        fs::write(&path, bytes).expect("a file");
        path
    }

    fn import(&self, path: &Path, called: &str) -> Result<Taken, StoreError> {
        let mut watch = |_| ControlFlow::Continue(());
        let imported = self.store.import(path, &name(called), None, None, &mut watch);
        imported.map(|imported| imported.taken)
    }

    fn complete(&self, bytes: &[u8]) -> Complete {
        let sha256 = digest(bytes);
        let data = self.store.partial(&sha256);
        fs::write(&data, bytes).expect("a part");
        let id = pumasi_models::hash::FileHash::from_bytes(*blake3::hash(bytes).as_bytes());
        Complete { data, tree: None, id, sha256, bytes: bytes.len() as u64 }
    }

    fn names(&self) -> Vec<String> {
        self.store.models().iter().map(|model| model.name.to_string()).collect()
    }

    fn blobs(&self) -> Vec<String> {
        let entries = fs::read_dir(self.store.root().join("blobs")).expect("a folder");
        let names =
            entries.map(|e| e.expect("an entry").file_name().to_string_lossy().into_owned());
        names.filter(|name| !name.ends_with(".tree")).collect()
    }

    /// Opens it again, as the next start does.
    fn reopen(self) -> Self {
        let Self { folder, store } = self;
        let root = store.root().to_owned();
        drop(store);
        Self { store: Store::open(&root).expect("a store"), folder }
    }
}

#[test]
fn a_finished_file_becomes_a_blob_with_a_name_that_the_next_start_knows() {
    let desk = Desk::new();
    let complete = desk.complete(&model());
    let blob = desk.store.add_finished(&complete, &name("Office/Tiny:Q8_0")).expect("it is taken");
    assert!(!complete.data.exists());
    assert_eq!(blob.path.file_name(), Some(format!("sha256-{}", blob.sha256).as_ref()));
    assert_eq!(fs::read(&blob.path).expect("the blob"), model());
    let desk = desk.reopen();
    assert_eq!(desk.store.blob(&blob.id), Some(blob.clone()));
    assert_eq!(desk.store.model(&name("office/tiny:q8_0")).expect("in any case").blobs, [blob]);
    let listed = of_store(&desk.store);
    assert_eq!(listed[0].name, name("Office/Tiny:Q8_0"));
    assert!(listed[0].model.is_ok(), "{:?}", listed[0].model);
}

#[cfg(unix)]
#[test]
fn blobs_are_read_only_and_the_store_is_its_users_alone() {
    use std::os::unix::fs::PermissionsExt;
    let mode = |path: &Path| fs::metadata(path).expect("there").permissions().mode() & 0o777;
    let desk = Desk::new();
    let blob = desk.store.add_finished(&desk.complete(&model()), &name("a")).expect("taken");
    assert_eq!((mode(&blob.path), mode(desk.store.root())), (0o400, 0o700));
    let root = desk.store.root().to_owned();
    fs::set_permissions(&root, fs::Permissions::from_mode(0o777)).expect("it is ours");
    drop(desk.store);
    drop(Store::open(&root).expect("a folder from before there was a store"));
    assert_eq!(mode(&root), 0o755, "it is closed to others");
    let blobs = root.join("blobs");
    fs::set_permissions(&blobs, fs::Permissions::from_mode(0o777)).expect("it is ours");
    assert_eq!(Store::open(&root).err(), Some(StoreError::Exposed));
    fs::remove_dir_all(root.join("blobs")).expect("it is ours");
    std::os::unix::fs::symlink("/tmp", root.join("blobs")).expect("a link");
    assert_eq!(Store::open(&root).err(), Some(StoreError::Exposed), "a folder that is a link");
}

#[test]
fn one_process_at_a_time_opens_it() {
    let desk = Desk::new();
    assert_eq!(Store::open(desk.store.root()).err(), Some(StoreError::InUse));
    desk.reopen();
}

#[test]
fn cat_m03_names_that_differ_in_case_only_are_one_and_conflicts_are_said() {
    let desk = Desk::new();
    let (one, two) = (desk.file("one.gguf", &model()), desk.file("two.gguf", &other()));
    assert!(desk.import(&one, "Tiny").is_ok());
    let taken = StoreError::NameTaken { name: name("Tiny") };
    assert_eq!(desk.import(&two, "tiny"), Err(taken.clone()));
    assert_eq!(desk.import(&two, "TINY"), Err(taken));
    assert_eq!(desk.import(&one, "tiny"), Ok(Taken::Known), "the same content is no conflict");
    assert_eq!(desk.names(), ["tiny"]);
    // The two Unicode writings of one letter cannot be names, and become the same one.
    let stem = |stem: &str| ModelName::from_file_stem(stem);
    assert!(stem("re\u{301}sume\u{301}-7b").as_str().is_ascii());
    assert!(ModelName::parse("r\u{e9}sum\u{e9}").is_err());
}

#[cfg(unix)]
#[test]
fn an_import_makes_no_second_copy_and_leaves_the_file_as_it_was() {
    use std::os::unix::fs::MetadataExt;
    let desk = Desk::new();
    let path = desk.file("lm/one.gguf", &model());
    let before = fs::metadata(&path).expect("there");
    assert_eq!(desk.import(&path, "one"), Ok(Taken::Linked));
    let after = fs::metadata(&path).expect("there");
    assert_eq!((after.nlink(), after.mode()), (2, before.mode()), "no one else's mode changes");
    let blob = desk.store.blob_of(&digest(&model())).expect("a blob");
    assert_eq!(fs::metadata(&blob.path).expect("there").ino(), before.ino());
    // What others may write is copied: they could change it later.
    use std::os::unix::fs::PermissionsExt;
    let open = desk.file("open.gguf", &other());
    fs::set_permissions(&open, fs::Permissions::from_mode(0o666)).expect("it is ours");
    let taken = desk.import(&open, "two").expect("it is taken");
    assert!(matches!(taken, Taken::Copied | Taken::Cloned), "{taken:?}");
    assert_eq!(fs::metadata(&open).expect("there").nlink(), 1);
}

#[test]
fn cat_f05_what_differs_from_what_is_expected_gets_no_name() {
    let desk = Desk::new();
    let path = desk.file("one.gguf", &model());
    let expected = digest(&other());
    let mut watch = |_| ControlFlow::Continue(());
    let outcome = desk.store.import(&path, &name("a"), Some(&expected), None, &mut watch);
    let mismatch = StoreError::Mismatch { expected, found: digest(&model()) };
    assert_eq!(outcome.err(), Some(mismatch));
    assert_eq!((desk.names(), desk.blobs()), (Vec::new(), Vec::new()));
    // A finished file that is not as long as it was said to be.
    let mut complete = desk.complete(&model());
    complete.bytes += 1;
    let outcome = desk.store.add_finished(&complete, &name("a"));
    assert_eq!(outcome.err(), Some(StoreError::Open(OpenError::Changed)));
    assert_eq!((desk.names(), desk.blobs()), (Vec::new(), Vec::new()));
}

#[cfg(unix)]
#[test]
fn cat_f06_pipes_devices_links_and_folders_do_not_come_in() {
    use std::os::unix::fs::symlink;
    let desk = Desk::new();
    let file = desk.file("one.gguf", &model());
    let at = |name: &str| desk.folder.path().join(name);
    symlink(&file, at("link.gguf")).expect("a link");
    symlink("/dev/zero", at("zero.gguf")).expect("a link");
    fs::create_dir(at("folder.gguf")).expect("a folder");
    let made = std::process::Command::new("mkfifo").arg(at("pipe.gguf")).status();
    assert!(made.expect("mkfifo is there").success());
    let _socket = std::os::unix::net::UnixListener::bind(at("socket.gguf")).expect("a socket");
    for odd in ["link.gguf", "zero.gguf", "folder.gguf", "pipe.gguf", "socket.gguf"] {
        let outcome = desk.import(&at(odd), "a");
        assert_eq!(outcome, Err(StoreError::Open(OpenError::NotRegular)), "{odd}");
    }
    let outcome = desk.import(&at("gone.gguf"), "a");
    assert_eq!(outcome, Err(StoreError::Open(OpenError::NotFound)));
    assert_eq!(desk.blobs(), Vec::<String>::new());
}

#[test]
fn cat_m06_other_formats_do_not_come_in_and_are_not_opened() {
    let desk = Desk::new();
    let endings =
        ["ckpt", "pt", "bin", "pkl", "npy", "zip", "7z", "tar", "llamafile", "onnx", "safetensors"];
    for ending in endings {
        // Even a good model: the ending decides before anything is opened.
        let path = desk.file(&format!("x.{ending}"), &model());
        let error = desk.import(&path, "a").expect_err(ending);
        assert_eq!(error.code(), "format_not_allowed", "{ending}");
    }
    let zip = desk.file("zip.gguf", b"PK\x03\x04zip");
    assert_eq!(desk.import(&zip, "a").expect_err("a zip").code(), "not_gguf");
}

#[test]
fn cat_f11_archives_are_not_opened_at_all() {
    let desk = Desk::new();
    let mut tar = vec![0; 1_024];
    tar[..12].copy_from_slice(b"../../x.gguf");
    tar[156] = b'2';
    tar[257..262].copy_from_slice(b"ustar");
    for (file, bytes) in [("x.tar", &tar[..]), ("x.zip", b"PK\x05\x06"), ("x.tgz", b"\x1f\x8b")] {
        let error = desk.import(&desk.file(file, bytes), "a").expect_err(file);
        assert_eq!(error.code(), "format_not_allowed", "{file}");
    }
    let disguised = desk.file("tar.gguf", &tar);
    let error = desk.import(&disguised, "a").expect_err("no model");
    assert!(matches!(error, StoreError::NotAModel { error: GgufError::NotGguf { .. } }));
    assert_eq!(fs::read_dir(desk.store.partials()).expect("a folder").count(), 0);
}

#[cfg(unix)]
#[test]
fn cat_m05_a_link_in_a_blobs_place_is_not_opened() {
    let desk = Desk::new();
    let path = desk.file("one.gguf", &model());
    desk.import(&path, "one").expect("it is taken");
    let blob = desk.store.blob_of(&digest(&model())).expect("a blob");
    fs::remove_file(&blob.path).expect("it is ours");
    std::os::unix::fs::symlink(&path, &blob.path).expect("a link");
    let listed = of_store(&desk.store);
    let fault = listed[0].model.as_ref().expect_err("a link is no model");
    assert_eq!(fault.code(), "not_a_regular_file");
    // And importing again puts the file itself there.
    assert!(desk.import(&path, "one").is_ok());
    assert!(of_store(&desk.store)[0].model.is_ok());
    assert!(fs::symlink_metadata(&blob.path).expect("there").is_file());
}

#[test]
fn damage_is_found_and_told_once() {
    let desk = Desk::new();
    let blob = desk.store.add_finished(&desk.complete(&model()), &name("a")).expect("taken");
    let mut watch = |_| ControlFlow::Continue(());
    assert_eq!(desk.store.verify(&blob, &mut watch), Ok(()));
    fs::remove_file(&blob.path).expect("it is ours");
    fs::write(&blob.path, other()).expect("it is ours");
    let damaged = StoreError::Damaged { expected: blob.id };
    assert_eq!(desk.store.recheck(&blob), Err(damaged.clone()));
    assert_eq!(desk.store.verify(&blob, &mut watch), Err(damaged));
    let fault = of_store(&desk.store)[0].model.clone().expect_err("it is damaged");
    assert_eq!(fault.code(), "model_damaged");
    // The right content again, in another state: read once and good.
    fs::write(&blob.path, model()).expect("it is ours");
    assert_eq!(desk.store.recheck(&blob), Ok(()));
    assert!(of_store(&desk.store)[0].model.is_ok());
}

#[test]
fn what_no_name_means_goes_and_what_is_pinned_stays() {
    let desk = Desk::new();
    let (one, two) = (desk.file("1.gguf", &model()), desk.file("2.gguf", &other()));
    desk.import(&one, "one").expect("taken");
    desk.import(&two, "two").expect("taken");
    desk.store.copy(&name("one"), &name("again")).expect("a second name");
    desk.store.pin(&name("two"), true).expect("pinned");
    assert_eq!(
        desk.store.remove(&name("two")).err(),
        Some(StoreError::Pinned { name: name("two") })
    );
    desk.store.remove(&name("one")).expect("removed");
    assert_eq!(desk.blobs().len(), 2, "another name means the blob");
    desk.store.remove(&name("again")).expect("removed");
    assert_eq!((desk.names(), desk.blobs().len()), (vec!["two".to_owned()], 1));
    let none = StoreError::NoModel { name: name("one") };
    assert_eq!(desk.store.remove(&name("one")).err(), Some(none));
    // Blobs without a name, and what a killed node left.
    let blob = desk.store.add_blob(&desk.complete(&model())).expect("taken");
    fs::write(desk.store.partials().join("sha256-x.part"), b"left").expect("a file");
    let sweep = |dry, in_use: &[Sha256]| {
        let garbage = Garbage { unused: Some(Duration::ZERO), partial: Duration::ZERO, dry };
        let in_use: BTreeSet<Sha256> = in_use.iter().copied().collect();
        desk.store.sweep(&garbage, &in_use).expect("it is swept")
    };
    assert_eq!(sweep(true, &[blob.sha256]).blobs, 0, "somebody needs it");
    let would = sweep(true, &[]);
    assert_eq!((would.blobs, would.partials), (1, 1));
    assert_eq!(desk.blobs().len(), 2, "it was only asked");
    assert_eq!(sweep(false, &[]), would);
    assert_eq!((desk.names(), desk.blobs().len()), (vec!["two".to_owned()], 1));
}

#[test]
fn cat_f16_a_quota_and_a_full_disk_are_said_before_anything_is_written() {
    let Desk { folder, store } = Desk::new();
    let root = store.root().to_owned();
    drop(store);
    let store = Store::open(&root).expect("a store").with_quota(Some(1_000));
    let desk = Desk { folder, store };
    assert_eq!(desk.store.check_room(1_000), Ok(()));
    let none = StoreError::NoRoom { needed: 1_001, free: 1_000 };
    assert_eq!(desk.store.check_room(1_001), Err(none));
    let free = desk.store.room().disk_free.expect("this system says it");
    assert!(desk.store.check_room(free).is_err());
    fs::write(desk.store.partials().join("x.part"), vec![1; 100_000]).expect("a part");
    assert_eq!(desk.store.room().free, 0, "what is under way counts");
}

#[test]
fn rows_that_are_damaged_or_of_a_later_version_are_not_overwritten() {
    let desk = Desk::new();
    desk.store.add_finished(&desk.complete(&model()), &name("a")).expect("taken");
    let rows = desk.store.root().join("rows.json");
    let good = fs::read(&rows).expect("the rows");
    let root = desk.store.root().to_owned();
    drop(desk.store);
    let outside = r#"{"version":1,"blobs":{"../../x":1},"models":{}}"#.to_owned();
    for (text, error) in [
        ("", StoreError::RowsDamaged),
        ("{", StoreError::RowsDamaged),
        ("{\"version\":2}", StoreError::Later),
        (&outside, StoreError::RowsDamaged),
    ] {
        fs::write(&rows, text).expect("it is ours");
        assert_eq!(Store::open(&root).err(), Some(error), "{text}");
        assert_eq!(fs::read_to_string(&rows).expect("the rows"), text);
    }
    fs::write(&rows, good).expect("it is ours");
    assert_eq!(Store::open(&root).expect("a store").models().len(), 1);
}

#[test]
fn models_of_other_programs_are_found_and_come_in_under_their_names() {
    let desk = Desk::new();
    let bytes = model();
    let sha256 = digest(&bytes);
    let manifest = format!(
        "{{\"schemaVersion\":2,\"layers\":[{{\"mediaType\":\"application/vnd.ollama.image.license\",\
         \"digest\":\"sha256:{0}\",\"size\":1}},{{\"mediaType\":\"application/vnd.ollama.image.model\",\
         \"digest\":\"sha256:{sha256}\",\"size\":1}}]}}",
        "0".repeat(64)
    );
    let ollama = "ollama/manifests/registry.ollama.ai";
    desk.file(&format!("{ollama}/library/tiny/1b"), manifest.as_bytes());
    desk.file(&format!("{ollama}/someone/tiny/latest"), manifest.as_bytes());
    let evil = manifest.replace(&sha256.to_string(), "../../../etc/passwd");
    desk.file(&format!("{ollama}/library/evil/latest"), evil.as_bytes());
    desk.file(&format!("{ollama}/library/torn/latest"), b"{\"layers\":");
    desk.file(&format!("ollama/blobs/sha256-{sha256}"), &bytes);
    desk.file("lm/publisher/Tiny-GGUF/Tiny-Q8_0.gguf", &bytes);
    desk.file("lm/publisher/Tiny-GGUF/mmproj-Tiny.gguf", &bytes);
    let cache = "hub/models--office--tiny-GGUF";
    let commit = "a".repeat(40);
    desk.file(&format!("{cache}/blobs/{sha256}"), &bytes);
    fs::create_dir_all(desk.folder.path().join(format!("{cache}/snapshots/{commit}")))
        .expect("a folder");
    #[cfg(unix)]
    std::os::unix::fs::symlink(
        format!("../../blobs/{sha256}"),
        desk.folder.path().join(format!("{cache}/snapshots/{commit}/Tiny-Q8_0.gguf")),
    )
    .expect("a link");
    let found = |program, folder: &str| candidates(program, &desk.folder.path().join(folder));
    let names = |found: &[Candidate]| -> Vec<String> {
        found.iter().map(|candidate| candidate.name.to_string()).collect()
    };
    let of_ollama = found(Program::Ollama, "ollama");
    assert_eq!(names(&of_ollama), ["someone/tiny", "tiny:1b"]);
    let of_lm_studio = found(Program::LmStudio, "lm");
    assert_eq!(names(&of_lm_studio), ["tiny-q8_0"]);
    let of_hub = found(Program::Hub, "hub");
    assert_eq!(names(&of_hub), ["tiny-q8_0"]);
    let origin = of_hub[0].origin.as_ref().expect("the cache says it");
    assert_eq!(
        (origin.repo.as_str(), origin.commit.as_str()),
        ("office/tiny-GGUF", commit.as_str())
    );
    for (candidate, taken) in [
        (&of_ollama[1], Taken::Linked),
        (&of_lm_studio[0], Taken::Known),
        (&of_hub[0], Taken::Known),
    ] {
        let Candidate { name, path, sha256, origin, .. } = candidate.clone();
        let mut watch = |_| ControlFlow::Continue(());
        let imported = desk.store.import(&path, &name, sha256.as_ref(), origin, &mut watch);
        assert_eq!(imported.expect("it is taken").taken, taken, "{name}");
    }
    let origin = desk.store.model(&name("tiny-q8_0")).expect("a model").row.origin;
    assert_eq!(origin, of_hub[0].origin);
    assert_eq!(found(Program::Ollama, "none"), []);
}
