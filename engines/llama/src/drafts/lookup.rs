//! Finds where the end of a text stands earlier in it: what followed there is the guess.

use crate::limits::{LOOKUP_ENTRIES, STREAK_LONGEST};

/// Ids that must be alike before what follows is a guess.
const KEY: usize = 3;

/// The places of a text by the ids before them, and the place that the text follows at the moment.
#[derive(Debug)]
pub(crate) struct Lookup {
    /// Place by hash of the [`KEY`] ids before it, the latest one; `NOWHERE` where there is none. Two
    /// keys with one hash share an entry, and the ids themselves are compared before it is used.
    places: Vec<u32>,
    /// The place whose id is the guess for the next one.
    next: Option<usize>,
    /// Ids that were alike before it.
    streak: usize,
}

const NOWHERE: u32 = u32::MAX;

fn hash(key: &[u32]) -> usize {
    // FNV-1a over whole ids, folded; only evenness matters.
    let mixed = key.iter().fold(0xcbf2_9ce4_8422_2325_u64, |hash, id| {
        (hash ^ u64::from(*id)).wrapping_mul(0x0000_0100_0000_01b3)
    });
    usize::try_from((mixed ^ (mixed >> 29)) & 0xffff_ffff).expect("32 bits")
}

impl Lookup {
    /// Reads a text of which `room` more ids may come.
    pub(crate) fn of(ids: &[u32], room: usize) -> Self {
        let entries = (ids.len() + room).next_power_of_two().clamp(256, LOOKUP_ENTRIES);
        let mut lookup = Self { places: vec![NOWHERE; entries], next: None, streak: 0 };
        let begin = ids.len().saturating_sub(LOOKUP_ENTRIES).max(KEY);
        (begin..ids.len()).for_each(|end| lookup.note(&ids[..end]));
        lookup.find(ids);
        lookup.note(ids);
        lookup
    }

    /// The text grew by its last id. Says whether that had been guessed, and after how long a streak;
    /// `None` where there was no guess.
    pub(crate) fn grew(&mut self, ids: &[u32]) -> Option<(usize, bool)> {
        let (last, before) = ids.split_last()?;
        let guess = self.next.take().map(|place| (place, self.streak, before[place] == *last));
        match guess {
            Some((place, streak, true)) => {
                self.next = Some(place + 1);
                self.streak = (streak + 1).min(STREAK_LONGEST);
            }
            Some((.., false)) | None => self.find(ids),
        }
        self.note(ids);
        guess.map(|(_, streak, kept)| (streak, kept))
    }

    /// The guess: at most `most` ids. Where it reaches the end of the text, it repeats itself.
    pub(crate) fn guess(&self, ids: &[u32], most: usize) -> Vec<u32> {
        let Some(place) = self.next else { return Vec::new() };
        ids[place..].iter().cycle().take(most).copied().collect()
    }

    /// How many ids before the guess are alike; `None` without a guess.
    pub(crate) fn streak(&self) -> Option<usize> {
        self.next.map(|_| self.streak)
    }

    fn entry(&mut self, key: &[u32]) -> &mut u32 {
        let at = hash(key) & (self.places.len() - 1);
        &mut self.places[at]
    }

    /// Remembers the end of the text as a place.
    fn note(&mut self, ids: &[u32]) {
        if let (Some(key), Ok(place)) = (ids.last_chunk::<KEY>(), u32::try_from(ids.len())) {
            *self.entry(key) = place;
        }
    }

    fn find(&mut self, ids: &[u32]) {
        let Some(key) = ids.last_chunk::<KEY>() else { return };
        let place = match *self.entry(key) {
            NOWHERE => return,
            place => place as usize,
        };
        if place >= ids.len() || ids[..place].last_chunk::<KEY>() != Some(key) {
            return;
        }
        let alike = ids[..place].iter().rev().zip(ids.iter().rev()).take(STREAK_LONGEST);
        self.streak = alike.take_while(|(a, b)| a == b).count();
        self.next = Some(place);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_followed_the_same_ids_is_the_guess_and_the_latest_place_wins() {
        let text = [1, 2, 3, 4, 9, 1, 2, 3, 5, 6, 7, 1, 2, 3];
        let lookup = Lookup::of(&text, 8);
        assert_eq!(lookup.guess(&text, 2), [5, 6]);
        assert_eq!(lookup.streak(), Some(3));
        assert_eq!(Lookup::of(&text[..5], 8).guess(&text[..5], 4), Vec::<u32>::new());
    }

    #[test]
    fn a_streak_grows_while_the_guess_holds_and_ends_with_it() {
        let mut text = vec![1, 2, 3, 4, 5, 6, 8, 8, 1, 2, 3];
        let mut lookup = Lookup::of(&text, 16);
        let mut grow = |id| {
            text.push(id);
            (lookup.grew(&text), lookup.streak())
        };
        assert_eq!(grow(4), (Some((3, true)), Some(4)));
        assert_eq!(grow(5), (Some((4, true)), Some(5)));
        assert_eq!(grow(77), (Some((5, false)), None));
        assert_eq!(grow(1), (None, None));
    }

    #[test]
    fn a_text_that_goes_round_is_guessed_beyond_its_end() {
        let text = [7, 8, 9, 7, 8, 9];
        assert_eq!(Lookup::of(&text, 8).guess(&text, 7), [7, 8, 9, 7, 8, 9, 7]);
    }

    proptest! {
        #[test]
        fn a_guess_always_follows_the_same_ids(
            text in proptest::collection::vec(0u32..4, 0..200), split in 0usize..200,
        ) {
            let split = split.min(text.len());
            let mut lookup = Lookup::of(&text[..split], text.len() - split);
            for end in split + 1..=text.len() {
                lookup.grew(&text[..end]);
                let ids = &text[..end];
                if let Some(streak) = lookup.streak() {
                    prop_assert!(streak >= KEY);
                    let place = lookup.next.expect("a streak has a place");
                    prop_assert!(place < end);
                    prop_assert_eq!(&ids[place - KEY..place], &ids[end - KEY..]);
                }
            }
        }
    }
}
