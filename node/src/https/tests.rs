//! Certificates that are made, kept, supplied and refused.

use super::*;

pub(super) const NOW_S: i64 = 1_800_000_000;

fn names(names: &[&str]) -> Vec<HostName> {
    names.iter().map(|name| name.parse().expect("a host name")).collect()
}

fn public(files: Option<(PathBuf, PathBuf)>) -> PublicConfig {
    PublicConfig { address: ([0, 0, 0, 0], 0).into(), names: Vec::new(), files }
}

/// Certificate and key of IT, valid for these years; the key's file has this mode.
pub(super) fn files(folder: &Path, years: (i32, i32), mode: u32) -> (PathBuf, PathBuf) {
    let mut parameters =
        rcgen::CertificateParams::new(["office.example".to_owned()]).expect("a name");
    parameters.not_before = rcgen::date_time_ymd(years.0, 1, 1);
    parameters.not_after = rcgen::date_time_ymd(years.1, 1, 1);
    let key = rcgen::KeyPair::generate().expect("a key");
    let made = parameters.self_signed(&key).expect("a certificate");
    let paths = (folder.join("cert.pem"), folder.join("key.pem"));
    std::fs::write(&paths.0, made.pem()).expect("it is written");
    std::fs::write(&paths.1, key.serialize_pem()).expect("it is written");
    set_mode(&paths.1, mode);
    paths
}

#[cfg(unix)]
pub(super) fn set_mode(path: &Path, mode: u32) {
    use std::os::unix::fs::PermissionsExt;
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).expect("it is set");
}

#[cfg(not(unix))]
pub(super) fn set_mode(_path: &Path, _mode: u32) {}

#[test]
fn an_own_certificate_is_made_once_and_again_when_a_name_is_missing_or_its_time_is_over() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let at = |list: &[&str], now_s| own(folder.path(), &names(list), now_s).expect("one");
    let first = at(&["desk", "desk.local"], NOW_S);
    assert_eq!(first.fingerprint.len(), 32 * 3 - 1);
    assert!(
        ["desk", "desk.local", "localhost"]
            .iter()
            .all(|name| first.names.contains(&(*name).to_owned()))
    );
    assert_eq!(at(&["desk"], NOW_S).fingerprint, first.fingerprint);
    let wider = at(&["desk", "ai.office.example"], NOW_S);
    assert_ne!(wider.fingerprint, first.fingerprint);
    let later = at(&["desk"], NOW_S + 11 * 366 * 86_400);
    assert_ne!(later.fingerprint, wider.fingerprint);
}

#[cfg(unix)]
#[test]
fn cat_s02_the_own_key_is_closed_to_others_and_closed_again() {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().expect("a temporary folder");
    let key = folder.path().join(OWN_KEY);
    let mode = || std::fs::metadata(&key).expect("it exists").permissions().mode() & 0o777;
    own(folder.path(), &[], NOW_S).expect("one");
    assert_eq!(mode(), 0o600);
    set_mode(&key, 0o644);
    own(folder.path(), &[], NOW_S).expect("one");
    assert_eq!(mode(), 0o600);
}

#[test]
fn cat_s02_a_damaged_own_certificate_is_not_replaced_in_silence() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    own(folder.path(), &[], NOW_S).expect("one");
    std::fs::write(folder.path().join(OWN_CERTIFICATE), "nonsense").expect("it is written");
    let error = own(folder.path(), &[], NOW_S).expect_err("it is damaged");
    assert!(matches!(error, CertificateError::Damaged(_)), "{error}");
}

#[test]
fn cat_s02_each_flaw_of_supplied_files_is_one_sentence_of_its_own() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let outcome = |files: &(PathBuf, PathBuf)| {
        certificate(folder.path(), &public(Some(files.clone())), &[], NOW_S)
    };
    let refused = |files: &(PathBuf, PathBuf)| outcome(files).expect_err("flawed").to_string();
    let good = files(folder.path(), (2020, 2040), 0o640);
    let served = outcome(&good).expect("it is fine");
    assert_eq!(served.names, ["office.example"]);

    set_mode(&good.1, 0o644);
    #[cfg(unix)]
    assert!(refused(&good).contains("chmod 600"));
    set_mode(&good.1, 0o600);
    std::fs::write(&good.1, "nonsense").expect("it is written");
    assert!(refused(&good).contains("no private key"));
    let other = rcgen::KeyPair::generate().expect("a key").serialize_pem();
    std::fs::write(&good.1, other).expect("it is written");
    assert!(refused(&good).contains("do not belong together"));
    std::fs::write(&good.0, "").expect("it is written");
    assert!(refused(&good).contains("no certificate"));
    let absent = (folder.path().join("absent.pem"), good.1.clone());
    assert!(refused(&absent).contains("cannot be read"));

    assert!(refused(&files(folder.path(), (2010, 2020), 0o600)).contains("has expired"));
    assert!(refused(&files(folder.path(), (2030, 2040), 0o600)).contains("not valid before"));
    assert!(!folder.path().join(OWN_KEY).exists(), "none of its own is made beside it");
}
