//! Going on with what is there, and never with what is not the same.

use std::io::Write;

use pumasi_hub::FileFault;
use pumasi_tests::hub::Fault;

use super::*;

const BYTES: usize = 1_000_000;
const THERE: usize = 400_000;

/// A hub, what is wanted, and a part with so many right bytes.
async fn begun(there: &[u8]) -> (FakeHub, Hub, Wanted, Desk, String) {
    let fake = FakeHub::start();
    let sha256 = fake.put(REPO, FILE, &content(BYTES));
    let hub = hub(&fake);
    let wanted = wanted(&hub).await;
    let desk = Desk::new();
    std::fs::write(desk.part(), there).expect("a part");
    (fake, hub, wanted, desk, sha256)
}

#[tokio::test]
async fn what_is_there_is_not_fetched_again() {
    let (fake, hub, wanted, desk, sha256) = begun(&content(BYTES)[..THERE]).await;
    let complete = desk.download(&hub, &wanted).await.expect("a file");
    check(&complete, &content(BYTES), &sha256);
    assert_eq!(fake.sent(), (BYTES - THERE) as u64);
    assert_eq!(desk.told()[0], Progress::At(THERE as u64));
}

#[tokio::test]
async fn a_part_that_is_whole_already_is_only_checked() {
    let (fake, hub, wanted, desk, sha256) = begun(&content(BYTES)).await;
    let complete = desk.download(&hub, &wanted).await.expect("a file");
    check(&complete, &content(BYTES), &sha256);
    assert_eq!(fake.sent(), 0);
}

#[tokio::test]
async fn a_broken_connection_goes_on_where_it_was() {
    let (fake, hub, wanted, desk, sha256) = begun(b"").await;
    fake.misbehave(Fault::Cut(300_000), 3);
    let complete = desk.download(&hub, &wanted).await.expect("a file");
    check(&complete, &content(BYTES), &sha256);
    assert!(fake.sent() < BYTES as u64 + 4 * 65_536, "{} bytes", fake.sent());
    let seen = fake.seen();
    let asked: Vec<_> = seen.iter().filter_map(|seen| seen.header("range")).collect();
    assert!(asked.len() >= 3, "{asked:?}");
    let known = seen.iter().filter_map(|seen| seen.header("if-range"));
    assert!(known.clone().count() > 0 && known.clone().all(|etag| etag == "\"one\""));
}

#[tokio::test]
async fn cat_f07_ranges_that_cannot_be_trusted_are_never_put_together() {
    for fault in [Fault::IgnoresRange, Fault::WrongRange, Fault::OtherEtag, Fault::NotSatisfiable] {
        // Once, after the hub's own connection broke off, and for good.
        for times in [1, 9] {
            let (fake, hub, wanted, desk, sha256) = begun(b"").await;
            fake.misbehave(Fault::Cut(300_000), 1);
            fake.misbehave(fault.clone(), times);
            let complete = desk.download(&hub, &wanted).await.expect("it begins again");
            check(&complete, &content(BYTES), &sha256);
        }
    }
    // A file that is shorter than it was: a range past its end.
    let (fake, hub, wanted, desk, _) = begun(&content(BYTES)[..THERE]).await;
    fake.misbehave(Fault::NotSatisfiable, 9);
    fake.misbehave(Fault::Shorter(10), 9);
    let outcome = desk.download(&hub, &wanted).await;
    assert_eq!(outcome, Err(HubError::File(FileFault::Length)));
}

#[tokio::test]
async fn a_part_with_wrong_bytes_costs_one_download_more() {
    let mut wrong = content(BYTES)[..THERE].to_vec();
    wrong[1_000] ^= 1;
    let (_fake, hub, wanted, desk, sha256) = begun(&wrong).await;
    let outcome = desk.download(&hub, &wanted).await;
    assert_eq!(outcome, Err(HubError::File(FileFault::Hash)));
    let complete = desk.download(&hub, &wanted).await.expect("a file");
    check(&complete, &content(BYTES), &sha256);
}

#[tokio::test]
async fn a_part_that_is_too_long_or_begins_otherwise_is_begun_again() {
    let long = content(BYTES + 1);
    for there in [&long[..], b"<html>", b"version https://git-lfs.github.com/spec/v1\n", b"GG"] {
        let (_fake, hub, wanted, desk, sha256) = begun(there).await;
        let complete = desk.download(&hub, &wanted).await.expect("a file");
        check(&complete, &content(BYTES), &sha256);
    }
}

#[cfg(unix)]
#[tokio::test]
async fn cat_m05_a_link_in_the_place_of_a_part_is_not_written_through() {
    let (_fake, hub, wanted, desk, _) = begun(b"").await;
    let victim = desk.part().with_extension("victim");
    std::fs::File::create(&victim).and_then(|mut f| f.write_all(b"mine")).expect("a file");
    std::fs::remove_file(desk.part()).expect("it was there");
    std::os::unix::fs::symlink(&victim, desk.part()).expect("a link");
    let outcome = desk.download(&hub, &wanted).await.expect_err("refused");
    assert_eq!(outcome.code(), "disk_failed");
    assert_eq!(std::fs::read(&victim).expect("it is there"), b"mine");
}

#[tokio::test]
async fn cat_f16_a_stopped_download_keeps_its_part_and_goes_on() {
    let (fake, hub, wanted, desk, sha256) = begun(b"").await;
    fake.misbehave(Fault::Stall(THERE), 1);
    let stop = CancellationToken::new();
    let stopping = stop.clone();
    let told = Arc::clone(&desk.told);
    tokio::spawn(async move {
        let at = Progress::At(THERE as u64);
        while !told.lock().expect("no panic").contains(&at) {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        stopping.cancel();
    });
    let outcome = desk.stoppable(&hub, &wanted, stop).await;
    assert_eq!(outcome, Err(HubError::Stopped));
    assert_eq!(length(&desk.part()), Some(THERE as u64), "what came is kept");
    let sent = fake.sent();
    let complete = desk.download(&hub, &wanted).await.expect("it goes on");
    check(&complete, &content(BYTES), &sha256);
    assert_eq!(fake.sent() - sent, (BYTES - THERE) as u64);
}
