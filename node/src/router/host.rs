//! This node's providers for other members: what is shared with whom, and their calls, each checked anew.
//! The key stays here; so does what counts the tokens.

use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use futures::future::BoxFuture;
use futures::{FutureExt, StreamExt};
use http::{HeaderMap, HeaderName, HeaderValue};
use pumasi_cloud::{BreakerState, Call, CallError, Closed};
use pumasi_dialects::provider::errand::{self, Errand};
use pumasi_protocol::providing::{
    ProviderCall, ProviderMiss, SharedModel, SharedPrice, SharedProvider,
};
use pumasi_protocol::roster::Member;
use pumasi_protocol::{NodeId, NodeName, limits};
use tokio::sync::watch;

use super::lending::{Lending, Loan};
use super::place::Place;
use super::plan::price_at;
use super::policy::Policy;
use super::{Known, Router, sharing};
use crate::core::unix_ms;
use crate::net::{Lent, ProviderHost};

/// Headers of a call that are part of a provider's API.
const HANDED_ON: [&str; 2] = ["anthropic-version", "anthropic-beta"];
/// Millionths of a US dollar in one.
const MICRO: f64 = 1_000_000.0;

/// The router, as the data plane asks it.
pub(super) struct Host(pub(super) Arc<Router>);

impl ProviderHost for Host {
    fn shared_with(&self, node: NodeId) -> Vec<SharedProvider> {
        self.0.shared_with(node)
    }

    fn changes(&self) -> watch::Receiver<u64> {
        self.0.shared_changes.subscribe()
    }

    fn may_use(&self, node: NodeId, provider: &str) -> bool {
        let known = self.0.known();
        let place = known.own().find(|place| place.id() == provider);
        place.is_some_and(|place| self.0.is_shared(&known, place, node))
    }

    fn ask(
        &self,
        from: NodeId,
        call: ProviderCall,
        body: Bytes,
    ) -> BoxFuture<'static, Result<Lent, ProviderMiss>> {
        let router = Arc::clone(&self.0);
        async move { router.ask_for(from, call, body).await }.boxed()
    }
}

impl Router {
    /// A member that may ask for something at all; none: a stranger.
    pub(super) fn asker<T>(&self, node: NodeId, look: impl FnOnce(&Member) -> T) -> Option<T> {
        self.net.roster()?.members.get(&node).map(look)
    }

    /// Whether a member may ask this provider now.
    fn is_shared(&self, known: &Known, place: &Place, node: NodeId) -> bool {
        let closed = known.routing.policy == Policy::NeverCloud || known.routing.rehearsal;
        let outside = place.is_outside();
        // What runs on this computer takes its time, like every job of others.
        let lends = !place.provider.is_here() || self.lends();
        let sharing = sharing::of(&known.sharing, place);
        let is_meant = self.asker(node, |member| sharing.is_for(member, outside));
        is_meant == Some(true) && lends && !(outside && closed)
    }

    /// What is shared with a member.
    pub(super) fn shared_with(&self, node: NodeId) -> Vec<SharedProvider> {
        let known = self.known();
        let mine = known.own().filter(|place| self.is_shared(&known, place, node));
        let mut left = limits::SHARED_MODELS;
        let told = mine.take(limits::SHARED_PROVIDERS).map(|place| {
            let told = self.told(&known, place, left);
            left -= told.models.len();
            told
        });
        told.collect()
    }

    /// What would be shared with anybody who may see all: changes with it.
    pub(super) fn all_that_is_told(&self) -> Vec<(sharing::Sharing, SharedProvider)> {
        let known = self.known();
        let told = known.own().map(|place| {
            let sharing = sharing::of(&known.sharing, place).into_owned();
            (sharing, self.told(&known, place, limits::SHARED_MODELS))
        });
        told.collect()
    }

    fn told(&self, known: &Known, place: &Place, most: usize) -> SharedProvider {
        let settings = place.provider.settings();
        let sharing = sharing::of(&known.sharing, place);
        let resting = place.provider.standing().models.into_iter().filter(|model| {
            matches!(model.breaker, BreakerState::Open { .. }) || model.held_back.is_some()
        });
        let resting: Vec<String> = resting.map(|model| model.model).collect();
        let models = place.models();
        let told = models.iter().take(most).map(|info| SharedModel {
            name: info.name.clone(),
            context: info.context.map(|tokens| tokens.min(limits::CONTEXT_TOKENS)),
            chats: info.chats,
            embeds: info.embeds,
            price: price_of(place, &info.name),
            rests: resting.contains(&info.name),
        });
        SharedProvider {
            id: place.id().to_owned(),
            kind: settings.kind.clone(),
            outside: place.is_outside(),
            keeps_nothing: place.is_discreet(),
            any_model: settings.models.is_empty(),
            is_spent: self.lent.is_spent(place.id(), &sharing, unix_ms()),
            models: told.collect(),
        }
    }

