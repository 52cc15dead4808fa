//! One provider, set up: its address, its key, its connections and its breakers.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::Method;
use pumasi_dialects::provider::ProviderFault;
use tokio::time::timeout_at;

use crate::address::Base;
use crate::body::{Deadlines, ReplyBody};
use crate::call::{Call, CallError, Reply};
use crate::client::Client;
use crate::kind::{KeyNeed, Kind};
use crate::listing::{self, ModelInfo, is_name};
use crate::pool::{Exchange, Pool};
use crate::secret::Secret;
use crate::settings::{Settings, SetupError};
use crate::standing::{Closed, Measured, Permit, Standing};
use crate::table::Table;
use crate::way::{Carried, Carrier, Uncarried, Way};
use crate::{answer, kind, limits, request};

/// A provider. A copy costs nothing and is the same provider.
#[derive(Clone)]
pub struct Provider(Arc<Inner>);

struct Inner {
    settings: Settings,
    kind: &'static Kind,
    way: Way,
    table: Table,
}

impl Provider {
    /// Sets a provider up. Nothing is sent.
    ///
    /// # Errors
    /// What is missing or cannot be used.
    pub fn new(
        client: Client,
        settings: Settings,
        key: Option<Secret>,
    ) -> Result<Self, SetupError> {
        let kind = kind(&settings.kind).ok_or(SetupError::UnknownKind)?;
        settings.breaker.check()?;
        let named = settings.models.iter().all(|model| is_name(model));
        if settings.models.len() > limits::MODELS || !named {
            return Err(SetupError::Models);
        }
        let base = settings.base.as_deref().or(kind.base.as_deref()).ok_or(SetupError::NoBase)?;
        let base = Base::parse(base)?;
        let key = key.filter(|_| kind.key != KeyNeed::None);
        check_secrecy(kind, &base, key.as_ref())?;
        if base.is_encrypted() && !client.has_roots() {
            return Err(SetupError::NoRoots);
        }
        let headers = request::standing_headers(kind, key.as_ref());
        let (host, port) = (base.host(), base.port());
        let connector = client.connector(base.is_encrypted(), host, port, settings.connect);
        let pool = Arc::new(Pool::new(connector));
        Ok(Self::over(settings, kind, Way::Direct { base, headers, pool }))
    }

    /// One that somebody else has and asks. Of the settings only id, kind, breaker and times count.
    ///
    /// # Errors
    /// Its kind is not in the table, so that nobody knows its language.
    pub fn carried(
        settings: Settings,
        outside: bool,
        carrier: Arc<dyn Carrier>,
    ) -> Result<Self, SetupError> {
        let kind = kind(&settings.kind).ok_or(SetupError::UnknownKind)?;
        Ok(Self::over(settings, kind, Way::Carried { carrier, outside }))
    }

    fn over(settings: Settings, kind: &'static Kind, way: Way) -> Self {
        Self(Arc::new(Inner { settings, kind, way, table: Table::default() }))
    }

    /// What was settled about it.
    #[must_use]
    pub fn settings(&self) -> &Settings {
        &self.0.settings
    }

    /// Its row in the table of kinds.
    #[must_use]
    pub fn kind(&self) -> &Kind {
        self.0.kind
    }

    /// Whether what is sent there leaves the office: it is a cloud, or not at a private address. A name
    /// counts as outside, whatever it resolves to, unless it is this computer's.
    #[must_use]
    pub fn is_outside(&self) -> bool {
        let leads_out = match &self.0.way {
            Way::Direct { base, .. } => !base.is_near(),
            Way::Carried { outside, .. } => *outside,
        };
        self.0.kind.paid || leads_out
    }

    /// Whether it runs on this computer itself.
    #[must_use]
    pub fn is_here(&self) -> bool {
        match &self.0.way {
            Way::Direct { base, .. } => base.is_here(),
            Way::Carried { .. } => false,
        }
    }

    /// The models that it serves here.
    ///
    /// # Errors
    /// It did not tell.
    pub async fn models(&self) -> Result<Vec<ModelInfo>, CallError> {
        self.models_within(limits::LIST_TIME).await
    }

