//! Talks to the running node: finds it, authorises, sends and reads JSON, and turns every way in
//! which that fails into a sentence with the next step.

use std::net::IpAddr;
use std::time::Duration;

use pumasi_mcp::{Asked, Told};
use pumasi_web::api::ErrorBody;
use reqwest::{Method, RequestBuilder, Response, StatusCode, Url};
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::arguments::Global;
use super::failure::{Failure, Kind};
use super::limits;
use super::text::escape;
use crate::config;
use crate::runtime::{self, Running, Token, TokenError};

/// A connection to one node's API.
#[derive(Debug, Clone)]
pub(crate) struct Client {
    http: reqwest::Client,
    base: Url,
    token: Option<Token>,
}

/// Time to connect; a node on this computer accepts within a millisecond.
const CONNECT: Duration = Duration::from_secs(3);
/// Time for a whole answer that is not a stream.
const ANSWER: Duration = Duration::from_secs(30);
/// Time for handing a file over; the node may be busy with others.
const UPLOAD: Duration = Duration::from_secs(300);

impl Client {
    /// The node that `--url`, or else the data directory, names.
    pub(super) fn find(global: &Global) -> Result<Self, Failure> {
        let data_dir = config::data_dir(&global.places())?;
        if let Some(url) = &global.url {
            let token = match Token::load(&data_dir) {
                Ok(token) => Some(token),
                Err(TokenError::Absent(_)) => None,
                Err(error) => return Err(error.into()),
            };
            return Self::new(loopback(url)?, token);
        }
        let Some(running) = runtime::read(&data_dir)? else {
            let sentence = format!(
                "no node runs on {}: start one with `pumasi up`, or name its folder with --data-dir",
                escape(&data_dir.to_string_lossy())
            );
            return Err(Failure::new(Kind::Unavailable, "node_not_running", sentence));
        };
        Self::of(&running, Token::load(&data_dir)?)
    }

    /// The node that says so of itself.
    pub(crate) fn of(running: &Running, token: Token) -> Result<Self, Failure> {
        Self::new(loopback(&running.url())?, Some(token))
    }

    fn new(base: Url, token: Option<Token>) -> Result<Self, Failure> {
        // A proxy could not reach this computer's own loopback.
        let http = reqwest::Client::builder()
            .no_proxy()
            .connect_timeout(CONNECT)
            .redirect(reqwest::redirect::Policy::none())
            .user_agent(concat!("pumasi/", env!("CARGO_PKG_VERSION")))
            .build();
        let http = http.map_err(|error| {
            Failure::new(Kind::Software, "http_client", format!("no HTTP client: {error}"))
        })?;
        Ok(Self { http, base, token })
    }

    /// The address of the API.
    pub(super) fn url(&self) -> &str {
        self.base.as_str().trim_end_matches('/')
    }

    pub(crate) async fn get<T: DeserializeOwned>(&self, path: &[&str]) -> Result<T, Failure> {
        self.answer(self.request(Method::GET, path).timeout(ANSWER)).await
    }

    pub(crate) async fn get_with<T: DeserializeOwned>(
        &self,
        path: &[&str],
        query: &[(&str, String)],
    ) -> Result<T, Failure> {
        let mut url = self.address(path);
        url.query_pairs_mut().extend_pairs(query);
        self.answer(self.authorised(Method::GET, url).timeout(ANSWER)).await
    }

    pub(crate) async fn post<T: DeserializeOwned>(
        &self,
        path: &[&str],
        body: &(impl Serialize + Sync),
    ) -> Result<T, Failure> {
        self.post_keyed(path, body, None).await
    }

    /// Posts with an idempotency key, so that the same request can be made twice.
    pub(crate) async fn post_keyed<T: DeserializeOwned>(
        &self,
        path: &[&str],
        body: &(impl Serialize + Sync),
        key: Option<&str>,
    ) -> Result<T, Failure> {
        let request = self.request(Method::POST, path).timeout(ANSWER).json(body);
        let request = match key {
            Some(key) => request.header("idempotency-key", key),
            None => request,
        };
        self.answer(request).await
    }

    /// Hands a file over, and gives its id.
    pub(super) async fn upload(&self, path: &[&str], file: Vec<u8>) -> Result<String, Failure> {
        let request = self.request(Method::POST, path).timeout(UPLOAD);
        let request = request.header("content-type", "application/octet-stream").body(file);
        let stored: pumasi_web::api::StoredDocument = self.answer(request).await?;
        Ok(stored.id)
    }

    pub(crate) async fn patch<T: DeserializeOwned>(
        &self,
        path: &[&str],
        body: &(impl Serialize + Sync),
    ) -> Result<T, Failure> {
        self.answer(self.request(Method::PATCH, path).timeout(ANSWER).json(body)).await
    }

    /// Posts what takes as long as it takes: reading and copying large files.
    pub(super) async fn post_patiently<T: DeserializeOwned>(
        &self,
        path: &[&str],
        body: &(impl Serialize + Sync),
    ) -> Result<T, Failure> {
        self.answer(self.request(Method::POST, path).json(body)).await
    }

    /// Sends what has no body, and reads the answer.
    pub(crate) async fn answer_to<T: DeserializeOwned>(
        &self,
        method: Method,
        path: &[&str],
    ) -> Result<T, Failure> {
        self.answer(self.request(method, path).timeout(ANSWER)).await
    }

    /// Sends what has no interesting answer.
    pub(crate) async fn send(
        &self,
        method: Method,
        path: &[&str],
        body: Option<serde_json::Value>,
    ) -> Result<(), Failure> {
        let mut request = self.request(method, path).timeout(ANSWER);
        if let Some(body) = body {
            request = request.json(&body);
        }
        self.checked(request).await.map(drop)
    }

