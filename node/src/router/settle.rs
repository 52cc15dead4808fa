//! How requests are routed, as the API shows it, and how a person changes it.

use std::sync::Arc;

use pumasi_protocol::ModelName;
use pumasi_web::api;
use pumasi_web::mesh::ProviderError;

use super::Router;
use super::policy::{Policy, Routing};
use super::show::{book_error, settings_error};

impl Router {
    /// Changes how requests are routed.
    pub(crate) async fn set_routing(
        self: &Arc<Self>,
        change: api::RoutingChange,
    ) -> Result<api::Routing, ProviderError> {
        let names = |texts: Vec<String>| -> Result<Vec<ModelName>, ProviderError> {
            texts.into_iter().map(|text| text.parse().map_err(settings_error)).collect()
        };
        let aliases = change.aliases.clone().map(|aliases| {
            let named = aliases.into_iter().map(|(name, chain)| {
                Ok((name.parse::<ModelName>().map_err(settings_error)?, names(chain)?))
            });
            named.collect::<Result<std::collections::BTreeMap<_, _>, ProviderError>>()
        });
        let (aliases, stand_in) =
            (aliases.transpose()?, change.stand_in.clone().map(names).transpose()?);
        let router = Arc::clone(self);
        let written = tokio::task::spawn_blocking(move || {
            router.book.change(|page| {
                let routing = &mut page.routing;
                routing.policy = change.policy.map_or(routing.policy, policy_of);
                routing.full_after_ms = change.full_after_ms.unwrap_or(routing.full_after_ms);
                routing.find_local = change.find_local.unwrap_or(routing.find_local);
                routing.rehearsal = change.rehearsal.unwrap_or(routing.rehearsal);
                settle_tries(routing, &change);
                if let Some(aliases) = aliases {
                    routing.aliases = aliases;
                }
                if let Some(stand_in) = stand_in {
                    routing.stand_in = stand_in;
                }
                Ok(())
            })?;
            router.read_book();
            Ok(())
        });
        let written = written.await;
        let written =
            written.map_err(|_| ProviderError::Store("it could not be written down".to_owned()))?;
        written.map_err(book_error)?;
        Ok(view(&self.known().routing))
    }
}

/// What is tried once more, and what is asked of two.
fn settle_tries(routing: &mut Routing, change: &api::RoutingChange) {
    routing.retries = change.retries.unwrap_or(routing.retries);
    routing.retry_percent = change.retry_percent.unwrap_or(routing.retry_percent);
    routing.retry_burst = change.retry_burst.unwrap_or(routing.retry_burst);
    routing.wait_ms = change.wait_ms.unwrap_or(routing.wait_ms);
    routing.hedge_after_ms = change.hedge_after_ms.unwrap_or(routing.hedge_after_ms);
    routing.hedge_paid = change.hedge_paid.unwrap_or(routing.hedge_paid);
}

fn policy_of(policy: api::RoutingPolicy) -> Policy {
    match policy {
        api::RoutingPolicy::MeshFirst => Policy::MeshFirst,
        api::RoutingPolicy::CloudFirst => Policy::CloudFirst,
        api::RoutingPolicy::CloudWhenFull => Policy::CloudWhenFull,
        api::RoutingPolicy::NeverCloud => Policy::NeverCloud,
    }
}

pub(super) fn view(routing: &Routing) -> api::Routing {
    let texts = |names: &Vec<ModelName>| names.iter().map(ToString::to_string).collect();
    let aliases = routing.aliases.iter();
    api::Routing {
        policy: match routing.policy {
            Policy::MeshFirst => api::RoutingPolicy::MeshFirst,
            Policy::CloudFirst => api::RoutingPolicy::CloudFirst,
            Policy::CloudWhenFull => api::RoutingPolicy::CloudWhenFull,
            Policy::NeverCloud => api::RoutingPolicy::NeverCloud,
        },
        full_after_ms: routing.full_after_ms,
        aliases: aliases.map(|(name, chain)| (name.to_string(), texts(chain))).collect(),
        stand_in: texts(&routing.stand_in),
        find_local: routing.find_local,
        rehearsal: routing.rehearsal,
        retries: routing.retries,
        retry_percent: routing.retry_percent,
        retry_burst: routing.retry_burst,
        wait_ms: routing.wait_ms,
        hedge_after_ms: routing.hedge_after_ms,
        hedge_paid: routing.hedge_paid,
    }
}
