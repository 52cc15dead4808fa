//! The endpoints that providers have, too. Most requests come to them, and they are to cost little more
//! than the bytes that are handed on, so they are answered without the layers of the router. What those
//! layers decide is decided here by the same functions.

use std::sync::Arc;
use std::time::Instant;

use axum::extract::Request;
use axum::response::Response;
use axum::routing::post;
use http::Method;
use pumasi_dialects::{anthropic, openai};

use super::access::{self, Access};
use super::inference::{self, Asked};
use super::paths::Routes;
use super::{method_not_allowed, speaking};
use crate::app::{App, unix_ms};
use crate::body::Ceiling;
use crate::error::ApiError;
use crate::guard::Asker;
use crate::mesh::Endpoint;
use crate::meters::Tally;
use crate::server::Held;

const ROUTES: [(&str, Endpoint); 4] = [
    ("/v1/chat/completions", Endpoint::Chat),
    ("/v1/messages", Endpoint::Messages),
    ("/v1/completions", Endpoint::Completion),
    ("/v1/embeddings", Endpoint::Embeddings),
];

/// What methods other than POST get there.
pub(super) fn others() -> Routes {
    let route = |routes: Routes, (path, endpoint): (_, Endpoint)| {
        let one = Routes::new().route(path, post(method_not_allowed));
        routes.merge(one.around(|one| speaking(endpoint.dialect(), one)))
    };
    ROUTES.into_iter().fold(Routes::new(), route)
}

/// The pattern and the endpoint, if it is a request to one of these.
pub(crate) fn find(method: &Method, path: &str) -> Option<(&'static str, Endpoint)> {
    let found = ROUTES.into_iter().find(|(pattern, _)| *pattern == path);
    found.filter(|_| method == Method::POST)
}

/// Answers it; with the answer what that holds until it has gone out.
pub(crate) async fn answer(
    app: &Arc<App>,
    asker: &Asker,
    (request_id, tally): (String, Arc<Tally>),
    endpoint: Endpoint,
    request: Request,
) -> Result<(Response, Held), ApiError> {
    let entered = access::enter(app, Access::Inference, asker)?;
    if let Some(holder) = &entered.holder {
        holder.may_spend(Instant::now(), unix_ms())?;
    }
    let (caller, payer) = (entered.caller.clone(), entered.holder.clone());
    let asked = Asked { caller, payer, request_id, tally };
    let (some, pictures) = (Some(endpoint), Ceiling::Pictures);
    let answering = async {
        match endpoint {
            Endpoint::Chat => {
                inference::generate_for(app, asked, request, pictures, some, openai::parse_chat)
                    .await
            }
            Endpoint::Completion => {
                let (text, parse) = (Ceiling::Text, openai::parse_completion);
                inference::generate_for(app, asked, request, text, some, parse).await
            }
            Endpoint::Messages => {
                inference::generate_for(app, asked, request, pictures, some, anthropic::parse).await
            }
            Endpoint::Embeddings => {
                inference::embed_for(app, asked, request, some, openai::parse_embeddings).await
            }
        }
    };
    let response = entered.unless_revoked(answering).await??;
    Ok((response, entered.leave()?))
}
