//! What was used and how it went: figures for programs, people and Prometheus.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::Json;
use axum::extract::{Query, Request, State};
use axum::response::{IntoResponse, Response};
use http::{HeaderValue, header};

use super::audit::file;
use crate::api::{History, Usage, UsageBy, UsageRow};
use crate::app::{App, unix_ms};
use crate::error::ApiError;
use crate::limits::USAGE_DAYS;
use crate::mesh::Caller;
use crate::meters::{Gauges, MINUTE_MS, exposition, points};
use crate::usage::{CSV_HEAD, csv_line, day_name, day_number, rows};

const DAY_MS: u64 = 24 * 60 * 60 * 1_000;
/// Days in an answer, where nothing else is asked for.
const USUAL_DAYS: u32 = 30;
/// Minutes of history that are told one by one, where nothing else is asked for; above, by the hour.
const BY_MINUTE: u64 = 6 * 60;
/// A week.
const MOST_MINUTES: u64 = 7 * 24 * 60;

/// Prometheus's text format.
pub(super) async fn metrics(State(app): State<Arc<App>>) -> Response {
    let gauges = Gauges {
        status: app.mesh.status().await,
        nodes: app.mesh.nodes().await,
        providers: app.mesh.providers().await,
    };
    let figures = app.meters.figures();
    let mut response = exposition(&figures, &gauges).into_response();
    let kind = HeaderValue::from_static("text/plain; version=0.0.4; charset=utf-8");
    response.headers_mut().insert(header::CONTENT_TYPE, kind);
    response
}

struct Asked {
    from: u32,
    to: u32,
    by: Vec<UsageBy>,
    is_csv: bool,
}

/// `?from=2026-03-01&to=2026-03-31&by=person,model&format=csv`
pub(super) async fn usage(
    State(app): State<Arc<App>>,
    request: Request,
) -> Result<Response, ApiError> {
    let caller = super::caller(&request)?;
    let query = Query::<Vec<(String, String)>>::try_from_uri(request.uri());
    let query = query.map_err(|_| ApiError::Query { name: "query" })?;
    let asked = asked(query.0)?;
    let used = app.mesh.usage(asked.from, asked.to).await?;
    let mine = used.into_iter().filter(|(key, _)| match &caller {
        Caller::Install => true,
        Caller::Loopback => false,
        Caller::Key { person, .. } => *person == key.person,
    });
    let (mut rows, total) = rows(mine, &asked.by);
    name(&app, &mut rows).await;
    if asked.is_csv {
        let lines = rows.iter().map(csv_line);
        // With a byte order mark, by which spreadsheets know UTF-8.
        let text = std::iter::once(format!("\u{feff}{CSV_HEAD}")).chain(lines).collect();
        return Ok(file(text, "text/csv; charset=utf-8", "pumasi-usage.csv"));
    }
    let (from, to) = (day_name(asked.from), day_name(asked.to));
    Ok(Json(Usage { from, to, by: asked.by, rows, total }).into_response())
}

fn asked(query: Vec<(String, String)>) -> Result<Asked, ApiError> {
    let today = u32::try_from(unix_ms() / DAY_MS).unwrap_or(u32::MAX);
    let (mut from, mut to, mut by, mut is_csv) = (None, None, Vec::new(), false);
    for (name, value) in query {
        let day = |name| day_number(&value).ok_or(ApiError::Query { name });
        match name.as_str() {
            "from" => from = Some(day("from")?),
            "to" => to = Some(day("to")?),
            "by" => {
                for word in value.split(',').filter(|word| !word.is_empty()) {
                    let found = UsageBy::ALL.into_iter().find(|by| by.word() == word);
                    let found = found.ok_or(ApiError::Query { name: "by" })?;
                    if !by.contains(&found) {
                        by.push(found);
                    }
                }
            }
            "format" => {
                is_csv = match value.as_str() {
                    "json" => false,
                    "csv" => true,
                    _ => return Err(ApiError::Query { name: "format" }),
                };
            }
            // Programs add what caches and trackers want.
            _ => {}
        }
    }
    let to = to.unwrap_or_else(|| from.map_or(today, |from| today.max(from)));
    let from = from.unwrap_or_else(|| to.saturating_sub(USUAL_DAYS - 1));
    if from > to || to - from >= USAGE_DAYS {
        return Err(ApiError::Query { name: "from" });
    }
    if by.is_empty() {
        by = vec![UsageBy::Model, UsageBy::Place];
    }
    Ok(Asked { from, to, by, is_csv })
}

/// What people call keys and computers.
async fn name(app: &App, rows: &mut [UsageRow]) {
    let keys = app.keys.list(unix_ms()).into_iter().map(|key| (key.id, key.name));
    let keys: BTreeMap<String, String> = keys.collect();
    let nodes = app.mesh.nodes().await.into_iter();
    let place = |id: &str| format!("mesh/{}", id.get(..8).unwrap_or_default());
    let nodes: BTreeMap<String, String> = nodes.map(|node| (place(&node.id), node.name)).collect();
    for row in rows {
        row.key_name = row.key.as_ref().and_then(|key| keys.get(key).cloned());
        row.place_name = row.place.as_ref().and_then(|place| nodes.get(place).cloned());
    }
}

/// `?from_ms=&to_ms=&step=minute|hour`
pub(super) async fn history(
    State(app): State<Arc<App>>,
    request: Request,
) -> Result<Json<History>, ApiError> {
    let query = Query::<BTreeMap<String, String>>::try_from_uri(request.uri());
    let query = query.map_err(|_| ApiError::Query { name: "query" })?.0;
    let time = |name: &'static str| {
        let text = query.get(name).map(|text| text.parse::<u64>());
        text.transpose().map_err(|_| ApiError::Query { name })
    };
    let to = time("to_ms")?.unwrap_or_else(unix_ms) / MINUTE_MS;
    let from = time("from_ms")?.map_or(to.saturating_sub(BY_MINUTE), |ms| ms / MINUTE_MS);
    let from = from.max(to.saturating_sub(MOST_MINUTES));
    if from > to {
        return Err(ApiError::Query { name: "from_ms" });
    }
    let step_min = match query.get("step").map(String::as_str) {
        Some("minute") => 1,
        Some("hour") => 60,
        Some(_) => return Err(ApiError::Query { name: "step" }),
        None if to - from > BY_MINUTE => 60,
        None => 1,
    };
    let minutes = app.mesh.history(from, to).await?;
    let step_s = if step_min == 1 { 60 } else { 3_600 };
    Ok(Json(History { step_s, points: points(&minutes, step_min) }))
}
