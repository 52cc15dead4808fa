//! What goes wrong on the way, and what is never done then.

use std::net::IpAddr;
use std::time::Instant;

use async_trait::async_trait;
use pumasi_hub::{FileFault, LineFault, Lookup};
use pumasi_tests::hub::{Fault, On};

use super::*;

/// A hub with one file, and what is wanted of it.
async fn one(bytes: usize) -> (FakeHub, Hub, Wanted, Vec<u8>, String) {
    let fake = FakeHub::start();
    let content = content(bytes);
    let sha256 = fake.put(REPO, FILE, &content);
    let hub = with_token(&fake, TOKEN);
    let wanted = wanted(&hub).await;
    (fake, hub, wanted, content, sha256)
}

#[tokio::test]
async fn a_download_is_whole_and_checked_and_its_token_stays_with_the_hub() {
    let (fake, hub, wanted, content, sha256) = one(3_000_000).await;
    let desk = Desk::new();
    let complete = desk.download(&hub, &wanted).await.expect("a file");
    check(&complete, &content, &sha256);
    let told = desk.told();
    assert_eq!(told.first(), Some(&Progress::At(0)));
    assert_eq!(told.last(), Some(&Progress::Checking));
    assert!(told.contains(&Progress::At(3_000_000)) && told.len() > 10);
    token_stayed(&fake);
    let own: Vec<_> = fake.seen();
    let own = own.iter().find(|seen| seen.path.contains("/resolve/")).expect("it was asked");
    assert_eq!(own.header("authorization"), Some(format!("Bearer {TOKEN}").as_str()));
    assert_eq!(own.header("accept-encoding"), Some("identity"));
}

#[tokio::test]
async fn cat_f04_a_pointer_instead_of_the_content_is_told_by_length_and_by_its_words() {
    let (fake, hub, wanted, ..) = one(100_000).await;
    fake.misbehave(Fault::Pointer, 9);
    let desk = Desk::new();
    let outcome = desk.download(&hub, &wanted).await;
    assert_eq!(outcome, Err(HubError::File(FileFault::Pointer)));
    assert_eq!(outcome.expect_err("refused").code(), "hub_bad_file");
    // The same where the pointer is as long as the file should be.
    let pointer = b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 3\n";
    fake.behave();
    fake.put(REPO, FILE, pointer);
    let wanted = super::wanted(&hub).await;
    let outcome = desk.download(&hub, &wanted).await;
    assert_eq!(outcome, Err(HubError::File(FileFault::Pointer)));
}

#[tokio::test]
async fn cat_f05_a_file_with_another_hash_is_thrown_away() {
    let (fake, hub, wanted, content, sha256) = one(500_000).await;
    fake.misbehave(Fault::WrongBytes, 1);
    let desk = Desk::new();
    let outcome = desk.download(&hub, &wanted).await;
    assert_eq!(outcome, Err(HubError::File(FileFault::Hash)));
    assert_eq!(length(&desk.part()), None, "the part is gone");
    let complete = desk.download(&hub, &wanted).await.expect("a file");
    check(&complete, &content, &sha256);
}

#[tokio::test]
async fn other_formats_are_not_taken() {
    let fake = FakeHub::start();
    fake.put(REPO, FILE, b"PK\x03\x04 a program in a zip file, called a model");
    let hub = hub(&fake);
    let wanted = wanted(&hub).await;
    let outcome = Desk::new().download(&hub, &wanted).await;
    assert_eq!(outcome, Err(HubError::File(FileFault::NotGguf)));
}

#[tokio::test]
async fn cat_f08_a_busy_hub_is_asked_again_within_bounds_and_a_login_page_is_no_hub() {
    let (fake, hub, wanted, content, sha256) = one(100_000).await;
    let busy = |status, after: &str| {
        Fault::Status(On::Resolve, status, vec![("retry-after", after.to_owned())])
    };
    for after in ["1000000000000", "-5", "Fri, 31 Dec 9999 23:59:59 GMT", "soon", ""] {
        fake.misbehave(busy(429, after), 2);
        let (desk, began) = (Desk::new(), Instant::now());
        let complete = desk.download(&hub, &wanted).await.expect(after);
        check(&complete, &content, &sha256);
        assert!(began.elapsed() < Duration::from_secs(30), "{after:?} was waited for");
        let told = desk.told();
        let waits: Vec<Duration> = told
            .iter()
            .filter_map(|told| match told {
                Progress::Waiting(wait) => Some(*wait),
                Progress::At(_) | Progress::Checking => None,
            })
            .collect();
        assert!(waits.len() == 2 && waits.iter().all(|wait| *wait <= RETRY.longest), "{waits:?}");
    }
    fake.misbehave(busy(503, "1"), 1_000);
    let desk = Desk::new();
    let outcome = desk.download(&hub, &wanted).await.expect_err("it gave up");
    assert_eq!(outcome.code(), "hub_unavailable");
    let asked = fake.seen().len();
    assert!(asked < 40, "{asked} requests are no storm");
    fake.behave();
    for on in [On::Resolve, On::Cdn] {
        fake.misbehave(Fault::LoginPage(on), 1);
        let outcome = Desk::new().download(&hub, &wanted).await;
        assert_eq!(outcome, Err(HubError::NotAHub), "{on:?}");
        assert_eq!(HubError::NotAHub.code(), "hub_unavailable");
    }
}

