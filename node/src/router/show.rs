//! Providers, their models and what was routed, as the API shows them; and how a person changes them.

use std::sync::Arc;
use std::time::Duration;

use pumasi_cloud::{
    BreakerState, KeyNeed, Kind, ModelInfo, ModelStanding, Secret, Settings, kinds,
};
use pumasi_dialects::preferences::MESH;
use pumasi_protocol::{JobId, Priority};
use pumasi_web::api;
use pumasi_web::mesh::{Caller, JobLookupError, ProviderError};

use super::book::BookError;
use super::journal::Record;
use super::place::Place;
use super::plan::price_at;
use super::share::LentToday;
use super::{Router, settle};

/// What the list of models has as provider of names that stand for models.
pub(super) const ALIAS: &str = "alias";
/// Models of one provider that are shown.
pub(super) const SHOWN_MODELS: usize = 500;

impl Router {
    /// Everything about providers.
    pub(crate) async fn providers(&self) -> api::Providers {
        let (known, lent) = (self.known(), self.lent_today().await);
        api::Providers {
            providers: known.own().map(|place| self.view(place, &lent)).collect(),
            elsewhere: known.others().filter_map(|place| elsewhere(place)).collect(),
            kinds: kinds().iter().map(kind_view).collect(),
            routing: settle::view(&known.routing),
        }
    }

    fn view(&self, place: &Place, lent: &LentToday) -> api::Provider {
        let (settings, kind) = (place.provider.settings(), place.provider.kind());
        api::Provider {
            id: settings.id.to_string(),
            kind: kind.id.clone(),
            name: kind.name.clone(),
            base: settings.base.clone(),
            has_key: place.has_key,
            outside: place.is_outside(),
            found: place.is_found,
            keeps_nothing: settings.keeps_nothing,
            only: settings.models.clone(),
            models: shown(place),
            sharing: self.sharing_view(place, lent),
        }
    }

    pub(super) fn place(&self, id: &str) -> Result<Arc<Place>, ProviderError> {
        let known = self.known();
        let place = known.own().find(|place| place.id() == id);
        place.cloned().ok_or(ProviderError::NotFound)
    }

    /// Sets a provider up, or changes it; then asks it what it has.
    pub(crate) async fn set_provider(
        self: &Arc<Self>,
        request: api::ProviderRequest,
    ) -> Result<api::Provider, ProviderError> {
        let id = request.id.unwrap_or_else(|| request.kind.clone());
        let id = id.parse::<pumasi_cloud::ProviderId>().map_err(settings_error)?;
        if id.as_str() == ALIAS {
            return Err(settings_error("this id means names that stand for models: take another"));
        }
        if id.as_str() == MESH {
            return Err(settings_error("this id means the mesh itself: take another"));
        }
        let key = request.key.filter(|key| !key.is_empty()).map(Secret::new);
        let key = key.transpose().map_err(settings_error)?;
        let mut settings = Settings::new(id.clone(), request.kind);
        (settings.base, settings.models) = (request.base, request.models);
        let before = self.place(id.as_str()).ok();
        let before = before.is_some_and(|place| place.provider.settings().keeps_nothing);
        settings.keeps_nothing = request.keeps_nothing.unwrap_or(before);
        let router = Arc::clone(self);
        let written = tokio::task::spawn_blocking(move || router.write_down(settings, key)).await;
        written.map_err(|_| ProviderError::Store("it could not be written down".to_owned()))??;
        let place = self.place(id.as_str())?;
        self.list(&place).await;
        self.tell_others();
        self.tell_pages();
        Ok(self.shown_one(&place).await)
    }

    pub(super) async fn shown_one(&self, place: &Place) -> api::Provider {
        self.view(place, &self.lent_today().await)
    }

    fn write_down(&self, settings: Settings, key: Option<Secret>) -> Result<(), ProviderError> {
        let id = settings.id.clone();
        let kept = key.clone().or_else(|| self.book.key(&id));
        // Only what works is written down.
        pumasi_cloud::Provider::new(self.client.clone(), settings.clone(), kept)
            .map_err(settings_error)?;
        if let Some(key) = &key {
            self.book.keep_key(&id, key).map_err(book_error)?;
        }
        self.book
            .change(|page| {
                page.providers.retain(|kept| kept.id != id);
                page.providers.push(settings);
                Ok(())
            })
            .map_err(book_error)?;
        self.read_book();
        Ok(())
    }

