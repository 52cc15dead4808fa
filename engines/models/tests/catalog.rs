//! A directory of models with all that can lie in it, and files that change at a bad moment.

use std::fs;
use std::ops::ControlFlow;
use std::path::Path;

use pumasi_models::catalog::{Catalog, HASH_CACHE_FILE, ModelFault};
use pumasi_models::gguf::{FoundFormat, GgufError};
use pumasi_models::hash::{FileHash, HashSyntax, VerifyError, hash_file, verify};
use pumasi_models::name::ModelName;
use pumasi_models::open::{OpenError, check_unchanged, open_model, open_unchanged};
use pumasi_models::test_support::{GgufBuilder, Sizes};
use tempfile::TempDir;

fn model() -> Vec<u8> {
    GgufBuilder::llama(Sizes::default()).build()
}

fn directory(files: &[(&str, &[u8])]) -> TempDir {
    let directory = tempfile::tempdir().expect("a temporary directory");
    for (name, bytes) in files {
        fs::write(directory.path().join(name), bytes).expect("a new file");
    }
    directory
}

fn scan(directory: &TempDir) -> Catalog {
    Catalog::scan(directory.path()).expect("the directory is readable")
}

fn go_on(_: u64) -> ControlFlow<()> {
    ControlFlow::Continue(())
}

fn name(text: &str) -> ModelName {
    ModelName::parse(text).expect("a valid name")
}

/// Another state of the same length: changed bytes, and a time that no clock's grain can hide.
fn overwrite(path: &Path, bytes: &[u8]) {
    fs::write(path, bytes).expect("the file is ours");
    let file = fs::File::options().write(true).open(path).expect("the file is ours");
    let later = std::time::SystemTime::now() + std::time::Duration::from_secs(7);
    file.set_modified(later).expect("the file is ours");
}

#[test]
fn good_and_bad_files_are_listed_together() {
    let whole = model();
    let directory = directory(&[
        ("Good Model.GGUF", &whole),
        ("cut.gguf", &whole[..whole.len() / 2]),
        ("empty.gguf", b""),
        ("notes.txt", b"not a model"),
        (".hidden.gguf", &whole),
        ("unfinished.gguf.part", &whole),
    ]);
    fs::create_dir(directory.path().join("folder.gguf")).expect("a new directory");
    let catalog = scan(&directory);
    let listed: Vec<_> = catalog
        .entries()
        .iter()
        .map(|entry| (entry.name.as_str(), entry.model.as_ref().map_err(ModelFault::code).err()))
        .collect();
    let expected = [
        ("good-model", None),
        ("cut", Some("model_damaged")),
        ("empty", Some("not_gguf")),
        ("folder", Some("not_a_regular_file")),
    ];
    assert_eq!(listed, expected);
    assert_eq!(catalog.left_out, 0);
    let empty = catalog.find(&name("empty")).expect("it is listed");
    let fault = GgufError::NotGguf { found: FoundFormat::Empty };
    assert_eq!(empty.model.as_ref().expect_err("it is no model"), &ModelFault::Gguf(fault));
}

#[test]
fn one_name_is_given_once() {
    let directory = directory(&[("A model.gguf", &model()), ("a-model.gguf", &model())]);
    let catalog = scan(&directory);
    let fault = catalog.entries()[1].model.as_ref().expect_err("the name is taken");
    assert_eq!(fault, &ModelFault::NameTaken { taken_by: "A model.gguf".to_owned() });
    let found = catalog.find(&name("a-model")).expect("the first one keeps it");
    assert!(found.model.is_ok());
}

