//! Providers of other members: what they tell of them becomes places of this node's router, and a call
//! goes over the data plane to the member that has the provider and its key.

use std::collections::BTreeSet;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use bytes::Bytes;
use futures::future::BoxFuture;
use futures::{FutureExt, StreamExt, TryStreamExt};
use http::{HeaderMap, HeaderName, HeaderValue};
use pumasi_cloud::{
    Call, CallError, Carried, Carrier, ModelInfo, Price, Provider, ProviderFault, ProviderId,
    Settings, Uncarried,
};
use pumasi_protocol::NodeId;
use pumasi_protocol::providing::{ProviderCall, ProviderMiss, SharedModel, SharedProvider};
use pumasi_protocol::roster::Roster;

use super::place::Place;
use crate::net::{NetHandle, Offers};

/// Millionths of a US dollar in one.
const MICRO: f64 = 1_000_000.0;
/// How much longer a first byte may take than over a connection of one's own: the member that asks tells
/// first who is late.
const LONGER: Duration = Duration::from_secs(10);

/// Whose a provider is that another member has.
#[derive(Debug)]
pub(super) struct Far {
    pub(super) node: NodeId,
    /// The name of that computer.
    pub(super) name: String,
    /// It belongs to the person of this one.
    pub(super) is_mine: bool,
    /// The provider's id there.
    pub(super) short: String,
    /// Its id here: `openai.desk`.
    pub(super) id: String,
    /// What people call it: `OpenAI of desk`.
    pub(super) label: String,
    told: RwLock<Arc<Told>>,
}

/// What changes of it.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Told {
    pub(super) keeps_nothing: bool,
    pub(super) any_model: bool,
    /// What may be used of it today is used up.
    pub(super) is_spent: bool,
    /// Models that are left in peace there at the moment.
    pub(super) resting: BTreeSet<String>,
}

impl Far {
    pub(super) fn told(&self) -> Arc<Told> {
        // Replaced as a whole, so it stays whole even if a thread ended while it held the lock.
        Arc::clone(&self.told.read().unwrap_or_else(PoisonError::into_inner))
    }

    fn set_told(&self, told: Told) {
        *self.told.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(told);
    }
}

/// What a member tells of a provider, apart from its models' names.
fn told(shared: &SharedProvider) -> Told {
    let resting = shared.models.iter().filter(|model| model.rests);
    Told {
        keeps_nothing: shared.keeps_nothing,
        any_model: shared.any_model,
        is_spent: shared.is_spent,
        resting: resting.map(|model| model.name.clone()).collect(),
    }
}

/// The places that the members' providers are. Those of `before` that are still there keep what is known
/// of them. What is in the office comes first, and then every node asks another one first.
pub(super) fn places(net: &NetHandle, offers: &Offers, before: &[Arc<Place>]) -> Vec<Arc<Place>> {
    let Some(roster) = net.roster() else { return Vec::new() };
    let me = net.me();
    let mut places: Vec<Arc<Place>> = Vec::new();
    for (node, shared) in offers {
        if *node == me || !roster.contains(node) {
            continue;
        }
        for shared in shared.iter() {
            let id = format!("{}.{}", shared.id, slug(&roster, *node));
            if places.iter().any(|place| place.id() == id) {
                continue;
            }
            let place =
                before.iter().find(|place| place.id() == id && is_same(place, *node, shared));
            let place = match place {
                Some(place) => Some(Arc::clone(place)),
                None => made(net, &roster, *node, id, shared).map(Arc::new),
            };
            if let Some((place, far)) = place.as_ref().and_then(|place| Some((place, place.far()?)))
            {
                far.set_told(told(shared));
                place.set_models(shared.models.iter().filter_map(model).collect());
                places.push(Arc::clone(place));
            }
        }
    }
    places.sort_by_key(|place| (place.is_outside(), distance(me, place)));
    places
}

/// A number that is another one for each pair of nodes, so that not all ask the same one first.
fn distance(me: NodeId, place: &Place) -> [u8; 32] {
    let far = place.far().map_or([0; 32], |far| far.node.0);
    std::array::from_fn(|at| me.0[at] ^ far[at])
}

fn is_same(place: &Place, node: NodeId, shared: &SharedProvider) -> bool {
    let is_its = place.far().is_some_and(|far| far.node == node && far.short == shared.id);
    let kind = place.provider.kind();
    is_its && kind.id == shared.kind && place.is_outside() == (kind.paid || shared.outside)
}

