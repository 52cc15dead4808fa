//! Streamed replies. The body is pulled: while the client does not read, nothing is taken from the job,
//! whose bounded channel then pauses the engine. A client that leaves drops the body, which cancels it.

use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::response::Response;
use bytes::Bytes;
use futures::FutureExt;
use http::{HeaderValue, header};
use pumasi_dialects::openai::{DONE, GenerateRequest, Head, Stream, error_event};
use pumasi_protocol::{Fault, JobKind};

use super::{headers, inference};
use crate::app::App;
use crate::error::ApiError;
use crate::gather::{Gathering, Step};
use crate::limits;

struct Streaming {
    app: Arc<App>,
    gathering: Gathering,
    writer: Stream,
    request_id: String,
    /// Written before anything is waited for.
    opening: String,
}

pub(super) fn respond(
    app: &Arc<App>,
    gathering: Gathering,
    head: Head,
    parsed: &GenerateRequest,
    request_id: String,
) -> Response {
    let answers = parsed.answers.len();
    let logprobs = parsed.answers.iter().any(|generate| generate.logprobs.is_some());
    let mut writer = if parsed.kind == JobKind::Chat {
        Stream::chat(head, answers, parsed.include_usage, logprobs)
    } else {
        Stream::completion(head, answers, parsed.include_usage, logprobs)
    };
    let echoes = inference::echoes(parsed);
    let begin = |index| writer.begin(index, echoes.get(index).map_or("", String::as_str));
    let opening = (0..answers).map(begin).collect();
    let mut response = Response::new(Body::empty());
    headers::of_lanes(response.headers_mut(), gathering.lanes());
    let streaming = Streaming { app: Arc::clone(app), gathering, writer, request_id, opening };
    event_stream(response.headers_mut());
    response.map(|_| streaming.into_body())
}

pub(super) fn event_stream(headers: &mut http::HeaderMap) {
    let kind = HeaderValue::from_static("text/event-stream");
    headers.insert(header::CONTENT_TYPE, kind);
    // Proxies that gather answers would undo the streaming.
    headers.insert("x-accel-buffering", HeaderValue::from_static("no"));
}

/// The comment that keeps a quiet stream alive.
pub(super) const HEARTBEAT: &str = ": waiting\n\n";

impl Streaming {
    fn into_body(self) -> Body {
        let pieces = futures::stream::unfold(Some(self), |streaming| async {
            let mut streaming = streaming?;
            let (text, over) = streaming.next().await;
            let rest = if over {
                let patience = streaming.app.patience.wind_down;
                streaming.gathering.wind_down(patience);
                None
            } else {
                Some(streaming)
            };
            Some((Ok::<_, std::convert::Infallible>(Bytes::from(text)), rest))
        });
        Body::from_stream(pieces)
    }

    /// The next piece of the body, and whether it is the last.
    async fn next(&mut self) -> (String, bool) {
        let mut text = std::mem::take(&mut self.opening);
        if text.is_empty() {
            let patience: Duration = self.app.patience.heartbeat;
            match tokio::time::timeout(patience, self.gathering.next()).await {
                Err(_) => return (HEARTBEAT.to_owned(), false),
                Ok(step) => {
                    if self.write(step, &mut text) {
                        return (text, true);
                    }
                }
            }
        }
        // What is there already goes out in one write.
        while text.len() < limits::WRITE_BYTES {
            let Some(step) = self.gathering.next().now_or_never() else { break };
            if self.write(step, &mut text) {
                return (text, true);
            }
        }
        (text, false)
    }

    /// Writes a step; true after the last.
    fn write(&mut self, step: Option<Step>, text: &mut String) -> bool {
        match step {
            None => {
                text.push_str(&self.writer.usage(self.gathering.counts()));
                text.push_str(DONE);
                return true;
            }
            Some(Step::Failed(fault)) => {
                text.push_str(&self.failure(fault));
                return true;
            }
            Some(Step::Progress) => {}
            Some(Step::Moved(index)) => text.push_str(&self.moved(index)),
            Some(Step::Deltas(index, deltas)) => {
                for delta in &deltas {
                    text.push_str(&self.writer.piece(index, delta));
                }
            }
            Some(Step::Ended(index, deltas, ending)) => {
                for delta in &deltas {
                    text.push_str(&self.writer.piece(index, delta));
                }
                let provenance = self.gathering.lanes()[index].provenance();
                text.push_str(&self.writer.end(index, ending, &provenance));
            }
        }
        false
    }

    fn failure(&self, fault: Fault) -> String {
        let error = ApiError::Fault(fault);
        self.app.errors.add(error.code());
        error_event(&error.body(&self.request_id)) + DONE
    }

    /// A comment, so that programs which know nothing of moving jobs are not disturbed.
    fn moved(&self, index: usize) -> String {
        let placed = self.gathering.lanes()[index].placed();
        let named = placed.map(|placed| {
            serde_json::json!({ "node": placed.node.to_string(), "name": placed.name.as_str() })
        });
        named.map_or_else(String::new, |named| format!(": moved {named}\n\n"))
    }
}
