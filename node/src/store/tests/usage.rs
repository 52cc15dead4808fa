//! What was used adds up, outlives a restart, and makes way.

use std::collections::BTreeMap;

use pumasi_web::meters::{Minute, Spent, UsageKey};

use super::*;

pub(super) fn key(day: u32, person: &str) -> UsageKey {
    let text = str::to_owned;
    let (key, model, place) = (text("0123456789ab"), text("gpt-4o"), text("openai"));
    UsageKey { day, person: person.to_owned(), key, model, place }
}

pub(super) fn spent(prompt: u64) -> Spent {
    Spent { requests: 1, prompt, cost_nano_usd: 3, ..Spent::default() }
}

pub(super) fn minute(at_min: u64) -> Minute {
    Minute { at_min, requests: 4, places: vec![("openai".to_owned(), 1)], ..Minute::default() }
}

#[tokio::test]
async fn usage_adds_up_outlives_a_restart_and_makes_way() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let store = Store::open(folder.path(), 1).expect("a new store");
    let rows = |pairs: &[(u32, &str)]| -> BTreeMap<UsageKey, Spent> {
        pairs.iter().map(|(day, person)| (key(*day, person), spent(5))).collect()
    };
    store.add_usage(rows(&[(7, "kim"), (7, "lee")]), Some(minute(70))).await.expect("kept");
    store.add_usage(rows(&[(7, "kim"), (9, "kim")]), Some(minute(90))).await.expect("kept");
    drop(store);
    let store = Store::open(folder.path(), 2).expect("it opens again");
    let mut of_day = store.usage(7, 7).expect("it is read");
    of_day.sort();
    let twice = Spent { requests: 2, prompt: 10, cost_nano_usd: 6, ..Spent::default() };
    assert_eq!(of_day, [(key(7, "kim"), twice), (key(7, "lee"), spent(5))]);
    assert_eq!(store.usage(0, u32::MAX).expect("it is read").len(), 3);
    assert_eq!(store.minutes(0, 80).expect("it is read"), [minute(70)]);
    store.forget_usage(8, 71).await.expect("forgotten");
    assert_eq!(store.usage(0, 100).expect("it is read"), [(key(9, "kim"), spent(5))]);
    assert_eq!(store.minutes(0, 100).expect("it is read"), [minute(90)]);
}
