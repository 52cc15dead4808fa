//! Growth has a bound, and live jobs are no part of what makes way.

use super::super::retention::Keep;
use super::*;

const DAY_MS: u64 = 86_400_000;

fn ended(n: u64, day: u64) -> JobRecord {
    let mut record = job(n);
    record.line.state = JobState::Completed(NodeId([2; 32]));
    record.ended_ms = Some(day * DAY_MS);
    record
}

async fn swept(store: &Store, days: u32, jobs: u32) -> Vec<u64> {
    let keep = Keep { days, jobs };
    let forgotten = store.sweep(keep, 100 * DAY_MS).await.expect("swept");
    let mut left: Vec<u64> =
        store.jobs(999).expect("whole").iter().map(|record| record.line.accepted_ms).collect();
    left.sort_unstable();
    assert!(forgotten.iter().all(|job| store.job(*job) == Ok(None)));
    left
}

#[tokio::test]
async fn jobs_that_ended_long_ago_or_are_too_many_make_way_and_live_ones_never() {
    let dir = TempDir::new().expect("a folder");
    let store = open(&dir);
    store.put_job(job(1)).await.expect("stored");
    for n in 2..10 {
        let file = store.put_file(&[u8::try_from(n).expect("small")]).expect("stored");
        let record = JobRecord { result: Some(file), ..ended(n, 60 + 5 * n) };
        store.put_job(record).await.expect("stored");
    }
    assert_eq!(swept(&store, 0, 100).await, [1, 2, 3, 4, 5, 6, 7, 8, 9]);
    assert_eq!(swept(&store, 20, 100).await, [1, 4, 5, 6, 7, 8, 9]);
    assert_eq!(swept(&store, 20, 3).await, [1, 7, 8, 9]);
    assert_eq!(swept(&store, 1, 0).await, [1]);
    let files = std::fs::read_dir(dir.path().join("files")).expect("a folder");
    let named = files.flatten().filter(|entry| entry.path().is_file()).count();
    assert_eq!(named, 0, "their files went with them");
}
