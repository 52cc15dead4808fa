//! Figures: for Prometheus, for people and over time; and who gets to see which.

use std::collections::BTreeMap;

use pumasi_web::api::KeyScope;
use pumasi_web::keys::Terms;
use pumasi_web::meters::{Spent, UsageKey};
use serde_json::json;

use crate::double::{Double, answer, failing};
use crate::{KEY, Reply, serving, start, terms, with_keys};
use pumasi_protocol::Fault;

/// Every sample of a page, by its name and labels; fails on what Prometheus does not read.
fn samples(page: &str) -> BTreeMap<String, f64> {
    let mut kinds: BTreeMap<&str, &str> = BTreeMap::new();
    let mut samples = BTreeMap::new();
    let mut family = "";
    for line in page.lines() {
        if let Some(rest) = line.strip_prefix("# TYPE ") {
            let (name, kind) = rest.split_once(' ').expect("a name and a kind");
            assert!(kinds.insert(name, kind).is_none(), "{name} has two heads");
            family = name;
        } else if !line.starts_with("# HELP ") {
            let (name, value) = line.rsplit_once(' ').expect("a name and a value");
            let bare = name.split('{').next().expect("a name");
            let base = ["_bucket", "_sum", "_count"].iter().find_map(|end| bare.strip_suffix(end));
            assert!(bare == family || base == Some(family), "{line} stands under {family}");
            let value = value.parse::<f64>().expect("a number");
            assert!(samples.insert(name.to_owned(), value).is_none(), "{name} twice");
        }
    }
    samples
}

