//! Server-sent events (WHATWG HTML, "Server-sent events") out of a response that arrives in pieces.

use std::time::Duration;

use reqwest::Response;
use serde::de::DeserializeOwned;

use super::failure::{Failure, Kind};
use super::limits;

/// How long a stream may be silent; the node sends a comment line far more often.
const SILENCE: Duration = Duration::from_secs(120);

/// The events of one response.
#[derive(Debug)]
pub(super) struct Events {
    response: Response,
    lines: Lines,
}

impl Events {
    pub(super) fn new(response: Response) -> Self {
        Self { response, lines: Lines::default() }
    }

    /// The next event's data; none when the node ended the stream.
    pub(super) async fn next(&mut self) -> Result<Option<String>, Failure> {
        loop {
            if let Some(data) = self.lines.event() {
                return Ok(Some(data));
            }
            let chunk = tokio::time::timeout(SILENCE, self.response.chunk()).await;
            let chunk = chunk.map_err(|_| broken("the node stopped answering: look at its log"))?;
            let chunk = chunk.map_err(|_| broken("the connection to the node broke: try again"))?;
            let Some(chunk) = chunk else { return Ok(None) };
            self.lines.push(&chunk)?;
        }
    }

    /// The next event's data as JSON.
    pub(super) async fn next_json<T: DeserializeOwned>(&mut self) -> Result<Option<T>, Failure> {
        let Some(data) = self.next().await? else { return Ok(None) };
        if data == "[DONE]" {
            return Ok(None);
        }
        let parsed = serde_json::from_str(&data);
        parsed.map(Some).map_err(|_| broken("the node sent an event that this version cannot read"))
    }
}

fn broken(sentence: &str) -> Failure {
    Failure::new(Kind::Unavailable, "stream_broken", sentence)
}

/// Bytes in, whole events out.
#[derive(Debug, Default)]
struct Lines {
    bytes: Vec<u8>,
    data: Vec<String>,
}

impl Lines {
    fn push(&mut self, chunk: &[u8]) -> Result<(), Failure> {
        if self.bytes.len() + chunk.len() > limits::EVENT_BYTES {
            return Err(broken("the node sent an event that is too long"));
        }
        self.bytes.extend_from_slice(chunk);
        Ok(())
    }

    fn event(&mut self) -> Option<String> {
        while let Some(end) = self.bytes.iter().position(|byte| *byte == b'\n') {
            let line: Vec<u8> = self.bytes.drain(..=end).collect();
            let line = String::from_utf8_lossy(&line);
            let line = line.trim_end_matches(['\r', '\n']);
            if line.is_empty() {
                if !self.data.is_empty() {
                    return Some(std::mem::take(&mut self.data).join("\n"));
                }
            } else if let Some(data) = line.strip_prefix("data:") {
                self.data.push(data.strip_prefix(' ').unwrap_or(data).to_owned());
            }
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_come_out_whole_however_the_bytes_are_split() {
        let text = ": hello\r\nevent: x\r\ndata: {\"a\":\ndata: 1}\n\n\ndata:2\r\n\r\ndata: cut";
        let expected = ["{\"a\":\n1}", "2"];
        for size in 1..text.len() {
            let mut lines = Lines::default();
            let mut events = Vec::new();
            for chunk in text.as_bytes().chunks(size) {
                lines.push(chunk).expect("it is short");
                events.extend(std::iter::from_fn(|| lines.event()));
            }
            assert_eq!(events, expected, "split into {size}");
        }
    }

    #[test]
    fn a_line_without_end_is_refused() {
        let mut lines = Lines::default();
        lines.push(&vec![b'a'; limits::EVENT_BYTES]).expect("it is at the bound");
        assert!(lines.push(b"a").is_err());
    }
}
