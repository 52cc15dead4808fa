//! What can go wrong, as data, with the numbers that the catalogue of faults gives it.

use serde::{Deserialize, Serialize};

/// Where in an attempt an engine crashes (X21).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum CrashPoint {
    /// At once, with all engines of the machine.
    Now,
    /// During the next load.
    Load,
    /// While it reads the next prompt.
    Prefill,
    /// In the middle of the next answer.
    Decode,
    /// After the last token of the next answer and before its end is told.
    Last,
}

/// What goes wrong. What lasts, lasts as long as its [`TimedFault`] says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum WorldFault {
    /// A machine stops at once, and starts again knowing nothing (X10, X11, X25).
    Kill {
        /// Which.
        node: usize,
    },
    /// A machine loses its power: what was not synced is gone, file by file and row by row, as if
    /// it had been torn (X12, X19). It starts again knowing what its disk has.
    PowerCut {
        /// Which.
        node: usize,
    },
    /// A machine's disk takes its time for each sync (X16).
    SlowDisk {
        /// Which.
        node: usize,
        /// How long, in milliseconds.
        ms: u64,
    },
    /// A machine's disk is full (X17).
    FullDisk {
        /// Which.
        node: usize,
    },
    /// A sync fails: the machine writes nothing more until it is started again (X18).
    SyncFails {
        /// Which.
        node: usize,
    },
    /// A machine's disk is backed up; at the end of the fault the machine stops, gets that older
    /// copy, and starts (X14).
    OldLedger {
        /// Which.
        node: usize,
    },
    /// A bit of a file on a machine's disk flips (X20).
    Rot {
        /// Which.
        node: usize,
    },
    /// A machine's process is stopped and goes on later (X13). Its clock goes on.
    Freeze {
        /// Which.
        node: usize,
    },
    /// A laptop sleeps: its clock stands still and its network is gone (X27).
    Sleep {
        /// Which.
        node: usize,
    },
    /// A machine's clock jumps forward (X26).
    Jump {
        /// Which.
        node: usize,
        /// How far, in milliseconds.
        ms: u64,
    },
    /// Two machines cannot reach each other (X5, X7, X8).
    Cut {
        /// One of them.
        a: usize,
        /// The other.
        b: usize,
    },
    /// What one sends does not reach the other (X6).
    Deaf {
        /// Who sends.
        from: usize,
        /// Who hears nothing.
        to: usize,
    },
    /// These machines and the others cannot reach each other (X5).
    Split {
        /// The machines of one side.
        group: Vec<usize>,
    },
    /// Everything between two machines takes so many times as long (X9).
    Slow {
        /// One of them.
        a: usize,
        /// The other.
        b: usize,
        /// How many times as long.
        times: u64,
    },
    /// Further control messages between two machines are lost (X1).
    Lossy {
        /// One of them.
        a: usize,
        /// The other.
        b: usize,
        /// How many of 1,000.
        permille: u64,
    },
    /// A machine gets another address: its connections break, and for a while it has none (X28).
    Renumber {
        /// Which.
        node: usize,
    },
    /// An engine crashes (X21).
    Crash {
        /// Whose.
        node: usize,
        /// When.
        point: CrashPoint,
    },
    /// Engines live but say nothing (X22).
    Hang {
        /// Whose.
        node: usize,
    },
    /// The next tokens of an engine have a wrong index (X23).
    Garbage {
        /// Whose.
        node: usize,
    },
    /// The next load fails.
    SpoilLoad {
        /// Where.
        node: usize,
    },
    /// Another program takes memory (X24).
    Squeeze {
        /// Where.
        node: usize,
        /// How much, in MiB.
        mib: u64,
    },
    /// The device is lost: engines crash, and loads fail until it is back (X24).
    DeviceLost {
        /// Where.
        node: usize,
    },
    /// A machine takes no jobs of others.
    Pause {
        /// Which.
        node: usize,
    },
    /// A machine starts with the key of another (X15).
    Twin {
        /// Which.
        node: usize,
        /// Whose key it has.
        of: usize,
    },
    /// A member lies, replays, claims and floods (X30).
    Hostile {
        /// Which.
        node: usize,
    },
}

