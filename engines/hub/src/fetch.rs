//! A file of a repository as bytes from some offset, with everything checked that can be known before
//! the bytes are.

use bytes::Bytes;
use futures::StreamExt;
use futures::stream::BoxStream;
use http::{HeaderMap, HeaderValue, StatusCode, header};
use pumasi_models::store::Sha256;

use crate::client::{Hub, refuse_encoding};
use crate::error::{FileFault, HubError, Missing};
use crate::repo::{Commit, FilePath, RepoId};

/// Bytes of a file as they come.
pub struct Body {
    /// Where they begin: what was asked for, or 0 where the server does not know ranges or the file is
    /// another one than the validator names.
    pub start: u64,
    /// By which the same file is known again at the server it came from (`ETag`).
    pub validator: Option<String>,
    stream: BoxStream<'static, Result<Bytes, HubError>>,
}

/// Which file, and what is known of it.
pub(crate) struct Asked<'a> {
    pub(crate) repo: &'a RepoId,
    pub(crate) commit: &'a Commit,
    pub(crate) path: &'a FilePath,
    pub(crate) bytes: u64,
    pub(crate) sha256: Option<&'a Sha256>,
}

impl Body {
    /// The next piece; none: the end.
    ///
    /// # Errors
    /// [`HubError::Line`].
    pub async fn next(&mut self) -> Result<Option<Bytes>, HubError> {
        self.stream.next().await.transpose()
    }
}

impl Hub {
    /// Reads a range of a file: `from` up to and without `to`. For a look at a header; nothing is
    /// checked but lengths.
    ///
    /// # Errors
    /// [`HubError`]; [`FileFault::Length`] where the server does not know ranges.
    pub async fn range(
        &self,
        repo: &RepoId,
        commit: &Commit,
        file: &crate::RemoteFile,
        wanted: std::ops::Range<u64>,
    ) -> Result<Vec<u8>, HubError> {
        let asked = Asked {
            repo,
            commit,
            path: &file.path,
            bytes: file.bytes,
            sha256: file.sha256.as_ref(),
        };
        let end = wanted.end.min(file.bytes);
        let start = wanted.start.min(end);
        if start == end {
            return Ok(Vec::new());
        }
        let mut body = self.open(&asked, start, Some(end), None).await?;
        if body.start != start {
            return Err(FileFault::Length.into());
        }
        let length = usize::try_from(end - start).map_err(|_| FileFault::Length)?;
        let mut bytes = Vec::new();
        while let Some(piece) = body.next().await? {
            bytes.extend_from_slice(&piece);
            if bytes.len() >= length {
                break;
            }
        }
        bytes.truncate(length);
        if bytes.len() == length { Ok(bytes) } else { Err(FileFault::Length.into()) }
    }

    /// Opens a file at an offset, which goes on with what `validator` names.
    pub(crate) async fn open(
        &self,
        asked: &Asked<'_>,
        from: u64,
        to: Option<u64>,
        validator: Option<&str>,
    ) -> Result<Body, HubError> {
        let (repo, commit) = (asked.repo, asked.commit.as_str());
        let path = format!("/{repo}/resolve/{commit}/{}", asked.path.encoded());
        let headers = range_headers(from, to, validator);
        let url = self.endpoint.join(&path);
        let (response, told) = self.follow(&url, &headers, Some(repo)).await.map_err(no_file)?;
        check_told(&told, asked)?;
        refuse_encoding(&response.headers)?;
        refuse_page(&response.headers)?;
        let start = started(response.status, &response.headers, from, asked.bytes)?;
        let validator = text(&response.headers, "etag").map(ToOwned::to_owned);
        Ok(Body { start, validator, stream: response.into_stream() })
    }
}

/// The repository was found before, so what is missing at a pinned commit is the file or the commit.
fn no_file(error: HubError) -> HubError {
    if error == HubError::from(Missing::Repository) { Missing::Revision.into() } else { error }
}

fn range_headers(from: u64, to: Option<u64>, validator: Option<&str>) -> HeaderMap {
    let mut headers = HeaderMap::new();
    let range = match to {
        Some(to) => format!("bytes={from}-{}", to - 1),
        None if from > 0 => format!("bytes={from}-"),
        None => return headers,
    };
    headers.insert(header::RANGE, HeaderValue::from_str(&range).expect("digits are fine"));
    // Only strong validators say that it is the same byte for byte (RFC 9110, 13.1.5).
    let strong = validator.filter(|etag| !etag.starts_with("W/"));
    if let Some(etag) = strong.and_then(|etag| HeaderValue::from_str(etag).ok()) {
        headers.insert(header::IF_RANGE, etag);
    }
    headers
}

/// What the hub itself says of the file must be what its list said.
fn check_told(told: &HeaderMap, asked: &Asked<'_>) -> Result<(), HubError> {
    if text(told, "x-repo-commit").is_some_and(|commit| commit != asked.commit.as_str()) {
        return Err(FileFault::Changed.into());
    }
    let size = text(told, "x-linked-size").and_then(|size| size.parse::<u64>().ok());
    if size.is_some_and(|size| size != asked.bytes) {
        return Err(FileFault::Changed.into());
    }
    let etag = text(told, "x-linked-etag").map(|etag| etag.trim_matches('"'));
    let digest = etag.and_then(|etag| Sha256::parse(etag).ok());
    match (digest, asked.sha256) {
        (Some(digest), Some(sha256)) if digest != *sha256 => Err(FileFault::Changed.into()),
        _ => Ok(()),
    }
}

/// A page of a portal or a proxy comes with status 200, too.
fn refuse_page(headers: &HeaderMap) -> Result<(), HubError> {
    let kind = text(headers, "content-type").unwrap_or("").trim().to_ascii_lowercase();
    if kind.starts_with("text/html") { Err(HubError::NotAHub) } else { Ok(()) }
}

/// Where the bytes begin that this answer brings. What differs from what is known is refused.
fn started(
    status: StatusCode,
    headers: &HeaderMap,
    from: u64,
    whole: u64,
) -> Result<u64, HubError> {
    let length = text(headers, "content-length").and_then(|text| text.parse::<u64>().ok());
    if status != StatusCode::PARTIAL_CONTENT {
        let is_whole = length.is_none_or(|length| length == whole);
        return if is_whole { Ok(0) } else { Err(wrong_length(length)) };
    }
    let range = text(headers, "content-range").and_then(content_range);
    match range {
        Some((start, end, total)) if start == from && total == whole && end < total => {
            let is_right = length.is_none_or(|length| length == end - start + 1);
            if is_right { Ok(start) } else { Err(FileFault::Length.into()) }
        }
        _ => Err(FileFault::Length.into()),
    }
}

/// A pointer of Git LFS has some 130 bytes (its specification: below 1,024).
fn wrong_length(length: Option<u64>) -> HubError {
    match length {
        Some(..1_024) => FileFault::Pointer.into(),
        _ => FileFault::Length.into(),
    }
}

/// `bytes 0-9/100` (RFC 9110, 14.4).
fn content_range(text: &str) -> Option<(u64, u64, u64)> {
    let (range, total) = text.strip_prefix("bytes ")?.split_once('/')?;
    let (start, end) = range.split_once('-')?;
    let (start, end) = (start.parse().ok()?, end.parse().ok()?);
    (start <= end).then_some((start, end, total.parse().ok()?))
}

fn text<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name).and_then(|value| value.to_str().ok())
}
