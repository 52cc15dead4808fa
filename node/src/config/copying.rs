//! Settings of copies of models between members.

/// Whether and how fast models are copied.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CopyConfig {
    /// Whether this node gives and takes copies.
    pub on: bool,
    /// Bytes a second at which it gives; none: as fast as it goes.
    pub bytes_per_s: Option<u64>,
}

impl CopyConfig {
    pub(super) fn of(on: Option<bool>, mbit: Option<u32>) -> Self {
        let bytes_per_s = mbit.filter(|mbit| *mbit > 0).map(|mbit| u64::from(mbit) * 125_000);
        Self { on: on.unwrap_or(true), bytes_per_s }
    }
}
