//! Damage of what had been synced: it is found, nothing begins empty, and there is a way out.

use std::path::PathBuf;

use super::super::offline::Offline;
use super::*;

/// A store with something in every table, as a killed process leaves it, and what it holds.
async fn killed() -> (TempDir, Vec<JobRecord>) {
    let (dir, killed) = (TempDir::new().expect("a folder"), TempDir::new().expect("a folder"));
    let store = open(&dir);
    for n in 0..40 {
        let id = store.put_file(format!("question {n}").as_bytes()).expect("stored");
        let record = JobRecord { input: Some(id), result: None, ..job(n) };
        store.put_job(record).await.expect("stored");
    }
    store.set_setting("motto", Some("neighbours ".repeat(900))).await.expect("stored");
    store.add_invitation(invitation_id(&[7; 16]), invitation(1)).await.expect("stored");
    copy_dir(dir.path(), killed.path());
    let jobs = store.jobs(usize::MAX).expect("whole");
    (killed, jobs)
}

fn ledger(dir: &TempDir) -> PathBuf {
    dir.path().join("store").join("ledger")
}

/// Flips one bit, opens, and puts everything back as it was.
fn opened_with_flip(dir: &TempDir, at: usize, bit: u8) -> Result<Vec<JobRecord>, StoreError> {
    let trial = TempDir::new().expect("a folder");
    copy_dir(dir.path(), trial.path());
    let mut bytes = std::fs::read(ledger(dir)).expect("a file");
    bytes[at] ^= 1 << bit;
    std::fs::write(ledger(&trial), &bytes).expect("written");
    let opened = Store::open(trial.path(), 1_000).and_then(|store| store.jobs(usize::MAX));
    if opened.is_err() {
        assert_eq!(std::fs::read(ledger(&trial)).expect("a file"), bytes, "it was changed");
    }
    opened
}

/// Where redb keeps which of two commits is the newest, outside its checksums.
const FLAGS_AT: usize = 9;

#[tokio::test]
async fn cat_x20_a_flipped_bit_is_found_or_harmless_after_an_unclean_end() {
    let (dir, jobs) = killed().await;
    let length = std::fs::read(ledger(&dir)).expect("a file").len();
    // The header byte by byte, then a sample of all pages.
    let header = (0..320).step_by(7);
    let places = header.chain((320..length).step_by(length / 60)).filter(|at| *at != FLAGS_AT);
    let (mut found, mut harmless) = (0, 0);
    for at in places {
        let bit = u8::try_from(at % 8).expect("small");
        match opened_with_flip(&dir, at, bit) {
            Ok(kept) => {
                assert!(kept == jobs, "the flip at {at} lost something and was not found");
                harmless += 1;
            }
            Err(error) => {
                assert!(matches!(error, StoreError::Damaged { .. }), "{at}: {error}");
                found += 1;
            }
        }
    }
    assert!(found > 10 && harmless > 10, "{found} found, {harmless} harmless");
}

#[tokio::test]
async fn a_flipped_bit_anywhere_is_found_after_a_clean_end() {
    let (dir, _) = killed().await;
    drop(open(&dir));
    let length = std::fs::read(ledger(&dir)).expect("a file").len();
    for at in (0..length).step_by(length / 25).chain([FLAGS_AT]) {
        let opened = opened_with_flip(&dir, at, 3);
        assert!(matches!(opened, Err(StoreError::Damaged { .. })), "{at}");
    }
}

/// Damages the ledger where its records are.
fn damage(dir: &TempDir) {
    let mut bytes = std::fs::read(ledger(dir)).expect("a file");
    let at = bytes.windows(10).rposition(|w| w == b"neighbours").expect("stored as it is");
    bytes[at] ^= 1;
    std::fs::write(ledger(dir), &bytes).expect("written");
}

