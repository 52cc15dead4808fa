//! Calls that go well: what is sent, what comes back, what is measured.

use std::time::Duration;

use bytes::Bytes;
use http::{HeaderName, HeaderValue};
use pumasi_cloud::{BreakerState, Call};
use pumasi_dialects::Ending;
use pumasi_dialects::provider::{outgoing_embed, read_embeddings};
use pumasi_protocol::generate::{Embed, EmbedInput};
use pumasi_protocol::{Generate, Tool};
use pumasi_tests::provider::{FakeProvider, Speech as FakeSpeech};

use super::*;

#[tokio::test]
async fn each_dialect_streams_and_answers_whole() {
    for (kind, speech, fake) in KINDS {
        let fake = FakeProvider::start(fake);
        let provider = provider(settings(kind, &fake.base));
        let heard = soon(ask(&provider, "fine")).await.expect("an answer");
        assert_eq!(text(&heard), "You said: say hello", "{kind}");
        assert_eq!(ended(&heard), Some(Ending::Stop), "{kind}");
        let permit = permit(&provider, "fine");
        let reply = provider.post(&permit, question(speech, "fine", false)).await;
        let whole = hear_whole(speech, reply.expect("an answer")).await;
        assert_eq!((text(&whole), ended(&whole)), (text(&heard), ended(&heard)), "{kind}");
    }
}

