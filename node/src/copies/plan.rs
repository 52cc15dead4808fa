//! Which piece of a file is asked of whom next: the rarest that a holder has first, so that many who copy
//! at once soon have different pieces for each other. Pure; who is fast asks more often by itself.

use std::collections::BTreeMap;
use std::ops::Range;
use std::time::{Duration, Instant};

use pumasi_models::store::groups::Groups;
use pumasi_models::store::tree::Shape;
use pumasi_protocol::CopyPart;

/// Pieces that are compared for how rare they are. More would cost time on files of many gigabytes.
const COMPARED: u64 = 256;
/// Sources that may be asked for one piece at a time, once no other is left.
const AT_ONCE: usize = 2;
/// How long a source may owe a piece before a second one is asked for it, once no other is left.
const OWED: Duration = Duration::from_secs(1);

/// A source, by number.
pub(super) type SourceId = u32;

/// What is under way.
#[derive(Debug)]
pub(super) struct Plan {
    shape: Shape,
    /// Pieces that are asked for, and of whom.
    asked: BTreeMap<u64, Vec<(SourceId, Instant)>>,
    /// What each source has.
    parts: BTreeMap<SourceId, CopyPart>,
    /// Everything before it is there.
    first: u64,
    /// Where to look first where others copy, too: differs from node to node.
    salt: u64,
}

impl Plan {
    pub(super) fn new(shape: Shape, salt: u64) -> Self {
        Self { shape, asked: BTreeMap::new(), parts: BTreeMap::new(), first: 0, salt }
    }

    /// What a source has, as it said last.
    pub(super) fn set_part(&mut self, source: SourceId, part: CopyPart) {
        self.parts.insert(source, part);
    }

    /// A source is gone: what it was asked for is to be asked of others.
    pub(super) fn remove(&mut self, source: SourceId) {
        self.parts.remove(&source);
        self.asked.retain(|_, sources| {
            sources.retain(|(asked, _)| *asked != source);
            !sources.is_empty()
        });
    }

    /// A source answered for a piece, with groups or with nothing.
    pub(super) fn answered(&mut self, source: SourceId, piece: u64) {
        if let Some(sources) = self.asked.get_mut(&piece) {
            if let Some(at) = sources.iter().position(|(asked, _)| *asked == source) {
                sources.remove(at);
            }
            if sources.is_empty() {
                self.asked.remove(&piece);
            }
        }
    }

    /// How many pieces a source is asked for ahead: two, so that the way there is never empty; but where
    /// others fill it, one, so that less is under way that nobody can know of.
    pub(super) fn ahead(&self) -> usize {
        if self.parts.len() < 2 { 2 } else { 1 }
    }

    /// The groups to ask a source for, if it has any that are missing: those of the rarest piece that
    /// nobody was asked for; at the end also what others are slow with.
    pub(super) fn next(
        &mut self,
        source: SourceId,
        held: &Groups,
        now: Instant,
    ) -> Option<(u64, Range<u64>)> {
        let pieces = self.shape.pieces();
        while self.first < pieces && held.covers(self.shape.piece(self.first)) {
            self.first += 1;
        }
        let fresh = self.rarest(source, held, |asked| asked.is_empty());
        let is_late = |(asked, since): &(SourceId, Instant)| {
            *asked != source && now.saturating_duration_since(*since) >= OWED
        };
        let may_double =
            |asked: &[(SourceId, Instant)]| asked.len() < AT_ONCE && asked.iter().all(is_late);
        let piece = fresh.or_else(|| self.rarest(source, held, may_double))?;
        let groups = held.first_gap(self.shape.piece(piece))?;
        self.asked.entry(piece).or_default().push((source, now));
        Some((piece, groups))
    }

    fn rarest(
        &self,
        source: SourceId,
        held: &Groups,
        may: impl Fn(&[(SourceId, Instant)]) -> bool,
    ) -> Option<u64> {
        let part = self.parts.get(&source)?;
        let pieces = self.shape.pieces();
        // Alone with one holder, the file is read in its order; else each node begins elsewhere, and
        // goes round.
        let is_alone = self.parts.len() < 2;
        let start = if is_alone { self.first } else { self.salt % pieces };
        let candidates = (0..pieces).map(|n| (start + n) % pieces).filter(|piece| {
            let asked = self.asked.get(piece).map_or(&[][..], Vec::as_slice);
            may(asked) && part.has(*piece) && !held.covers(self.shape.piece(*piece))
        });
        let compared = if is_alone { 1 } else { COMPARED };
        let compared = usize::try_from(compared).expect("a small number");
        candidates.take(compared).min_by_key(|piece| self.holders(*piece))
    }

