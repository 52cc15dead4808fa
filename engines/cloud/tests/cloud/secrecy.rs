//! A key is in a header and nowhere else: not in logs, errors, what is shown, or what travels in the open.

use std::io;
use std::sync::{Arc, Mutex};

use pumasi_cloud::{CallError, SetupError};
use pumasi_tests::provider::{FakeProvider, Speech as FakeSpeech};
use tracing_subscriber::fmt::MakeWriter;

use super::*;

/// Keeps what is logged.
#[derive(Debug, Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().expect("nobody panics").extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Log {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}

#[tokio::test]
async fn no_key_is_logged_shown_or_in_an_error() {
    let log = Log::default();
    let all =
        tracing_subscriber::fmt().with_writer(log.clone()).with_max_level(tracing::Level::TRACE);
    let _guard = tracing::subscriber::set_default(all.finish());
    let mut shown = Vec::new();
    for (kind, speech, fake) in KINDS {
        let mut fake = FakeProvider::start(fake);
        let provider = provider(settings(kind, &fake.base));
        for model in ["fine", "bad-key", "status-500", "html", "cut-1", "redirect", "garbled"] {
            let permit = permit(&provider, model);
            let outcome = provider.post(&permit, question(speech, model, true)).await;
            shown.push(format!("{outcome:?} {permit:?}"));
            if let Err(error) = outcome {
                shown.push(format!("{error} {error:?} {}", error.word()));
            }
        }
        shown.push(format!("{:?}", provider.models().await));
        fake.unplug();
        shown.push(format!("{:?}", ask(&provider, "gone").await));
        shown.push(format!("{provider:?} {:?} {:?}", provider.standing(), provider.settings()));
        let sent = fake.seen();
        assert!(sent.iter().all(|seen| seen.headers.iter().any(|(_, value)| value.contains(KEY))));
    }
    let logged = log.0.lock().expect("nobody panics").clone();
    let logged = String::from_utf8_lossy(&logged);
    assert!(!logged.is_empty(), "the log is looked at");
    assert!(!logged.contains("canary"), "{logged}");
    assert!(shown.iter().all(|text| !text.contains("canary")), "{shown:?}");
}

fn set_up(kind: &str, base: Option<&str>, key: Option<Secret>) -> Result<(), SetupError> {
    let mut settings = Settings::new("one".parse().expect("an id"), kind);
    settings.base = base.map(str::to_owned);
    Provider::new(client(), settings, key).map(|_| ())
}

#[test]
fn a_key_travels_encrypted_or_not_far() {
    let far = Some("http://models.example.com/v1");
    assert_eq!(set_up("openai-compatible", far, None), Ok(()));
    assert_eq!(set_up("openai-compatible", far, Some(key())), Err(SetupError::PlainKey));
    assert_eq!(set_up("openai", far, Some(key())), Err(SetupError::PlainCloud));
    let near = Some("http://192.168.0.7:8000/v1");
    assert_eq!(set_up("vllm", near, Some(key())), Ok(()));
    let https = Some("https://models.example.com/v1");
    assert_eq!(set_up("openai-compatible", https, Some(key())), Ok(()));
}

#[test]
fn what_is_missing_is_named() {
    assert_eq!(set_up("nothing", None, None), Err(SetupError::UnknownKind));
    assert_eq!(set_up("openai", None, None), Err(SetupError::KeyNeeded));
    assert_eq!(set_up("openai-compatible", None, None), Err(SetupError::NoBase));
    assert_eq!(set_up("openai", None, Some(key())), Ok(()));
    assert_eq!(set_up("ollama", None, None), Ok(()));
    assert!(matches!(set_up("vllm", Some("x"), None), Err(SetupError::Base(_))));
    let mut odd = settings("ollama", "http://127.0.0.1:1/v1");
    odd.models = vec!["../../x".to_owned()];
    let odd = Provider::new(client(), odd, None).map(|_| ());
    assert_eq!(odd, Err(SetupError::Models));
}

#[tokio::test]
async fn a_fault_says_nothing_of_what_the_provider_wrote() {
    let fake = FakeProvider::start(FakeSpeech::OpenAi);
    let error = soon(ask(&openai(&fake), "bad-key")).await.expect_err("refused");
    // The fake's message names a part of the key, as OpenAI's does.
    assert_eq!(error.to_string(), "the provider refused the key");
    assert!(matches!(error, CallError::Provider(_)));
}
