//! The audit log: as a list, or as text to be kept elsewhere.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Query, Request, State};
use axum::response::{IntoResponse, Response};
use http::{HeaderValue, header};

use crate::api::{AuditEntry, List};
use crate::app::App;
use crate::audit::{CSV_HEAD, csv_line, json_line};
use crate::error::ApiError;
use crate::limits::{AUDIT_DEFAULT, AUDIT_LISTED};
use crate::mesh::AuditFilter;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Form {
    Json,
    JsonLines,
    Csv,
}

pub(super) async fn list(
    State(app): State<Arc<App>>,
    request: Request,
) -> Result<Response, ApiError> {
    let caller = super::caller(&request)?;
    let query = Query::<Vec<(String, String)>>::try_from_uri(request.uri());
    let query = query.map_err(|_| ApiError::Query { name: "query" })?;
    let (filter, form) = asked(query.0)?;
    let entries = app.mesh.audit(&caller, filter).await?;
    Ok(match form {
        Form::Json => Json(List { data: entries }).into_response(),
        Form::JsonLines => {
            let lines = entries.iter().map(|entry| json_line(entry) + "\n");
            file(lines.collect(), "application/jsonl; charset=utf-8", "pumasi-audit.jsonl")
        }
        Form::Csv => file(csv(&entries), "text/csv; charset=utf-8", "pumasi-audit.csv"),
    })
}

/// With a byte order mark, by which spreadsheets know UTF-8.
fn csv(entries: &[AuditEntry]) -> String {
    let lines = entries.iter().map(csv_line);
    std::iter::once(format!("\u{feff}{CSV_HEAD}")).chain(lines).collect()
}

pub(super) fn file(text: String, kind: &'static str, name: &str) -> Response {
    let mut response = text.into_response();
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
    let disposition = HeaderValue::from_str(&format!("attachment; filename=\"{name}\""));
    headers.insert(header::CONTENT_DISPOSITION, disposition.expect("a plain name"));
    response
}

fn asked(query: Vec<(String, String)>) -> Result<(AuditFilter, Form), ApiError> {
    let mut filter = AuditFilter { since_ms: 0, person: None, limit: AUDIT_DEFAULT };
    let (mut form, mut limit) = (Form::Json, None);
    for (name, value) in query {
        match name.as_str() {
            "since_ms" => {
                filter.since_ms =
                    value.parse().map_err(|_| ApiError::Query { name: "since_ms" })?;
            }
            "person" => filter.person = Some(value),
            "limit" => {
                let asked: usize = value.parse().map_err(|_| ApiError::Query { name: "limit" })?;
                limit = Some(asked.clamp(1, AUDIT_LISTED));
            }
            "format" => {
                form = match value.as_str() {
                    "json" => Form::Json,
                    "jsonl" => Form::JsonLines,
                    "csv" => Form::Csv,
                    _ => return Err(ApiError::Query { name: "format" }),
                };
            }
            // Programs add what caches and trackers want.
            _ => {}
        }
    }
    let usual = if form == Form::Json { AUDIT_DEFAULT } else { AUDIT_LISTED };
    filter.limit = limit.unwrap_or(usual);
    Ok((filter, form))
}