    /// Sends what a tool for agents asks. A model may take as long as it needs.
    pub(super) async fn tool(&self, asked: Asked) -> Result<Told, Failure> {
        let path: Vec<&str> = asked.path.iter().map(String::as_str).collect();
        let mut url = self.address(&path);
        if !asked.query.is_empty() {
            url.query_pairs_mut().extend_pairs(&asked.query);
        }
        let mut request = self.authorised(asked.method, url);
        if let Some(body) = &asked.body {
            request = request.json(body);
        }
        if let Some(key) = asked.idempotency_key {
            request = request.header("idempotency-key", key);
        }
        let response = self.checked(request).await?;
        let provider = response.headers().get("x-pumasi-provider");
        let provider = provider.and_then(|id| id.to_str().ok()).map(str::to_owned);
        let body = read_body(response).await?;
        let body = serde_json::from_slice(&body).map_err(|_| self.other_version())?;
        Ok(Told { body, provider })
    }

    /// A response whose body is read as it comes.
    pub(super) async fn stream(
        &self,
        method: Method,
        path: &[&str],
        body: Option<&serde_json::Value>,
    ) -> Result<Response, Failure> {
        let mut request = self.request(method, path).header("accept", "text/event-stream");
        if let Some(body) = body {
            request = request.json(body);
        }
        self.checked(request).await
    }

    /// The path's parts are names: whatever stands in them is encoded.
    fn address(&self, path: &[&str]) -> Url {
        let mut url = self.base.clone();
        if let Ok(mut parts) = url.path_segments_mut() {
            parts.pop_if_empty().extend(path);
        }
        url
    }

    fn request(&self, method: Method, path: &[&str]) -> RequestBuilder {
        self.authorised(method, self.address(path))
    }

    fn authorised(&self, method: Method, url: Url) -> RequestBuilder {
        let request = self.http.request(method, url);
        match &self.token {
            Some(token) => request.bearer_auth(token.as_str()),
            None => request,
        }
    }

    async fn answer<T: DeserializeOwned>(&self, request: RequestBuilder) -> Result<T, Failure> {
        let response = self.checked(request).await?;
        let body = read_body(response).await?;
        serde_json::from_slice(&body).map_err(|_| self.other_version())
    }

    async fn checked(&self, request: RequestBuilder) -> Result<Response, Failure> {
        let response = request.send().await.map_err(|error| self.unreachable(&error))?;
        let status = response.status();
        if status.is_success() {
            return Ok(response);
        }
        let body = read_body(response).await.unwrap_or_default();
        Err(match serde_json::from_slice::<ErrorBody>(&body) {
            Ok(body) => refused(status, &body),
            Err(_) => self.stranger(status),
        })
    }

    fn unreachable(&self, error: &reqwest::Error) -> Failure {
        let what = if error.is_timeout() { "does not answer in time" } else { "does not answer" };
        let sentence = format!(
            "the node at {} {what}: look at its log, or start it again with `pumasi up`",
            self.url()
        );
        Failure::new(Kind::Unavailable, "node_unreachable", sentence)
    }

    fn stranger(&self, status: StatusCode) -> Failure {
        let sentence = format!(
            "something other than a Pumasi node answers at {} (HTTP {}): is the port taken?",
            self.url(),
            status.as_u16()
        );
        Failure::new(Kind::Unavailable, "not_a_node", sentence)
    }

    fn other_version(&self) -> Failure {
        let sentence = format!(
            "the node at {} answers in a way that this program (version {}) does not know: it is \
             of another version, so update the older one and start the node again",
            self.url(),
            env!("CARGO_PKG_VERSION")
        );
        Failure::new(Kind::Unavailable, "other_version", sentence)
    }
}

/// The token must not cross a network in the clear, and this program speaks no TLS.
fn loopback(url: &str) -> Result<Url, Failure> {
    let refused = || {
        Failure::usage(format!(
            "--url {} is not an address on this computer: only http://127.0.0.1:PORT and the like \
             are taken; reach other computers through an SSH tunnel",
            escape(url)
        ))
    };
    let parsed = Url::parse(url).map_err(|_| refused())?;
    let host = parsed.host_str().unwrap_or_default().trim_matches(['[', ']']);
    let local = match host.parse::<IpAddr>() {
        Ok(ip) => ip.to_canonical().is_loopback(),
        Err(_) => host == "localhost",
    };
    if parsed.scheme() == "http" && local { Ok(parsed) } else { Err(refused()) }
}

async fn read_body(mut response: Response) -> Result<Vec<u8>, Failure> {
    let mut body = Vec::new();
    let broken = |sentence: String| Failure::new(Kind::Unavailable, "node_unreachable", sentence);
    loop {
        let chunk = response.chunk().await;
        match chunk.map_err(|_| broken("the node broke off its answer: try again".to_owned()))? {
            Some(chunk) if body.len() + chunk.len() <= limits::ANSWER_BYTES => {
                body.extend_from_slice(&chunk);
            }
            Some(_) => return Err(broken("the node's answer is too long".to_owned())),
            None => return Ok(body),
        }
    }
}

fn refused(status: StatusCode, body: &ErrorBody) -> Failure {
    let kind = match status.as_u16() {
        401 | 403 => Kind::NotAllowed,
        404 | 410 => Kind::NotFound,
        408 | 429 | 503 | 504 | 507 => Kind::Temporary,
        400..=499 => Kind::Data,
        _ => Kind::Software,
    };
    Failure::new(kind, &escape(&body.error.code), escape(&body.error.message))
}
