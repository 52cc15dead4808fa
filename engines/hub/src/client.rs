//! A hub: search, repositories and cards. Requests follow redirects one by one; the token stays with
//! the hub's own address.

use std::fmt;
use std::sync::Arc;
use std::time::SystemTime;

use futures::StreamExt;
use http::{HeaderMap, HeaderValue, StatusCode, header};
use hyper_util::client::proxy::matcher::Matcher;
use rustls::pki_types::CertificateDer;
use tokio::time::timeout;
use url::Url;

use crate::endpoint::{CdnHost, Endpoint};
use crate::error::{AuthCause, FileFault, HubError, LineFault, Missing};
use crate::limits::{ANSWER, CARD_BYTES_MAX, JSON_BYTES_MAX, REDIRECTS_MAX};
use crate::line::{Answer, Lines};
use crate::repo::{Commit, RepoId, Revision};
use crate::resolver::{Lookup, SystemLookup};
use crate::retry::retry_after;
use crate::roots;
use crate::search::{Page, Query, next_cursor, search_path};
use crate::token::HubToken;
use crate::wire::{self, Gate, RemoteFile};

/// What a client of a hub is made with.
#[derive(Clone)]
pub struct HubConfig {
    /// Where the hub is.
    pub endpoint: Endpoint,
    /// Hosts that its files may come from, besides itself and the public hub's CDN.
    pub cdn: Vec<CdnHost>,
    /// Who asks.
    pub token: Option<HubToken>,
    /// Certificate authorities besides those of this computer.
    pub authorities: Vec<CertificateDer<'static>>,
    /// Those of this computer are left out.
    pub only_these: bool,
    /// Looks names up.
    pub lookup: Arc<dyn Lookup>,
    /// Whether proxies of the environment are used (`HTTPS_PROXY` and the like).
    pub proxies: bool,
}

impl HubConfig {
    /// For this hub, as this computer sees it.
    #[must_use]
    pub fn new(endpoint: Endpoint) -> Self {
        Self {
            endpoint,
            cdn: Vec::new(),
            token: None,
            authorities: Vec::new(),
            only_these: false,
            lookup: Arc::new(SystemLookup),
            proxies: true,
        }
    }
}

/// What it calls itself.
const AGENT: &str = concat!("pumasi/", env!("CARGO_PKG_VERSION"));

/// A client of one hub. A copy costs nothing.
#[derive(Clone)]
pub struct Hub {
    lines: Lines,
    pub(crate) endpoint: Endpoint,
    cdn: Vec<CdnHost>,
    token: Option<HubToken>,
}

/// A repository at a commit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Repository {
    /// Its name.
    pub repo: RepoId,
    /// The commit that the files are of.
    pub commit: Commit,
    /// Whether it is gated.
    pub gate: Gate,
    /// Licence, by its tag.
    pub licence: Option<String>,
    /// Downloads in the last month.
    pub downloads: u64,
    /// People who like it.
    pub likes: u64,
    /// When it last changed, as the hub writes it.
    pub changed: String,
    /// Parameters, where the hub read them from a GGUF file.
    pub parameters: Option<u64>,
    /// Architecture, where the hub read it from a GGUF file.
    pub architecture: Option<String>,
    /// Its files.
    pub files: Vec<RemoteFile>,
    /// Files that were left out because their names, sizes or hashes are not what files have.
    pub odd: usize,
}

impl Hub {
    /// A client with these settings. Reads this computer's certificate authorities.
    #[must_use]
    pub fn new(config: HubConfig) -> Self {
        let tls = Arc::new(roots::tls(&config.authorities, config.only_these));
        // A proxy could not reach this computer's own loopback.
        let is_direct = config.endpoint.is_loopback() || !config.proxies;
        let proxies = (!is_direct).then(|| Arc::new(Matcher::from_env()));
        let lines = Lines { tls, lookup: config.lookup, proxies };
        Self { lines, endpoint: config.endpoint, cdn: config.cdn, token: config.token }
    }

    /// The hub's address.
    #[must_use]
    pub fn endpoint(&self) -> &Endpoint {
        &self.endpoint
    }

