//! Streamed replies. The body is pulled: while the client does not read, nothing is taken from the job,
//! whose bounded channel then pauses the engine. A client that leaves drops the body, which cancels it.

use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::response::Response;
use bytes::Bytes;
use futures::FutureExt;
use http::{HeaderValue, header};
use pumasi_dialects::{GenerateRequest, Head, Writer};

use super::headers;
use crate::app::App;
use crate::error::ApiError;
use crate::gather::{Gathering, Step};
use crate::limits;

/// An answer on its way in pieces.
pub(super) struct Streaming {
    app: Arc<App>,
    gathering: Gathering,
    writer: Writer,
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
    let mut writer = Writer::new(parsed, head);
    let opening = writer.begin(gathering.counts());
    let kind = writer.content_type();
    let mut response = Response::new(Body::empty());
    headers::of_lanes(response.headers_mut(), gathering.lanes());
    let streaming = Streaming::new(Arc::clone(app), gathering, writer, request_id, opening);
    piecewise(response.headers_mut(), kind);
    response.map(|_| streaming.into_body())
}

pub(super) fn event_stream(headers: &mut http::HeaderMap) {
    piecewise(headers, "text/event-stream");
}

fn piecewise(headers: &mut http::HeaderMap, kind: &'static str) {
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
    // Proxies that gather answers would undo the streaming.
    headers.insert("x-accel-buffering", HeaderValue::from_static("no"));
}

/// The comment that keeps a quiet stream alive.
pub(super) const HEARTBEAT: &str = ": waiting\n\n";

impl Streaming {
    pub(super) fn new(
        app: Arc<App>,
        gathering: Gathering,
        writer: Writer,
        request_id: String,
        opening: String,
    ) -> Self {
        Self { app, gathering, writer, request_id, opening }
    }

    /// The client has everything.
    pub(super) fn wind_down(self) {
        let patience = self.app.patience.wind_down;
        self.gathering.wind_down(patience);
    }

    fn into_body(self) -> Body {
        let pieces = futures::stream::unfold(Some(self), |streaming| async {
            let mut streaming = streaming?;
            let (text, over) = streaming.next().await;
            let rest = if over {
                streaming.wind_down();
                None
            } else {
                Some(streaming)
            };
            Some((Ok::<_, std::convert::Infallible>(Bytes::from(text)), rest))
        });
        Body::from_stream(pieces)
    }

    /// The next piece of the body, and whether it is the last.
    pub(super) async fn next(&mut self) -> (String, bool) {
        let mut text = std::mem::take(&mut self.opening);
        if text.is_empty() {
            let patience: Duration = self.app.patience.heartbeat;
            match tokio::time::timeout(patience, self.gathering.next()).await {
                Err(_) => return (self.writer.heartbeat(), false),
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
                text.push_str(&self.writer.close(self.gathering.counts()));
                return true;
            }
            Some(Step::Failed(error)) => {
                text.push_str(&self.failure(&error));
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
                let counts = self.gathering.counts();
                text.push_str(&self.writer.end(index, &ending, counts, &provenance));
            }
        }
        false
    }

    fn failure(&mut self, error: &ApiError) -> String {
        self.app.errors.add(error.code());
        self.writer.failure(&error.failure(&self.request_id))
    }

    /// A comment, so that programs which know nothing of moving jobs are not disturbed.
    fn moved(&self, index: usize) -> String {
        let lane = &self.gathering.lanes()[index];
        let placed = lane.placed().map(|placed| {
            serde_json::json!({ "node": placed.node.to_string(), "name": placed.name.as_str() })
        });
        let named = placed.or_else(|| {
            let provided = lane.provided()?;
            Some(serde_json::json!({ "provider": provided.id, "name": provided.name }))
        });
        named.map_or_else(String::new, |named| self.writer.remark(&format!("moved {named}")))
    }
}
