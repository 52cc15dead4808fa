//! Making, listing, changing and revoking API keys. A change counts once it is written down; a revocation
//! at once.

use std::collections::BTreeSet;
use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, Request, State};
use http::StatusCode;
use pumasi_dialects::{Invalid, Reason};
use pumasi_protocol::NodeName;

use super::kept;
use crate::api::{Key, KeyChange, KeyRequest, KeyScope, List, NewKey};
use crate::app::{App, unix_ms};
use crate::body::{self, Ceiling};
use crate::error::ApiError;
use crate::keys::{Holder, KeyError, KeyRow, KeyStep, Terms, Wanted};
use crate::limits;

pub(super) async fn list(State(app): State<Arc<App>>) -> Json<List<Key>> {
    Json(List { data: app.keys.list(unix_ms()) })
}

pub(super) async fn create(
    State(app): State<Arc<App>>,
    request: Request,
) -> Result<(StatusCode, Json<NewKey>), ApiError> {
    let bytes = body::json(&app, request, Ceiling::Small).await?;
    let asked: KeyRequest = kept::strict(&bytes)?;
    let wanted = wanted(&app, asked).await?;
    let _one_at_a_time = app.keys.changing.lock().await;
    let (row, secret) = app.keys.draft(wanted, unix_ms())?;
    let (terms, key) = (row.terms.clone(), row.shown.clone());
    let instead_of = row.instead_of.clone();
    app.mesh.keep_key(row).await?;
    instead_of.iter().for_each(|id| app.keys.forget(id));
    app.keys.put(terms);
    Ok((StatusCode::CREATED, Json(NewKey { secret, key })))
}

async fn wanted(app: &App, asked: KeyRequest) -> Result<Wanted, ApiError> {
    let name = parse_name(asked.name)?;
    let person = match asked.person {
        Some(person) => Some(person),
        None => app.mesh.status().await.person,
    };
    let scopes = match asked.scopes {
        Some(scopes) => some_scope(scopes)?,
        None => BTreeSet::from([KeyScope::Inference]),
    };
    Ok(Wanted {
        person: person.map_or_else(|| Ok(name.clone()), parse_name)?,
        name,
        scopes,
        valid_ms: asked.valid_s.map(valid_ms).transpose()?,
        requests_per_min: asked.requests_per_min.map(per_min).transpose()?,
        tokens_per_min: asked.tokens_per_min.map(|n| tokens("tokens_per_min", n)).transpose()?,
        tokens_per_day: asked.tokens_per_day.map(|n| tokens("tokens_per_day", n)).transpose()?,
        tokens_in_all: asked.tokens_in_all.map(|n| tokens("tokens_in_all", n)).transpose()?,
    })
}

fn parse_name(text: String) -> Result<NodeName, KeyError> {
    NodeName::try_from(text).map_err(KeyError::Name)
}

fn some_scope(scopes: Vec<KeyScope>) -> Result<BTreeSet<KeyScope>, Invalid> {
    let scopes: BTreeSet<KeyScope> = scopes.into_iter().collect();
    if scopes.is_empty() { Err(Invalid::at("scopes", Reason::Empty)) } else { Ok(scopes) }
}

fn valid_ms(valid_s: u32) -> Result<u64, Invalid> {
    in_range("valid_s", valid_s.into(), limits::KEY_VALID_S.into()).map(|valid_s| valid_s * 1_000)
}

fn per_min(requests: u32) -> Result<u32, Invalid> {
    let most = limits::KEY_REQUESTS_PER_MIN;
    in_range("requests_per_min", requests.into(), most.into()).map(|_| requests)
}

/// Above this, numbers of JSON are not exact everywhere.
const MOST_TOKENS: u64 = (1 << 53) - 1;

fn tokens(field: &'static str, tokens: u64) -> Result<u64, Invalid> {
    in_range(field, tokens, MOST_TOKENS)
}

fn in_range(field: &'static str, value: u64, max: u64) -> Result<u64, Invalid> {
    if (1..=max).contains(&value) {
        return Ok(value);
    }
    let (min, max) = ("1".to_owned(), max.to_string());
    Err(Invalid::at(field, Reason::Range { min, max }))
}

pub(super) async fn change(
    State(app): State<Arc<App>>,
    Path(id): Path<String>,
    request: Request,
) -> Result<Json<Key>, ApiError> {
    let bytes = body::json(&app, request, Ceiling::Small).await?;
    let asked: KeyChange = kept::strict(&bytes)?;
    let _one_at_a_time = app.keys.changing.lock().await;
    let holder = app.keys.find(&id)?;
    if holder.is_revoked() {
        return Err(KeyError::Revoked.into());
    }
    let terms = changed(holder.terms(), asked)?;
    keep(&app, &holder, terms.clone()).await?;
    app.keys.put(terms);
    Ok(Json(holder.show(unix_ms())))
}

/// Zero takes a limit away.
fn changed(mut terms: Terms, asked: KeyChange) -> Result<Terms, ApiError> {
    let unless_zero = |n: u64| Some(n).filter(|n| *n > 0);
    if let Some(name) = asked.name {
        terms.name = parse_name(name)?;
    }
    if let Some(scopes) = asked.scopes {
        terms.scopes = some_scope(scopes)?;
    }
    match asked.valid_s {
        None => {}
        Some(0) => terms.expires_ms = None,
        Some(valid_s) => {
            terms.expires_ms = Some(unix_ms().saturating_add(valid_ms(valid_s)?));
        }
    }
    match asked.requests_per_min {
        None => {}
        Some(0) => terms.requests_per_min = None,
        Some(requests) => terms.requests_per_min = Some(per_min(requests)?),
    }
    if let Some(most) = asked.tokens_per_min {
        let most = unless_zero(most).map(|n| tokens("tokens_per_min", n));
        terms.tokens_per_min = most.transpose()?;
    }
    if let Some(most) = asked.tokens_per_day {
        let most = unless_zero(most).map(|n| tokens("tokens_per_day", n));
        terms.tokens_per_day = most.transpose()?;
    }
    if let Some(most) = asked.tokens_in_all {
        let most = unless_zero(most).map(|n| tokens("tokens_in_all", n));
        terms.tokens_in_all = most.transpose()?;
    }
    Ok(terms)
}

/// It opens nothing from here on, also if that cannot be written down: then it would open again after a
/// restart, and the answer says that it was not written.
pub(super) async fn revoke(
    State(app): State<Arc<App>>,
    Path(id): Path<String>,
) -> Result<Json<Key>, ApiError> {
    let _one_at_a_time = app.keys.changing.lock().await;
    let holder = app.keys.find(&id)?;
    let mut terms = holder.terms();
    terms.revoked_ms.get_or_insert_with(unix_ms);
    app.keys.put(terms.clone());
    keep(&app, &holder, terms).await?;
    Ok(Json(holder.show(unix_ms())))
}

/// Writes down what is agreed with a holder; it is shown as it will be.
async fn keep(app: &App, holder: &Holder, terms: Terms) -> Result<(), KeyError> {
    let shown = holder.show_under(&terms, unix_ms());
    let step = if terms.revoked_ms.is_some() { KeyStep::Revoked } else { KeyStep::Changed };
    app.mesh.keep_key(KeyRow { terms, instead_of: None, shown, step }).await
}