#[test]
fn hashes_are_computed_once() {
    let directory = directory(&[("one.gguf", &model()), ("two.gguf", &model()), ("x.gguf", b"")]);
    let mut catalog = scan(&directory);
    assert_eq!(catalog.pending_bytes(), 2 * model().len() as u64);
    let mut last = 0;
    catalog.hash_pending(&mut |done| {
        last = done;
        ControlFlow::Continue(())
    });
    assert_eq!(last, 2 * model().len() as u64);
    let expected = FileHash::from_bytes(*blake3::hash(&model()).as_bytes());
    let hashes = |catalog: &Catalog| -> Vec<_> {
        catalog.entries().iter().map(|entry| entry.hash).collect()
    };
    assert_eq!(hashes(&catalog), [Some(expected), Some(expected), None]);
    let again = scan(&directory);
    assert_eq!((again.pending_bytes(), hashes(&again)), (0, hashes(&catalog)));
}

#[test]
fn a_changed_file_is_hashed_again() {
    let directory = directory(&[("one.gguf", &model())]);
    let path = directory.path().join("one.gguf");
    scan(&directory).hash_pending(&mut go_on);
    let mut changed = model();
    *changed.last_mut().expect("not empty") = 1;
    overwrite(&path, &changed);
    let mut catalog = scan(&directory);
    assert_eq!(catalog.entries()[0].hash, None);
    catalog.hash_pending(&mut go_on);
    let expected = FileHash::from_bytes(*blake3::hash(&changed).as_bytes());
    assert_eq!(catalog.entries()[0].hash, Some(expected));
}

#[test]
fn a_broken_side_file_is_ignored() {
    let whole = model();
    let cases: [&[u8]; 4] = [b"", b"{", b"{\"version\":2,\"files\":{}}", &[0xff; 100]];
    for side in cases {
        let directory = directory(&[("one.gguf", &whole), (HASH_CACHE_FILE, side)]);
        let mut catalog = scan(&directory);
        assert_eq!(catalog.entries()[0].hash, None);
        catalog.hash_pending(&mut go_on);
        assert_eq!(scan(&directory).entries()[0].hash, catalog.entries()[0].hash);
    }
}

#[test]
fn hashing_can_be_stopped() {
    let directory = directory(&[("one.gguf", &model())]);
    let mut catalog = scan(&directory);
    catalog.hash_pending(&mut |_| ControlFlow::Break(()));
    let entry = &catalog.entries()[0];
    assert!(entry.hash.is_none() && entry.model.is_ok(), "stopping is no fault of the file");
}

#[test]
fn a_missing_directory_is_the_only_failure() {
    let directory = directory(&[]);
    assert!(Catalog::scan(&directory.path().join("none")).is_err());
    assert!(scan(&directory).entries().is_empty());
}

#[test]
fn cat_g17_a_file_that_changes_between_check_and_load() {
    let whole = model();
    let directory = directory(&[("one.gguf", &whole)]);
    let path = directory.path().join("one.gguf");
    let mut catalog = scan(&directory);
    catalog.hash_pending(&mut go_on);
    let entry = catalog.entries()[0].clone();
    let (checked, hash) = (entry.identity.expect("opened"), entry.hash.expect("hashed"));
    assert_eq!(check_unchanged(&path, &checked), Ok(()));
    assert_eq!(verify(&path, hash, &mut go_on), Ok(()));

    // Cut while it is open: the same file, another length.
    let opened = open_unchanged(&path, &checked).expect("still the same");
    fs::File::options().write(true).open(&path).and_then(|f| f.set_len(9)).expect("ours");
    assert_eq!(check_unchanged(&path, &checked), Err(OpenError::Changed));
    assert_eq!(opened.file.metadata().map(|metadata| metadata.len()).ok(), Some(9));
    assert!(verify(&path, hash, &mut go_on).is_err_and(|error| error.code() == "model_damaged"));

    // Replaced by a file of the same length and time.
    let other = directory.path().join("other.gguf");
    fs::write(&other, vec![0; whole.len()]).expect("a new file");
    let modified = std::time::UNIX_EPOCH
        + std::time::Duration::from_nanos(u64::try_from(checked.modified_ns).expect("after 1970"));
    let file = fs::File::options().write(true).open(&other).expect("ours");
    file.set_modified(modified).expect("ours");
    fs::rename(&other, &path).expect("ours");
    if cfg!(unix) {
        assert_eq!(check_unchanged(&path, &checked), Err(OpenError::Changed));
    }
    let error = verify(&path, hash, &mut go_on).expect_err("the content differs");
    assert!(matches!(error, VerifyError::Mismatch { .. }) && error.code() == "model_damaged");
    fs::remove_file(&path).expect("ours");
    assert_eq!(check_unchanged(&path, &checked), Err(OpenError::NotFound));
}