    /// Removes a provider, and its key.
    pub(crate) async fn remove_provider(self: &Arc<Self>, id: &str) -> Result<(), ProviderError> {
        let place = self.place(id)?;
        if place.is_found {
            return Err(ProviderError::Found);
        }
        let (router, id) = (Arc::clone(self), place.provider.settings().id.clone());
        let removed = tokio::task::spawn_blocking(move || {
            router.book.change(|page| {
                page.providers.retain(|kept| kept.id != id);
                page.sharing.remove(id.as_str());
                Ok(())
            })?;
            router.book.forget_key(&id)?;
            router.read_book();
            Ok(())
        });
        let removed = removed.await;
        let removed =
            removed.map_err(|_| ProviderError::Store("it could not be written down".to_owned()))?;
        removed.map_err(book_error)
    }

    /// Asks a provider what it has, now.
    pub(crate) async fn check_provider(&self, id: &str) -> Result<api::Provider, ProviderError> {
        let place = self.place(id)?;
        let models = place.provider.models().await;
        place.set_models(models.map_err(|error| ProviderError::Unanswered(error.to_string()))?);
        self.tell_others();
        self.tell_pages();
        Ok(self.shown_one(&place).await)
    }

    /// What was routed, as the list of jobs shows it.
    pub(crate) fn jobs(&self, me: &api::NodeRef, caller: &Caller, most: usize) -> Vec<api::Job> {
        let records = self.journal.list(caller, most);
        records.into_iter().map(|record| job_view(me, record)).collect()
    }

    pub(crate) fn job(
        &self,
        me: &api::NodeRef,
        caller: &Caller,
        job: JobId,
    ) -> Result<api::Job, JobLookupError> {
        self.journal.find(caller, job).map(|record| job_view(me, record))
    }

    /// Why a request went where it went.
    pub(crate) fn explain(&self, caller: &Caller, job: JobId) -> Result<api::Why, JobLookupError> {
        let record = self.journal.find(caller, job)?;
        let tries = record.tries.iter().map(|one| match one.code {
            Some(code) => format!("{} failed: {code}", one.place),
            None => format!("{} answered", one.place),
        });
        let told: Vec<String> = std::iter::once(record.why.clone()).chain(tries).collect();
        Ok(api::Why { job: job.to_string(), summary: told.join("; "), rounds: Vec::new() })
    }
}

pub(super) fn settings_error(error: impl std::fmt::Display) -> ProviderError {
    ProviderError::Settings(error.to_string())
}

pub(super) fn book_error(error: BookError) -> ProviderError {
    match error {
        BookError::Routing(_) | BookError::Sharing(_) | BookError::TooMany => settings_error(error),
        BookError::Io(_) | BookError::Damaged | BookError::Store(_) | BookError::Key(_) => {
            tracing::warn!(%error, "the list of providers could not be written down");
            ProviderError::Store(error.to_string())
        }
    }
}

fn kind_view(kind: &Kind) -> api::ProviderKind {
    api::ProviderKind {
        id: kind.id.clone(),
        name: kind.name.clone(),
        base: kind.base.clone(),
        key: match kind.key {
            KeyNeed::Required => api::ProviderKey::Required,
            KeyNeed::Optional => api::ProviderKey::Optional,
            KeyNeed::None => api::ProviderKey::None,
        },
        outside: kind.paid,
        keys_at: kind.keys_at.clone(),
    }
}

fn seconds(time: Duration) -> u64 {
    time.as_secs() + u64::from(time.subsec_nanos() > 0)
}

