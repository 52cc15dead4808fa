//! What keys open, how fast and how much, by clocks that the tests set.

use std::time::{Duration, Instant};

use super::*;
use crate::error::KeyRefusal;

/// Keys of Kim with these secrets.
pub(crate) fn keyring(secrets: &[&str]) -> Keyring {
    let key = |secret: &&str| KeptKey { terms: terms(secret), used: Used::default() };
    Keyring::new(secrets.iter().map(key).collect())
}

fn terms(secret: &str) -> Terms {
    Terms {
        id: secret.to_owned(),
        name: "laptop".parse().expect("a name"),
        person: "kim".parse().expect("a name"),
        hash: hash_of(secret.as_bytes()),
        scopes: BTreeSet::from([KeyScope::Inference, KeyScope::Jobs]),
        created_ms: 5,
        expires_ms: None,
        requests_per_min: None,
        tokens_per_min: None,
        tokens_per_day: None,
        tokens_in_all: None,
        revoked_ms: None,
    }
}

fn holder(terms: Terms) -> Holder {
    Holder::new(terms, Used::default())
}

fn wanted() -> Wanted {
    Wanted {
        name: "laptop".parse().expect("a name"),
        person: "kim".parse().expect("a name"),
        scopes: BTreeSet::from([KeyScope::Inference]),
        valid_ms: Some(60_000),
        requests_per_min: None,
        tokens_per_min: None,
        tokens_per_day: None,
        tokens_in_all: None,
    }
}

#[test]
fn a_new_key_opens_once_it_is_put_and_its_secret_is_kept_nowhere() {
    let keys = Keyring::default();
    let (row, secret) = keys.draft(wanted(), 1_000).expect("there is room");
    assert!(keys.judge(secret.as_bytes()).is_none(), "it is not written down yet");
    assert_eq!(row.shown.expires_ms, Some(61_000));
    keys.put(row.terms.clone());
    let holder = keys.judge(secret.as_bytes()).expect("its holder");
    assert_eq!(holder.terms(), row.terms);
    assert_eq!(secret.len(), "pumasi-key-".len() + 52);
    assert!(!format!("{row:?}{keys:?}").contains(&secret[11..]));
    for wrong in ["", &secret[1..], &secret.to_ascii_uppercase(), &hex::encode(row.terms.hash)] {
        assert!(keys.judge(wrong.as_bytes()).is_none(), "{wrong}");
    }
}

#[test]
fn keys_are_bounded_and_only_a_revoked_one_makes_room() {
    let names: Vec<String> = (0..limits::KEYS).map(|n| n.to_string()).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let keys = keyring(&names);
    assert_eq!(keys.draft(wanted(), 1).map(drop), Err(KeyError::TooMany));
    keys.put(Terms { revoked_ms: Some(9), ..terms("7") });
    let (row, _) = keys.draft(wanted(), 1).expect("one makes room");
    assert_eq!(row.instead_of.as_deref(), Some("7"));
    keys.forget("7");
    keys.put(row.terms);
    assert_eq!(keys.list(1).len(), limits::KEYS);
}

#[test]
fn a_key_opens_its_scopes_until_it_expires_or_is_revoked() {
    let (key, now) = (holder(Terms { expires_ms: Some(100), ..terms("a") }), Instant::now());
    let enter = |scope, now_ms| key.enter(scope, now, now_ms).map(drop);
    assert_eq!(enter(KeyScope::Inference, 99), Ok(()));
    assert_eq!(enter(KeyScope::View, 99), Err(KeyRefusal::Scope(KeyScope::View)));
    assert_eq!(enter(KeyScope::Inference, 100), Err(KeyRefusal::Expired));
    assert_eq!(enter(KeyScope::View, 100), Err(KeyRefusal::Expired));
    // A clock that was wrong is no reason to stay closed.
    assert_eq!(enter(KeyScope::Jobs, 50), Ok(()));
    key.agree(Terms { revoked_ms: Some(60), ..terms("a") });
    assert_eq!(enter(KeyScope::Inference, 50), Err(KeyRefusal::Revoked));
    assert!(key.revoked().is_cancelled());
    assert_eq!(key.take_used().map(|(id, used)| (id, used.requests)), Some(("a".to_owned(), 2)));
    assert_eq!(key.take_used(), None);
}

