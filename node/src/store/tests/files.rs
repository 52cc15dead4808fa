//! Kept files live as long as a record names them.

use super::*;

fn there(dir: &TempDir, id: BlobId) -> bool {
    dir.path().join("files").join(id.to_string()).exists()
}

fn naming(n: u64, id: BlobId) -> JobRecord {
    JobRecord { input: Some(id), result: None, ..job(n) }
}

#[tokio::test]
async fn a_file_goes_with_the_last_record_that_names_it() {
    let dir = TempDir::new().expect("a folder");
    let store = open(&dir);
    let id = store.put_file(b"asked twice").expect("stored");
    store.put_job(naming(1, id)).await.expect("stored");
    store.put_job(naming(2, id)).await.expect("stored");
    store.put_job(naming(2, id)).await.expect("again");
    store.remove_job(job(1).line.job).await.expect("removed");
    assert!(there(&dir, id));
    drop(store);
    let store = open(&dir);
    store.remove_job(job(2).line.job).await.expect("removed");
    assert!(!there(&dir, id));
    assert_eq!(store.remove_job(job(2).line.job).await, Ok(()));
}

#[tokio::test]
async fn a_file_that_waits_for_its_record_stays_until_it_is_given_up() {
    let dir = TempDir::new().expect("a folder");
    let store = open(&dir);
    let id = store.put_file(b"a question").expect("stored");
    store.put_job(naming(1, id)).await.expect("stored");
    assert_eq!(store.put_file(b"a question"), Ok(id), "for a second job");
    store.remove_job(job(1).line.job).await.expect("removed");
    assert!(there(&dir, id), "the second job is about to name it");
    store.give_up_file(id);
    assert!(!there(&dir, id));
}

#[tokio::test]
async fn a_damaged_file_is_written_anew_by_who_has_its_bytes() {
    let dir = TempDir::new().expect("a folder");
    let store = open(&dir);
    let id = store.put_file(b"an answer").expect("stored");
    std::fs::write(dir.path().join("files").join(id.to_string()), b"else").expect("written");
    assert!(store.file(id).is_err());
    assert_eq!(store.put_file(b"an answer"), Ok(id));
    assert_eq!(store.file(id), Ok(Some(b"an answer".to_vec())));
}

#[tokio::test]
async fn a_decision_on_a_record_sees_what_is_there_and_changes_nothing_when_it_fails() {
    let dir = TempDir::new().expect("a folder");
    let store = open(&dir);
    store.put_job(job(1)).await.expect("stored");
    let id = job(1).line.job;
    let raise = |record: Option<JobRecord>| {
        let mut record = record.expect("it is there");
        record.epoch = record.epoch.next();
        Ok::<_, StoreError>((record.epoch, Some(record)))
    };
    let raised = futures::future::join_all((0..20).map(|_| store.change_job(id, raise))).await;
    let epochs: BTreeSet<_> =
        raised.into_iter().map(|epoch| epoch.expect("applied").expect("decided")).collect();
    assert_eq!(epochs.len(), 20, "no two saw the same");
    let refused = store.change_job(id, |_| Err::<((), _), _>(StoreError::Random)).await;
    assert_eq!(refused, Ok(Err(StoreError::Random)));
    assert_eq!(store.job(id).map(|record| record.map(|record| record.epoch.0)), Ok(Some(20)));
}