#[tokio::test]
async fn cat_f09_a_redirect_to_a_stranger_is_not_followed() {
    let (fake, hub, wanted, ..) = one(100_000).await;
    let stranger = FakeHub::start();
    for address in [
        format!("{}/blob/x", stranger.base),
        format!("http://user@{}/blob/x", fake.cdn),
        "file:///etc/passwd".to_owned(),
        "http://169.254.169.254/latest/meta-data".to_owned(),
        String::new(),
    ] {
        fake.misbehave(Fault::RedirectTo(address.clone()), 1);
        let outcome = Desk::new().download(&hub, &wanted).await;
        assert_eq!(outcome, Err(HubError::Redirect), "{address:?}");
    }
    assert_eq!(stranger.seen(), [], "nobody asked there");
    // Round and round at the hub itself.
    fake.misbehave(Fault::RedirectTo(format!("{}/o/r/resolve/main/x", fake.base)), 100);
    let outcome = Desk::new().download(&hub, &wanted).await;
    assert_eq!(outcome, Err(HubError::Redirect));
}

#[tokio::test]
async fn cat_f10_nobody_gets_the_token_by_asking_for_it() {
    let (fake, hub, wanted, ..) = one(100_000).await;
    let evil = FakeHub::start();
    let realm = format!("Bearer realm=\"{}/token\",service=\"x\"", evil.base);
    for on in [On::Resolve, On::Cdn] {
        fake.misbehave(Fault::Status(on, 401, vec![("www-authenticate", realm.clone())]), 1);
        let outcome = Desk::new().download(&hub, &wanted).await.expect_err("refused");
        assert_eq!(outcome.code(), "hub_auth_needed");
    }
    assert_eq!(evil.seen(), [], "nobody asked there");
    token_stayed(&fake);
}

#[tokio::test]
async fn cat_f12_packed_endless_and_stingy_bodies_are_refused() {
    let (fake, hub, wanted, content, sha256) = one(300_000).await;
    let file = |fault| Err(HubError::File(fault));
    fake.misbehave(Fault::Packed, 1);
    assert_eq!(Desk::new().download(&hub, &wanted).await, file(FileFault::Encoding));
    let desk = Desk::new();
    fake.misbehave(Fault::Endless, 9);
    assert_eq!(desk.download(&hub, &wanted).await, file(FileFault::Length));
    assert!(length(&desk.part()).is_none_or(|length| length <= 300_000), "it was not written");
    fake.behave();
    fake.misbehave(Fault::Shorter(7), 9);
    assert_eq!(Desk::new().download(&hub, &wanted).await, file(FileFault::Length));
    fake.behave();
    // More is said than the list said: refused before a byte is written.
    fake.misbehave(Fault::Stingy(1_000), 1);
    assert_eq!(Desk::new().download(&hub, &wanted).await, file(FileFault::Length));
    fake.misbehave(Fault::Cut(1_000), 1);
    let desk = Desk::new();
    let complete = desk.download(&hub, &wanted).await.expect("it went on");
    check(&complete, &content, &sha256);
}

/// Says that every name is here.
struct Here;

#[async_trait]
impl Lookup for Here {
    async fn addresses(&self, _host: &str) -> Vec<IpAddr> {
        vec![IpAddr::from([127, 0, 0, 1])]
    }
}

/// Knows no name.
struct Nowhere;

#[async_trait]
impl Lookup for Nowhere {
    async fn addresses(&self, _host: &str) -> Vec<IpAddr> {
        Vec::new()
    }
}

#[tokio::test]
async fn cat_f19_a_public_hub_is_not_at_a_local_address() {
    let at = |endpoint: &str, lookup: Arc<dyn Lookup>| {
        let endpoint = Endpoint::parse(endpoint).expect("an address");
        Hub::new(HubConfig { lookup, proxies: false, ..HubConfig::new(endpoint) })
    };
    let line = |fault| Some(HubError::Line(fault));
    let public = at("https://huggingface.co", Arc::new(Here));
    assert_eq!(look(&public).await.err(), line(LineFault::LocalAddress));
    let nowhere = at("https://huggingface.co", Arc::new(Nowhere));
    assert_eq!(look(&nowhere).await.err(), line(LineFault::Resolve));
    // An office's own mirror may be in the office.
    let fake = FakeHub::start();
    fake.put(REPO, FILE, &content(1_000));
    let port = fake.base.rsplit(':').next().expect("a port");
    let mirror = at(&format!("http://mirror.office:{port}"), Arc::new(Here));
    assert!(look(&mirror).await.is_ok());
    // A captive portal answers with a page.
    fake.misbehave(Fault::LoginPage(On::Api), 1);
    assert_eq!(look(&mirror).await.err(), Some(HubError::NotAHub));
    // Nobody listens.
    let gone = fake.base.clone();
    drop(fake);
    let gone = at(&gone, Arc::new(Here));
    assert!(matches!(look(&gone).await, Err(HubError::Line(_))));
}
