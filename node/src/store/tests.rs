//! The store on a real disk: what is acknowledged is there after opening again.

use std::collections::BTreeSet;

use ed25519_dalek::SigningKey;
use pumasi_protocol::job::{JobKind, JobLine, JobState};
use pumasi_protocol::roster::{Change, NodeRole, RosterLog};
use pumasi_protocol::{JobId, NodeName, PersonId};
use tempfile::TempDir;

use super::*;

mod audit;
mod conversations;
mod damage;
mod faults;
mod files;
mod keys;
mod layouts;
mod retention;
mod usage;

fn name(text: &str) -> NodeName {
    text.parse().expect("a good name")
}

fn open(dir: &TempDir) -> Store {
    Store::open(dir.path(), 1_000).expect("a whole store")
}

fn log() -> RosterLog {
    let (mesh_name, node_name, person) = (name("office"), name("one"), name("kim"));
    let found = Change::Found { mesh_name, node_name, person, nonce: [0; 16] };
    let key = SigningKey::from_bytes(&[1; 32]);
    let found = SignedEntry::sign(&key, None, Vec::new(), 0, &found).expect("small");
    RosterLog::begin(found).expect("founds")
}

fn job(n: u64) -> JobRecord {
    let line = JobLine {
        job: JobId::from_parts(n, [0; 10]),
        kind: JobKind::Chat,
        model: "starter-chat".parse().expect("a good name"),
        person: PersonId([1; 16]),
        owner: NodeId([2; 32]),
        state: JobState::Waiting,
        accepted_ms: n,
    };
    JobRecord { result: Some(BlobId([3; 32])), ..JobRecord::new(line) }
}

#[tokio::test]
async fn everything_acknowledged_is_there_after_opening_again() {
    let dir = TempDir::new().expect("a folder");
    let store = open(&dir);
    let (seed, first) = (store.identity_seed(), store.incarnation());
    let log = log();
    let mesh = log.roster().mesh;
    store.add_roster(mesh, log.entries().cloned().collect()).await.expect("stored");
    for n in 0..5 {
        store.put_job(job(n)).await.expect("stored");
    }
    store.remove_job(job(3).line.job).await.expect("stored");
    store.set_setting("paused", Some("yes".to_owned())).await.expect("stored");
    let file = store.put_file(b"an answer").expect("stored");
    drop(store);

    let store = open(&dir);
    assert_eq!(store.identity_seed(), seed);
    assert!(store.incarnation() > first, "the clock stood still, the number must not");
    assert_eq!(store.roster(), Ok(Some((mesh, log.entries().cloned().collect()))));
    assert_eq!(store.jobs(3), Ok(vec![job(4), job(2), job(1)]));
    assert_eq!(store.job(job(0).line.job), Ok(Some(job(0))));
    assert_eq!(store.setting("paused"), Ok(Some("yes".to_owned())));
    assert_eq!(store.file(file), Ok(Some(b"an answer".to_vec())));
    store.set_setting("paused", None).await.expect("stored");
    assert_eq!(store.setting("paused"), Ok(None));
}

#[tokio::test]
async fn after_an_unclean_end_a_copy_is_verified_and_everything_is_there() {
    let dir = TempDir::new().expect("a folder");
    let store = open(&dir);
    store.put_job(job(1)).await.expect("stored");
    // What lies on the disk at this moment is what a killed process leaves.
    let killed = TempDir::new().expect("a folder");
    copy_dir(dir.path(), killed.path());
    let again = open(&killed);
    assert_eq!(again.job(job(1).line.job), Ok(Some(job(1))));
    assert_eq!(again.identity_seed(), store.identity_seed());
    assert!(!killed.path().join("store.check").exists());
}

fn copy_dir(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).expect("a folder");
    for entry in std::fs::read_dir(from).expect("a folder") {
        let entry = entry.expect("an entry");
        let target = to.join(entry.file_name());
        if entry.file_type().expect("a type").is_dir() {
            copy_dir(&entry.path(), &target);
        } else {
            std::fs::copy(entry.path(), target).expect("copied");
        }
    }
}

#[tokio::test]
async fn a_changed_byte_in_the_database_is_found_and_the_file_left_as_it_is() {
    let dir = TempDir::new().expect("a folder");
    let store = open(&dir);
    store.set_setting("motto", Some("neighbours lend a day".to_owned())).await.expect("stored");
    drop(store);
    let db = dir.path().join("store").join("ledger");
    let mut bytes = std::fs::read(&db).expect("a file");
    let at = bytes.windows(10).position(|w| w == b"neighbours").expect("stored as it is");
    bytes[at] ^= 1;
    std::fs::write(&db, &bytes).expect("written");
    let damaged = StoreError::Damaged { path: dir.path().join("store") };
    assert_eq!(Store::open(dir.path(), 1_000).map(|_| ()), Err(damaged));
    assert_eq!(std::fs::read(&db).expect("a file"), bytes);
}

#[test]
fn cat_c06_a_second_process_on_a_data_directory_is_refused_and_told_which_has_it() {
    let dir = TempDir::new().expect("a folder");
    let store = open(&dir);
    let pid = std::process::id();
    let in_use = StoreError::InUse { pid, dir: dir.path().to_owned() };
    assert!(in_use.to_string().contains(&pid.to_string()));
    assert_eq!(Store::open(dir.path(), 1_000).map(|_| ()), Err(in_use));
    drop(store);
    open(&dir);
}

