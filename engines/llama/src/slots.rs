//! Which slot takes a request, and which prefix of its prompt is in the KV cache already: in that
//! slot from an earlier turn, or in another one, from where it is shared.

/// A slot as far as the choice goes.
#[derive(Debug, Clone, Copy)]
pub(crate) struct SlotView<'a> {
    /// Ids whose keys and values it holds, from position 0.
    pub(crate) cached: &'a [u32],
    pub(crate) busy: bool,
    /// Grows with each use.
    pub(crate) used: u64,
}

/// What to do for a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Choice {
    /// The slot that takes it.
    pub(crate) slot: usize,
    /// Keep this many of its own ids; drop the rest.
    pub(crate) keep: usize,
    /// Instead share this many ids of another slot.
    pub(crate) share: Option<(usize, usize)>,
}

fn common_prefix(a: &[u32], b: &[u32]) -> usize {
    a.iter().zip(b).take_while(|(a, b)| a == b).count()
}

/// Chooses a free slot for these ids, the last of which must be computed anew for its logits. The
/// slot whose cache is mostly this conversation, else the one unused for longest; whatever longer
/// prefix another slot holds is shared from there.
pub(crate) fn choose(slots: &[SlotView<'_>], ids: &[u32]) -> Option<Choice> {
    let usable = &ids[..ids.len().saturating_sub(1)];
    let common: Vec<usize> = slots.iter().map(|s| common_prefix(s.cached, usable)).collect();
    let free = || (0..slots.len()).filter(|i| !slots[*i].busy);
    let continues = |i: &usize| common[*i] > 0 && common[*i] * 2 >= slots[*i].cached.len();
    let slot = free()
        .filter(continues)
        .max_by_key(|i| (common[*i], std::cmp::Reverse(slots[*i].used)))
        .or_else(|| free().min_by_key(|i| (!slots[*i].cached.is_empty(), slots[*i].used)))?;
    let longest = (0..slots.len()).max_by_key(|i| (common[*i], *i == slot))?;
    let share = (common[longest] > common[slot]).then_some((longest, common[longest]));
    let keep = if share.is_some() { 0 } else { common[slot] };
    Some(Choice { slot, keep, share })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chosen(slots: &[(&[u32], bool, u64)], ids: &[u32]) -> Option<Choice> {
        let views: Vec<SlotView<'_>> = slots
            .iter()
            .map(|(cached, busy, used)| SlotView { cached, busy: *busy, used: *used })
            .collect();
        choose(&views, ids)
    }

    fn own(slot: usize, keep: usize) -> Option<Choice> {
        Some(Choice { slot, keep, share: None })
    }

    #[test]
    fn a_conversation_goes_on_in_its_slot() {
        let slots: &[(&[u32], bool, u64)] =
            &[(&[1, 2, 3, 4], false, 9), (&[1, 2], false, 5), (&[], false, 0)];
        assert_eq!(chosen(slots, &[1, 2, 3, 4, 5, 6]), own(0, 4));
    }

    #[test]
    fn the_last_id_is_always_computed() {
        assert_eq!(chosen(&[(&[1, 2, 3], false, 1)], &[1, 2, 3]), own(0, 2));
        assert_eq!(chosen(&[(&[], false, 1)], &[1]), own(0, 0));
    }

    #[test]
    fn another_conversation_shares_the_prefix_and_spares_the_slot() {
        let long: Vec<u32> = (0..100).collect();
        let slots: &[(&[u32], bool, u64)] = &[(&long, false, 9), (&[], false, 3)];
        let choice = Choice { slot: 1, keep: 0, share: Some((0, 10)) };
        let ids: Vec<u32> = (0..10).chain([500, 501]).collect();
        assert_eq!(chosen(slots, &ids), Some(choice));
    }

    #[test]
    fn busy_slots_are_never_taken_but_share_what_they_hold() {
        let slots: &[(&[u32], bool, u64)] = &[(&[1, 2, 3], true, 9), (&[8, 8], false, 3)];
        let choice = Choice { slot: 1, keep: 0, share: Some((0, 2)) };
        assert_eq!(chosen(slots, &[1, 2, 4]), Some(choice));
        assert_eq!(chosen(&[(&[1], true, 1)], &[1, 2]), None);
    }

    #[test]
    fn without_anything_in_common_empty_and_old_slots_go_first() {
        let slots: &[(&[u32], bool, u64)] = &[(&[7], false, 1), (&[], false, 9), (&[6], false, 5)];
        assert_eq!(chosen(slots, &[1, 2]), own(1, 0));
        let slots: &[(&[u32], bool, u64)] = &[(&[7], false, 4), (&[6], false, 2)];
        assert_eq!(chosen(slots, &[1, 2]), own(1, 0));
    }
}
