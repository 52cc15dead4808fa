//! One request from its head to the end of its answer: what the log and the figures say of it. It is
//! shared by whoever works on the request; when the last of them lets go, the request has ended.

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use http::Method;
use pumasi_dialects::{Counts, Dialect};

use super::charge::Charge;
use super::{Cell, Ended, Histogram, Meters, Spent, UNKNOWN, UsageKey, add_counts, lock};
use crate::app::unix_ms;
use crate::mesh::Caller;
use crate::server::Route;
use crate::settings::RequestLog;

const DAY_MS: u64 = 24 * 60 * 60 * 1_000;
/// The code of a request whose client did not wait for the end.
pub(super) const LEFT: &str = "client_left";

/// How an answer ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum End {
    Done,
    Failed(&'static str),
}

/// What an answer's head says, and which request it answers.
#[derive(Debug)]
pub(crate) struct Head {
    pub(crate) id: String,
    pub(crate) method: Method,
    /// The route's pattern, never the path itself.
    pub(crate) route: Option<Route>,
    pub(crate) dialect: Dialect,
    pub(crate) status: u16,
    /// Of the error; empty: none.
    pub(crate) code: &'static str,
}

#[derive(Debug, Default)]
struct Noted {
    head: Option<Head>,
    /// Person and key, where it is inference.
    asker: Option<(String, String)>,
    asked: Option<String>,
    place: Option<(String, Option<String>)>,
    counts: Counts,
    engine: Duration,
    first: Option<Instant>,
    gaps: Histogram,
    end: Option<End>,
}

/// A request that has not ended.
#[derive(Debug)]
pub(crate) struct Tally {
    meters: Arc<Meters>,
    log: RequestLog,
    started: Instant,
    noted: Mutex<Noted>,
}

impl Tally {
    pub(crate) fn new(meters: Arc<Meters>, log: RequestLog, started: Instant) -> Self {
        Self { meters, log, started, noted: Mutex::default() }
    }

    /// It is a request for an answer of a model, and this is who asks.
    pub(crate) fn infers(&self, caller: &Caller) {
        let asker = match caller {
            Caller::Install | Caller::Loopback => (self.meters.person.clone(), String::new()),
            Caller::Key { person, id } => (person.clone(), id.clone().unwrap_or_default()),
        };
        lock(&self.noted).asker = Some(asker);
    }

    /// The model that is asked for.
    pub(crate) fn model(&self, name: &str) {
        lock(&self.noted).asked = Some(name.to_owned());
    }

    /// The head goes out.
    pub(crate) fn answered(&self, head: Head) {
        lock(&self.noted).head = Some(head);
    }

    /// Takes in what an answer cost. One that was gone on with elsewhere has several parts.
    pub(super) fn absorb(&self, charge: &mut Charge) {
        let mut noted = lock(&self.noted);
        add_counts(&mut noted.counts, charge.counts);
        noted.first = noted.first.or(charge.first);
        noted.gaps.add(&charge.gaps);
        noted.engine += charge.engine;
        noted.place = charge.place.take().or(noted.place.take());
        noted.end = charge.end.or(noted.end);
    }
}

impl Drop for Tally {
    fn drop(&mut self) {
        let mut noted = std::mem::take(&mut *lock(&self.noted));
        match noted.head.take() {
            Some(head) => self.settle(&head, &noted),
            // The client left before there was a head, but perhaps not before an engine had begun.
            None if noted.asker.is_some() => self.settle(&Head::none(), &noted),
            None => {}
        }
    }
}

impl Head {
    /// The route's pattern.
    pub(crate) fn pattern(&self) -> &str {
        self.route.as_ref().map_or(UNKNOWN, Route::pattern)
    }

    /// Of what was never answered; the status is the one that web servers note for it.
    fn none() -> Self {
        Self {
            id: String::new(),
            method: Method::POST,
            route: None,
            dialect: Dialect::default(),
            status: 499,
            code: LEFT,
        }
    }
}

impl Tally {
    fn settle(&self, head: &Head, noted: &Noted) {
        let took = self.started.elapsed();
        let code = match (head.code, noted.end) {
            ("", Some(End::Failed(code))) => code,
            ("", None) if noted.asker.is_some() => LEFT,
            (code, _) => code,
        };
        let is_failed = !matches!(code, "" | LEFT);
        let first = noted.first.map(|first| first.saturating_duration_since(self.started));
        let dialect = noted.asker.as_ref().map_or(UNKNOWN, |_| word(head.dialect));
        let at = noted.at();
        let mut cell = Cell { counts: noted.counts, failed: is_failed.into(), ..Cell::default() };
        cell.latency.count(took);
        first.into_iter().for_each(|first| cell.first_token.count(first));
        cell.gap = noted.gaps.clone();
        self.write(head, noted, (code, dialect, took, first));
        self.meters.count(Ended {
            route: head.pattern(),
            sort: (dialect, head.status / 100, code),
            at,
            cell,
            usage: noted.usage(head.status, is_failed),
        });
    }

    /// The log's line, where the log is told of whole requests.
    fn write(
        &self,
        head: &Head,
        noted: &Noted,
        (code, dialect, took, first): (&str, &str, Duration, Option<Duration>),
    ) {
        let RequestLog::Whole { models } = self.log else { return };
        let (model, place) = noted.at().unzip();
        let model = model.filter(|_| models);
        let millis = |time: Duration| u64::try_from(time.as_millis()).unwrap_or(u64::MAX);
        tracing::info!(
            target: "pumasi_web::request",
            id = head.id,
            method = %head.method,
            route = head.pattern(),
            dialect,
            model,
            place,
            status = head.status,
            code,
            ms = millis(took),
            ttft_ms = first.map(millis),
            tokens_in = noted.counts.prompt,
            tokens_cached = noted.counts.cached,
            tokens_out = noted.counts.completion,
            "answered"
        );
    }
}

impl Noted {
    /// Model and place, where there was an answer.
    fn at(&self) -> Option<(String, String)> {
        let (place, model) = self.place.as_ref()?;
        let model = model.clone().or_else(|| self.asked.clone());
        Some((model.unwrap_or_else(|| UNKNOWN.to_owned()), place.clone()))
    }

    fn usage(&self, status: u16, is_failed: bool) -> Option<(UsageKey, Spent)> {
        let (person, key) = self.asker.clone()?;
        let unknown = || UNKNOWN.to_owned();
        let (model, place) = self.at().unwrap_or_else(|| {
            // What nobody has is anybody's word; only of a model that is there it is a name.
            let asked = self.asked.clone().filter(|_| status >= 500);
            (asked.unwrap_or_else(unknown), unknown())
        });
        let day = u32::try_from(unix_ms() / DAY_MS).unwrap_or(u32::MAX);
        let spent = Spent {
            requests: 1,
            failed: is_failed.into(),
            prompt: self.counts.prompt,
            cached: self.counts.cached,
            completion: self.counts.completion,
            reasoning: self.counts.reasoning,
            engine_us: u64::try_from(self.engine.as_micros()).unwrap_or(u64::MAX),
            cost_nano_usd: 0,
            unpriced: 0,
        };
        Some((UsageKey { day, person, key, model, place }, spent))
    }
}

fn word(dialect: Dialect) -> &'static str {
    match dialect {
        Dialect::OpenAi => "openai",
        Dialect::Anthropic => "anthropic",
        Dialect::Gemini => "gemini",
        Dialect::Ollama => "ollama",
    }
}