#[tokio::test]
async fn what_can_be_read_of_a_damaged_ledger_is_saved_and_put_back() {
    let (dir, jobs) = killed().await;
    damage(&dir);
    let refused = Store::open(dir.path(), 1_000).map(drop).expect_err("damaged");
    assert!(refused.to_string().contains("pumasi ledger"), "{refused}");
    let before = Store::open(dir.path(), 1_000).map(drop).expect_err("damaged, and left so");
    assert_eq!(before, refused);

    let offline = Offline::open(dir.path()).expect("nobody has it");
    let report = offline.check().expect("readable");
    assert!(!report.whole && !report.opens);
    assert_eq!((report.jobs, report.broken_records), (40, 1));
    let saved = dir.path().join("saved.ledger");
    let exported = offline.export(&saved, true, 5_000).expect("written");
    assert_eq!((exported.files, exported.broken_records, exported.lost_files), (40, 1, 0));
    let imported = offline.import(&saved).expect("whole");
    assert!(imported.before.expect("moved aside").join("ledger").exists());
    drop(offline);
    let store = open(&dir);
    assert_eq!(store.jobs(usize::MAX), Ok(jobs));
    assert_eq!(store.setting("motto"), Ok(None));
}

#[tokio::test]
async fn cat_x14_an_older_ledger_counts_on_from_where_the_newer_one_was() {
    let dir = TempDir::new().expect("a folder");
    let store = Store::open(dir.path(), 1_000).expect("new");
    store.put_job(job(1)).await.expect("stored");
    assert_eq!(store.copy_daily(1_000), Ok(true));
    assert_eq!(store.copy_daily(2_000), Ok(false), "one a day");
    store.put_job(job(2)).await.expect("stored");
    drop(store);
    let store = Store::open(dir.path(), 90_000).expect("whole");
    assert!(!store.is_older_copy());
    let newer = store.incarnation();
    drop(store);

    let offline = Offline::open(dir.path()).expect("nobody has it");
    let copy = offline.newest_copy().expect("a daily copy");
    offline.import(&copy).expect("whole");
    drop(offline);
    let store = Store::open(dir.path(), 1_000).expect("whole");
    assert_eq!(store.jobs(9), Ok(vec![job(1)]));
    assert!(store.incarnation() > newer, "the clock and the ledger are old, the number is not");
    assert!(store.is_older_copy(), "what was promised since the copy is forgotten");
    drop(store);
    assert!(!Store::open(dir.path(), 1_000).expect("whole").is_older_copy(), "asked once");
}

#[tokio::test]
async fn daily_copies_make_way_for_newer_ones() {
    let dir = TempDir::new().expect("a folder");
    let store = open(&dir);
    for day in 0..10 {
        assert_eq!(store.copy_daily(day * 86_400_000), Ok(true));
    }
    let copies = super::super::copies::list(dir.path());
    assert_eq!(copies.len(), super::super::limits::DAILY_COPIES);
    assert!(copies[0].ends_with("1970-01-04.ledger"), "{copies:?}");
}

#[tokio::test]
async fn a_ledger_that_is_gone_is_not_begun_anew() {
    let dir = TempDir::new().expect("a folder");
    drop(open(&dir));
    std::fs::remove_file(dir.path().join("store").join("ledger")).expect("removed");
    let missing = StoreError::Missing { path: dir.path().join("store") };
    assert_eq!(Store::open(dir.path(), 1_000).map(drop), Err(missing));
}

#[tokio::test]
async fn an_export_with_any_byte_changed_or_missing_is_refused_and_nothing_changes() {
    let (dir, jobs) = killed().await;
    let offline = Offline::open(dir.path()).expect("nobody has it");
    let saved = dir.path().join("saved.ledger");
    offline.export(&saved, true, 5_000).expect("written");
    let whole = std::fs::read(&saved).expect("a file");
    let mut broken: Vec<Vec<u8>> = vec![Vec::new(), whole[..whole.len() - 1].to_vec()];
    broken.push([whole.as_slice(), b"x"].concat());
    for at in (0..whole.len()).step_by(whole.len() / 40) {
        let mut flipped = whole.clone();
        flipped[at] ^= 0x10;
        broken.push(flipped);
    }
    for bytes in broken {
        std::fs::write(&saved, &bytes).expect("written");
        let refused = offline.import(&saved);
        assert_eq!(refused, Err(StoreError::NotAnExport { path: saved.clone() }));
    }
    drop(offline);
    assert_eq!(open(&dir).jobs(usize::MAX), Ok(jobs));
}
