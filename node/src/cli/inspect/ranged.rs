//! The header of a GGUF file at an address, by ranged reads: a window of bytes at a time, only
//! forwards, and no more than a header may have. The parser asks; what it does not ask for is not
//! fetched.

use std::io::{self, Read};
use std::time::Duration;

use pumasi_models::gguf::{self, GgufError};
use pumasi_models::inspect::Inspection;
use pumasi_models::limits::HEADER_BYTES_MAX;
use reqwest::{Client, StatusCode, header};

use crate::cli::failure::{Failure, Kind};
use crate::cli::text::escape;

/// Bytes of the first window; each further one is twice as long.
const FIRST: u64 = 256 << 10;
/// Bytes of the longest window.
const LONGEST: u64 = 4 << 20;
/// For one window. A hub answers within seconds; the rest is for slow lines.
const PATIENCE: Duration = Duration::from_secs(60);

/// Reads the header; the file's length comes with the first window.
pub(super) async fn read(url: &str) -> Result<Inspection, Failure> {
    if url.starts_with("https:") {
        let sentence =
            "addresses are read over http only: fetch the file, and inspect it where it lies";
        return Err(Failure::new(Kind::Usage, "https_unsupported", sentence));
    }
    let agent = concat!("pumasi/", env!("CARGO_PKG_VERSION"));
    let client = Client::builder().user_agent(agent).timeout(PATIENCE).build();
    let client = client.map_err(|error| unreachable(url, &error))?;
    let (first, length) = window(&client, url, 0, FIRST).await?;
    let source = Ranged {
        runtime: tokio::runtime::Handle::current(),
        client,
        url: url.to_owned(),
        length,
        fetched: first.len() as u64,
        window: first,
        used: 0,
        next: FIRST * 2,
        failure: None,
    };
    let parse = move || {
        let mut source = source;
        let header = gguf::read(&mut source, length);
        let told = header.and_then(|header| Inspection::outline(&header));
        (told, source.failure)
    };
    let (told, failure) = tokio::task::spawn_blocking(parse).await.map_err(|_| {
        Failure::new(Kind::Software, "internal", "reading the header ended unexpectedly")
    })?;
    match (told, failure) {
        (Ok(inspection), _) => Ok(inspection),
        (Err(GgufError::Read { .. }), Some(failure)) => Err(failure),
        (Err(error), _) => {
            Err(Failure::new(Kind::Data, error.code(), format!("{}: {error}", escape(url))))
        }
    }
}

/// A file elsewhere, as something to read from its beginning.
struct Ranged {
    runtime: tokio::runtime::Handle,
    client: Client,
    url: String,
    length: u64,
    /// Bytes fetched so far.
    fetched: u64,
    window: Vec<u8>,
    /// Of the window, read already.
    used: usize,
    /// Bytes of the next window.
    next: u64,
    /// Why the last window did not come.
    failure: Option<Failure>,
}

impl Read for Ranged {
    fn read(&mut self, target: &mut [u8]) -> io::Result<usize> {
        if self.used == self.window.len() && self.fetched < self.length.min(HEADER_BYTES_MAX) {
            let length = self.next.min(self.length - self.fetched);
            let asked = window(&self.client, &self.url, self.fetched, length);
            match self.runtime.block_on(asked) {
                Ok((bytes, whole)) if whole == self.length && !bytes.is_empty() => {
                    self.fetched += bytes.len() as u64;
                    (self.window, self.used) = (bytes, 0);
                    self.next = (self.next * 2).min(LONGEST);
                }
                Ok(_) => {
                    let sentence = "the file changed while its header was read: try again";
                    self.failure = Some(Failure::new(Kind::Temporary, "file_changed", sentence));
                    return Err(io::ErrorKind::InvalidData.into());
                }
                Err(failure) => {
                    self.failure = Some(failure);
                    return Err(io::ErrorKind::ConnectionAborted.into());
                }
            }
        }
        let left = &self.window[self.used..];
        let count = left.len().min(target.len());
        target[..count].copy_from_slice(&left[..count]);
        self.used += count;
        Ok(count)
    }
}

/// Some bytes, and the length of the whole file.
async fn window(
    client: &Client,
    url: &str,
    from: u64,
    length: u64,
) -> Result<(Vec<u8>, u64), Failure> {
    let last = from + length.max(1) - 1;
    let request = client.get(url).header(header::RANGE, format!("bytes={from}-{last}"));
    let mut reply = request.send().await.map_err(|error| unreachable(url, &error))?;
    if reply.status() != StatusCode::PARTIAL_CONTENT {
        return Err(refused(url, reply.status()));
    }
    let range = reply.headers().get(header::CONTENT_RANGE).and_then(|range| range.to_str().ok());
    let whole = range.and_then(|range| whole(range, from)).ok_or_else(|| {
        let sentence = format!("{}: the server does not say how long the file is", escape(url));
        Failure::new(Kind::Data, "no_ranges", sentence)
    })?;
    let mut bytes = Vec::new();
    // No more than was asked for, whatever the server sends.
    while let Some(piece) = reply.chunk().await.map_err(|error| unreachable(url, &error))? {
        let room = (length as usize).saturating_sub(bytes.len());
        bytes.extend_from_slice(&piece[..piece.len().min(room)]);
        if room <= piece.len() {
            break;
        }
    }
    Ok((bytes, whole))
}

/// The whole length in `bytes 0-99/12345` (RFC 9110, 14.4), if it begins where it was asked to.
fn whole(range: &str, from: u64) -> Option<u64> {
    let (span, whole) = range.strip_prefix("bytes ")?.split_once('/')?;
    let (first, _) = span.split_once('-')?;
    (first.parse() == Ok(from)).then_some(())?;
    whole.parse().ok()
}

fn unreachable(url: &str, error: &reqwest::Error) -> Failure {
    let cause =
        std::error::Error::source(error).map_or_else(|| error.to_string(), ToString::to_string);
    let sentence = format!("{} cannot be reached: {}", escape(url), escape(&cause));
    Failure::new(Kind::Unavailable, "address_unreachable", sentence)
}

fn refused(url: &str, status: StatusCode) -> Failure {
    let (kind, word, why) = match status {
        StatusCode::NOT_FOUND => (Kind::NotFound, "file_not_found", "there is no such file"),
        StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => {
            (Kind::NotAllowed, "not_allowed", "this file is not open to everybody")
        }
        StatusCode::OK => (
            Kind::Data,
            "no_ranges",
            "the server gives only whole files, which are not fetched for this",
        ),
        _ => (Kind::Temporary, "refused", "the server refused: try again later"),
    };
    Failure::new(kind, word, format!("{}: {why} (HTTP {})", escape(url), status.as_u16()))
}

#[cfg(test)]
mod tests {
    use super::whole;

    #[test]
    fn ranges_are_believed_only_where_they_begin_as_asked() {
        assert_eq!(whole("bytes 0-9/100", 0), Some(100));
        assert_eq!(whole("bytes 10-19/100", 10), Some(100));
        for range in ["bytes 5-9/100", "bytes 0-9/*", "items 0-9/100", "bytes 0-9", "bytes */100"] {
            assert_eq!(whole(range, 0), None, "{range}");
        }
    }
}
