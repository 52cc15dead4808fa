//! Providers that write nonsense, too much, too little, or never end.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use pumasi_cloud::{ProviderFault, Which};
use pumasi_dialects::provider::Reader;
use pumasi_tests::provider::{FakeProvider, Speech as FakeSpeech};

use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::*;

async fn error(fake: FakeSpeech, kind: &str, model: &str) -> CallError {
    let fake = FakeProvider::start(fake);
    let provider = provider(settings(kind, &fake.base));
    soon(ask(&provider, model)).await.expect_err(model)
}

#[tokio::test]
async fn what_is_no_dialect_is_garbled_in_each() {
    for (kind, _, fake) in KINDS {
        for model in ["html", "garbled", "wrong-json"] {
            let error = error(fake, kind, model).await;
            let garbled = [ProviderFault::Garbled, ProviderFault::CutOff];
            let named = garbled.iter().any(|fault| error == CallError::Provider(*fault));
            assert!(named && error.counts_against(), "{kind} {model}: {error:?}");
        }
    }
}

#[tokio::test]
async fn a_page_with_status_200_is_refused_before_anybody_reads_it() {
    for (kind, speech, fake) in KINDS {
        let fake = FakeProvider::start(fake);
        let provider = provider(settings(kind, &fake.base));
        let permit = permit(&provider, "html");
        let error = provider.post(&permit, question(speech, "html", true)).await;
        assert_eq!(error.expect_err(kind), CallError::Provider(ProviderFault::Garbled), "{kind}");
    }
}

#[tokio::test]
async fn half_a_stream_is_a_broken_connection_with_what_came_before() {
    for (kind, speech, fake) in KINDS {
        let fake = FakeProvider::start(fake);
        let provider = provider(settings(kind, &fake.base));
        let permit = permit(&provider, "cut-5+long-40");
        let call = question(speech, "cut-5+long-40", true);
        let mut reply = provider.post(&permit, call).await.expect("a head");
        let (mut reader, mut heard) = (Reader::new(speech), Vec::new());
        let error = loop {
            match soon(reply.body.next()).await.expect("an error comes first") {
                Ok(piece) => heard.extend(reader.push(&piece)),
                Err(error) => break error,
            }
        };
        assert_eq!(error, CallError::Reset, "{kind}");
        assert!("You said: say hello word1".starts_with(&text(&heard)), "{kind}: {heard:?}");
        assert!(!text(&heard).is_empty(), "{kind}");
        assert!(reply.body.next().await.is_none(), "an error is the last that comes");
    }
}

#[tokio::test]
async fn a_provider_that_falls_silent_is_left() {
    let fake = FakeProvider::start(FakeSpeech::OpenAi);
    let mut settings = settings("openai", &fake.base);
    settings.silence = Duration::from_millis(100);
    let provider = provider(settings);
    let error = soon(ask(&provider, "stall-3")).await.expect_err("silence");
    assert_eq!(error, CallError::Timeout(Which::Silence));
    assert!(error.counts_against() && error.is_transient());
}

