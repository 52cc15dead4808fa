//! Conversations that the node keeps for its person: listed, read, written, saved, deleted.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, Query, Request, State};
use axum::response::{IntoResponse, Response};
use http::StatusCode;

use super::audit::file;
use super::kept;
use crate::api::{Conversation, ConversationChange, ConversationLine, List};
use crate::app::{App, unix_ms};
use crate::body::{self, Ceiling};
use crate::conversations::{check_change, check_id, checked, fresh_id, markdown};
use crate::error::ApiError;
use crate::limits::{CONVERSATIONS, CONVERSATIONS_DEFAULT, SEARCH_BYTES};
use crate::mesh::ConversationFilter;

/// `?search=words&limit=50`
pub(super) async fn list(
    State(app): State<Arc<App>>,
    request: Request,
) -> Result<Json<List<ConversationLine>>, ApiError> {
    let mut filter = ConversationFilter { search: String::new(), limit: CONVERSATIONS_DEFAULT };
    for (name, value) in query(&request)? {
        match name.as_str() {
            "search" if value.len() > SEARCH_BYTES => {
                return Err(ApiError::Query { name: "search" });
            }
            "search" => filter.search = value,
            "limit" => {
                let limit: usize = value.parse().map_err(|_| ApiError::Query { name: "limit" })?;
                filter.limit = limit.clamp(1, CONVERSATIONS);
            }
            // Programs add what caches and trackers want.
            _ => {}
        }
    }
    Ok(Json(List { data: app.mesh.conversations(filter).await? }))
}

fn query(request: &Request) -> Result<Vec<(String, String)>, ApiError> {
    let query = Query::<Vec<(String, String)>>::try_from_uri(request.uri());
    Ok(query.map_err(|_| ApiError::Query { name: "query" })?.0)
}

/// `?format=markdown` or `?format=file` saves it; else it is told.
pub(super) async fn one(
    State(app): State<Arc<App>>,
    Path(id): Path<String>,
    request: Request,
) -> Result<Response, ApiError> {
    let query = query(&request)?;
    let form = query.iter().rev().find(|(name, _)| name == "format").map(|(_, form)| form.as_str());
    if !matches!(form, None | Some("json" | "file" | "markdown")) {
        return Err(ApiError::Query { name: "format" });
    }
    let conversation = app.mesh.conversation(&id).await?;
    Ok(match form {
        Some("file") => {
            let text = serde_json::to_string_pretty(&conversation);
            let text = text.map_err(|_| ApiError::Internal)?;
            file(text, "application/json", "pumasi-conversation.json")
        }
        Some("markdown") => {
            let text = markdown(&conversation);
            file(text, "text/markdown; charset=utf-8", "pumasi-conversation.md")
        }
        None | Some(_) => Json(conversation).into_response(),
    })
}

/// Takes one that was saved; it gets a new id where its own is taken.
pub(super) async fn import(
    State(app): State<Arc<App>>,
    request: Request,
) -> Result<(StatusCode, Json<ConversationLine>), ApiError> {
    let bytes = body::json(&app, request, Ceiling::Conversation).await?;
    let saved: Conversation = body::parse(bytes, |bytes| checked(kept::strict(bytes)?)).await?;
    let id = match app.mesh.has_conversation(&saved.id).await? {
        true => fresh_id()?,
        false => saved.id,
    };
    let change = ConversationChange {
        revision: None,
        title: Some(saved.title),
        settings: Some(saved.settings),
        messages: saved.messages,
    };
    let line = app.mesh.change_conversation(&id, change, saved.updated_ms.min(unix_ms())).await?;
    Ok((StatusCode::CREATED, Json(line)))
}

/// Begins one, or adds to it.
pub(super) async fn change(
    State(app): State<Arc<App>>,
    Path(id): Path<String>,
    request: Request,
) -> Result<Json<ConversationLine>, ApiError> {
    let bytes = body::json(&app, request, Ceiling::Text).await?;
    check_id("id", &id)?;
    let change: ConversationChange =
        body::parse(bytes, |bytes| check_change(kept::strict(bytes)?)).await?;
    Ok(Json(app.mesh.change_conversation(&id, change, unix_ms()).await?))
}

pub(super) async fn forget(
    State(app): State<Arc<App>>,
    Path(id): Path<String>,
) -> Result<StatusCode, ApiError> {
    app.mesh.forget_conversation(&id).await?;
    Ok(StatusCode::NO_CONTENT)
}