    /// Looks for models with GGUF files.
    ///
    /// # Errors
    /// [`HubError`].
    pub async fn search(&self, query: &Query) -> Result<Page, HubError> {
        let url = self.endpoint.join(&search_path(query));
        let response = self.get(&url, &HeaderMap::new(), None).await?;
        let next = next_cursor(&response.headers);
        let text = json(response).await?;
        Ok(Page { found: wire::results(&text)?, next })
    }

    /// A repository with its files, at a branch, tag or commit.
    ///
    /// # Errors
    /// [`HubError`].
    pub async fn repository(&self, repo: &RepoId, at: &Revision) -> Result<Repository, HubError> {
        let path = format!("/api/models/{repo}/revision/{}?blobs=true", at.encoded());
        let response = self.get(&self.endpoint.join(&path), &HeaderMap::new(), Some(repo)).await?;
        let info = wire::info(&json(response).await?)?;
        Ok(Repository {
            repo: repo.clone(),
            commit: info.commit,
            gate: info.gate,
            licence: info.licence,
            downloads: info.downloads,
            likes: info.likes,
            changed: info.changed,
            parameters: info.parameters,
            architecture: info.architecture,
            files: info.files,
            odd: info.odd,
        })
    }

    /// The model card as text, at most [`CARD_BYTES_MAX`] of it. It is whatever its authors wrote.
    ///
    /// # Errors
    /// [`HubError`]; [`Missing::File`] where there is none.
    pub async fn card(&self, repo: &RepoId, at: &Revision) -> Result<String, HubError> {
        let url = self.endpoint.join(&format!("/{repo}/resolve/{}/README.md", at.encoded()));
        let response = self.get(&url, &HeaderMap::new(), Some(repo)).await?;
        refuse_encoding(&response.headers)?;
        let mut text = read(response, CARD_BYTES_MAX, Over::Cut).await?;
        text.truncate(CARD_BYTES_MAX);
        Ok(String::from_utf8_lossy(&text).into_owned())
    }

    /// Asks, follows redirects, and takes only a success.
    pub(crate) async fn get(
        &self,
        url: &Url,
        headers: &HeaderMap,
        repo: Option<&RepoId>,
    ) -> Result<Answer, HubError> {
        let (response, _) = self.follow(url, headers, repo).await?;
        Ok(response)
    }

    /// As [`get`](Self::get), with the headers of the hub's own answer before any other host's.
    pub(crate) async fn follow(
        &self,
        url: &Url,
        headers: &HeaderMap,
        repo: Option<&RepoId>,
    ) -> Result<(Answer, HeaderMap), HubError> {
        let mut url = url.clone();
        let mut told = HeaderMap::new();
        for _ in 0..=REDIRECTS_MAX {
            let response = self.ask(&url, headers).await?;
            if self.endpoint.is_same(&url) {
                told.extend(response.headers.clone());
            }
            if !response.status.is_redirection() {
                self.check(&response, repo)?;
                return Ok((response, told));
            }
            url = self.redirected(&url, &response.headers)?;
        }
        Err(HubError::Redirect)
    }

    fn redirected(&self, from: &Url, headers: &HeaderMap) -> Result<Url, HubError> {
        let location = headers.get(header::LOCATION).and_then(|value| value.to_str().ok());
        let location = location.filter(|location| !location.is_empty());
        let to = location.and_then(|location| from.join(location).ok());
        let to = to.filter(|to| self.endpoint.may_follow(to, &self.cdn));
        to.ok_or(HubError::Redirect)
    }

    async fn ask(&self, url: &Url, headers: &HeaderMap) -> Result<Answer, HubError> {
        let mut headers = headers.clone();
        // Bytes are counted and hashed as they are.
        headers.insert(header::ACCEPT_ENCODING, HeaderValue::from_static("identity"));
        headers.insert(header::USER_AGENT, HeaderValue::from_static(AGENT));
        if let Some(token) = &self.token
            && self.endpoint.is_same(url)
            && self.endpoint.keeps_secrets()
        {
            headers.insert(header::AUTHORIZATION, token.header());
        }
        self.lines.get(url, &headers).await
    }

