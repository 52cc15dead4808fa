//! Who was asked for one binding, what they answered, and which answer is the best.

use std::collections::BTreeMap;

use pumasi_protocol::{Bid, NodeId};

use crate::rank::Score;
use crate::time::Time;

/// A node that was asked.
#[derive(Debug, Clone)]
pub(super) struct Asked {
    pub(super) score: Score,
    /// When the latest offer went out, and the first.
    pub(super) at: Time,
    pub(super) first_at: Time,
    /// No answer to the latest offer yet.
    pub(super) pending: bool,
    /// Gave no answer by a deadline before.
    pub(super) late: bool,
    pub(super) bid: Option<(Time, Bid)>,
    pub(super) claimed: bool,
}

impl Asked {
    /// When it would be done, by its bid and by what this node knows of the way there. A wait that
    /// is overdue is expected to last as long again.
    pub(super) fn end(&self, now: Time) -> Option<Time> {
        let overhead = self.score.network_ms.saturating_add(self.score.penalty_ms);
        let (at, bid) = self.bid?;
        let start = at.after_ms(bid.start_ms);
        let overdue = if bid.start_ms > 0 { now.ms_since(start) } else { 0 };
        let rest = bid.finish_ms.saturating_sub(bid.start_ms).saturating_add(overhead);
        Some(start.after_ms(2 * overdue).after_ms(rest))
    }

    pub(super) fn can_start(&self) -> bool {
        self.bid.is_some_and(|(_, bid)| bid.start_ms == 0)
    }

    /// The earliest end that it could still answer with, as far as adverts tell.
    pub(super) fn hoped_end(&self) -> Time {
        self.at.after_ms(self.score.total_ms())
    }
}

/// The nodes that were asked for one binding.
#[derive(Debug, Clone)]
pub(super) struct Round {
    pub(super) asked: BTreeMap<NodeId, Asked>,
    /// Bids are being collected; otherwise reservations stand.
    pub(super) open: bool,
    pub(super) local_idle: bool,
}

/// The best of the bids.
#[derive(Debug, Clone, Copy)]
pub(super) struct Best {
    pub(super) now: Option<(Time, NodeId)>,
    pub(super) any: Option<(Time, NodeId)>,
}

impl Round {
    pub(super) fn best(&self, now: Time) -> Best {
        let ends = self.asked.iter().filter_map(|(node, a)| Some((a.end(now)?, *node)));
        let free = self.asked.iter().filter(|(_, a)| a.can_start());
        let free = free.filter_map(|(node, a)| Some((a.end(now)?, *node))).min();
        Best { now: free, any: ends.min() }
    }

    /// Whether everybody answered, or nobody who has not can be hoped to beat the best that can
    /// start at once.
    pub(super) fn is_ripe(&self, now: Time) -> bool {
        let mut pending = self.asked.values().filter(|a| a.pending && !a.late);
        match self.best(now).now {
            Some((end, _)) => pending.all(|a| a.hoped_end() >= end),
            None => pending.next().is_none() && self.asked.values().any(|a| a.bid.is_some()),
        }
    }
}