#[test]
fn a_minutes_requests_may_come_at_once_and_then_each_waits_its_turn() {
    let key = holder(Terms { requests_per_min: Some(2), ..terms("a") });
    let start = Instant::now();
    let enter =
        |s: u64| key.enter(KeyScope::Inference, start + Duration::from_secs(s), 1).map(drop);
    assert_eq!((enter(0), enter(0)), (Ok(()), Ok(())));
    assert_eq!(enter(0), Err(KeyRefusal::Rate { retry_s: 31 }));
    assert_eq!(enter(29), Err(KeyRefusal::Rate { retry_s: 2 }));
    assert_eq!((enter(30), enter(30)), (Ok(()), Err(KeyRefusal::Rate { retry_s: 31 })));
    assert_eq!((enter(600), enter(600)), (Ok(()), Ok(())));
    assert!(enter(600).is_err(), "what was not used is not saved up");
}

#[test]
fn a_quota_ends_with_its_tokens_and_begins_anew_with_the_day() {
    const DAY_MS: u64 = 86_400_000;
    let key = holder(Terms { tokens_per_day: Some(10), tokens_in_all: Some(25), ..terms("a") });
    assert_eq!(key.may_spend(Instant::now(), DAY_MS), Ok(()));
    key.spend(11, DAY_MS);
    assert_eq!(
        key.may_spend(Instant::now(), DAY_MS),
        Err(KeyRefusal::Quota { retry_s: Some(86_400) })
    );
    assert_eq!(
        key.may_spend(Instant::now(), 2 * DAY_MS - 1),
        Err(KeyRefusal::Quota { retry_s: Some(1) })
    );
    assert_eq!(key.may_spend(Instant::now(), 2 * DAY_MS), Ok(()));
    key.spend(4, 2 * DAY_MS);
    let shown = key.show(2 * DAY_MS);
    assert_eq!((shown.tokens, shown.tokens_today), (15, 4));
    key.spend(10, 3 * DAY_MS);
    assert_eq!(key.may_spend(Instant::now(), 4 * DAY_MS), Err(KeyRefusal::Quota { retry_s: None }));
}

#[test]
fn a_key_has_only_so_many_requests_answered_at_a_time() {
    let (key, now) = (holder(terms("a")), Instant::now());
    let enter = || key.enter(KeyScope::Inference, now, 1);
    let places: Vec<Place> = (0..limits::KEY_REQUESTS).map(|_| enter().expect("room")).collect();
    assert_eq!(enter().map(drop), Err(KeyRefusal::Crowded));
    drop(places);
    assert_eq!(enter().map(drop), Ok(()));
}

/// As for the install's token: what is compared are hashes of one length, and all of them.
#[test]
fn cat_h18_keys_are_compared_as_hashes_of_one_length() {
    let keys = keyring(&["key-of-kim", "key-of-lee"]);
    let known: Vec<Hash> = keys.holders().iter().map(|holder| holder.hash).collect();
    assert!(known.iter().all(|hash| hash.as_bytes().len() == 32));
    let wrong = ["Xey-of-kim", "key-of-kiX"].map(|wrong| keys.judge(wrong.as_bytes()).is_none());
    assert_eq!(wrong, [true, true]);
    assert_eq!(keys.judge(b"key-of-lee").map(|holder| holder.id()), Some("key-of-lee".to_owned()));
}

/// Ten years either way: what was waited for is waited for by another clock, and what has an end by
/// date follows the date, back too.
#[test]
fn cat_h45_a_clock_that_jumps_breaks_no_key() {
    const DECADE_MS: u64 = 10 * 365 * 86_400_000;
    let (today, start) = (60 * 365 * 86_400_000, Instant::now());
    let ends = Some(today + 86_400_000);
    let key = holder(Terms {
        expires_ms: ends,
        requests_per_min: Some(1),
        tokens_per_day: Some(10),
        ..terms("a")
    });
    let enter = |s: u64, now_ms| {
        key.enter(KeyScope::Inference, start + Duration::from_secs(s), now_ms).map(drop)
    };
    assert_eq!(enter(0, today), Ok(()));
    key.spend(10, today);
    for jumped in [today - DECADE_MS, today + DECADE_MS, 0, u64::MAX] {
        let entered = enter(1, jumped);
        let due = jumped >= today + 86_400_000;
        let expected = if due { KeyRefusal::Expired } else { KeyRefusal::Rate { retry_s: 60 } };
        assert_eq!(entered, Err(expected), "at {jumped}");
        let _ = key.may_spend(Instant::now(), jumped);
        let _ = key.show(jumped);
    }
    assert_eq!(enter(61, today), Ok(()));
    assert_eq!(
        key.may_spend(Instant::now(), today),
        Err(KeyRefusal::Quota { retry_s: Some(86_400) })
    );
}
