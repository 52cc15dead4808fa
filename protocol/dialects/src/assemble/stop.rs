//! Stop strings: the text before the first that is complete; a beginning of one is held back.

/// Cuts a stream of text at the first stop string that is complete.
#[derive(Debug)]
pub(super) struct StopFilter {
    stops: Vec<String>,
    held: String,
    hit: Option<String>,
}

impl StopFilter {
    pub(super) fn new(stops: Vec<String>) -> Self {
        Self { stops, held: String::new(), hit: None }
    }

    /// The text that is free to go, and whether a stop string was hit behind it.
    pub(super) fn push(&mut self, text: &str) -> (String, bool) {
        if self.stops.is_empty() {
            return (text.to_owned(), false);
        }
        self.held.push_str(text);
        if let Some((start, end)) = self.first_hit() {
            self.hit = Some(self.held[start..end].to_owned());
            self.held.truncate(start);
            return (std::mem::take(&mut self.held), true);
        }
        let keep = self.stops.iter().map(|stop| overlap(&self.held, stop)).max().unwrap_or(0);
        let rest = self.held.split_off(self.held.len() - keep);
        (std::mem::replace(&mut self.held, rest), false)
    }

    /// The stop string that was hit.
    pub(super) fn hit(&self) -> Option<&str> {
        self.hit.as_deref()
    }

    /// The hit that is complete first, from where to where; of two, the longer.
    fn first_hit(&self) -> Option<(usize, usize)> {
        let hit = |stop: &String| self.held.find(stop.as_str()).map(|at| (at + stop.len(), at));
        self.stops.iter().filter_map(hit).min().map(|(end, start)| (start, end))
    }

    pub(super) fn finish(&mut self) -> String {
        std::mem::take(&mut self.held)
    }
}

/// Length of the longest end of `text` that is a proper beginning of `mark`.
pub(super) fn overlap(text: &str, mark: &str) -> usize {
    let longest = text.len().min(mark.len().saturating_sub(1));
    let fits = |&len: &usize| {
        mark.is_char_boundary(len) && text.as_bytes().ends_with(&mark.as_bytes()[..len])
    };
    (1..=longest).rev().find(fits).unwrap_or(0)
}
