//! The hub's HTTP side: two addresses, routes, ranges, and answers that go wrong as they are told to.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::net::TcpListener;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::Ordering::SeqCst;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use hyper::body::{Body, Frame, Incoming};
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use serde_json::json;
use tokio::sync::mpsc;

use super::{Fault, File, On, Repo, Seen, Shared, api, locked};

/// Bytes that are sent at a time.
const PIECE: usize = 64 << 10;

/// Which of its addresses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Face {
    Hub,
    Cdn,
}

type Answer = Response<Pieces>;

pub(super) async fn accept(listener: TcpListener, shared: Arc<Shared>, face: Face) {
    listener.set_nonblocking(true).expect("a socket can be polled");
    let listener = tokio::net::TcpListener::from_std(listener).expect("a socket can be polled");
    while let Ok((stream, _)) = listener.accept().await {
        let shared = Arc::clone(&shared);
        tokio::spawn(async move {
            let service = service_fn(|request| answer(Arc::clone(&shared), face, request));
            let http = hyper::server::conn::http1::Builder::new();
            // A broken connection is part of the play.
            let _ = http.serve_connection(TokioIo::new(stream), service).await;
        });
    }
}

/// A body that comes piece by piece, and may break off.
#[derive(Debug)]
pub(super) struct Pieces {
    pieces: mpsc::Receiver<Result<Bytes, Cut>>,
    /// What it says of its length; none: chunks.
    length: Option<u64>,
}

/// Ends the connection in the middle of an answer.
#[derive(Debug, thiserror::Error)]
#[error("cut")]
pub(super) struct Cut;

impl Body for Pieces {
    type Data = Bytes;
    type Error = Cut;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Cut>>> {
        self.pieces.poll_recv(cx).map(|piece| piece.map(|piece| piece.map(Frame::data)))
    }

    fn size_hint(&self) -> hyper::body::SizeHint {
        self.length.map_or_else(Default::default, hyper::body::SizeHint::with_exact)
    }
}

async fn answer(
    shared: Arc<Shared>,
    face: Face,
    request: Request<Incoming>,
) -> Result<Answer, Infallible> {
    let headers = request.headers().iter().map(|(name, value)| {
        (name.to_string(), String::from_utf8_lossy(value.as_bytes()).into_owned())
    });
    let seen = Seen {
        method: request.method().to_string(),
        path: request.uri().to_string(),
        headers: headers.collect(),
        body: Vec::new(),
    };
    locked(&shared.seen).push(seen.clone());
    let path = percent_decoded(request.uri().path());
    let query = query(request.uri().query().unwrap_or(""));
    let on = match face {
        Face::Cdn => On::Cdn,
        Face::Hub if path.starts_with("/api/") => On::Api,
        Face::Hub => On::Resolve,
    };
    let fault = take_fault(&shared, on, seen.header("range").is_some());
    Ok(match (&fault, face) {
        (Some(Fault::Status(_, status, headers)), _) => said(*status, headers, Vec::new()),
        (Some(Fault::LoginPage(_)), _) => page(),
        (Some(Fault::Json(text)), _) => told(200, &[], text.clone()),
        (Some(Fault::RedirectTo(address)), _) => {
            said(302, &[("location", address.clone())], Vec::new())
        }
        (_, Face::Cdn) => blob(&shared, &path, &seen, fault),
        (_, Face::Hub) if on == On::Api => api_answer(&shared, &path, &query, &seen),
        (_, Face::Hub) => resolve(&shared, &path, &seen),
    })
}

fn take_fault(shared: &Shared, on: On, is_range: bool) -> Option<Fault> {
    let mut faults = locked(&shared.faults);
    let at = faults
        .iter()
        .position(|(fault, times)| *times > 0 && fault.on() == on && fault.shows(is_range))?;
    faults[at].1 -= 1;
    Some(faults[at].0.clone())
}

fn api_answer(
    shared: &Shared,
    path: &str,
    query: &BTreeMap<String, String>,
    seen: &Seen,
) -> Answer {
    let repos = locked(&shared.repos);
    if path == "/api/models" {
        let (page, next) = api::search(&repos, query);
        let link = next.map(|next| {
            ("link", format!("<https://hub.example/api/models?x=1&cursor={next}>; rel=\"next\""))
        });
        return told(200, link.as_slice(), json!(page).to_string().into_bytes());
    }
    let found = path.strip_prefix("/api/models/").and_then(|rest| rest.split_once("/revision/"));
    let Some((name, revision)) = found else { return missing("RepoNotFound") };
    let Some(repo) = repos.get(name) else { return unknown(seen) };
    if !has_revision(repo, revision) {
        return missing("RevisionNotFound");
    }
    told(200, &[], api::info(name, repo).to_string().into_bytes())
}

