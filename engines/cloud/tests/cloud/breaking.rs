//! Breakers and holds around real calls.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use pumasi_cloud::{BreakerConfig, BreakerState};
use pumasi_tests::provider::{FakeProvider, Speech as FakeSpeech};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use super::*;

#[tokio::test]
async fn five_failures_open_this_model_and_no_other() {
    let fake = FakeProvider::start(FakeSpeech::OpenAi);
    let provider = openai(&fake);
    for _ in 0..5 {
        soon(ask(&provider, "status-500")).await.expect_err("broken");
    }
    let closed = provider.permit("status-500").expect_err("open");
    assert!(closed.retry_in > Duration::from_secs(50), "{closed:?}");
    assert_eq!(fake.seen().len(), 5);
    soon(ask(&provider, "fine")).await.expect("another model is asked");
    let open = |state| matches!(state, BreakerState::Open { .. });
    let models = provider.standing().models;
    assert_eq!(models.iter().map(|m| open(m.breaker)).collect::<Vec<_>>(), [false, true]);
}

#[tokio::test]
async fn what_lies_in_the_request_opens_nothing() {
    let fake = FakeProvider::start(FakeSpeech::OpenAi);
    let provider = openai(&fake);
    for _ in 0..20 {
        soon(ask(&provider, "status-400")).await.expect_err("refused");
        soon(ask(&provider, "context")).await.expect_err("too long");
    }
    let closed = |model: &str| provider.permit(model).is_ok();
    assert!(closed("status-400") && closed("context"));
}

#[tokio::test]
async fn a_provider_that_comes_back_is_used_again() {
    let mut fake = FakeProvider::start(FakeSpeech::OpenAi);
    let mut settings = settings("openai", &fake.base);
    settings.breaker =
        BreakerConfig { open: Duration::from_millis(100), ..BreakerConfig::default() };
    let provider = provider(settings);
    soon(ask(&provider, "fine")).await.expect("it is there");
    fake.unplug();
    while provider.permit("fine").is_ok() {
        soon(ask(&provider, "fine")).await.expect_err("it is gone");
    }
    fake.plug();
    let back = async {
        loop {
            match provider.permit("fine") {
                Err(closed) => tokio::time::sleep(closed.retry_in).await,
                Ok(permit) => {
                    drop(permit);
                    break ask(&provider, "fine").await;
                }
            }
        }
    };
    soon(back).await.expect("it is back");
    soon(ask(&provider, "fine")).await.expect("twice");
    assert_eq!(provider.standing().models[0].breaker, BreakerState::Closed);
}

#[tokio::test]
async fn the_plug_pulled_in_the_middle_of_a_stream_is_a_broken_connection() {
    let mut fake = FakeProvider::start(FakeSpeech::OpenAi);
    let provider = openai(&fake);
    let permit = permit(&provider, "pause-20+endless");
    let call = question(Speech::OpenAi, "pause-20+endless", true);
    let mut reply = provider.post(&permit, call).await.expect("a head");
    soon(reply.body.next()).await.expect("a piece").expect("a piece");
    fake.unplug();
    let error = loop {
        match soon(reply.body.next()).await.expect("an error comes") {
            Ok(_) => {}
            Err(error) => break error,
        }
    };
    assert_eq!(error, CallError::Reset);
    permit.failed(&error);
    assert_eq!(provider.standing().models[0].failed, [("reset", 1)]);
}