/// None: its kind is one that this version does not know, or its id is none.
fn made(
    net: &NetHandle,
    roster: &Roster,
    node: NodeId,
    id: String,
    shared: &SharedProvider,
) -> Option<Place> {
    let own: ProviderId = shared.id.parse().ok()?;
    let member = roster.members.get(&node)?;
    let mut settings = Settings::new(own, shared.kind.as_str());
    settings.first_byte += LONGER;
    settings.silence += LONGER;
    let carrier = Way { net: net.clone(), node, provider: shared.id.clone() };
    let provider = Provider::carried(settings, shared.outside, Arc::new(carrier)).ok()?;
    let me = net.me();
    let far = Far {
        node,
        name: member.name.to_string(),
        is_mine: member.person.is_some() && roster.person(&me) == roster.person(&node),
        short: shared.id.clone(),
        label: format!("{} of {}", provider.kind().name, member.name),
        id,
        told: RwLock::default(),
    };
    Some(Place::of_another(provider, far))
}

/// The name of a computer as part of a model's name, or its short id where the name has no such form or
/// another one has the same.
fn slug(roster: &Roster, node: NodeId) -> String {
    let plain = |name: &str| -> String {
        let lower = name.to_lowercase();
        let is_kept = |c: char| c.is_ascii_alphanumeric() || c == '-';
        let kept = lower.chars().map(|c| if is_kept(c) { c } else { '-' });
        kept.collect::<String>().trim_matches('-').to_owned()
    };
    let Some(member) = roster.members.get(&node) else { return node.short() };
    let own = plain(member.name.as_str());
    let is_ascii = member.name.as_str().is_ascii();
    let others = roster.members.iter().filter(|(id, _)| **id != node);
    let is_taken = others.map(|(_, other)| plain(other.name.as_str())).any(|name| name == own);
    let fits = (1..=SLUG_CHARS).contains(&own.len());
    if is_ascii && fits && !is_taken { own } else { node.short() }
}

/// Characters of a computer's name in a model's name: the provider's id stands before it, and both
/// together are one of its parts.
const SLUG_CHARS: usize = 40;

/// None: it is no name of a model.
fn model(shared: &SharedModel) -> Option<ModelInfo> {
    let price = shared.price.map(|price| Price {
        input: price.input as f64 / MICRO,
        output: price.output as f64 / MICRO,
        cached: price.cached.map(|cached| cached as f64 / MICRO),
    });
    pumasi_cloud::is_model_name(&shared.name).then(|| ModelInfo {
        context: shared.context,
        chats: shared.chats,
        embeds: shared.embeds,
        price,
        ..ModelInfo::named(&shared.name)
    })
}

/// The way to one provider of one member.
struct Way {
    net: NetHandle,
    node: NodeId,
    provider: String,
}

impl Carrier for Way {
    fn carry(&self, call: Call) -> BoxFuture<'static, Result<Carried, Uncarried>> {
        let (net, node) = (self.net.clone(), self.node);
        let header = |(name, value): &(HeaderName, HeaderValue)| {
            Some((name.to_string(), value.to_str().ok()?.to_owned()))
        };
        let head = ProviderCall {
            provider: self.provider.clone(),
            path: call.path,
            headers: call.headers.iter().filter_map(header).collect(),
            body: 0,
        };
        async move { carry(net, node, head, call.body).await }.boxed()
    }
}

async fn carry(
    net: NetHandle,
    node: NodeId,
    head: ProviderCall,
    body: Bytes,
) -> Result<Carried, Uncarried> {
    let answer = net.borrow(node, head, body).await.map_err(uncarried)?;
    let pair = |(name, value): (String, String)| {
        let name = HeaderName::from_bytes(name.as_bytes()).ok()?;
        Some((name, HeaderValue::from_str(&value).ok()?))
    };
    Ok(Carried {
        status: answer.status,
        headers: answer.headers.into_iter().filter_map(pair).collect::<HeaderMap>(),
        body: answer.body.map_err(|miss| uncarried(miss).error).boxed(),
    })
}

/// A member's word for what went wrong; a word of a newer version counts as broken.
fn uncarried(miss: ProviderMiss) -> Uncarried {
    let wait = miss.wait_ms.map(|ms| Duration::from_millis(ms.into()));
    let error = CallError::of_word(&miss.word, wait)
        .unwrap_or(CallError::Provider(ProviderFault::Unavailable));
    Uncarried { error, wait }
}
