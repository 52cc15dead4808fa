//! A provider's stream on its way to the client, frame by frame as it came. Each frame is also heard, so
//! that another place can go on where the provider stops. Tool calls are held back until they are whole:
//! half a call cannot be gone on with.

use std::future::poll_fn;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::response::Response;
use bytes::{Bytes, BytesMut};
use futures::StreamExt;
use futures::stream::BoxStream;
use http::header;
use memchr::memmem;
use pumasi_dialects::provider::{Heard, ProviderFault, Reader};
use pumasi_dialects::{Counts, Delta, Dialect, GenerateRequest, Invalid, Writer};
use pumasi_protocol::JobId;

use super::quiet::Quiet;
use super::said::Said;
use crate::app::App;
use crate::body;
use crate::error::ApiError;
use crate::limits;
use crate::mesh::{Endpoint, Provided, RelayedAnswer, Tried, Turn};
use crate::meters::Charge;
use crate::routes::headers;
use crate::routes::inference::{self, Asked};
use crate::routes::streaming::{self, HEARTBEAT, Streaming};

/// How long a provider may take to end a stream after its last word.
const DRAIN: Duration = Duration::from_secs(1);

type Parse = Box<dyn FnOnce(&[u8]) -> Result<GenerateRequest, Invalid> + Send>;

/// What was asked, and by whom.
pub(super) struct Origin {
    pub(super) app: Arc<App>,
    pub(super) asked: Asked,
    pub(super) endpoint: Endpoint,
    pub(super) body: Bytes,
    pub(super) parse: Parse,
}

pub(super) fn respond(origin: Origin, answer: RelayedAnswer) -> Response {
    let RelayedAnswer { job, provided, content_type, body } = answer;
    let mut response = Response::new(Body::empty());
    *response.headers_mut() = headers::room();
    streaming::event_stream(response.headers_mut());
    response.headers_mut().insert(header::CONTENT_TYPE, content_type);
    headers::insert(response.headers_mut(), "x-pumasi-job", &job.to_string());
    headers::of_provider(response.headers_mut(), &provided);
    let mut charge = origin.asked.charge();
    charge.at_provider(&provided);
    let relaying = Relaying {
        quiet: Quiet::new(origin.app.patience.heartbeat),
        reader: Reader::new(origin.endpoint.speech()),
        frames: Frames::default(),
        said: Said::default(),
        held: Held::default(),
        job,
        provided,
        body,
        charge,
        origin: Some(origin),
    };
    let pieces = futures::stream::unfold(Some(Passage::Relaying(Box::new(relaying))), step);
    response.map(|_| Body::from_stream(pieces))
}

/// Where an answer comes from at the moment.
enum Passage {
    Relaying(Box<Relaying>),
    GoingOn(Box<Streaming>),
}

type Piece = Result<Bytes, std::convert::Infallible>;

async fn step(passage: Option<Passage>) -> Option<(Piece, Option<Passage>)> {
    match passage? {
        Passage::Relaying(mut relaying) => {
            if relaying.reader.is_over() {
                relaying.drain().await;
                return None;
            }
            let (bytes, next) = relaying.next().await;
            let passage = match next {
                Next::More => Some(Passage::Relaying(relaying)),
                Next::GoOn(streaming) => Some(Passage::GoingOn(streaming)),
                Next::Over => None,
            };
            Some((Ok(bytes), passage))
        }
        Passage::GoingOn(mut streaming) => {
            let (text, over) = streaming.next().await;
            let passage = if over {
                streaming.wind_down();
                None
            } else {
                Some(Passage::GoingOn(streaming))
            };
            Some((Ok(Bytes::from(text)), passage))
        }
    }
}

enum Next {
    More,
    GoOn(Box<Streaming>),
    Over,
}

struct Relaying {
    quiet: Quiet,
    reader: Reader,
    frames: Frames,
    said: Said,
    held: Held,
    job: JobId,
    provided: Provided,
    body: BoxStream<'static, Result<Bytes, ProviderFault>>,
    charge: Charge,
    /// Gone once another place goes on.
    origin: Option<Origin>,
}

/// Frames that hold parts of tool calls.
#[derive(Default)]
struct Held {
    bytes: BytesMut,
    heard: Vec<Heard>,
}

