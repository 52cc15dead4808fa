//! How a person says who else may ask a provider of this node, and how that is shown.

use std::collections::BTreeMap;
use std::sync::Arc;

use pumasi_protocol::NodeId;
use pumasi_web::api::{self, ShareWith};
use pumasi_web::mesh::ProviderError;
use pumasi_web::meters::{Spent, UsageKey};

use super::lent::day_of;
use super::place::Place;
use super::sharing::{self, Sharing, With};
use super::show::{book_error, settings_error};
use super::{Router, book::BookError};
use crate::core::unix_ms;

/// What others used today, by provider.
pub(super) type LentToday = BTreeMap<String, Vec<(UsageKey, Spent)>>;

/// Billionths of a US dollar in one.
const NANO: f64 = 1_000_000_000.0;

impl Router {
    /// Changes who may ask a provider of this node, found or set up. Returns once it is on the disk.
    pub(crate) async fn share_provider(
        self: &Arc<Self>,
        id: &str,
        request: api::ShareRequest,
    ) -> Result<api::Provider, ProviderError> {
        let place = self.place(id)?;
        let people = request.people.map(|people| people.into_iter().map(|name| name.parse()));
        let people = people.map(Iterator::collect::<Result<Vec<_>, _>>);
        let people = people.transpose().map_err(settings_error)?;
        let mut sharing = sharing::of(&self.known().sharing, &place).into_owned();
        sharing.with = request.with.map_or(sharing.with, with_of);
        sharing.people = people.unwrap_or(sharing.people);
        if sharing.with != With::People {
            sharing.people.clear();
        }
        let per_minute = request.requests_per_minute;
        sharing.requests_per_minute = per_minute.unwrap_or(sharing.requests_per_minute);
        sharing.tokens_per_day = request.tokens_per_day.unwrap_or(sharing.tokens_per_day);
        let (router, kept) = (Arc::clone(self), id.to_owned());
        let written = tokio::task::spawn_blocking(move || {
            router.book.change(|page| {
                page.sharing.insert(kept, sharing);
                Ok(())
            })?;
            router.read_book();
            Ok::<_, BookError>(())
        });
        let written = written.await;
        let written =
            written.map_err(|_| ProviderError::Store("it could not be written down".to_owned()))?;
        written.map_err(book_error)?;
        let place = self.place(id)?;
        Ok(self.shown_one(&place).await)
    }

    /// What others used today; nothing where that cannot be read.
    pub(super) async fn lent_today(&self) -> LentToday {
        let rows = self.lent.of_day(day_of(unix_ms())).await.unwrap_or_else(|error| {
            tracing::warn!(%error, "what others used of providers cannot be read");
            Vec::new()
        });
        let mut today = LentToday::new();
        for (key, spent) in rows {
            today.entry(key.place.clone()).or_default().push((key, spent));
        }
        today
    }

    pub(super) fn sharing_view(&self, place: &Place, lent: &LentToday) -> api::Sharing {
        let known = self.known();
        let sharing: Sharing = sharing::of(&known.sharing, place).into_owned();
        let rows = lent.get(place.id()).map(Vec::as_slice).unwrap_or_default();
        api::Sharing {
            with: match sharing.with {
                With::Nobody => ShareWith::Nobody,
                With::Everyone => ShareWith::Everyone,
                With::People => ShareWith::People,
            },
            people: sharing.people.iter().map(ToString::to_string).collect(),
            requests_per_minute: sharing.requests_per_minute,
            tokens_per_day: sharing.tokens_per_day,
            usual: !known.sharing.contains_key(place.id()),
            lent: self.lent_view(rows),
        }
    }

    /// By computer, who used most first.
    fn lent_view(&self, rows: &[(UsageKey, Spent)]) -> Vec<api::Lent> {
        let mut by_node: BTreeMap<&str, (&str, Spent)> = BTreeMap::new();
        for (key, spent) in rows {
            let row = by_node.entry(&key.key).or_insert((&key.person, Spent::default()));
            row.1.add(spent);
        }
        let lent = by_node.into_iter().filter_map(|(node, (person, spent))| {
            let node: NodeId = node.parse().ok()?;
            let name = self.asker(node, |member| member.name.to_string());
            Some(api::Lent {
                node: api::NodeRef::new(node, name.unwrap_or_else(|| node.short())),
                person: Some(person.to_owned()).filter(|person| !person.is_empty()),
                requests: spent.requests,
                tokens: spent.prompt.saturating_add(spent.completion),
                cost_usd: (spent.unpriced == 0).then(|| spent.cost_nano_usd as f64 / NANO),
            })
        });
        let mut lent: Vec<api::Lent> = lent.collect();
        lent.sort_by_key(|row| std::cmp::Reverse(row.tokens));
        lent
    }
}

fn with_of(with: ShareWith) -> With {
    match with {
        ShareWith::Nobody => With::Nobody,
        ShareWith::Everyone => With::Everyone,
        ShareWith::People => With::People,
    }
}
