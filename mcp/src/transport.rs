//! The two ways in which agents reach the tools.

use std::convert::Infallible;
use std::io;
use std::sync::Arc;

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::Full;
use http_body_util::combinators::BoxBody;
use rmcp::ServiceExt;
use rmcp::service::ServerInitializeError;
use rmcp::transport::async_rw::AsyncRwTransport;
use rmcp::transport::streamable_http_server::session::never::NeverSessionManager;
use rmcp::transport::streamable_http_server::{StreamableHttpServerConfig, StreamableHttpService};

use crate::api::Api;
use crate::limits;
use crate::server::Tools;

/// Serves one agent on standard input and output, until it closes them.
///
/// # Errors
/// The agent does not speak the protocol.
pub async fn stdio(api: impl Api) -> io::Result<()> {
    let (input, output) = rmcp::transport::stdio();
    let transport = AsyncRwTransport::new(input, output).with_max_line_length(limits::LINE_BYTES);
    match (Tools { api: Arc::new(api) }).serve(transport).await {
        Ok(serving) => serving.waiting().await.map(drop).map_err(io::Error::other),
        // It left before it had said anything.
        Err(ServerInitializeError::ConnectionClosed(_)) => Ok(()),
        // Its own words may hold what the agent sent.
        Err(_) => Err(io::Error::other("it does not begin as the protocol says")),
    }
}

/// Answers one request of the Streamable HTTP transport. There are no sessions, so `api` is for whoever
/// sent this request; its Host and Origin headers are the caller's to check.
pub async fn http(
    api: impl Api,
    request: Request<Full<Bytes>>,
) -> Response<BoxBody<Bytes, Infallible>> {
    let api = Arc::new(api);
    let config = StreamableHttpServerConfig::default()
        .with_legacy_session_mode(false)
        .with_json_response(true)
        .with_max_request_body_bytes(limits::LINE_BYTES)
        .disable_allowed_hosts();
    let tools = move || Ok(Tools { api: Arc::clone(&api) });
    let sessions = Arc::new(NeverSessionManager::default());
    StreamableHttpService::new(tools, sessions, config).handle(request).await
}
