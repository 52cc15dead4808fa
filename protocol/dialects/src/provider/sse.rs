//! Server-sent events (WHATWG HTML, section 9.2) from bytes in any pieces: the data of each event.
//! Names of events are left out: every dialect repeats them in the data.

use std::collections::VecDeque;

use crate::limits;

/// Splits bytes into events.
#[derive(Debug, Default)]
pub(super) struct Events {
    /// A line that is not whole yet.
    line: Vec<u8>,
    /// The last line ended with a carriage return, so that a line feed belongs to it.
    after_return: bool,
    data: Option<String>,
    ready: VecDeque<String>,
}

/// An event is larger than any sensible one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct TooLarge;

impl Events {
    pub(super) fn push(&mut self, bytes: &[u8]) -> Result<(), TooLarge> {
        for &byte in bytes {
            let pair = std::mem::replace(&mut self.after_return, byte == b'\r');
            match byte {
                b'\n' if pair => {}
                b'\n' | b'\r' => self.end_line()?,
                _ if self.line.len() >= limits::PROVIDER_EVENT_BYTES => return Err(TooLarge),
                _ => self.line.push(byte),
            }
        }
        Ok(())
    }

    /// The data of the next event.
    pub(super) fn next(&mut self) -> Option<String> {
        self.ready.pop_front()
    }

    fn end_line(&mut self) -> Result<(), TooLarge> {
        let line = std::mem::take(&mut self.line);
        if line.is_empty() {
            self.ready.extend(self.data.take());
            return Ok(());
        }
        let line = String::from_utf8_lossy(&line);
        let (field, value) = line.split_once(':').unwrap_or((line.as_ref(), ""));
        if field != "data" {
            return Ok(());
        }
        let value = value.strip_prefix(' ').unwrap_or(value);
        let data = match self.data.take() {
            None => value.to_owned(),
            Some(before) => format!("{before}\n{value}"),
        };
        let size = data.len();
        self.data = Some(data);
        if size > limits::PROVIDER_EVENT_BYTES { Err(TooLarge) } else { Ok(()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Vec<String> {
        let mut events = Events::default();
        events.push(text.as_bytes()).expect("small");
        std::iter::from_fn(|| events.next()).collect()
    }

    #[test]
    fn lines_end_in_three_ways_and_comments_are_none() {
        assert_eq!(read("data: a\n\n: c\n\ndata:b\r\n\r\ndata: c\r\r"), ["a", "b", "c"]);
        assert_eq!(read("event: x\ndata: a\ndata: b\nid: 1\n\n"), ["a\nb"]);
        assert_eq!(read("data: cut"), Vec::<String>::new());
        assert_eq!(read("data\n\n\n\n"), [""]);
    }

    #[test]
    fn an_event_without_end_is_too_large() {
        let mut events = Events::default();
        let piece = vec![b'a'; limits::PROVIDER_EVENT_BYTES];
        assert_eq!(events.push(&piece), Ok(()));
        assert_eq!(events.push(b"a"), Err(TooLarge));
    }
}