#[test]
fn a_file_that_changes_while_it_is_hashed() {
    let directory = directory(&[("one.gguf", &model())]);
    let path = directory.path().join("one.gguf");
    let result = hash_file(&path, &mut |_| {
        overwrite(&path, &model());
        ControlFlow::Continue(())
    });
    assert_eq!(result, Err(VerifyError::Open(OpenError::Changed)));
}

#[cfg(unix)]
#[test]
fn cat_m05_links_and_special_files() {
    use std::os::unix::fs::symlink;
    use std::os::unix::net::UnixListener;
    let directory = directory(&[("real.gguf", &model())]);
    let at = |name: &str| directory.path().join(name);
    symlink(at("real.gguf"), at("link.gguf")).expect("a new link");
    symlink(at("nothing"), at("dangling.gguf")).expect("a new link");
    symlink("/dev/zero", at("device.gguf")).expect("a new link");
    let _socket = UnixListener::bind(at("socket.gguf")).expect("a new socket");
    let made = std::process::Command::new("mkfifo").arg(at("pipe.gguf")).status();
    assert!(made.is_ok_and(|status| status.success()), "mkfifo is part of every Unix");
    for file in ["link", "dangling", "device", "socket", "pipe"] {
        let error = open_model(&at(&format!("{file}.gguf"))).expect_err("not a regular file");
        assert_eq!(error, OpenError::NotRegular, "{file}");
        assert_eq!(error.code(), "not_a_regular_file");
    }
    let catalog = scan(&directory);
    let usable: Vec<_> =
        catalog.entries().iter().filter(|entry| entry.model.is_ok()).map(|e| &e.name).collect();
    assert_eq!((usable, catalog.entries().len()), (vec![&name("real")], 6));
}

#[test]
fn cat_m06_other_formats_are_never_opened() {
    let files = [
        "a.ckpt",
        "a.pt",
        "a.pth",
        "a.bin",
        "a.pkl",
        "a.pickle",
        "a.npy",
        "a.npz",
        "a.zip",
        "a.7z",
        "a.llamafile",
        "a.onnx",
        "a.safetensors",
        "a.exe",
        "a.gguf.zip",
        "a",
        "gguf",
        ".gguf",
    ];
    let directory = directory(&[]);
    for file in files {
        // The file does not even exist: the name alone decides.
        let error = open_model(&directory.path().join(file)).expect_err("not a model's name");
        assert_eq!(error.code(), "format_not_allowed", "{file}");
    }
    let missing = open_model(&directory.path().join("a.GgUf"));
    assert_eq!(missing.expect_err("nothing there"), OpenError::NotFound);
    for file in files {
        fs::write(directory.path().join(file), model()).expect("a new file");
    }
    assert!(scan(&directory).entries().is_empty());
}

#[test]
fn hashes_have_one_spelling() {
    let good = "0123456789abcdef".repeat(4);
    assert_eq!(FileHash::parse(&good).map(|hash| hash.to_string()), Ok(good.clone()));
    for bad in
        [&good[1..], &good.to_uppercase(), "../../x", "", &format!("{good}0"), &"g".repeat(64)]
    {
        assert_eq!(FileHash::parse(bad), Err(HashSyntax), "{bad}");
    }
}