    fn holders(&self, piece: u64) -> usize {
        self.parts.values().filter(|part| part.has(piece)).count()
    }
}

#[cfg(test)]
mod tests {
    use pumasi_models::hash::FileHash;
    use pumasi_models::limits::GROUPS_PER_PIECE;

    use super::*;

    const PIECES: u64 = 40;

    fn plan(salt: u64) -> (Plan, Groups) {
        let shape = Shape { hash: FileHash::from_bytes([1; 32]), bytes: PIECES << 20 };
        (Plan::new(shape, salt), Groups::none(shape.groups()))
    }

    fn pieces(of: &[u64]) -> CopyPart {
        let mut bits = vec![0; 5];
        of.iter().for_each(|piece| bits[(piece / 8) as usize] |= 1 << (piece % 8));
        CopyPart::Pieces(bits)
    }

    #[test]
    fn pieces_and_groups_are_those_of_the_wire() {
        assert_eq!(GROUPS_PER_PIECE, u64::from(pumasi_protocol::limits::COPY_GROUPS));
    }

    #[test]
    fn of_one_holder_the_file_is_read_in_its_order_and_half_pieces_from_where_they_end() {
        let (mut plan, mut held) = plan(17);
        plan.set_part(1, CopyPart::Whole);
        held.insert(0..GROUPS_PER_PIECE + 3);
        let now = Instant::now();
        let next: Vec<_> = (0..3).filter_map(|_| plan.next(1, &held, now)).collect();
        let g = GROUPS_PER_PIECE;
        assert_eq!(next, [(1, g + 3..2 * g), (2, 2 * g..3 * g), (3, 3 * g..4 * g)]);
    }

    #[test]
    fn the_rarest_comes_first_and_nobody_is_asked_for_what_it_lacks() {
        let (mut plan, held) = plan(5);
        plan.set_part(1, CopyPart::Whole);
        plan.set_part(2, pieces(&[7, 8, 9]));
        plan.set_part(3, pieces(&[8, 9, 10]));
        let now = Instant::now();
        let (first, _) = plan.next(1, &held, now).expect("it has all");
        assert_eq!(first, 5, "only the seed has it");
        let of_2 = std::iter::from_fn(|| plan.next(2, &held, now)).map(|(p, _)| p);
        let of_2: Vec<_> = of_2.collect();
        assert_eq!(of_2, [7, 8, 9], "rarest first, and no more");
        assert_eq!(plan.next(3, &held, now).map(|(p, _)| p), Some(10));
    }

    #[test]
    fn each_piece_is_asked_for_once_until_none_is_left_and_again_when_its_source_is_gone_or_late() {
        let (mut plan, mut held) = plan(0);
        let now = Instant::now();
        plan.set_part(1, CopyPart::Whole);
        plan.set_part(2, CopyPart::Whole);
        let asked = (0..PIECES).filter_map(|_| plan.next(1, &held, now)).map(|(p, _)| p);
        let mut asked: Vec<u64> = asked.collect();
        asked.sort_unstable();
        assert_eq!(asked, (0..PIECES).collect::<Vec<_>>());
        assert_eq!(plan.next(1, &held, now + OWED), None, "it was asked for everything");
        assert_eq!(plan.next(2, &held, now), None, "the other one may be about to send it");
        assert!(plan.next(2, &held, now + OWED).is_some(), "it is late");
        plan.remove(1);
        let again: Vec<_> = std::iter::from_fn(|| plan.next(2, &held, now)).collect();
        assert_eq!(again.len() as u64, PIECES - 1, "all but the one it was asked for");
        for piece in 0..PIECES {
            plan.answered(2, piece);
            held.insert(piece * GROUPS_PER_PIECE..(piece + 1) * GROUPS_PER_PIECE);
        }
        assert_eq!(plan.next(2, &held, now + OWED), None);
        assert!(plan.asked.is_empty());
    }

    #[test]
    fn nodes_that_copy_at_once_begin_at_different_places() {
        let first = |salt| {
            let (mut plan, held) = plan(salt);
            plan.set_part(1, CopyPart::Whole);
            plan.set_part(2, pieces(&[]));
            plan.next(1, &held, Instant::now()).expect("it has all").0
        };
        assert_eq!([first(3), first(11), first(40 + 22)], [3, 11, 22]);
    }
}