    /// Whether it is there and knows the key; for a provider that lists nothing, only that it answers.
    ///
    /// # Errors
    /// It is not, or does not.
    pub async fn probe(&self) -> Result<(), CallError> {
        self.models_within(limits::PROBE_TIME).await.map(|_| ())
    }

    async fn models_within(&self, time: Duration) -> Result<Vec<ModelInfo>, CallError> {
        let deadlines = Deadlines::within(time);
        let mut found = Vec::new();
        let mut next = listing::first(self.0.kind);
        for _ in 0..limits::LIST_PAGES {
            let Some(path) = next.take() else { break };
            let page = self.get(&path, deadlines).await?;
            next = listing::read(self.0.kind, &page, &mut found)?;
        }
        Ok(listing::wanted(self.0.kind, &self.0.settings.models, found))
    }

    async fn get(&self, path: &str, deadlines: Deadlines) -> Result<Bytes, CallError> {
        let call = Call { path: path.to_owned(), headers: Vec::new(), body: Bytes::new() };
        let (exchange, pool) = self.send(&Method::GET, call, deadlines).await?;
        let (status, headers) = (exchange.head.status, exchange.head.headers.clone());
        let body = ReplyBody::new(exchange, pool, deadlines, None);
        if !is_success(status) {
            return Err(self.refused(status, answer::retry_after(&headers), body).await);
        }
        answer::check(&headers)?;
        body.whole(limits::LIST_BYTES).await
    }

    /// Asks the breaker of this model here for leave.
    ///
    /// # Errors
    /// None is given; when to ask again.
    pub fn permit(&self, model: &str) -> Result<Permit, Closed> {
        Permit::ask(self.0.table.cell(model, &self.0.settings.breaker))
    }

    /// How long no call of this model is let through, if none is.
    #[must_use]
    pub fn closed(&self, model: &str) -> Option<Closed> {
        self.0.table.known(model)?.closed()
    }

    /// What was measured of this model lately.
    #[must_use]
    pub fn measured(&self, model: &str) -> Measured {
        let measured = self.0.table.known(model).map(|cell| cell.measured());
        let (first_byte, pace) = measured.unwrap_or_default();
        Measured { first_byte, tokens_per_s: pace.map(|pace| pace as f64 / 1_000.0) }
    }

    /// From when on the first byte of an answer is late, where enough of them were measured.
    #[must_use]
    pub fn late(&self, model: &str) -> Option<Duration> {
        self.0.table.known(model)?.first_byte.quantile(limits::LATE_PERCENT, limits::LATE_LEAST)
    }

    /// So many tokens of this model came within this time, from the first one on.
    pub fn counted(&self, model: &str, tokens: u64, time: Duration) {
        if let Some(cell) = self.0.table.known(model) {
            cell.paced(tokens, time);
        }
    }

    /// Sends a call and waits for the head of its answer. What became of it is told to the permit by
    /// whoever reads the body.
    ///
    /// # Errors
    /// How it failed; any status but 2xx is a failure.
    pub async fn post(&self, permit: &Permit, call: Call) -> Result<Reply, CallError> {
        let outcome = match &self.0.way {
            Way::Direct { .. } => self.ask(permit, call).await,
            Way::Carried { carrier, .. } => self.have_asked(permit, call, carrier.as_ref()).await,
        };
        let provider = self.0.settings.id.as_str();
        match &outcome {
            Ok(reply) => tracing::trace!(provider, status = reply.status, "answers"),
            Err(error) => tracing::debug!(provider, error = error.word(), "call failed"),
        }
        outcome
    }