#[tokio::test]
async fn retry_after_holds_back_and_opens_nothing() {
    let fake = FakeProvider::start(FakeSpeech::OpenAi);
    let provider = openai(&fake);
    let cases = [
        ("status-429-7", 6.0, 7.0),
        ("status-503-9", 8.0, 9.0),
        // Untold, garbled or in the past: a second at first.
        ("status-429", 0.0, 1.0),
        ("status-429--5", 0.0, 1.0),
        ("status-429-never", 0.0, 1.0),
        // Never longer than an hour.
        ("status-429-1000000000000", 3_599.0, 3_600.0),
    ];
    for (model, least, most) in cases {
        soon(ask(&provider, model)).await.expect_err("too many");
        let wait = provider.permit(model).expect_err("held back").retry_in.as_secs_f64();
        assert!(wait > least && wait <= most, "{model}: {wait}");
        let standing = provider.standing();
        let row = standing.models.iter().find(|row| row.model == model).expect("asked");
        assert_eq!(row.breaker, BreakerState::Closed, "{model}");
        assert!(row.held_back.is_some(), "{model}");
    }
}

#[tokio::test]
async fn a_provider_that_loads_is_asked_again_soon_and_is_not_blamed() {
    for (kind, _, fake) in KINDS.iter().take(2) {
        let fake = FakeProvider::start(*fake);
        let provider = provider(settings(kind, &fake.base));
        let mut loading = 0;
        let heard = loop {
            match soon(ask(&provider, "loading-2")).await {
                Ok(heard) => break heard,
                Err(error) => assert_eq!(error, CallError::Loading { retry_after: None }),
            }
            loading += 1;
            let wait = provider.permit("loading-2").expect_err("held back").retry_in;
            assert!(wait <= Duration::from_secs(1));
            tokio::time::sleep(wait).await;
        };
        assert_eq!((loading, text(&heard).as_str()), (2, "You said: say hello"), "{kind}");
        let row = &provider.standing().models[0];
        assert_eq!((row.breaker, row.succeeded), (BreakerState::Closed, 1));
        assert_eq!(row.failed, [("loading", 2)]);
    }
}

#[tokio::test]
async fn a_kept_connection_that_died_meanwhile_is_no_failure() {
    for turn in 0..5 {
        let mut fake = FakeProvider::start(FakeSpeech::OpenAi);
        let provider = openai(&fake);
        let calls = (0..8).map(|_| ask(&provider, "fine"));
        let before = soon(futures::future::join_all(calls)).await;
        assert!(before.iter().all(Result::is_ok));
        fake.unplug();
        fake.plug();
        soon(ask(&provider, "fine")).await.unwrap_or_else(|error| panic!("{turn}: {error}"));
        assert_eq!(provider.standing().models[0].failed, []);
    }
}

#[tokio::test]
async fn a_connection_with_more_than_was_asked_for_is_not_used_again() {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("loopback");
    let at = listener.local_addr().expect("an address");
    let made = Arc::new(AtomicU32::new(0));
    let count = Arc::clone(&made);
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            count.fetch_add(1, Ordering::Relaxed);
            tokio::spawn(async move {
                // A second answer that nobody asked for, with the first.
                let answer = b"HTTP/1.1 200 OK\r\ncontent-length: 11\r\n\r\n{\"data\":[]}\
                    HTTP/1.1 200 OK\r\ncontent-length: 28\r\n\r\n{\"data\":[{\"id\":\"poisoned\"}]}";
                while stream.read(&mut [0; 4_096]).await.is_ok_and(|size| size > 0) {
                    let _ = stream.write_all(answer).await;
                }
            });
        }
    });
    let provider = provider(settings("openai", &format!("http://{at}/v1")));
    for _ in 0..3 {
        assert_eq!(soon(provider.models()).await, Ok(Vec::new()));
    }
    assert_eq!(made.load(Ordering::Relaxed), 3);
}

#[tokio::test]
async fn a_probe_tells_whether_it_is_there() {
    let mut fake = FakeProvider::start(FakeSpeech::Anthropic);
    let provider = provider(settings("anthropic", &fake.base));
    assert_eq!(soon(provider.probe()).await, Ok(()));
    fake.unplug();
    assert_eq!(soon(provider.probe()).await, Err(CallError::Connect));
    assert!(provider.standing().models.is_empty(), "a probe is no call");
}