/// Models of a provider, as far as they are shown.
fn shown(place: &Place) -> Vec<api::ProviderModel> {
    let standing = place.provider.standing();
    let stands = |name: &str| standing.models.iter().find(|standing| standing.model == name);
    let models = place.models();
    let listed = models.iter().take(SHOWN_MODELS);
    let mut shown: Vec<api::ProviderModel> =
        listed.map(|info| model_view(place, info, stands(&info.name))).collect();
    // Those that were asked for by name count, too.
    let unlisted = standing.models.iter().filter(|s| models.iter().all(|i| i.name != s.model));
    shown.extend(unlisted.map(|s| model_view(place, &ModelInfo::named(&s.model), Some(s))));
    shown
}

/// A provider of another computer.
fn elsewhere(place: &Place) -> Option<api::ProviderElsewhere> {
    let (far, kind) = (place.far()?, place.provider.kind());
    let told = far.told();
    let mut models = shown(place);
    let rests = |model: &&mut api::ProviderModel| {
        let name = model.name.split_once('/').map_or("", |(_, name)| name);
        model.state == api::ProviderState::Ready && told.resting.contains(name)
    };
    models.iter_mut().filter(rests).for_each(|model| model.state = api::ProviderState::Resting);
    Some(api::ProviderElsewhere {
        id: far.id.clone(),
        node: api::NodeRef::new(far.node, &far.name),
        kind: kind.id.clone(),
        name: kind.name.clone(),
        outside: place.is_outside(),
        keeps_nothing: told.keeps_nothing,
        spent: told.is_spent,
        models,
    })
}

fn model_view(
    place: &Place,
    info: &ModelInfo,
    standing: Option<&ModelStanding>,
) -> api::ProviderModel {
    let price = price_at(place, &info.name);
    let breaker = standing.map_or(BreakerState::Closed, |standing| standing.breaker);
    let held = standing.and_then(|standing| standing.held_back);
    let (state, retry_s) = match (breaker, held) {
        (BreakerState::Open { retry_in }, _) => {
            (api::ProviderState::Resting, Some(seconds(retry_in)))
        }
        (BreakerState::HalfOpen, _) => (api::ProviderState::Trying, None),
        (BreakerState::Closed, Some(held)) => (api::ProviderState::HeldBack, Some(seconds(held))),
        (BreakerState::Closed, None) => (api::ProviderState::Ready, None),
    };
    api::ProviderModel {
        name: format!("{}/{}", place.id(), info.name),
        context_tokens: info.context,
        state,
        retry_s,
        requests: standing.map_or(0, |standing| standing.requests),
        failed: standing.map_or(0, |s| s.failed.iter().map(|(_, count)| count).sum()),
        first_byte_ms: standing.and_then(|s| Some(s.first_byte.mean?.as_secs_f64() * 1_000.0)),
        tokens_per_s: standing.and_then(|standing| standing.tokens_per_s),
        last_fault: standing.and_then(|s| Some(s.last_fault?.error.word().to_owned())),
        price_in: price.as_ref().map(|price| price.input),
        price_out: price.as_ref().map(|price| price.output),
    }
}

fn job_view(me: &api::NodeRef, record: Record) -> api::Job {
    let small = |count: u64| u32::try_from(count).unwrap_or(u32::MAX);
    let failed = record.tries.last().and_then(|last| last.code);
    let failed = failed.filter(|_| record.state == api::JobState::Failed);
    let person = match &record.caller {
        Caller::Key { person, .. } => Some(person.clone()),
        Caller::Install | Caller::Loopback => None,
    };
    api::Job {
        id: record.job.to_string(),
        kind: record.kind.into(),
        model: record.model.to_string(),
        person,
        owner: me.clone(),
        owner_reachable: true,
        state: record.state,
        node: record.node,
        provider: record.provider,
        priority: Priority::Interactive.into(),
        durable: false,
        attempts: small(record.tries.len() as u64),
        progress: None,
        usage: record.counts.map(|counts| api::JobUsage {
            prompt_tokens: small(counts.prompt),
            cached_tokens: small(counts.cached),
            completion_tokens: small(counts.completion),
        }),
        timings: None,
        error: failed.map(|code| api::JobError {
            code: code.to_owned(),
            message: "no place could answer".to_owned(),
        }),
        why: Some(record.why),
        accepted_ms: record.accepted_ms,
        ended_ms: record.ended_ms,
    }
}
