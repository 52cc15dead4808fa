//! One look at a body that may be handed on as it is: which model, and whether the answer is to come in
//! pieces. Nothing is built and nothing is copied; whatever is unusual is left to the dialect's parser.

use std::ops::Range;

use memchr::memchr2;

use crate::limits;

/// What there is to see.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Glance {
    /// Where the value of `model` stands, quotes included; it has no escapes.
    pub model: Range<usize>,
    /// `stream` is true.
    pub stream: bool,
}

/// Fields that are for us, so that a body with them is not handed on as it is.
const OURS: [&[u8]; 3] = [b"pumasi", b"provider", b"models"];

/// Looks at a body. None: it is no JSON object, names no model or two, nests too deeply, spells a field
/// with escapes, or has a field that is for us.
#[must_use]
pub fn glance(body: &[u8]) -> Option<Glance> {
    glance_without(body, |name| OURS.contains(&name))
}

/// The same look, where other fields than ours must not be there.
pub(crate) fn glance_without(body: &[u8], is_forbidden: impl Fn(&[u8]) -> bool) -> Option<Glance> {
    std::str::from_utf8(body).ok()?;
    let mut scan = Scan { body, at: 0 };
    scan.expect(b'{')?;
    let (mut model, mut stream) = (None, None);
    if scan.peek()? == b'}' {
        return None;
    }
    loop {
        let key = scan.string()?;
        let name = &body[key.start + 1..key.end - 1];
        scan.expect(b':')?;
        let value = scan.value()?;
        match name {
            _ if name.contains(&b'\\') || is_forbidden(name) => return None,
            b"model" => once(&mut model, value)?,
            b"stream" => once(&mut stream, value)?,
            // Which is our word, and settled here.
            b"reasoning_effort" if &body[value.clone()] == b"\"auto\"" => return None,
            _ => {}
        }
        match scan.next()? {
            b',' => {}
            b'}' => break,
            _ => return None,
        }
    }
    if scan.peek().is_some() {
        return None;
    }
    let model = model.filter(|at| body[at.start] == b'"' && !body[at.clone()].contains(&b'\\'))?;
    let stream = match stream.map(|at| &body[at]) {
        None | Some(b"false" | b"null") => false,
        Some(b"true") => true,
        Some(_) => return None,
    };
    Some(Glance { model, stream })
}

fn once(slot: &mut Option<Range<usize>>, value: Range<usize>) -> Option<()> {
    slot.replace(value).is_none().then_some(())
}

struct Scan<'a> {
    body: &'a [u8],
    at: usize,
}

impl Scan<'_> {
    /// The next byte that is not white space.
    fn peek(&mut self) -> Option<u8> {
        while let Some(byte) = self.body.get(self.at) {
            if !matches!(byte, b' ' | b'\t' | b'\n' | b'\r') {
                return Some(*byte);
            }
            self.at += 1;
        }
        None
    }

    fn next(&mut self) -> Option<u8> {
        let byte = self.peek()?;
        self.at += 1;
        Some(byte)
    }

    fn expect(&mut self, byte: u8) -> Option<()> {
        (self.next()? == byte).then_some(())
    }

    /// A string, quotes included.
    fn string(&mut self) -> Option<Range<usize>> {
        self.expect(b'"')?;
        let start = self.at - 1;
        self.rest_of_string()?;
        Some(start..self.at)
    }

    /// Goes behind the closing quote.
    fn rest_of_string(&mut self) -> Option<()> {
        loop {
            self.at += memchr2(b'"', b'\\', self.body.get(self.at..)?)?;
            if self.body[self.at] == b'"' {
                self.at += 1;
                return Some(());
            }
            self.at += 2;
        }
    }

    fn value(&mut self) -> Option<Range<usize>> {
        match self.peek()? {
            b'"' => self.string(),
            b'{' | b'[' => self.nested(),
            _ => self.literal(),
        }
    }

    fn nested(&mut self) -> Option<Range<usize>> {
        let (start, mut depth) = (self.at, 0_usize);
        loop {
            let byte = *self.body.get(self.at)?;
            self.at += 1;
            match byte {
                b'"' => self.rest_of_string()?,
                b'{' | b'[' => depth += 1,
                b'}' | b']' => depth -= 1,
                _ => {}
            }
            if depth == 0 {
                return Some(start..self.at);
            }
            if depth >= limits::JSON_DEPTH {
                return None;
            }
        }
    }

    /// A number or a word: whether it is one is for whoever reads it.
    fn literal(&mut self) -> Option<Range<usize>> {
        let rest = &self.body[self.at..];
        let is_part = |byte: &u8| byte.is_ascii_alphanumeric() || b"+-.".contains(byte);
        let length = rest.iter().position(|byte| !is_part(byte)).unwrap_or(rest.len());
        let start = self.at;
        self.at += length;
        (length > 0).then_some(start..self.at)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(body: &str) -> Option<(&str, bool)> {
        let glance = glance(body.as_bytes())?;
        Some((&body[glance.model], glance.stream))
    }

    #[test]
    fn model_and_stream_are_seen_wherever_they_stand() {
        assert_eq!(seen(r#"{"model":"a/b"}"#), Some(("\"a/b\"", false)));
        assert_eq!(
            seen(" { \"stream\" : true ,\n\"x\":[{\"model\":\"no\"},\"}\"], \"model\" : \"m\" } "),
            Some(("\"m\"", true))
        );
        assert_eq!(
            seen(r#"{"messages":[{"content":"\"model\":\"x\" \\"}],"model":"m","stream":null}"#),
            Some(("\"m\"", false))
        );
    }

    #[test]
    fn whatever_is_unusual_is_left_to_the_parser() {
        let deep = format!(r#"{{"model":"m","x":{}1{}}}"#, "[".repeat(200), "]".repeat(200));
        for body in [
            "",
            "{}",
            "[]",
            "null",
            r#"{"model":"m""#,
            r#"{"model":"m"}x"#,
            r#"{"model":"m",}"#,
            r#"{"model":"m","model":"n"}"#,
            r#"{"model":"m","mod\u0065l":"n"}"#,
            r#"{"model":"\u006d"}"#,
            r#"{"model":7}"#,
            r#"{"stream":true}"#,
            r#"{"model":"m","stream":"true"}"#,
            r#"{"model":"m","stream":1}"#,
            r#"{"model":"m","pumasi":{}}"#,
            r#"{"model":"m","provider":{}}"#,
            r#"{"model":"m" "x":1}"#,
            r#"{"model" "m"}"#,
            r#"{"model":"m","x":"\"}"#,
            r#"{"model":"m","x":[1,2}"#,
            &deep,
        ] {
            assert_eq!(seen(body), None, "{body}");
        }
        assert_eq!(glance(b"{\"model\":\"\xff\"}"), None);
    }
}
