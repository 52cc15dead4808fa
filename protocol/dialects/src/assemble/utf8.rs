//! Bytes to text: an incomplete character waits for its rest, an impossible one becomes U+FFFD.

/// Decodes a stream of bytes as `String::from_utf8_lossy` would decode it in one piece.
#[derive(Debug, Default)]
pub(super) struct Utf8 {
    pending: Vec<u8>,
    decoded: u64,
}

impl Utf8 {
    pub(super) fn push(&mut self, bytes: &[u8]) -> String {
        self.pending.extend_from_slice(bytes);
        let mut text = String::new();
        loop {
            match std::str::from_utf8(&self.pending) {
                Ok(valid) => {
                    text.push_str(valid);
                    self.pending.clear();
                    break;
                }
                Err(error) => {
                    let (valid, rest) = self.pending.split_at(error.valid_up_to());
                    text.push_str(&String::from_utf8_lossy(valid));
                    let Some(bad) = error.error_len() else {
                        self.pending = rest.to_vec();
                        break;
                    };
                    text.push(char::REPLACEMENT_CHARACTER);
                    self.pending = rest[bad..].to_vec();
                }
            }
        }
        self.decoded += text.len() as u64;
        text
    }

    /// Where the text so far ends; a character that still waits counts as one byte, so that the
    /// token which began it ends after the text before it.
    pub(super) fn end(&self) -> u64 {
        self.decoded + u64::from(!self.pending.is_empty())
    }

    /// What is left: at most one incomplete character.
    pub(super) fn finish(&mut self) -> String {
        if self.pending.is_empty() {
            return String::new();
        }
        self.pending.clear();
        char::REPLACEMENT_CHARACTER.to_string()
    }
}
