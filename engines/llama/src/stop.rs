//! Finds a request's stop strings in the answer's bytes, across tokens and inside them.

/// Looks for stop strings in a stream of bytes.
#[derive(Debug)]
pub(crate) struct StopMatcher {
    stops: Vec<Vec<u8>>,
    /// The bytes before the next ones: enough to complete any stop string.
    tail: Vec<u8>,
    longest: usize,
}

impl StopMatcher {
    pub(crate) fn new(stops: &[String]) -> Self {
        let stops: Vec<Vec<u8>> =
            stops.iter().filter(|stop| !stop.is_empty()).map(|s| s.as_bytes().to_vec()).collect();
        let longest = stops.iter().map(Vec::len).max().unwrap_or(0);
        Self { stops, tail: Vec::new(), longest }
    }

    /// Takes the next bytes. True once a stop string is complete.
    pub(crate) fn feed(&mut self, bytes: &[u8]) -> bool {
        if self.stops.is_empty() {
            return false;
        }
        self.tail.extend_from_slice(bytes);
        let tail = &self.tail;
        let found = self.stops.iter().any(|stop| tail.windows(stop.len()).any(|w| w == stop));
        let excess = self.tail.len().saturating_sub(self.longest - 1);
        self.tail.drain(..excess);
        found
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// After which piece the matcher stops.
    fn stops_at(stops: &[&str], pieces: &[&[u8]]) -> Option<usize> {
        let stops: Vec<String> = stops.iter().map(ToString::to_string).collect();
        let mut matcher = StopMatcher::new(&stops);
        pieces.iter().position(|piece| matcher.feed(piece))
    }

    #[test]
    fn stop_strings_are_found_across_and_inside_tokens() {
        assert_eq!(stops_at(&["END"], &[b"the E", b"N", b"D of"]), Some(2));
        assert_eq!(stops_at(&["END"], &[b"E", b"EN", b"END"]), Some(2));
        assert_eq!(stops_at(&["\n\n", "x"], &[b"a\n", b"b\n", b"\nc"]), Some(2));
        assert_eq!(stops_at(&["END"], &[b"EN", b"d"]), None);
        assert_eq!(stops_at(&[], &[b"anything"]), None);
        assert_eq!(stops_at(&[""], &[b"anything"]), None);
    }

    #[test]
    fn cat_e04_characters_cut_across_tokens_are_still_matched() {
        assert_eq!(stops_at(&["끝"], &[&[0xeb], &[0x81], &[0x9d]]), Some(2));
    }

    proptest! {
        #[test]
        fn any_split_stops_after_the_same_byte(text in "[ab]{0,24}", stop in "[ab]{1,4}",
                                               cuts in proptest::collection::vec(1usize..5, 24)) {
            let whole = text.find(&stop).map(|at| at + stop.len());
            let mut matcher = StopMatcher::new(std::slice::from_ref(&stop));
            let (mut rest, mut fed, mut found) = (text.as_bytes(), 0, None);
            for cut in cuts {
                let (piece, next) = rest.split_at(cut.min(rest.len()));
                fed += piece.len();
                if matcher.feed(piece) {
                    found = Some(fed - piece.len()..=fed);
                    break;
                }
                rest = next;
            }
            match (whole, found) {
                (Some(end), Some(range)) => prop_assert!(range.contains(&end)),
                (None, None) => {}
                other => prop_assert!(false, "{:?}", other),
            }
        }
    }
}
