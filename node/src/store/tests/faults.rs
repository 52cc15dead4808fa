//! Disks that are full, slow or broken.

use std::sync::mpsc::channel;
use std::sync::{Arc, Mutex};

use super::super::disk::Fault;
use super::*;

fn set(store: &Store, fault: Option<Fault>) {
    *store.inner.database.trouble().fault.lock().expect("nobody panicked") = fault;
}

#[tokio::test]
async fn cat_x17_a_full_disk_refuses_new_records_keeps_the_old_and_recovers() {
    let dir = TempDir::new().expect("a folder");
    let store = open(&dir);
    store.put_job(job(1)).await.expect("stored");
    set(&store, Some(Fault::Full));
    for n in 2..5 {
        assert_eq!(store.put_job(job(n)).await, Err(StoreError::Full));
        assert_eq!(store.job(job(n).line.job).unwrap_or_default(), None);
    }
    set(&store, None);
    store.put_job(job(5)).await.expect("there is space again");
    assert_eq!(store.jobs(9), Ok(vec![job(5), job(1)]));
    drop(store);
    assert_eq!(open(&dir).jobs(9), Ok(vec![job(5), job(1)]));
}

#[tokio::test]
async fn cat_x18_after_a_failed_sync_nothing_is_written_any_more() {
    let dir = TempDir::new().expect("a folder");
    let store = open(&dir);
    store.put_job(job(1)).await.expect("stored");
    for fault in [Fault::Sync, Fault::Write] {
        set(&store, Some(fault));
        assert_eq!(store.put_job(job(2)).await, Err(StoreError::Stopped));
    }
    set(&store, None);
    assert_eq!(store.put_job(job(3)).await, Err(StoreError::Stopped));
    drop(store);
    let kept = open(&dir).jobs(9).expect("whole");
    assert!(kept.contains(&job(1)), "what was acknowledged is there: {kept:?}");
}

#[tokio::test]
async fn cat_x16_who_reads_does_not_wait_for_a_slow_disk() {
    let dir = TempDir::new().expect("a folder");
    let store = open(&dir);
    store.put_job(job(1)).await.expect("stored");
    let ((begun, syncing), (go_on, told)) = (channel(), channel());
    set(&store, Some(Fault::Slow(begun, Arc::new(Mutex::new(told)))));
    let writing = tokio::spawn({
        let store = store.clone();
        async move { store.put_job(job(2)).await }
    });
    tokio::task::yield_now().await;
    syncing.recv().expect("the sync has begun and does not end");
    assert_eq!(store.jobs(9), Ok(vec![job(1)]));
    assert!(!writing.is_finished(), "nothing is acknowledged before it is on the disk");
    set(&store, None);
    go_on.send(()).expect("it waits");
    drop(go_on);
    assert_eq!(writing.await.expect("no panic"), Ok(()));
}

#[tokio::test]
async fn one_record_takes_two_syncs_and_many_at_once_share_them() {
    let dir = TempDir::new().expect("a folder");
    let store = open(&dir);
    let syncs = || store.inner.database.trouble().syncs();
    let before = syncs();
    store.put_job(job(1)).await.expect("stored");
    assert_eq!(syncs() - before, 2);
    let before = syncs();
    let all = (2..102).map(|n| store.put_job(job(n)));
    let done = futures::future::join_all(all).await;
    assert!(done.iter().all(Result::is_ok));
    assert!(syncs() - before <= 20, "{} syncs for 100 records at once", syncs() - before);
}