    /// What a status means. `WWW-Authenticate` is never acted on.
    fn check(&self, response: &Answer, repo: Option<&RepoId>) -> Result<(), HubError> {
        let status = response.status;
        if status.is_success() {
            return Ok(());
        }
        let text = |name: &str| response.headers.get(name).and_then(|v| v.to_str().ok());
        let missing = match text("x-error-code") {
            Some("EntryNotFound") => Some(Missing::File),
            Some("RevisionNotFound") => Some(Missing::Revision),
            Some("RepoNotFound") if self.token.is_some() => Some(Missing::Repository),
            Some(_) | None => None,
        };
        if let Some(missing) = missing {
            return Err(missing.into());
        }
        let gated = text("x-error-code") == Some("GatedRepo");
        Err(match status {
            StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => self.auth(status, gated, repo),
            StatusCode::NOT_FOUND => Missing::Repository.into(),
            StatusCode::TOO_MANY_REQUESTS | StatusCode::REQUEST_TIMEOUT => unavailable(response),
            status if status.is_server_error() => unavailable(response),
            StatusCode::RANGE_NOT_SATISFIABLE => FileFault::Length.into(),
            _ => HubError::Answer,
        })
    }

    fn auth(&self, status: StatusCode, gated: bool, repo: Option<&RepoId>) -> HubError {
        let cause = match (&self.token, status, gated) {
            (None, ..) => AuthCause::NoToken,
            (Some(_), _, true) | (Some(_), StatusCode::FORBIDDEN, _) => AuthCause::TermsNotAccepted,
            (Some(_), ..) => AuthCause::TokenRefused,
        };
        let link = match cause {
            AuthCause::TokenRefused => self.endpoint.page("settings/tokens"),
            AuthCause::NoToken | AuthCause::TermsNotAccepted => {
                self.endpoint.page(repo.map_or("", RepoId::as_str))
            }
        };
        HubError::Auth { cause, link }
    }
}

fn unavailable(response: &Answer) -> HubError {
    let asked = response.headers.get(header::RETRY_AFTER).and_then(|v| v.to_str().ok());
    HubError::Unavailable { after: asked.and_then(|text| retry_after(text, SystemTime::now())) }
}

/// A body that was packed although nobody asked for it can be any size unpacked.
pub(crate) fn refuse_encoding(headers: &HeaderMap) -> Result<(), HubError> {
    let encoding = headers.get(header::CONTENT_ENCODING);
    match encoding.map(HeaderValue::as_bytes) {
        None | Some(b"identity" | b"") => Ok(()),
        Some(_) => Err(FileFault::Encoding.into()),
    }
}

/// An answer that is JSON by its own word.
async fn json(response: Answer) -> Result<Vec<u8>, HubError> {
    refuse_encoding(&response.headers).map_err(|_| HubError::Answer)?;
    let kind = response.headers.get(header::CONTENT_TYPE).and_then(|v| v.to_str().ok());
    let kind = kind.unwrap_or("").trim().to_ascii_lowercase();
    if kind.starts_with("text/html") {
        return Err(HubError::NotAHub);
    }
    if !kind.starts_with("application/json") {
        return Err(HubError::Answer);
    }
    read(response, JSON_BYTES_MAX, Over::Refuse).await
}

/// What becomes of a body that is longer than it may be.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Over {
    Refuse,
    Cut,
}

async fn read(response: Answer, most: usize, over: Over) -> Result<Vec<u8>, HubError> {
    let reading = async {
        let mut stream = response.into_stream();
        let mut body = Vec::new();
        while let Some(piece) = stream.next().await {
            body.extend_from_slice(&piece?);
            if body.len() > most {
                return if over == Over::Cut { Ok(body) } else { Err(HubError::Answer) };
            }
        }
        Ok(body)
    };
    timeout(ANSWER, reading).await.map_err(|_| LineFault::Timeout)?
}

impl fmt::Debug for Hub {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Hub").field("endpoint", &self.endpoint).finish_non_exhaustive()
    }
}