impl Relaying {
    /// The next piece of the body.
    async fn next(&mut self) -> (Bytes, Next) {
        loop {
            let piece = poll_fn(|cx| self.quiet.poll(self.body.poll_next_unpin(cx), cx)).await;
            let Ok(piece) = piece else {
                return (Bytes::from_static(HEARTBEAT.as_bytes()), Next::More);
            };
            let outcome = match piece {
                Some(Ok(chunk)) => {
                    let whole = self.frames.push(chunk);
                    self.take(&whole)
                }
                Some(Err(fault)) => Err((Bytes::new(), fault)),
                None => self.end(),
            };
            let over = self.reader.is_over();
            self.note_cost();
            match outcome {
                Ok(bytes) if bytes.is_empty() && !over => {}
                Ok(bytes) => {
                    self.charge.piece();
                    return (bytes, Next::More);
                }
                Err((bytes, fault)) => return self.go_on(bytes, fault).await,
            }
        }
    }

    /// Hears whole frames. What may go out of them, and how the provider failed, if it did.
    fn take(&mut self, whole: &Bytes) -> Result<Bytes, (Bytes, ProviderFault)> {
        let (mut out, mut start, mut at) = (BytesMut::new(), 0, 0);
        while at < whole.len() {
            let end = at + frame_length(&whole[at..]);
            let frame = &whole[at..end];
            let heard = self.reader.push(frame);
            if let Some(fault) = failure(&heard) {
                return Err((joined(out, whole.slice(start..at)), fault));
            }
            if self.holds(&heard) {
                out.extend_from_slice(&whole[start..at]);
                start = end;
                self.hold(frame, heard, &mut out);
            } else {
                self.said.frame(frame, heard);
            }
            at = end;
        }
        Ok(joined(out, whole.slice(start..)))
    }

    fn holds(&self, heard: &[Heard]) -> bool {
        let is_call = |heard: &Heard| {
            matches!(heard, Heard::Delta(Delta::ToolCall { .. } | Delta::Arguments { .. }))
        };
        !self.held.bytes.is_empty() || heard.iter().any(is_call)
    }

    /// Keeps a frame until the answer is complete; then all go out. So they do when they are too many to
    /// keep.
    fn hold(&mut self, frame: &[u8], heard: Vec<Heard>, out: &mut BytesMut) {
        self.held.bytes.extend_from_slice(frame);
        self.held.heard.extend(heard);
        if self.reader.is_over() || self.held.bytes.len() > limits::HELD_CALL_BYTES {
            let Held { bytes, heard } = std::mem::take(&mut self.held);
            self.said.frame(&bytes, heard);
            out.extend_from_slice(&bytes);
        }
    }

    /// The provider has closed its stream.
    fn end(&mut self) -> Result<Bytes, (Bytes, ProviderFault)> {
        let heard = self.reader.finish();
        match failure(&heard) {
            Some(fault) => Err((Bytes::new(), fault)),
            None => {
                let mut rest = std::mem::take(&mut self.held.bytes);
                rest.extend_from_slice(&self.frames.rest());
                Ok(rest.freeze())
            }
        }
    }

    /// Reads the provider's stream to its end, so that the connection serves again.
    async fn drain(&mut self) {
        let end = async { while let Some(Ok(_)) = self.body.next().await {} };
        // One that does not end is closed.
        let _ = tokio::time::timeout(DRAIN, end).await;
    }

    fn note_cost(&mut self) {
        self.charge.set(self.said.counts());
        if let Some(origin) = self.origin.as_ref().filter(|_| self.reader.is_over()) {
            self.charge.done();
            origin.app.mesh.account(self.job, self.said.counts());
        }
    }

    /// Another place writes the rest.
    async fn go_on(&mut self, sent: Bytes, fault: ProviderFault) -> (Bytes, Next) {
        let Some(origin) = self.origin.take() else { return (sent, Next::Over) };
        let (id, dialect) = (origin.asked.request_id.clone(), origin.endpoint.dialect());
        let app = Arc::clone(&origin.app);
        // What was said so far counts with the rest.
        self.charge.set(Counts::default());
        app.mesh.account(self.job, self.said.counts());
        let said = std::mem::take(&mut self.said);
        match rest(origin, said, self.job, self.provided.clone(), fault).await {
            Ok(streaming) => (sent, Next::GoOn(Box::new(streaming))),
            Err(error) => {
                app.errors.add(error.code());
                self.charge.failed(error.code());
                let body = error.body(&id, dialect);
                let last = match dialect {
                    Dialect::Anthropic => format!("event: error\ndata: {body}\n\n"),
                    Dialect::OpenAi | Dialect::Gemini | Dialect::Ollama => {
                        format!("data: {body}\n\ndata: [DONE]\n\n")
                    }
                };
                (joined(BytesMut::from(&sent[..]), Bytes::from(last)), Next::Over)
            }
        }
    }
}