#[tokio::test]
async fn a_slow_reader_is_no_silent_provider() {
    let fake = FakeProvider::start(FakeSpeech::OpenAi);
    let mut settings = settings("openai", &fake.base);
    settings.silence = Duration::from_millis(700);
    let provider = provider(settings);
    let permit = permit(&provider, "pause-150+long-8");
    let call = question(Speech::OpenAi, "pause-150+long-8", true);
    let mut reply = provider.post(&permit, call).await.expect("a head");
    let mut reader = Reader::new(Speech::OpenAi);
    while let Some(piece) = soon(reply.body.next()).await {
        reader.push(&piece.expect("no timeout"));
        // What the reader takes is not the provider's silence: all in all it is more than that may be.
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    assert!(reader.is_over());
}

#[tokio::test]
async fn the_first_byte_and_the_whole_answer_have_deadlines() {
    let fake = FakeProvider::start(FakeSpeech::OpenAi);
    let mut short = settings("openai", &fake.base);
    (short.connect, short.first_byte) = (Duration::from_millis(50), Duration::from_millis(50));
    let error = soon(ask(&provider(short.clone()), "slow-60000")).await;
    assert_eq!(error.expect_err("slow"), CallError::Timeout(Which::FirstByte));
    let error = soon(ask(&provider(short), "stall-0")).await;
    assert_eq!(error.expect_err("a head alone is no sign"), CallError::Timeout(Which::FirstByte));
    let mut brief = settings("openai", &fake.base);
    brief.total = Some(Duration::from_millis(200));
    let error = soon(ask(&provider(brief), "pause-20+endless")).await;
    assert_eq!(error.expect_err("endless"), CallError::Timeout(Which::Total));
}

#[tokio::test]
async fn an_endless_answer_ends_at_the_ceiling() {
    let fake = FakeProvider::start(FakeSpeech::OpenAi);
    let provider = openai(&fake);
    let permit = permit(&provider, "endless");
    let call = question(Speech::OpenAi, "endless", true);
    let mut reply = provider.post(&permit, call).await.expect("a head");
    let mut bytes = 0_u64;
    let error = loop {
        match reply.body.next().await.expect("it never ends by itself") {
            Ok(piece) => bytes += piece.len() as u64,
            Err(error) => break error,
        }
    };
    assert_eq!(error, CallError::TooLarge);
    assert!(bytes <= pumasi_cloud::limits::REPLY_BYTES);
}

#[tokio::test]
async fn negative_counts_are_none_and_ids_are_made_where_they_are_missing_or_given_twice() {
    for (kind, speech, fake) in KINDS {
        let fake = FakeProvider::start(fake);
        let provider = provider(settings(kind, &fake.base));
        let heard = soon(ask(&provider, "negative-usage")).await.expect("an answer");
        let counts = heard.iter().filter_map(|one| match one {
            Heard::Counts(counts) => Some(counts.prompt + counts.completion),
            Heard::Delta(_) | Heard::Ended(_) | Heard::Failed(_) => None,
        });
        // Anthropic's first event says that one token came.
        assert!(counts.max().expect("counts") <= 1, "{kind}");
        for model in ["no-ids", "twice-ids"] {
            let permit = permit(&provider, model);
            let reply = provider.post(&permit, question(speech, model, true)).await;
            let heard = hear(speech, reply.expect("an answer")).await.expect("an answer");
            let mut ids: Vec<String> = heard.iter().filter_map(id).collect();
            assert_eq!(ids.len(), 2, "{kind} {model}: {heard:?}");
            ids.dedup();
            assert!(ids.len() == 2 && ids.iter().all(|id| !id.is_empty()), "{kind} {model}");
        }
    }
}

fn id(one: &Heard) -> Option<String> {
    match one {
        Heard::Delta(Delta::ToolCall { id, .. }) => Some(id.clone()),
        Heard::Delta(_) | Heard::Counts(_) | Heard::Ended(_) | Heard::Failed(_) => None,
    }
}

#[tokio::test]
async fn an_argument_of_a_million_characters_comes_whole() {
    for (kind, _, fake) in KINDS {
        let fake = FakeProvider::start(fake);
        let provider = provider(settings(kind, &fake.base));
        let heard = soon(ask(&provider, "huge-argument")).await.expect("an answer");
        assert_eq!(arguments(&heard).len(), 1_000_000 + r#"{"text":""}"#.len(), "{kind}");
    }
}

#[tokio::test]
async fn a_redirect_is_not_followed_and_nothing_is_sent_there() {
    let elsewhere = FakeProvider::start(FakeSpeech::OpenAi);
    for (kind, _, fake) in KINDS {
        let fake = FakeProvider::start(fake);
        fake.point_redirects_at(&format!("{}/chat/completions", elsewhere.base));
        let provider = provider(settings(kind, &fake.base));
        let error = soon(ask(&provider, "redirect")).await.expect_err("a redirect");
        assert_eq!(error, CallError::Redirect, "{kind}");
        assert_eq!(fake.seen().len(), 1);
    }
    assert_eq!(elsewhere.seen(), []);
}

#[tokio::test]
async fn each_dialects_errors_are_told_apart() {
    for (kind, _, fake) in KINDS {
        let cases = [
            ("context", CallError::Provider(ProviderFault::Context)),
            ("bad-key", CallError::Provider(ProviderFault::Key)),
            ("status-401", CallError::Provider(ProviderFault::Key)),
            ("status-404", CallError::Provider(ProviderFault::NoModel)),
            ("status-400", CallError::Provider(ProviderFault::Refused)),
            ("status-500", CallError::Provider(ProviderFault::Unavailable)),
            ("status-529", CallError::Provider(ProviderFault::Unavailable)),
            ("status-429", CallError::RateLimited { retry_after: None }),
            ("status-429-7", CallError::RateLimited { retry_after: Some(Duration::from_secs(7)) }),
        ];
        for (model, expected) in cases {
            // Gemini's 401 has no word of its own in these fakes but its status.
            assert_eq!(error(fake, kind, model).await, expected, "{kind} {model}");
        }
    }
}

/// A server that answers every request with this head, and then with this piece without end.
async fn endless(head: &'static str, piece: &'static str) -> (String, Arc<AtomicU32>) {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("loopback");
    let base = format!("http://{}/v1", listener.local_addr().expect("an address"));
    let asked = Arc::new(AtomicU32::new(0));
    let count = Arc::clone(&asked);
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let count = Arc::clone(&count);
            tokio::spawn(async move {
                while stream.read(&mut [0; 4_096]).await.is_ok_and(|size| size > 0) {
                    count.fetch_add(1, Ordering::Relaxed);
                    stream.write_all(head.as_bytes()).await?;
                    while !piece.is_empty() {
                        stream.write_all(piece.as_bytes()).await?;
                    }
                }
                std::io::Result::Ok(())
            });
        }
    });
    (base, asked)
}

