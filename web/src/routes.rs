//! The routes. Three sorts: open to everybody who gets past the guard, inference (open to programs of
//! this computer), and everything else, which needs the token, or, in part, an API key with the scope.

mod access;
mod admission;
mod assets;
mod audit;
mod benchmarks;
mod conversations;
mod counting;
pub(crate) mod direct;
mod documents;
mod events;
mod foreign;
mod headers;
mod inference;
mod inspecting;
mod jobs;
mod kept;
mod keys;
mod lending;
mod listing;
mod mcp;
mod models;
mod open;
mod pairing;
mod paths;
mod preload;
mod providers;
mod pulling;
mod relay;
mod stock;
mod streaming;
mod thinking;
mod usage;

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Instant;

use axum::Router;
use axum::extract::{MatchedPath, Request};
use axum::middleware::{Next, from_fn, map_request, map_response};
use axum::response::{IntoResponse, Response};
use axum::routing::{delete, get, patch, post, put};

use access::Access;
use paths::Routes;
use pumasi_dialects::Dialect;

use crate::api::KeyScope;
use crate::app::{App, unix_ms};
use crate::error::ApiError;
use crate::keys::Holder;
use crate::mesh::Caller;

pub(crate) fn router(app: Arc<App>) -> Router {
    let mut routes = open();
    for group in groups() {
        let within = group.routes.around(|routes| access::behind(routes, &app, group.access));
        routes = routes.merge(match group.dialect {
            Some(dialect) => within.around(|routes| speaking(dialect, routes)),
            None => within,
        });
    }
    let api = routes.into_router();
    // The tools for agents ask the same routes as everybody else, behind the same rules.
    let inside = api.clone().with_state(Arc::clone(&app));
    api.route(mcp::PATH, mcp::served_from(inside))
        .route_layer(from_fn(note_route))
        .fallback(assets::serve)
        .method_not_allowed_fallback(method_not_allowed)
        .with_state(app)
}

/// Every path that is answered, in the router's own writing, without those of the interface.
#[must_use]
pub fn paths() -> BTreeSet<&'static str> {
    let all = groups().into_iter().fold(open(), |routes, group| routes.merge(group.routes));
    all.into_paths().into_iter().chain([mcp::PATH]).collect()
}

/// Routes with one rule before them.
struct Group {
    access: Access,
    /// In which errors are told; none: as everywhere else.
    dialect: Option<Dialect>,
    routes: Routes,
}

fn groups() -> Vec<Group> {
    use Access::{Inference, Install, Scoped};
    let ours = |access, routes| Group { access, dialect: None, routes };
    let theirs = |dialect, routes| Group { access: Inference, dialect: Some(dialect), routes };
    vec![
        ours(Inference, inference()),
        theirs(Dialect::Anthropic, anthropic()),
        theirs(Dialect::Gemini, gemini()),
        theirs(Dialect::Ollama, ollama()),
        ours(Scoped(KeyScope::Jobs), jobs()),
        ours(Scoped(KeyScope::View), view()),
        ours(Scoped(KeyScope::Models), placing()),
        ours(Scoped(KeyScope::Models), ollama_store()),
        ours(Scoped(KeyScope::Operate), operating()),
        ours(Install, owner()),
    ]
}

/// Open to everybody who gets past the guard: they say what this program is, not what it knows. And
/// those that are answered before they come here, which decide for themselves.
fn open() -> Routes {
    Routes::new()
        .route("/healthz", get(listing::health))
        .route("/llms.txt", get(open::llms))
        .route("/api/openapi.json", get(open::openapi))
        .merge(direct::others())
}

fn inference() -> Routes {
    Routes::new()
        .route("/v1/models", get(models::list))
        .route("/v1/models/{*model}", get(models::one))
        .route("/v1/responses", post(inference::responses))
        .route("/v1/responses/input_tokens", post(counting::responses))
}

fn anthropic() -> Routes {
    Routes::new().route("/v1/messages/count_tokens", post(counting::messages))
}

/// Under both versions of that API; the lists under `v1` are beside OpenAI's.
fn gemini() -> Routes {
    Routes::new()
        .route("/v1/models/{*model}", post(foreign::gemini_call))
        .route("/v1beta/models", get(foreign::gemini_models))
        .route("/v1beta/models/{*call}", get(foreign::gemini_model).post(foreign::gemini_call))
}

/// Beside our own `/api/v1`: Ollama's paths have no version.
fn ollama() -> Routes {
    Routes::new()
        .route("/api/chat", post(foreign::ollama_chat))
        .route("/api/generate", post(foreign::ollama_generate))
        .route("/api/embed", post(foreign::ollama_embed))
        .route("/api/embeddings", post(foreign::ollama_embed_one))
        .route("/api/tags", get(foreign::ollama_tags))
        .route("/api/ps", get(foreign::ollama_running))
        .route("/api/show", post(foreign::ollama_show))
        .route("/api/version", get(foreign::ollama_version))
        .around(|routes| routes.route_layer(map_request(foreign::as_curl_sends)))
}

fn jobs() -> Routes {
    Routes::new()
        .route("/api/v1/jobs", get(jobs::list).post(jobs::submit))
        .route("/api/v1/jobs/{job}", get(jobs::one).delete(jobs::forget))
        .route("/api/v1/jobs/{job}/why", get(jobs::why))
        .route("/api/v1/jobs/{job}/cancel", post(jobs::cancel))
        .route("/api/v1/jobs/{job}/adopt", post(jobs::adopt))
        .route("/api/v1/jobs/{job}/result", get(jobs::result))
        .route("/api/v1/jobs/{job}/events", get(events::of_job))
        .route("/api/v1/documents", post(documents::upload))
        .route("/api/v1/documents/{task}", post(documents::submit))
        .route("/api/v1/audit", get(audit::list))
        .route("/api/v1/usage", get(usage::usage))
}

