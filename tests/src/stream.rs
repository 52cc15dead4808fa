//! A streamed answer as a program reads it: piece by piece, with what is told beside the text.

use serde_json::{Value, json};

use crate::nodes::Node;

/// What came of a streamed request.
#[derive(Debug, Default)]
pub struct Streamed {
    /// The id of the node that began it.
    pub node: String,
    /// The text.
    pub text: String,
    /// Why it ended; none if it did not.
    pub finish: Option<String>,
    /// Token counts.
    pub usage: Value,
    /// The extension field of the last chunk.
    pub pumasi: Value,
    /// The error event, if there was one.
    pub error: Option<Value>,
    /// Whether the stream was closed as it should be.
    pub done: bool,
    /// Tokens with log-probabilities.
    pub logprobs: usize,
    /// Comment lines, as `: moved …`.
    pub comments: Vec<String>,
}

impl Streamed {
    /// Places where another computer went on.
    #[must_use]
    pub fn seams(&self) -> &[Value] {
        self.pumasi["seams"].as_array().map_or(&[], Vec::as_slice)
    }

    fn take(&mut self, line: &str) -> bool {
        if line.starts_with(':') {
            self.comments.push(line.to_owned());
        }
        let Some(data) = line.strip_prefix("data: ") else { return false };
        if data == "[DONE]" {
            self.done = true;
            return false;
        }
        let chunk: Value = serde_json::from_str(data).expect("events hold JSON");
        if chunk["error"].is_object() {
            self.error = Some(chunk["error"].clone());
        }
        if chunk["usage"].is_object() {
            self.usage = chunk["usage"].clone();
        }
        if chunk["pumasi"].is_object() {
            self.pumasi = chunk["pumasi"].clone();
        }
        let choice = &chunk["choices"][0];
        self.finish = choice["finish_reason"].as_str().map(str::to_owned).or(self.finish.take());
        let listed = choice["logprobs"]["content"].as_array().map(Vec::len);
        self.logprobs += listed.unwrap_or(0);
        let text = choice["delta"]["content"].as_str().or_else(|| choice["text"].as_str());
        let text = text.unwrap_or_default();
        self.text.push_str(text);
        !text.is_empty()
    }
}

/// Asks for a stream and reads it to its end; `on_piece` sees the id of the node that began, and how
/// many pieces of text have come.
///
/// # Panics
/// When it is refused, or breaks off.
pub fn read(
    node: &Node,
    path: &str,
    body: &Value,
    mut on_piece: impl FnMut(&str, usize),
) -> Streamed {
    let mut body = body.clone();
    body["stream"] = json!(true);
    body["stream_options"] = json!({ "include_usage": true });
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.expect("a runtime").block_on(async {
        let client = reqwest::Client::builder().no_proxy().build().expect("a client");
        let request = client.post(node.url(path)).bearer_auth(node.token()).json(&body);
        let mut response = request.send().await.expect("an answer");
        let status = response.status();
        assert!(status.is_success(), "{status}: {:?}", response.text().await);
        let id = response.headers().get("x-pumasi-node-id").and_then(|id| id.to_str().ok());
        let mut streamed =
            Streamed { node: id.unwrap_or_default().to_owned(), ..Streamed::default() };
        let (mut rest, mut pieces) = (Vec::new(), 0);
        while let Some(bytes) = response.chunk().await.expect("the stream is not cut") {
            rest.extend_from_slice(&bytes);
            while let Some(end) = rest.iter().position(|byte| *byte == b'\n') {
                let line: Vec<u8> = rest.drain(..=end).collect();
                let line = String::from_utf8(line).expect("UTF-8");
                if streamed.take(line.trim_end()) {
                    pieces += 1;
                    on_piece(&streamed.node, pieces);
                }
            }
        }
        streamed
    })
}