#[tokio::test]
async fn errors_lists_and_heads_without_end_are_left() {
    let chunked = "HTTP/1.1 500 x\r\ntransfer-encoding: chunked\r\n\r\n";
    let (base, _) = endless(chunked, "4\r\naaaa\r\n").await;
    let error = soon(ask(&provider(settings("openai", &base)), "fine")).await;
    assert_eq!(error, Err(CallError::Provider(ProviderFault::Unavailable)));
    let (base, _) = endless("HTTP/1.1 200 OK\r\n", "x: aaaaaaaaaaaaaaaaaaaa\r\n").await;
    let error = soon(ask(&provider(settings("openai", &base)), "fine")).await;
    assert_eq!(error, Err(CallError::NotHttp));
    let page = "HTTP/1.1 200 OK\r\ncontent-length: 51\r\n\r\n\
        {\"data\":[{\"id\":\"m\"}],\"has_more\":true,\"last_id\":\"m\"}";
    let (base, asked) = endless(page, "").await;
    let base = base.trim_end_matches("/v1");
    let models = soon(provider(settings("anthropic", base)).models()).await.expect("a list");
    assert_eq!((models.len(), asked.load(Ordering::Relaxed)), (1, 8));
    let large = "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n";
    let (base, _) = endless(large, "4\r\n    \r\n").await;
    let error = soon(provider(settings("openai", &base)).models()).await;
    assert_eq!(error, Err(CallError::TooLarge));
}

#[tokio::test]
async fn what_does_not_answer_or_speaks_something_else_is_named() {
    let mut fake = FakeProvider::start(FakeSpeech::OpenAi);
    let provider = openai(&fake);
    fake.unplug();
    assert_eq!(soon(ask(&provider, "fine")).await, Err(CallError::Connect));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("loopback");
    let at = listener.local_addr().expect("an address");
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let _ = stream.read(&mut [0; 4_096]).await;
            let _ = stream.write_all(b"SSH-2.0-x\r\n\r\n").await;
        }
    });
    let ssh = super::provider(settings("openai", &format!("http://{at}")));
    assert_eq!(soon(ask(&ssh, "fine")).await, Err(CallError::NotHttp));
    let nowhere = settings("openai-compatible", "https://nowhere.invalid/v1");
    let nowhere = super::provider(nowhere);
    assert_eq!(soon(ask(&nowhere, "fine")).await, Err(CallError::Resolve));
}