#[cfg(unix)]
#[test]
fn only_this_user_can_read_the_identity() {
    use std::os::unix::fs::PermissionsExt;
    let dir = TempDir::new().expect("a folder");
    drop(open(&dir));
    let mode = |path: &Path| std::fs::metadata(path).expect("there").permissions().mode() & 0o777;
    assert_eq!(mode(&dir.path().join("identity.key")), 0o600);
    assert_eq!(mode(&dir.path().join("store")), 0o700);
}

#[test]
fn a_cut_identity_is_an_error_and_not_a_new_identity() {
    let dir = TempDir::new().expect("a folder");
    let path = dir.path().join("identity.key");
    std::fs::write(&path, [1; 31]).expect("written");
    assert_eq!(Store::open(dir.path(), 0).map(|_| ()), Err(StoreError::Damaged { path }));
}

#[tokio::test]
async fn records_that_the_database_would_not_keep_safely_are_refused() {
    let dir = TempDir::new().expect("a folder");
    let store = open(&dir);
    let refused = store.set_setting("long", Some("x".repeat(16 * 1024))).await;
    assert!(matches!(refused, Err(StoreError::TooLarge { .. })));
    assert!(store.set_setting("long", Some("x".repeat(14 * 1024))).await.is_ok());
}

#[test]
fn a_file_with_changed_bytes_is_not_handed_out() {
    let dir = TempDir::new().expect("a folder");
    let store = open(&dir);
    let id = store.put_file(b"an answer").expect("stored");
    let path = dir.path().join("files").join(id.to_string());
    std::fs::write(&path, b"another answer").expect("written");
    assert_eq!(store.file(id), Err(StoreError::Damaged { path }));
    assert_eq!(store.file(BlobId([0; 32])), Ok(None));
}

fn invitation(uses_left: u32) -> Invitation {
    let roles = BTreeSet::from([NodeRole::Member]);
    Invitation { person: None, roles, uses_left, expires_s: 100, admitted: Vec::new() }
}

async fn redeem(
    store: &Store,
    id: EntryHash,
    n: u8,
    now_s: u64,
) -> Result<Redeemed, RedeemError<()>> {
    let log = log();
    let admit = move |terms: &Invitation| {
        let key = SigningKey::from_bytes(&[1; 32]);
        let node = NodeId([n; 32]);
        let change =
            Change::Admit { node, name: name("new"), person: None, roles: terms.roles.clone() };
        log.sign(&key, 0, &change).map_err(|_| ())
    };
    store.redeem(id, NodeId([n; 32]), now_s, admit).await
}

#[tokio::test]
async fn an_invitation_for_one_admits_one_of_many_that_come_at_once() {
    let dir = TempDir::new().expect("a folder");
    let store = open(&dir);
    let id = invitation_id(&[7; 16]);
    store.add_invitation(id, invitation(1)).await.expect("stored");
    let asked = (1..=16).map(|n| {
        let store = store.clone();
        tokio::spawn(async move { redeem(&store, id, n, 50).await })
    });
    let answers = futures::future::join_all(asked.collect::<Vec<_>>()).await;
    let answers: Vec<_> = answers.into_iter().map(|joined| joined.expect("no panic")).collect();
    let admitted = answers.iter().filter(|a| matches!(a, Ok(Redeemed::Admitted(_)))).count();
    let spent = answers.iter().filter(|a| **a == Err(RedeemError::Spent)).count();
    assert_eq!((admitted, spent), (1, 15));
    let kept = store.invitations().expect("whole");
    let (named, kept) = &kept[0];
    assert_eq!((*named, kept.uses_left, kept.admitted.len()), (id, 0, 1));
    assert_eq!(redeem(&store, id, kept.admitted[0].0[0], 50).await, Ok(Redeemed::Before));
}

#[tokio::test]
async fn a_withdrawn_invitation_lets_nobody_in() {
    let dir = TempDir::new().expect("a folder");
    let store = open(&dir);
    let [id, other] = [7, 8].map(|n| invitation_id(&[n; 16]));
    for id in [id, other] {
        store.add_invitation(id, invitation(2)).await.expect("stored");
    }
    assert!(matches!(redeem(&store, id, 1, 50).await, Ok(Redeemed::Admitted(_))));
    store.forget_invitations(vec![id]).await.expect("forgotten");
    assert_eq!(redeem(&store, id, 2, 50).await, Err(RedeemError::Unknown));
    assert!(matches!(redeem(&store, other, 2, 50).await, Ok(Redeemed::Admitted(_))));
}

#[tokio::test]
async fn cat_p25_an_invitation_ends_at_the_second_it_names_by_the_issuers_clock() {
    let dir = TempDir::new().expect("a folder");
    let store = open(&dir);
    let id = invitation_id(&[7; 16]);
    store.add_invitation(id, invitation(2)).await.expect("stored");
    assert!(matches!(redeem(&store, id, 1, 99).await, Ok(Redeemed::Admitted(_))));
    assert_eq!(redeem(&store, id, 2, 100).await, Err(RedeemError::Expired));
    assert_eq!(redeem(&store, invitation_id(&[8; 16]), 2, 50).await, Err(RedeemError::Unknown));
}