    async fn ask_for(
        self: Arc<Self>,
        from: NodeId,
        call: ProviderCall,
        body: Bytes,
    ) -> Result<Lent, ProviderMiss> {
        let known = self.known();
        let place = known.own().find(|place| place.id() == call.provider);
        let place = place.filter(|place| self.is_shared(&known, place, from));
        let place = place.ok_or_else(|| ProviderMiss::bare("not_shared"))?;
        let kind = place.provider.kind();
        let errand = errand::errand(kind.speech, kind.quirks.routing_words, &call.path, &body);
        let errand = errand.ok_or_else(|| ProviderMiss::bare("refused"))?;
        let is_name = pumasi_cloud::is_model_name(errand.model);
        if !is_name || !place.may_have(errand.model) {
            return Err(ProviderMiss::bare("no_model"));
        }
        let sharing = sharing::of(&known.sharing, place);
        self.lent
            .take(place.id(), &sharing, unix_ms(), Instant::now())
            .map_err(|used_up| miss("rate_limited", Some(used_up.wait)))?;
        let loan = self.loan(from, place, errand, body.len());
        let headers = handed_on(&call.headers);
        self.put(loan, Call { path: call.path, headers, body }).await
    }

    fn loan(&self, from: NodeId, place: &Arc<Place>, errand: Errand<'_>, asked: usize) -> Loan {
        let person: Option<NodeName> = self.asker(from, |member| member.person.clone()).flatten();
        Loan {
            from,
            person,
            place: Arc::clone(place),
            model: errand.model.to_owned(),
            sort: errand.sort,
            stream: errand.stream,
            asked: asked as u64,
        }
    }

    async fn put(self: &Arc<Self>, loan: Loan, call: Call) -> Result<Lent, ProviderMiss> {
        let place = Arc::clone(&loan.place);
        let permit = place.provider.permit(&loan.model).map_err(closed)?;
        let mut lending = Lending::new(Arc::clone(self), loan);
        match place.provider.post(&permit, call).await {
            Ok(reply) => Ok(Lent {
                status: reply.status,
                headers: texts(&reply.headers),
                body: lending.over(reply, permit).boxed(),
            }),
            Err(error) => {
                permit.failed(&error);
                lending.failed(&error);
                Err(told(&error))
            }
        }
    }
}

fn price_of(place: &Place, model: &str) -> Option<SharedPrice> {
    let micro = |dollars: f64| ((dollars * MICRO).round() as u64).min(limits::CLAIMED_PRICE);
    let free = SharedPrice { input: 0, output: 0, cached: None };
    let known = price_at(place, model).map(|price| SharedPrice {
        input: micro(price.input),
        output: micro(price.output),
        cached: price.cached.map(micro),
    });
    known.or((!place.is_outside()).then_some(free))
}

/// Only what belongs to a provider's API.
fn handed_on(headers: &[(String, String)]) -> Vec<(HeaderName, HeaderValue)> {
    let read = |(name, value): &(String, String)| {
        let name = HANDED_ON.into_iter().find(|known| known == name)?;
        Some((HeaderName::from_static(name), HeaderValue::from_str(value).ok()?))
    };
    headers.iter().filter_map(read).collect()
}

/// What is told of an answer's headers; what is odd or too much is left out.
fn texts(headers: &HeaderMap) -> Vec<(String, String)> {
    let text = |(name, value): (&HeaderName, &HeaderValue)| {
        let (name, value) = (name.as_str().to_owned(), value.to_str().ok()?.to_owned());
        (name.len() + value.len() <= limits::PROVIDER_HEADER_BYTES).then_some((name, value))
    };
    headers.iter().filter_map(text).take(limits::PROVIDER_HEADERS).collect()
}

fn closed(closed: Closed) -> ProviderMiss {
    let word = if closed.limited { "rate_limited" } else { "unavailable" };
    miss(word, Some(closed.retry_in))
}

/// How a call failed, for who asked.
pub(super) fn told(error: &CallError) -> ProviderMiss {
    let wait = match error {
        CallError::RateLimited { retry_after } | CallError::Loading { retry_after } => *retry_after,
        CallError::Resolve
        | CallError::Connect
        | CallError::Tls
        | CallError::Timeout(_)
        | CallError::Reset
        | CallError::TooLarge
        | CallError::Redirect
        | CallError::NotHttp
        | CallError::Provider(_) => None,
    };
    miss(error.word(), wait)
}

fn miss(word: &str, wait: Option<Duration>) -> ProviderMiss {
    let wait_ms = wait.map(|wait| u32::try_from(wait.as_millis()).unwrap_or(u32::MAX));
    ProviderMiss { word: word.to_owned(), wait_ms }
}

#[cfg(test)]
mod tests;