fn has_revision(repo: &Repo, revision: &str) -> bool {
    revision == "main" || revision == repo.commit || repo.earlier.iter().any(|c| c == revision)
}

/// As the Hub does: strangers are not told whether a repository is private or not there.
fn unknown(seen: &Seen) -> Answer {
    if seen.header("authorization").is_some() {
        missing("RepoNotFound")
    } else {
        said(401, &[("x-error-code", "RepoNotFound".to_owned())], Vec::new())
    }
}

fn resolve(shared: &Shared, path: &str, seen: &Seen) -> Answer {
    let repos = locked(&shared.repos);
    let split = path.strip_prefix('/').and_then(|rest| rest.split_once("/resolve/"));
    let Some((name, rest)) = split else { return missing("EntryNotFound") };
    let Some((revision, file)) = rest.split_once('/') else { return missing("EntryNotFound") };
    let Some(repo) = repos.get(name) else { return unknown(seen) };
    if !has_revision(repo, revision) {
        return missing("RevisionNotFound");
    }
    if repo.gated.is_some() {
        let token = seen.header("authorization").and_then(|value| value.strip_prefix("Bearer "));
        let Some(token) = token else {
            return said(401, &[("x-error-code", "GatedRepo".to_owned())], Vec::new());
        };
        if !repo.accepted.iter().any(|accepted| accepted == token) {
            return said(403, &[("x-error-code", "GatedRepo".to_owned())], Vec::new());
        }
    }
    let Some(File { content, sha256, lfs }) = repo.files.get(file) else {
        return missing("EntryNotFound");
    };
    let commit = if revision == "main" { repo.commit.clone() } else { revision.to_owned() };
    let about = [("x-repo-commit", commit), ("etag", "\"0\"".to_owned())];
    if !lfs {
        return said(200, &about, content.to_vec());
    }
    let mut headers = about.to_vec();
    headers.push(("x-linked-etag", format!("\"{sha256}\"")));
    headers.push(("x-linked-size", content.len().to_string()));
    headers.push(("location", format!("{}/blob/{sha256}?sig=secret", locked(&shared.cdn))));
    said(302, &headers, Vec::new())
}

/// A file at the CDN, with ranges and whatever goes wrong.
fn blob(shared: &Arc<Shared>, path: &str, seen: &Seen, fault: Option<Fault>) -> Answer {
    let Some(content) = content(shared, path) else { return missing("EntryNotFound") };
    let whole = content.len();
    let etag = if fault == Some(Fault::OtherEtag) { "\"other\"" } else { "\"one\"" };
    let wanted = seen.header("range").and_then(|range| range_of(range, whole));
    let is_same = seen.header("if-range").is_none_or(|known| known == "\"one\"");
    let range = wanted.filter(|_| is_same && fault != Some(Fault::IgnoresRange));
    let mut headers = vec![("etag", etag.to_owned()), ("accept-ranges", "bytes".to_owned())];
    if fault == Some(Fault::NotSatisfiable) {
        headers.push(("content-range", format!("bytes */{whole}")));
        return said(416, &headers, Vec::new());
    }
    let (status, mut from, mut to) = match range {
        Some((from, to)) => (206, from, to),
        None => (200, 0, whole),
    };
    if fault == Some(Fault::WrongRange) {
        (from, to) = (from.saturating_sub(1), to);
    }
    if status == 206 {
        headers.push(("content-range", format!("bytes {from}-{}/{whole}", to.max(1) - 1)));
    }
    let mut bytes = content[from..to].to_vec();
    let mut plan = Plan { length: Some(bytes.len() as u64), cut: false, stall: false };
    match fault {
        Some(Fault::Pointer) => {
            bytes = b"version https://git-lfs.github.com/spec/v1\noid sha256:0\n".to_vec();
            plan.length = Some(bytes.len() as u64);
        }
        // The magic stays, so that only the hash can tell.
        Some(Fault::WrongBytes) => {
            bytes.iter_mut().skip(64).for_each(|byte| *byte ^= 1);
        }
        Some(Fault::Shorter(by)) => {
            bytes.truncate(bytes.len().saturating_sub(by));
            plan.length = Some(bytes.len() as u64);
        }
        Some(Fault::Cut(after)) => {
            bytes.truncate(after);
            plan.cut = true;
        }
        Some(Fault::Stall(after)) => {
            bytes.truncate(after);
            plan.stall = true;
        }
        Some(Fault::Stingy(after)) => {
            plan.length = Some(10 << 30);
            bytes.truncate(after);
            plan.cut = true;
        }
        Some(Fault::Endless) => {
            bytes.extend_from_slice(&vec![0; 1 << 20]);
            plan.length = None;
        }
        Some(Fault::Packed) => headers.push(("content-encoding", "gzip".to_owned())),
        Some(
            Fault::Status(..)
            | Fault::LoginPage(_)
            | Fault::Json(_)
            | Fault::RedirectTo(_)
            | Fault::IgnoresRange
            | Fault::WrongRange
            | Fault::OtherEtag
            | Fault::NotSatisfiable,
        )
        | None => {}
    }
    let body = sent(shared, bytes, plan);
    response(status, "application/octet-stream", &headers, body)
}