fn view() -> Routes {
    Routes::new()
        .route("/api/v1/status", get(listing::status))
        .route("/api/v1/nodes", get(listing::nodes))
        .route("/api/v1/models", get(listing::models))
        .route("/api/v1/models/{model}/inspect", get(inspecting::inspect))
        .route("/api/v1/recommendations", get(inspecting::recommend))
        .route("/api/v1/copies", get(listing::copies))
        .route("/api/v1/providers", get(providers::list))
        .route("/api/v1/events", get(events::all))
        .route("/api/v1/history", get(usage::history))
        .route("/metrics", get(usage::metrics))
}

fn placing() -> Routes {
    Routes::new()
        .route("/api/v1/models/{model}/load", post(models::load))
        .route("/api/v1/models/{model}/unload", post(models::unload))
        .route("/api/v1/models/{model}/copy", post(models::copy).delete(models::stop_copy))
        .route("/api/v1/benchmarks", get(benchmarks::list).post(benchmarks::keep))
        .route("/api/v1/models/{model}/settings", get(models::settings).post(models::set))
        .route("/api/v1/hub/search", get(stock::search))
        .route("/api/v1/hub/repo", get(stock::repo))
        .route("/api/v1/hub/card", get(stock::card))
        .route("/api/v1/pulls", get(stock::pulls).post(stock::pull))
        .route("/api/v1/pulls/{pull}", delete(stock::give_up))
        .route("/api/v1/pulls/{pull}/pause", post(stock::pause))
        .route("/api/v1/pulls/{pull}/resume", post(stock::resume))
        .route("/api/v1/store", get(stock::show))
        .route("/api/v1/store/models/{model}", patch(stock::change).delete(stock::remove))
}

/// Ollama's, which change what is here: unlike its inference not open to every program, and refused in
/// our own words.
fn ollama_store() -> Routes {
    Routes::new()
        .route("/api/pull", post(pulling::pull))
        .route("/api/delete", delete(pulling::remove))
        .route("/api/copy", post(pulling::copy))
        .around(|routes| routes.route_layer(map_request(foreign::as_curl_sends)))
}

fn operating() -> Routes {
    Routes::new()
        .route("/api/v1/lending", get(lending::show).post(lending::lend))
        .route("/api/v1/doctor", get(listing::doctor))
        .route("/api/v1/errors", get(listing::errors))
}

/// What needs the token of this install, and what no API key opens.
fn owner() -> Routes {
    Routes::new()
        .route("/api/v1/invitations", get(admission::list).post(admission::invite))
        .route("/api/v1/nodes/{node}/remove", post(admission::remove))
        .route("/api/v1/invitations/{invitation}", delete(admission::withdraw))
        .route("/api/v1/join", post(admission::join))
        .route("/api/v1/pairing", get(pairing::show).post(pairing::ask_in))
        .route("/api/v1/pairing/approve", post(pairing::approve))
        .route("/api/v1/mesh", post(pairing::found))
        .route("/api/v1/providers", post(providers::set))
        .route("/api/v1/providers/{provider}", delete(providers::remove))
        .route("/api/v1/providers/{provider}/check", post(providers::check))
        .route("/api/v1/providers/{provider}/share", post(providers::share))
        .route("/api/v1/routing", patch(providers::route))
        .route("/api/v1/conversations", get(conversations::list).post(conversations::import))
        .route("/api/v1/conversations/{conversation}", get(conversations::one))
        .route("/api/v1/conversations/{conversation}", put(conversations::change))
        .route("/api/v1/conversations/{conversation}", delete(conversations::forget))
        .route("/api/v1/keys", get(keys::list).post(keys::create))
        .route("/api/v1/hub/token", post(stock::set_token))
        .route("/api/v1/store/import", post(stock::import))
        .route("/api/v1/store/verify", post(stock::verify))
        .route("/api/v1/store/sweep", post(stock::sweep))
        .route("/api/v1/keys/{key}", patch(keys::change).delete(keys::revoke))
}

/// Errors of these routes are told in their dialect's shape.
fn speaking(dialect: Dialect, routes: Router<Arc<App>>) -> Router<Arc<App>> {
    routes.route_layer(map_response(move |mut response: Response| async move {
        response.extensions_mut().insert(dialect);
        response
    }))
}

/// Hands the route's pattern to the log.
async fn note_route(request: Request, next: Next) -> Response {
    let route = request.extensions().get::<MatchedPath>().cloned();
    let mut response = next.run(request).await;
    if let Some(route) = route {
        response.extensions_mut().insert(route);
    }
    response
}

async fn method_not_allowed() -> Response {
    ApiError::MethodNotAllowed.into_response()
}

/// Who asks, on a route behind [`access::behind`].
fn caller(request: &Request) -> Result<Caller, ApiError> {
    request.extensions().get::<Caller>().cloned().ok_or(ApiError::Internal)
}

/// The API key that pays for it, on a route behind [`access::behind`]; an error if it cannot.
fn payer(request: &Request) -> Result<Option<Arc<Holder>>, ApiError> {
    let holder = request.extensions().get::<Arc<Holder>>().cloned();
    if let Some(holder) = &holder {
        holder.may_spend(Instant::now(), unix_ms())?;
    }
    Ok(holder)
}