#[tokio::test]
async fn each_dialect_calls_a_tool_and_thinks() {
    let schema = r#"{"type":"object","properties":{"city":{"type":"string"}}}"#;
    let tool =
        Tool { name: "weather".to_owned(), description: None, parameters: Some(schema.to_owned()) };
    for (kind, speech, fake) in KINDS {
        let fake = FakeProvider::start(fake);
        let provider = provider(settings(kind, &fake.base));
        let permit = permit(&provider, "thinks");
        let generate = Generate::new(chat("Seoul", vec![tool.clone()]));
        let asked = call(speech, "thinks", true, &generate);
        let reply = provider.post(&permit, asked).await.expect("an answer");
        let heard = hear(speech, reply).await.expect("an answer");
        assert_eq!(arguments(&heard), r#"{"city":"Seoul"}"#, "{kind}");
        assert_eq!(ended(&heard), Some(Ending::ToolCalls), "{kind}");
        let thought = Heard::Delta(Delta::Reasoning("Somebody said \"Seoul\".".to_owned()));
        assert!(heard.contains(&thought), "{kind}: {heard:?}");
    }
}

#[tokio::test]
async fn the_key_goes_where_the_kind_wants_it_and_nothing_of_the_callers_stands_in_for_it() {
    let places = [
        ("openai", "authorization", format!("Bearer {KEY}")),
        ("anthropic", "x-api-key", KEY.to_owned()),
        ("gemini", "x-goog-api-key", KEY.to_owned()),
        ("azure", "api-key", KEY.to_owned()),
    ];
    for (kind, header, value) in places {
        let fake = FakeProvider::start(FakeSpeech::OpenAi);
        let provider = provider(settings(kind, &fake.base));
        let permit = permit(&provider, "fine");
        let mut call = question(Speech::OpenAi, "fine", false);
        let own = ["authorization", "x-api-key", "api-key", "x-goog-api-key", "cookie", "host"];
        call.headers = own
            .iter()
            .chain(&["x-mine"])
            .map(|name| (HeaderName::from_static(name), HeaderValue::from_static("theirs")))
            .collect();
        provider.post(&permit, call).await.expect("an answer");
        let seen = fake.seen();
        assert_eq!(seen[0].header(header), Some(value.as_str()), "{kind}");
        assert_eq!(seen[0].header("x-mine"), Some("theirs"));
        assert_eq!(seen[0].header("host"), Some(fake.address().to_string().as_str()));
        let others = own.iter().filter(|name| **name != header && **name != "host");
        for other in others {
            assert_eq!(seen[0].header(other), None, "{kind}: {other}");
        }
        let version = (kind == "anthropic").then_some("2023-06-01");
        assert_eq!(seen[0].header("anthropic-version"), version);
        assert_eq!(seen[0].header("accept-encoding"), None);
    }
}

#[tokio::test]
async fn the_body_travels_byte_by_byte_and_only_known_headers_come_back() {
    let fake = FakeProvider::start(FakeSpeech::OpenAi);
    let provider = openai(&fake);
    let permit = permit(&provider, "fine");
    let body = "{ \"model\":\"fine\",  \"messages\":[{\"role\":\"user\",\"content\":\"안녕\"}] }\n";
    let call = Call {
        path: "/chat/completions".to_owned(),
        headers: Vec::new(),
        body: Bytes::from_static(body.as_bytes()),
    };
    let reply = provider.post(&permit, call).await.expect("an answer");
    let names: Vec<&str> = reply.headers.keys().map(HeaderName::as_str).collect();
    assert_eq!((reply.status, names), (200, vec!["content-type", "x-request-id"]));
    assert_eq!(fake.seen()[0].body, body.as_bytes());
    assert_eq!(fake.seen()[0].header("content-type"), Some("application/json"));
}

#[tokio::test]
async fn a_path_that_leads_elsewhere_is_not_asked() {
    let fake = FakeProvider::start(FakeSpeech::OpenAi);
    let provider = openai(&fake);
    for path in ["", "chat", "/../admin", "/a//b", "/a b", "/%2e%2e/x", "/a\r\nx: y"] {
        let permit = permit(&provider, "fine");
        let call = Call { path: path.to_owned(), headers: Vec::new(), body: Bytes::new() };
        let error = provider.post(&permit, call).await.expect_err(path);
        assert!(!error.counts_against(), "{path}");
    }
    assert_eq!(fake.seen(), []);
}

#[tokio::test]
async fn models_are_listed_in_each_dialect() {
    for (kind, _, fake) in KINDS {
        let fake = FakeProvider::start(fake);
        let mut wanted = settings(kind, &fake.base);
        let models = provider(wanted.clone()).models().await.expect("a list");
        let names: Vec<&str> = models.iter().map(|model| model.name.as_str()).collect();
        assert_eq!(names, ["fine", "thinks", "embed-small"], "{kind}");
        assert_eq!((models[2].chats, models[2].embeds), (Some(false), Some(true)), "{kind}");
        let context = (kind == "gemini").then_some(32_768);
        assert_eq!(models[0].context, context, "{kind}");
        wanted.models = vec!["thinks".to_owned(), "gone".to_owned()];
        let models = provider(wanted).models().await.expect("a list");
        assert_eq!(models.len(), 1, "{kind}: only what is wanted and there");
        let listed = fake.seen();
        assert!(listed.iter().all(|seen| seen.method == "GET" && seen.body.is_empty()));
        assert!(listed.iter().all(|seen| seen.header("content-type").is_none()));
    }
}

#[tokio::test]
async fn a_kind_that_lists_nothing_has_what_the_person_names_or_what_is_known() {
    let mut azure = settings("azure", "https://x.openai.azure.com/openai/v1");
    azure.models = vec!["my-gpt".to_owned()];
    let models = provider(azure).models().await.expect("nothing is asked");
    assert_eq!(models[0].name, "my-gpt");
    let known = provider(Settings::new("p".parse().expect("an id"), "perplexity"));
    let models = known.models().await.expect("nothing is asked");
    assert!(models.iter().any(|model| model.name == "sonar"));
}

#[tokio::test]
async fn what_is_measured_adds_up() {
    let fake = FakeProvider::start(FakeSpeech::OpenAi);
    let provider = openai(&fake);
    for _ in 0..3 {
        soon(ask(&provider, "slow-30+pause-5+long-4")).await.expect("an answer");
    }
    soon(ask(&provider, "status-500")).await.expect_err("an error");
    let waiting = permit(&provider, "fine");
    let standing = provider.standing();
    assert_eq!((standing.id.as_str(), standing.kind.as_str()), ("one", "openai"));
    let names: Vec<&str> = standing.models.iter().map(|model| model.model.as_str()).collect();
    assert_eq!(names, ["fine", "slow-30+pause-5+long-4", "status-500"]);
    let [fine, slow, broken] = &standing.models[..] else { panic!("three models") };
    assert_eq!((fine.requests, fine.in_flight), (1, 1));
    assert_eq!((slow.requests, slow.succeeded, slow.in_flight), (3, 3, 0));
    assert_eq!((slow.first_byte.count(), slow.total.count()), (3, 3));
    // The first call made the connection, the others found it open.
    assert_eq!(slow.connect.count() + broken.connect.count(), 1);
    assert!(slow.first_byte.mean.expect("a mean") >= Duration::from_millis(30));
    assert!(slow.gap.count() >= 6, "{:?}", slow.gap);
    assert!(slow.total.sum >= slow.first_byte.sum);
    assert_eq!(broken.failed, [("unavailable", 1)]);
    assert_eq!((broken.succeeded, broken.breaker), (0, BreakerState::Closed));
    assert_eq!(broken.last_fault.expect("a fault").error.word(), "unavailable");
    waiting.counted(500, Duration::from_secs(10));
    drop(waiting);
    let fine = &provider.standing().models[0];
    assert_eq!((fine.in_flight, fine.tokens_per_s), (0, Some(50.0)));
}

#[tokio::test]
async fn a_body_dropped_in_the_middle_is_neither_success_nor_failure() {
    let fake = FakeProvider::start(FakeSpeech::OpenAi);
    let provider = openai(&fake);
    let permit = permit(&provider, "endless");
    let call = question(Speech::OpenAi, "endless", true);
    let mut reply = provider.post(&permit, call).await.expect("an answer");
    soon(reply.body.next()).await.expect("a piece").expect("a piece");
    drop((reply, permit));
    let standing = &provider.standing().models[0];
    assert_eq!((standing.requests, standing.succeeded, standing.in_flight), (1, 0, 0));
    assert_eq!((&standing.failed, standing.total.count()), (&Vec::new(), 0));
}

#[tokio::test]
async fn connections_are_kept_and_a_hundred_calls_at_once_are_answered() {
    let fake = FakeProvider::start(FakeSpeech::OpenAi);
    let provider = openai(&fake);
    for _ in 0..2 {
        let calls = (0..100).map(|_| ask(&provider, "fine"));
        let answers = soon(futures::future::join_all(calls)).await;
        assert!(answers.iter().all(Result::is_ok));
    }
    let fine = &provider.standing().models[0];
    assert_eq!(fine.succeeded, 200);
    assert!(fine.connect.count() <= 150, "{} connections", fine.connect.count());
}

#[tokio::test]
async fn texts_become_vectors_in_both_dialects_that_have_them() {
    let inputs = ["one", "two", "one"].map(|text| EmbedInput::Text(text.to_owned()));
    let embed = Embed { inputs: inputs.to_vec(), dimensions: None };
    for (kind, speech, fake) in [KINDS[0], KINDS[2]] {
        let fake = FakeProvider::start(fake);
        let provider = provider(settings(kind, &fake.base));
        let permit = permit(&provider, "embed-small");
        let sent = outgoing_embed(speech, "embed-small", &embed, None).expect("it can be said");
        let call = Call { path: sent.path, headers: Vec::new(), body: Bytes::from(sent.body) };
        let reply = provider.post(&permit, call).await.expect("an answer");
        let body = reply.body.whole(1 << 20).await.expect("an answer");
        let vectors = read_embeddings(speech, &body, 3).expect("three vectors");
        assert_eq!(vectors[0].vector, vectors[2].vector, "{kind}");
        assert_ne!(vectors[0].vector, vectors[1].vector, "{kind}");
    }
}