/// An answer that goes on with what was said.
async fn rest(
    origin: Origin,
    said: Said,
    job: JobId,
    provided: Provided,
    fault: ProviderFault,
) -> Result<Streaming, ApiError> {
    let failed = ApiError::Provider(fault);
    if said.has_calls || !fault.is_transient() {
        return Err(failed);
    }
    let Origin { app, asked, body, parse, .. } = origin;
    let mut request = body::parse(body, parse).await.map_err(|_| failed)?;
    let tried = Tried { id: provided.id.clone(), fault };
    let turn = Turn { begun: said.has_begun(), ..Turn::after(tried) };
    let head = inference::reply_head(&request, job);
    let mut writer = Writer::new(&request, said.head(head));
    said.rest(&mut request);
    let mut gathering = inference::start(&app, &asked, &request, turn).await?;
    let mut opening = writer.begin(gathering.counts());
    if said.has_begun() {
        // The client has that already, in the provider's own words.
        opening.clear();
        for delta in said.deltas() {
            let _ = writer.piece(0, delta);
        }
    }
    gathering.follow(&provided, said.counts, said.pieces);
    Ok(Streaming::new(app, gathering, writer, asked.request_id, opening))
}

fn failure(heard: &[Heard]) -> Option<ProviderFault> {
    match heard.last() {
        Some(Heard::Failed(fault)) => Some(*fault),
        Some(Heard::Delta(_) | Heard::Counts(_) | Heard::Ended(_)) | None => None,
    }
}

/// Without copying, where there is nothing to join.
fn joined(mut before: BytesMut, after: Bytes) -> Bytes {
    if before.is_empty() {
        return after;
    }
    before.extend_from_slice(&after);
    before.freeze()
}

/// The length of the first frame, its empty line included.
fn frame_length(bytes: &[u8]) -> usize {
    let mut at = 0;
    while let Some(line) = memchr::memchr(b'\n', &bytes[at..]) {
        at += line + 1;
        match &bytes[at..] {
            [b'\n', ..] => return at + 1,
            [b'\r', b'\n', ..] => return at + 2,
            _ => {}
        }
    }
    bytes.len()
}

/// Cuts a stream of server-sent events where one ends, so that what goes out is whole.
#[derive(Default)]
struct Frames {
    begun: BytesMut,
}

impl Frames {
    /// All frames that are whole now.
    fn push(&mut self, chunk: Bytes) -> Bytes {
        if self.begun.is_empty() && ends_frame(&chunk) {
            return chunk;
        }
        self.begun.extend_from_slice(&chunk);
        let end = last_end(&self.begun);
        if end == 0 && self.begun.len() > limits::FRAME_BYTES {
            // Nothing sensible is that long; the reader will say so.
            return std::mem::take(&mut self.begun).freeze();
        }
        self.begun.split_to(end).freeze()
    }

    fn rest(&mut self) -> Bytes {
        std::mem::take(&mut self.begun).freeze()
    }
}

fn ends_frame(bytes: &[u8]) -> bool {
    bytes.ends_with(b"\n\n") || bytes.ends_with(b"\n\r\n")
}

fn last_end(bytes: &[u8]) -> usize {
    let plain = memmem::rfind(bytes, b"\n\n").map_or(0, |at| at + 2);
    let with_return = memmem::rfind(bytes, b"\n\r\n").map_or(0, |at| at + 3);
    plain.max(with_return)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_go_out_whole_however_they_come() {
        let stream = b"data: 1\n\n: c\n\ndata: 2\r\n\r\ndata: 3\n\n";
        for size in 1..stream.len() {
            let mut frames = Frames::default();
            let mut all = Vec::new();
            for chunk in stream.chunks(size) {
                let whole = frames.push(Bytes::copy_from_slice(chunk));
                assert!(whole.is_empty() || ends_frame(&whole), "{size}");
                all.extend_from_slice(&whole);
            }
            assert_eq!(all, stream, "{size}");
            assert!(frames.rest().is_empty());
        }
    }

    #[test]
    fn a_frame_ends_with_its_empty_line() {
        assert_eq!(frame_length(b"data: 1\n\ndata: 2\n\n"), 9);
        assert_eq!(frame_length(b"event: x\r\ndata: 1\r\n\r\nrest"), 21);
        assert_eq!(frame_length(b"data: 1"), 7);
    }
}