fn content(shared: &Shared, path: &str) -> Option<Arc<Vec<u8>>> {
    let wanted = path.strip_prefix("/blob/")?;
    let repos = locked(&shared.repos);
    let mut files = repos.values().flat_map(|repo| repo.files.values());
    files.find(|file| file.sha256 == wanted).map(|file| Arc::clone(&file.content))
}

struct Plan {
    length: Option<u64>,
    cut: bool,
    stall: bool,
}

fn sent(shared: &Arc<Shared>, bytes: Vec<u8>, plan: Plan) -> Pieces {
    let (sender, pieces) = mpsc::channel(1);
    let shared = Arc::clone(shared);
    tokio::spawn(async move {
        shared.sending.fetch_add(1, SeqCst);
        for piece in bytes.chunks(PIECE) {
            let pace = shared.pace.load(SeqCst);
            if pace > 0 {
                let takes = Duration::from_secs_f64(piece.len() as f64 / pace as f64);
                tokio::time::sleep(takes).await;
            }
            if sender.send(Ok(Bytes::copy_from_slice(piece))).await.is_err() {
                break;
            }
            shared.sent.fetch_add(piece.len() as u64, SeqCst);
        }
        shared.sending.fetch_sub(1, SeqCst);
        if plan.stall {
            sender.closed().await;
        }
        if plan.cut {
            let _ = sender.send(Err(Cut)).await;
        }
    });
    Pieces { pieces, length: plan.length }
}

/// `bytes=3-` or `bytes=3-9`.
fn range_of(text: &str, whole: usize) -> Option<(usize, usize)> {
    let (from, to) = text.strip_prefix("bytes=")?.split_once('-')?;
    let from: usize = from.parse().ok()?;
    let to = if to.is_empty() { whole } else { to.parse::<usize>().ok()? + 1 };
    (from < to).then_some((from, to.min(whole)))
}

fn missing(code: &str) -> Answer {
    let code = ("x-error-code", code.to_owned());
    told(404, &[code], json!({ "error": "not found" }).to_string().into_bytes())
}

fn page() -> Answer {
    let text = b"<!DOCTYPE html><html><body>Log in</body></html>".to_vec();
    response(200, "text/html; charset=utf-8", &[], whole(text))
}

fn told(status: u16, headers: &[(&str, String)], text: Vec<u8>) -> Answer {
    response(status, "application/json; charset=utf-8", headers, whole(text))
}

fn said(status: u16, headers: &[(&str, String)], text: Vec<u8>) -> Answer {
    response(status, "text/plain; charset=utf-8", headers, whole(text))
}

fn whole(bytes: Vec<u8>) -> Pieces {
    let (sender, pieces) = mpsc::channel(1);
    let length = Some(bytes.len() as u64);
    if !bytes.is_empty() {
        sender.try_send(Ok(Bytes::from(bytes))).expect("there is room for one");
    }
    Pieces { pieces, length }
}

fn response(status: u16, kind: &str, headers: &[(&str, String)], body: Pieces) -> Answer {
    let mut response = Response::builder().status(status).header("content-type", kind);
    for (name, value) in headers {
        response = response.header(*name, value);
    }
    response.body(body).expect("it is an answer")
}

fn query(text: &str) -> BTreeMap<String, String> {
    let pairs = text.split('&').filter_map(|pair| pair.split_once('='));
    pairs.map(|(name, value)| (name.to_owned(), percent_decoded(value))).collect()
}

fn percent_decoded(text: &str) -> String {
    let (mut bytes, mut rest) = (Vec::new(), text.as_bytes());
    while let Some((first, after)) = rest.split_first() {
        let code = after.get(..2).and_then(|code| std::str::from_utf8(code).ok());
        let byte = code.and_then(|code| u8::from_str_radix(code, 16).ok());
        if *first == b'%'
            && let Some(byte) = byte
        {
            bytes.push(byte);
            rest = &after[2..];
        } else {
            bytes.push(*first);
            rest = after;
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}
