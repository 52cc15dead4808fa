//! Keys in files: whose they are, and what is refused.

use pumasi_cloud::{KeyStore, KeyStoreError, ProviderId, Secret};

use super::key;

fn id(text: &str) -> ProviderId {
    text.parse().expect("an id")
}

#[test]
fn a_key_is_put_got_replaced_and_removed() {
    let folder = tempfile::tempdir().expect("a folder");
    let store = KeyStore::File(folder.path().join("keys"));
    let shown = |found: Option<Secret>| format!("{found:?}");
    assert_eq!(store.get(&id("one")).map(shown), Ok("None".to_owned()));
    assert_eq!(store.remove(&id("one")), Ok(false));
    store.put(&id("one"), &key()).expect("it can be kept");
    store.put(&id("two"), &Secret::new("other").expect("a key")).expect("it can be kept");
    store.put(&id("one"), &Secret::new("sk-later").expect("a key")).expect("it can be replaced");
    assert_eq!(store.get(&id("one")).map(shown), Ok("Some(Secret)".to_owned()));
    let kept = std::fs::read(folder.path().join("keys/one.key")).expect("a file");
    assert_eq!(kept, b"sk-later");
    let names = std::fs::read_dir(folder.path().join("keys")).expect("a folder");
    assert_eq!(names.count(), 2, "nothing is left of writing");
    assert_eq!(store.remove(&id("one")), Ok(true));
    assert_eq!(store.get(&id("one")).map(shown), Ok("None".to_owned()));
}

#[cfg(unix)]
#[test]
fn only_this_user_can_read_what_is_kept() {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().expect("a folder");
    let keys = folder.path().join("a/keys");
    let store = KeyStore::File(keys.clone());
    store.put(&id("one"), &key()).expect("it can be kept");
    let mode = |path: &std::path::Path| {
        std::fs::metadata(path).expect("it exists").permissions().mode() & 0o777
    };
    assert_eq!((mode(&keys), mode(&keys.join("one.key"))), (0o700, 0o600));
}

#[cfg(unix)]
#[test]
fn what_others_can_reach_is_refused() {
    use std::fs;
    use std::os::unix::fs::{PermissionsExt, symlink};
    let folder = tempfile::tempdir().expect("a folder");
    let keys = folder.path().join("keys");
    let (store, file) = (KeyStore::File(keys.clone()), keys.join("one.key"));
    let got = || store.get(&id("one")).map(|found| found.is_some());
    let chmod = |path: &std::path::Path, mode| {
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).expect("it is ours");
    };
    store.put(&id("one"), &key()).expect("it can be kept");
    assert_eq!(got(), Ok(true));
    for mode in [0o640, 0o604, 0o620] {
        chmod(&file, mode);
        assert_eq!(got(), Err(KeyStoreError::Exposed), "{mode:o}");
    }
    chmod(&file, 0o600);
    chmod(&keys, 0o755);
    assert_eq!(got(), Err(KeyStoreError::Exposed));
    assert_eq!(store.put(&id("two"), &key()), Err(KeyStoreError::Exposed));
    chmod(&keys, 0o700);
    let linked = folder.path().join("linked");
    fs::hard_link(&file, &linked).expect("a second name");
    assert_eq!(got(), Err(KeyStoreError::Exposed), "another name for the same file");
    fs::remove_file(&file).expect("it is ours");
    symlink(&linked, &file).expect("a link");
    assert!(matches!(got(), Err(KeyStoreError::Disk(_))), "links are not followed");
    fs::remove_file(&file).expect("it is ours");
    fs::create_dir(&file).expect("a folder in its place");
    assert_eq!(got(), Err(KeyStoreError::Odd));
    let elsewhere = folder.path().join("by-link");
    symlink(&keys, &elsewhere).expect("a link");
    let store = KeyStore::File(elsewhere);
    assert_eq!(store.put(&id("one"), &key()), Err(KeyStoreError::Exposed));
}

#[cfg(unix)]
#[test]
fn what_is_no_key_is_refused() {
    use std::io::Write;
    use std::os::unix::fs::OpenOptionsExt;
    let folder = tempfile::tempdir().expect("a folder");
    let store = KeyStore::File(folder.path().join("keys"));
    store.put(&id("one"), &key()).expect("it can be kept");
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create(true).truncate(true).mode(0o600);
    let long = vec![b'k'; 5_000];
    for bad in [&b""[..], b"  \n", b"a b", b"\xff\xfe", b"a\r\nb: c", &long] {
        let mut file = options.open(folder.path().join("keys/one.key")).expect("a file");
        file.write_all(bad).expect("it can be written");
        let got = store.get(&id("one")).map(|found| found.is_some());
        assert_eq!(got, Err(KeyStoreError::Odd), "{} bytes", bad.len());
    }
}
