//! What the router looks after by itself: what the mesh has, what providers list, and which model servers
//! run on this computer.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use futures::future::join_all;
use pumasi_cloud::{Found, Provider, Search, Settings, discover};
use tokio_util::sync::CancellationToken;

use super::place::Place;
use super::{Known, Router, far};
use crate::net::Offers;

/// How often it looks at the mesh (guess: as fresh as a queue needs to be).
const LOOK_EVERY: Duration = Duration::from_secs(2);
/// Of these looks, how many go by before providers are asked what they have.
const LIST_EVERY: u32 = 150;
/// … before it looks for servers on this computer.
const SEARCH_EVERY: u32 = 15;

/// The kind that this program is.
const PUMASI: &str = "pumasi";

/// … before what others used is written down.
const WRITE_EVERY: u32 = 3;

/// Looks after it until `closing`.
pub(crate) async fn tend(router: Arc<Router>, own_port: u16, closing: CancellationToken) {
    tokio::join!(look_around(&router, own_port, &closing), hear_offers(&router, &closing));
    router.lent.write().await;
}

/// Takes up what other members share, whenever that changes.
async fn hear_offers(router: &Router, closing: &CancellationToken) {
    let mut offers = router.net.offers();
    loop {
        let now = Arc::clone(&offers.borrow_and_update());
        router.take_offers(&now);
        router.tell_pages();
        tokio::select! {
            () = closing.cancelled() => return,
            changed = offers.changed() => if changed.is_err() { return },
        }
    }
}

async fn look_around(router: &Router, own_port: u16, closing: &CancellationToken) {
    let mut round = 0_u32;
    let mut told = None;
    loop {
        if router.known().routing.find_local && round.is_multiple_of(SEARCH_EVERY) {
            router.search(own_port).await;
        }
        if round.is_multiple_of(LIST_EVERY) {
            router.list_all().await;
        }
        if router.is_needed() {
            let models = router.door.models().await;
            router.set_mesh(models);
            router.lends.store(router.door.lends().await, Ordering::Relaxed);
        }
        let tells = (router.lends(), router.net.roster(), router.all_that_is_told());
        if told.as_ref() != Some(&tells) {
            told = Some(tells);
            router.tell_others();
            router.tell_pages();
        }
        if round.is_multiple_of(WRITE_EVERY) {
            router.lent.write().await;
        }
        round = round.wrapping_add(1);
        tokio::select! {
            () = closing.cancelled() => return,
            () = tokio::time::sleep(LOOK_EVERY) => {}
        }
    }
}

impl Router {
    /// Takes up what the book has. Places that stay as they were keep what is known of them.
    pub(super) fn read_book(&self) {
        self.change_known(|before| Some(self.of_book(before)));
        self.tell_others();
        self.tell_pages();
    }

    fn of_book(&self, before: &Known) -> Known {
        let page = self.book.page();
        let mut places: Vec<Arc<Place>> = Vec::new();
        for settings in page.providers {
            let key = self.book.key(&settings.id);
            let (id, has_key) = (settings.id.clone(), key.is_some());
            match Provider::new(self.client.clone(), settings, key) {
                Ok(provider) => places.push(Arc::new(Place::new(provider, false).holding(has_key))),
                Err(error) => {
                    tracing::warn!(%error, provider = %id, "a provider cannot be used");
                }
            }
        }
        for place in &places {
            if let Some(old) = before.places.iter().find(|old| old.id() == place.id()) {
                place.set_models(old.models().to_vec());
            }
        }
        let taken: BTreeSet<&str> = places.iter().map(|place| place.id()).collect();
        let found = before.places.iter().filter(|p| p.is_found && !taken.contains(p.id()));
        let found: Vec<Arc<Place>> = found.cloned().collect();
        places.extend(found);
        places.extend(before.others().cloned());
        Known { places, routing: page.routing, sharing: page.sharing }
    }

    /// Asks every provider what it has.
    async fn list_all(&self) {
        let known = self.known();
        join_all(known.own().map(|place| self.list(place))).await;
    }

    /// Asks one what it has. If it does not say, what it had last stays.
    pub(super) async fn list(&self, place: &Place) -> bool {
        match place.provider.models().await {
            Ok(models) => {
                place.set_models(models);
                true
            }
            Err(error) => {
                tracing::info!(%error, provider = place.id(), "a provider does not list its models");
                false
            }
        }
    }

    /// Takes up the model servers of this computer that answer, and lets go of those that do not.
    async fn search(&self, own_port: u16) {
        let mut found = discover(&self.client, &Search::usual(vec![own_port])).await;
        // Another node of this computer is a member, or is none of ours.
        found.retain(|found| found.kind.id != PUMASI);
        self.change_known(|known| {
            let set_up = known.own().filter(|place| !place.is_found);
            let mut places: Vec<Arc<Place>> = set_up.cloned().collect();
            for found in found {
                let is_set_up = places.iter().any(|place| is_at(place, &found));
                if !is_set_up && let Some(place) = self.take_up(known, &places, found) {
                    places.push(place);
                }
            }
            places.extend(known.others().cloned());
            if ids(&places) == ids(&known.places) {
                return None;
            }
            tracing::info!(providers = ?ids(&places), "model servers of this computer changed");
            let (routing, sharing) = (known.routing.clone(), known.sharing.clone());
            Some(Known { places, routing, sharing })
        });
    }

    /// Takes up what the members share.
    fn take_offers(&self, offers: &Offers) {
        self.change_known(|known| {
            let mut places: Vec<Arc<Place>> = known.own().cloned().collect();
            let before: Vec<Arc<Place>> = known.others().cloned().collect();
            places.extend(far::places(&self.net, offers, &before));
            let (routing, sharing) = (known.routing.clone(), known.sharing.clone());
            Some(Known { places, routing, sharing })
        });
    }

    fn take_up(&self, known: &Known, taken: &[Arc<Place>], found: Found) -> Option<Arc<Place>> {
        let before = known.places.iter().find(|place| place.is_found && is_at(place, &found));
        if let Some(before) = before {
            before.set_models(found.models);
            return Some(Arc::clone(before));
        }
        let free = |id: &String| taken.iter().all(|place| place.id() != id);
        let mut names = std::iter::once(found.kind.id.clone())
            .chain((2..10).map(|number| format!("{}-{number}", found.kind.id)));
        let id = names.find(free)?.parse().ok()?;
        let settings =
            Settings { base: Some(found.base), ..Settings::new(id, found.kind.id.as_str()) };
        let provider = Provider::new(self.client.clone(), settings, None).ok()?;
        let place = Place::new(provider, true);
        place.set_models(found.models);
        Some(Arc::new(place))
    }
}

fn ids(places: &[Arc<Place>]) -> Vec<String> {
    places.iter().map(|place| place.id().to_owned()).collect()
}

fn is_at(place: &Place, found: &Found) -> bool {
    let settings = place.provider.settings();
    let base = settings.base.as_deref().or(place.provider.kind().base.as_deref());
    base.is_some_and(|base| base.trim_end_matches('/') == found.base.trim_end_matches('/'))
}