    async fn ask(&self, permit: &Permit, call: Call) -> Result<Reply, CallError> {
        let deadlines = Deadlines::new(&self.0.settings);
        let (exchange, pool) = self.send(&Method::POST, call, deadlines).await?;
        if let Some(time) = exchange.took {
            permit.cell.connect.count(time);
        }
        let status = exchange.head.status;
        if !is_success(status) {
            let wait = answer::retry_after(&exchange.head.headers);
            let deadlines = Deadlines::within(limits::ERROR_TIME);
            let body = ReplyBody::new(exchange, pool, deadlines, None);
            let error = self.refused(status, wait, body).await;
            hold(permit, wait, &error);
            return Err(error);
        }
        if let Some(time) = answer::exhausted(&exchange.head.headers) {
            permit.cell.hold(Some(time), true);
        }
        answer::check(&exchange.head.headers)?;
        let headers = answer::passed(&exchange.head.headers);
        let body = ReplyBody::new(exchange, pool, deadlines, Some(Arc::clone(&permit.cell)));
        Ok(Reply { status, headers, body })
    }

    /// The same through somebody else, who has told already what the answer's head means.
    async fn have_asked(
        &self,
        permit: &Permit,
        call: Call,
        carrier: &dyn Carrier,
    ) -> Result<Reply, CallError> {
        let deadlines = Deadlines::new(&self.0.settings);
        let (end, which) = deadlines.first();
        let carried = timeout_at(end, carrier.carry(call)).await;
        let Carried { status, headers, body } = carried
            .map_err(|_| CallError::Timeout(which))?
            .map_err(|Uncarried { error, wait }| {
                hold(permit, wait, &error);
                error
            })?;
        if !is_success(status) {
            return Err(CallError::Provider(ProviderFault::Garbled));
        }
        answer::check(&headers)?;
        let headers = answer::passed(&headers);
        let body = ReplyBody::carried(body, deadlines, Arc::clone(&permit.cell));
        Ok(Reply { status, headers, body })
    }

    async fn send(
        &self,
        method: &Method,
        call: Call,
        deadlines: Deadlines,
    ) -> Result<(Exchange, Arc<Pool>), CallError> {
        let refused = CallError::Provider(ProviderFault::Refused);
        let Way::Direct { base, headers, pool } = &self.0.way else { return Err(refused) };
        let path = base.join(&call.path).ok_or(refused)?;
        let message = request::message(method, base.authority(), &path, headers, call);
        let (end, which) = deadlines.first();
        let answer = timeout_at(end, pool.exchange(&message)).await;
        Ok((answer.unwrap_or(Err(CallError::Timeout(which)))?, Arc::clone(pool)))
    }

    /// What a status other than 2xx means.
    async fn refused(&self, status: u16, wait: Option<Duration>, body: ReplyBody) -> CallError {
        // A redirect's body is of no interest, and one that does not come says nothing.
        let body = if (300..400).contains(&status) {
            Bytes::new()
        } else {
            body.whole(limits::ERROR_BYTES).await.unwrap_or_default()
        };
        answer::fault(self.0.kind.speech, status, wait, &body)
    }

    /// How it stands with each model that was asked for.
    #[must_use]
    pub fn standing(&self) -> Standing {
        let id = self.0.settings.id.clone();
        Standing { id, kind: self.0.kind.id.clone(), models: self.0.table.standing() }
    }
}

fn is_success(status: u16) -> bool {
    (200..300).contains(&status)
}

/// A provider that says so is left in peace for a while.
fn hold(permit: &Permit, wait: Option<Duration>, error: &CallError) {
    if let CallError::Loading { .. } = error {
        permit.cell.hold(Some(wait.unwrap_or(limits::LOADING)), false);
    } else if let CallError::RateLimited { retry_after } = error {
        permit.cell.hold(*retry_after, true);
    } else if wait.is_some() {
        permit.cell.hold(wait, false);
    }
}

/// A key, and what is meant for a cloud, does not travel in the open.
fn check_secrecy(kind: &Kind, base: &Base, key: Option<&Secret>) -> Result<(), SetupError> {
    if kind.key == KeyNeed::Required && key.is_none() {
        return Err(SetupError::KeyNeeded);
    }
    if base.is_encrypted() || base.is_near() {
        return Ok(());
    }
    if kind.paid {
        return Err(SetupError::PlainCloud);
    }
    if key.is_some() { Err(SetupError::PlainKey) } else { Ok(()) }
}

impl fmt::Debug for Provider {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Provider").field("id", &self.0.settings.id).finish_non_exhaustive()
    }
}
