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
    pub(super) fn push(&mut self, mut bytes: &[u8]) -> Result<(), TooLarge> {
        if std::mem::take(&mut self.after_return) && !bytes.is_empty() {
            bytes = bytes.strip_prefix(b"\n").unwrap_or(bytes);
        }
        while let Some(at) = memchr::memchr2(b'\n', b'\r', bytes) {
            let (line, end) = (&bytes[..at], bytes[at]);
            bytes = &bytes[at + 1..];
            if self.line.is_empty() {
                bounded(line.len())?;
                self.end_line(line)?;
            } else {
                self.begin_line(line)?;
                let line = std::mem::take(&mut self.line);
                self.end_line(&line)?;
            }
            if end == b'\r' {
                self.after_return = bytes.is_empty();
                bytes = bytes.strip_prefix(b"\n").unwrap_or(bytes);
            }
        }
        self.begin_line(bytes)
    }

    fn begin_line(&mut self, part: &[u8]) -> Result<(), TooLarge> {
        bounded(self.line.len() + part.len())?;
        self.line.extend_from_slice(part);
        Ok(())
    }

    /// The data of the next event.
    pub(super) fn next(&mut self) -> Option<String> {
        self.ready.pop_front()
    }

    fn end_line(&mut self, line: &[u8]) -> Result<(), TooLarge> {
        if line.is_empty() {
            self.ready.extend(self.data.take());
            return Ok(());
        }
        let colon = memchr::memchr(b':', line);
        let (field, value) = colon.map_or((line, &[][..]), |at| (&line[..at], &line[at + 1..]));
        if field != b"data" {
            return Ok(());
        }
        let value = String::from_utf8_lossy(value.strip_prefix(b" ").unwrap_or(value));
        let data = match self.data.take() {
            None => value.into_owned(),
            Some(before) => format!("{before}\n{value}"),
        };
        bounded(data.len())?;
        self.data = Some(data);
        Ok(())
    }
}

fn bounded(bytes: usize) -> Result<(), TooLarge> {
    if bytes > limits::PROVIDER_EVENT_BYTES { Err(TooLarge) } else { Ok(()) }
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
    fn events_are_the_same_however_their_bytes_come() {
        let text =
            "data: a\r\rdata: b\r\n\r\n: c\n\ndata:\u{e9}\ndata\n\nid\rdata: d\r\n\n\rdata: e\n\n";
        let whole = read(text);
        assert_eq!(whole, ["a", "b", "\u{e9}\n", "d", "e"]);
        for size in 1..text.len() {
            let mut events = Events::default();
            text.as_bytes().chunks(size).for_each(|part| events.push(part).expect("small"));
            assert_eq!(std::iter::from_fn(|| events.next()).collect::<Vec<_>>(), whole, "{size}");
        }
    }

    #[test]
    fn an_event_without_end_is_too_large() {
        let mut events = Events::default();
        let piece = vec![b'a'; limits::PROVIDER_EVENT_BYTES];
        assert_eq!(events.push(&piece), Ok(()));
        assert_eq!(events.push(b"a"), Err(TooLarge));
    }
}