impl WorldFault {
    /// Its kind and its numbers in the catalogue, for reports and for shrinking.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Kill { .. } => "X10 X11 kill",
            Self::PowerCut { .. } => "X12 X19 power cut",
            Self::SlowDisk { .. } => "X16 slow disk",
            Self::FullDisk { .. } => "X17 disk full",
            Self::SyncFails { .. } => "X18 sync fails",
            Self::OldLedger { .. } => "X14 older ledger",
            Self::Rot { .. } => "X20 bit flip",
            Self::Freeze { .. } => "X13 freeze",
            Self::Sleep { .. } => "X27 sleep",
            Self::Jump { .. } => "X26 clock jump",
            Self::Cut { .. } => "X5 X7 X8 cut",
            Self::Deaf { .. } => "X6 one-way cut",
            Self::Split { .. } => "X5 split",
            Self::Slow { .. } => "X9 slow link",
            Self::Lossy { .. } => "X1 lossy link",
            Self::Renumber { .. } => "X28 new address",
            Self::Crash { .. } => "X21 engine crash",
            Self::Hang { .. } => "X22 engine hang",
            Self::Garbage { .. } => "X23 engine garbage",
            Self::SpoilLoad { .. } => "X21 load fails",
            Self::Squeeze { .. } => "X24 memory taken",
            Self::DeviceLost { .. } => "X24 device lost",
            Self::Pause { .. } => "pause",
            Self::Twin { .. } => "X15 same key twice",
            Self::Hostile { .. } => "X30 hostile member",
        }
    }

    /// The machines that it strikes.
    #[must_use]
    pub fn machines(&self) -> Vec<usize> {
        match self {
            Self::Kill { node }
            | Self::PowerCut { node }
            | Self::SlowDisk { node, .. }
            | Self::FullDisk { node }
            | Self::SyncFails { node }
            | Self::OldLedger { node }
            | Self::Rot { node }
            | Self::Freeze { node }
            | Self::Sleep { node }
            | Self::Jump { node, .. }
            | Self::Renumber { node }
            | Self::Crash { node, .. }
            | Self::Hang { node }
            | Self::Garbage { node }
            | Self::SpoilLoad { node }
            | Self::Squeeze { node, .. }
            | Self::DeviceLost { node }
            | Self::Pause { node }
            | Self::Hostile { node } => vec![*node],
            Self::Cut { a, b } | Self::Slow { a, b, .. } | Self::Lossy { a, b, .. } => vec![*a, *b],
            Self::Deaf { from, to } => vec![*from, *to],
            Self::Twin { node, of } => vec![*node, *of],
            Self::Split { group } => group.clone(),
        }
    }

    /// The same with other numbers for the machines; `None` if one has none.
    pub(crate) fn renumbered(&self, number: impl Fn(usize) -> Option<usize>) -> Option<Self> {
        let mut fault = self.clone();
        match &mut fault {
            Self::Kill { node }
            | Self::PowerCut { node }
            | Self::SlowDisk { node, .. }
            | Self::FullDisk { node }
            | Self::SyncFails { node }
            | Self::OldLedger { node }
            | Self::Rot { node }
            | Self::Freeze { node }
            | Self::Sleep { node }
            | Self::Jump { node, .. }
            | Self::Renumber { node }
            | Self::Crash { node, .. }
            | Self::Hang { node }
            | Self::Garbage { node }
            | Self::SpoilLoad { node }
            | Self::Squeeze { node, .. }
            | Self::DeviceLost { node }
            | Self::Pause { node }
            | Self::Hostile { node } => *node = number(*node)?,
            Self::Cut { a, b }
            | Self::Slow { a, b, .. }
            | Self::Lossy { a, b, .. }
            | Self::Deaf { from: a, to: b }
            | Self::Twin { node: a, of: b } => (*a, *b) = (number(*a)?, number(*b)?),
            Self::Split { group } => *group = group.iter().filter_map(|n| number(*n)).collect(),
        }
        Some(fault)
    }
}

/// A fault with its time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TimedFault {
    /// When, in milliseconds.
    pub at_ms: u64,
    /// How long, in milliseconds; 0: to the end of the run, or only this moment.
    pub for_ms: u64,
    /// What.
    pub fault: WorldFault,
}

impl TimedFault {
    /// When it is over, in milliseconds.
    #[must_use]
    pub fn until_ms(&self) -> u64 {
        self.at_ms + self.for_ms
    }
}
