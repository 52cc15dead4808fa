//! How a model's name tells the fake what to do wrong. Words are joined by `+` or `.`: `slow-500+pause-20`.

/// What a model's name asks for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Behaviour {
    /// `slow-500`: milliseconds before the first byte.
    pub slow_ms: u64,
    /// `pause-200`: milliseconds between two pieces.
    pub pause_ms: u64,
    /// `long-40`: so many words are added to the answer.
    pub long: usize,
    /// `cut-5`: the connection ends after so many pieces.
    pub cut: Option<usize>,
    /// `stall-5`: nothing more comes after so many pieces.
    pub stall: Option<usize>,
    /// `status-429-7`: this status, with that `Retry-After`.
    pub status: Option<(u16, Option<String>)>,
    /// `loading-2`: "loading" so many times, then well.
    pub loading: u32,
    /// `html`: a page for people, with status 200.
    pub html: bool,
    /// `garbled`: bytes that are no dialect's.
    pub garbled: bool,
    /// `wrong-json`: JSON of another shape.
    pub wrong_json: bool,
    /// `endless`: the answer never ends.
    pub endless: bool,
    /// `negative-usage`: counts below zero.
    pub negative_usage: bool,
    /// `no-ids`: calls without ids.
    pub no_ids: bool,
    /// `twice-ids`: two calls with one id.
    pub twice_ids: bool,
    /// `redirect`: status 302 to somewhere else.
    pub redirect: bool,
    /// `huge-argument`: a call with a million characters.
    pub huge_argument: bool,
    /// `thinks`: thinks first.
    pub thinks: bool,
    /// `context`: the prompt is too long.
    pub context: bool,
    /// `bad-key`: the key is not valid.
    pub bad_key: bool,
}

impl Behaviour {
    /// Reads a model's name; words that mean nothing are left out, as `fine` is.
    #[must_use]
    pub fn of(model: &str) -> Self {
        let mut behaviour = Self::default();
        let name = model.rsplit('/').next().unwrap_or(model);
        name.split(['+', '.']).for_each(|word| behaviour.take(word));
        behaviour
    }

    fn take(&mut self, word: &str) {
        let mut parts = word.splitn(3, '-');
        let (name, number, more) = (parts.next().unwrap_or(""), parts.next(), parts.next());
        let count = number.and_then(|number| number.parse::<u32>().ok());
        let size = count.map(|count| count as usize);
        match (name, count) {
            ("slow", Some(ms)) => self.slow_ms = ms.into(),
            ("pause", Some(ms)) => self.pause_ms = ms.into(),
            ("long", Some(words)) => self.long = words as usize,
            ("cut", _) => self.cut = size,
            ("stall", _) => self.stall = size,
            ("loading", Some(times)) => self.loading = times,
            ("status", Some(status)) => {
                let status = u16::try_from(status).unwrap_or(500);
                self.status = Some((status, more.map(str::to_owned)));
            }
            _ => self.switch(word),
        }
    }

    fn switch(&mut self, word: &str) {
        let switch = match word {
            "html" => &mut self.html,
            "garbled" => &mut self.garbled,
            "wrong-json" => &mut self.wrong_json,
            "endless" => &mut self.endless,
            "negative-usage" => &mut self.negative_usage,
            "no-ids" => &mut self.no_ids,
            "twice-ids" => &mut self.twice_ids,
            "redirect" => &mut self.redirect,
            "huge-argument" => &mut self.huge_argument,
            "thinks" => &mut self.thinks,
            "context" => &mut self.context,
            "bad-key" => &mut self.bad_key,
            _ => return,
        };
        *switch = true;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_tell_what_to_do_wrong() {
        let fine = Behaviour::default();
        assert_eq!(Behaviour::of("fine"), fine);
        assert_eq!(Behaviour::of("gpt-4o-mini"), fine);
        let two = Behaviour { slow_ms: 500, pause_ms: 20, ..fine.clone() };
        assert_eq!(Behaviour::of("org/slow-500+pause-20"), two);
        let limited = Behaviour { status: Some((429, Some("7".to_owned()))), ..fine.clone() };
        assert_eq!(Behaviour::of("status-429-7"), limited);
        let odd = Behaviour { status: Some((429, Some("-1".to_owned()))), ..fine.clone() };
        assert_eq!(Behaviour::of("status-429--1"), odd);
        assert_eq!(Behaviour::of("cut-5"), Behaviour { cut: Some(5), ..fine.clone() });
        assert_eq!(Behaviour::of("wrong-json"), Behaviour { wrong_json: true, ..fine });
    }
}
