//! API keys: what is agreed and what was used, each by itself.

use pumasi_web::api::KeyScope;
use pumasi_web::keys::{KeptKey, Terms, Used};

use super::*;

pub(super) fn terms(id: &str) -> Terms {
    Terms {
        id: id.to_owned(),
        name: "office bot".parse().expect("a name"),
        person: "kim".parse().expect("a name"),
        hash: [7; 32],
        scopes: BTreeSet::from([KeyScope::Inference, KeyScope::Operate]),
        created_ms: 5,
        expires_ms: Some(9),
        requests_per_min: Some(60),
        tokens_per_min: None,
        tokens_per_day: None,
        tokens_in_all: Some(1_000),
        revoked_ms: None,
    }
}

pub(super) fn used() -> Used {
    Used { requests: 3, tokens: 200, day: 20_000, tokens_of_day: 90, last_ms: Some(8) }
}

fn noted() -> AuditRecord {
    let act = Act::Started { version: String::new() };
    AuditRecord { at_ms: 1, act }
}

#[tokio::test]
async fn keys_are_kept_with_what_was_used_and_a_late_count_undoes_no_revocation() {
    let dir = TempDir::new().expect("a folder");
    let store = open(&dir);
    store.put_key(terms("a"), None, noted()).await.expect("it is kept");
    store.put_key(Terms { created_ms: 1, ..terms("b") }, None, noted()).await.expect("it is kept");
    let revoked = Terms { revoked_ms: Some(7), ..terms("a") };
    store.put_key(revoked.clone(), None, noted()).await.expect("it is kept");
    let late = vec![("a".to_owned(), used()), ("gone".to_owned(), used())];
    store.put_used(late).await.expect("it is kept");
    drop(store);

    let store = open(&dir);
    let unused = KeptKey { terms: Terms { created_ms: 1, ..terms("b") }, used: Used::default() };
    let kept = KeptKey { terms: revoked, used: used() };
    assert_eq!(store.keys(), Ok(vec![unused.clone(), kept]));

    let next = Terms { created_ms: 9, ..terms("c") };
    store.put_key(next.clone(), Some("a".to_owned()), noted()).await.expect("it is kept");
    let new = KeptKey { terms: next, used: Used::default() };
    assert_eq!(store.keys(), Ok(vec![unused, new]));
}