#[tokio::test]
async fn figures_of_requests_are_there_for_prometheus() {
    let harness =
        serving(&[("words", answer(&["a", "b"])), ("lost", failing(Fault::NoCandidate))]).await;
    let chat = |model: &str| {
        json!({ "model": model, "stream": true,
            "messages": [{ "role": "user", "content": "canary-prompt-5512" }] })
    };
    for model in ["words", "words", "lost"] {
        Reply::of(harness.post("/v1/chat/completions", &chat(model))).await;
    }
    let bad = harness.post("/v1/chat/completions", &json!({ "model": "canary-model" }));
    assert_eq!(Reply::of(bad).await.status, 400);
    let page = Reply::of(harness.get("/metrics")).await;
    assert_eq!(page.header("content-type"), "text/plain; version=0.0.4; charset=utf-8");
    let samples = samples(&page.text);
    let route = r#"route="/v1/chat/completions",dialect="openai""#;
    let requests = |rest: &str| samples[&format!("pumasi_requests_total{{{route},{rest}}}")];
    assert_eq!(requests(r#"status="2xx",code="""#), 2.0);
    assert_eq!(requests(r#"status="5xx",code="no_candidate""#), 1.0);
    let at = r#"{model="words",place="mesh/abababab"}"#;
    assert_eq!(samples[&format!("pumasi_tokens_in_total{at}")], 6.0);
    assert_eq!(samples[&format!("pumasi_tokens_cached_total{at}")], 2.0);
    assert_eq!(samples[&format!("pumasi_tokens_out_total{at}")], 4.0);
    assert_eq!(samples[&format!("pumasi_first_token_seconds_count{at}")], 2.0);
    assert_eq!(samples[&format!("pumasi_token_gap_seconds_count{at}")], 2.0);
    assert_eq!(samples[r#"pumasi_members{presence="here"}"#], 0.0);
    assert!(samples["process_resident_memory_bytes"] > 1e6 || !cfg!(target_os = "linux"));
    for secret in ["canary", crate::TOKEN, "창가"] {
        assert!(!page.text.contains(secret), "{secret} is in the figures");
    }
}

#[tokio::test]
async fn figures_need_the_token_or_a_key_that_may_view() {
    let view = Terms { scopes: [KeyScope::View].into(), ..terms(KEY) };
    let chats = Terms { scopes: [KeyScope::Inference].into(), ..terms("key-of-lee") };
    let harness = start(with_keys(vec![view, chats]), Double::new(&[])).await;
    let ask = |token: &str| harness.http.get(harness.url("/metrics")).bearer_auth(token);
    assert_eq!(Reply::of(ask(crate::TOKEN)).await.status, 200);
    assert_eq!(Reply::of(ask(KEY)).await.status, 200);
    assert_eq!(Reply::of(ask("key-of-lee")).await.error(), "403 scope_missing @ -");
    assert_eq!(Reply::of(harness.http.get(harness.url("/metrics"))).await.status, 401);
}

fn used(person: &str, day: u32, prompt: u64) -> (UsageKey, Spent) {
    let text = str::to_owned;
    let (key, model, place) = (text("0a"), text("gpt"), text("mesh/abababab"));
    let spent = Spent { requests: 1, prompt, engine_us: 500_000, ..Spent::default() };
    (UsageKey { day, person: person.to_owned(), key, model, place }, spent)
}

#[tokio::test]
async fn usage_is_joined_as_asked_and_a_key_sees_its_persons() {
    let double = Double::new(&[]);
    double.used.lock().expect("no test panics with it").extend([
        used("kim", 20_454, 5),
        used("lee", 20_454, 7),
        used("kim", 20_455, 1),
    ]);
    let harness = start(with_keys(vec![terms(KEY)]), double).await;
    let path = "/api/v1/usage?from=2026-01-01&to=2026-01-02";
    let all = Reply::of(harness.get(&format!("{path}&by=person"))).await.json();
    let rows = all["rows"].as_array().expect("rows").iter();
    let rows: Vec<_> =
        rows.map(|row| (row["person"].clone(), row["prompt_tokens"].clone())).collect();
    assert_eq!(rows, [(json!("lee"), json!(7)), (json!("kim"), json!(6))]);
    assert_eq!((&all["total"]["requests"], &all["total"]["engine_s"]), (&json!(3), &json!(1.5)));
    let mine = harness.http.get(harness.url(&format!("{path}&by=day,place"))).bearer_auth(KEY);
    let mine = Reply::of(mine).await.json();
    let days: Vec<_> =
        mine["rows"].as_array().expect("rows").iter().map(|row| &row["day"]).collect();
    assert_eq!(days, ["2026-01-01", "2026-01-02"]);
    assert_eq!(mine["total"]["prompt_tokens"], 6);
    let csv =
        Reply::of(harness.get("/api/v1/usage?from=2026-01-01&to=2026-01-01&format=csv")).await;
    assert!(csv.text.starts_with("\u{feff}day,person,"), "{}", csv.text);
    assert!(csv.text.contains(",gpt,mesh/abababab,,2,0,12,"), "{}", csv.text);
    for wrong in ["from=yesterday", "by=colour", "format=xml", "from=2026-01-02&to=2026-01-01"] {
        let reply = Reply::of(harness.get(&format!("/api/v1/usage?{wrong}"))).await;
        assert_eq!(reply.status, 400, "{wrong}: {}", reply.text);
    }
}

#[tokio::test]
async fn history_comes_by_the_minute_or_by_the_hour() {
    let harness = serving(&[]).await;
    let path = "/api/v1/history?from_ms=3600000&to_ms=10800000&step=";
    let minutes = Reply::of(harness.get(&format!("{path}minute"))).await.json();
    assert_eq!(minutes["step_s"], 60);
    assert_eq!(minutes["points"][1]["at_ms"], 10_800_000);
    assert_eq!(minutes["points"][1]["requests"], 3);
    let hours = Reply::of(harness.get(&format!("{path}hour"))).await.json();
    assert_eq!(
        (&hours["step_s"], &hours["points"][0]["at_ms"]),
        (&json!(3_600), &json!(3_600_000))
    );
    let wrong = Reply::of(harness.get(&format!("{path}year"))).await;
    assert_eq!(wrong.error(), "400 invalid_query @ step");
}

#[tokio::test]
async fn limits_of_a_minute_are_told_in_headers_and_kept() {
    let limited = Terms { tokens_per_min: Some(6), requests_per_min: Some(10), ..terms(KEY) };
    let double = Double::new(&[("words", answer(&["a", "b"]))]);
    let harness = start(with_keys(vec![limited]), double).await;
    let chat = json!({ "model": "words", "messages": [{ "role": "user", "content": "x" }] });
    let ask = || {
        let request = harness.http.post(harness.url("/v1/chat/completions")).bearer_auth(KEY);
        request.json(&chat)
    };
    let first = Reply::of(ask()).await;
    assert_eq!(first.status, 200, "{}", first.text);
    let headers = ["limit-requests", "remaining-requests", "limit-tokens"]
        .map(|name| first.header(&format!("x-ratelimit-{name}")).to_owned());
    assert_eq!(headers, ["10", "9", "6"]);
    // It took five tokens; what has one left may begin, and is written to its end.
    let second = Reply::of(ask()).await;
    assert_eq!(second.status, 200, "{}", second.text);
    let third = Reply::of(ask()).await;
    assert_eq!(third.error(), "429 rate_limited @ -");
    assert_eq!(third.header("x-ratelimit-remaining-tokens"), "0");
    let retry_s: u32 = third.header("retry-after").parse().expect("seconds");
    assert!((30..=51).contains(&retry_s), "{retry_s}");
}
