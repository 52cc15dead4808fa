//! A worker's own prison: what every worker calls before it reads its first frame, so that C++ that
//! a hostile file took over finds no network, no program, no other process and no file.
//!
//! On Linux, Landlock holds files and seccomp holds system calls; where the kernel lacks one, the
//! result says so. Elsewhere nothing is held yet, and the result says that.

#![warn(missing_docs)]

#[cfg(target_os = "linux")]
mod linux;

use std::ffi::OsString;
use std::path::PathBuf;

use pumasi_protocol::worker::{Confinement, READABLE_ARGUMENT};

/// What a worker keeps.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Grants {
    /// Files that it may read. A file that is put in the place of one later is another file.
    pub readable: Vec<PathBuf>,
    /// Whether it computes on a graphics card: its driver needs device files, and reads libraries
    /// and descriptions from the system's folders while it works.
    pub graphics: bool,
}

impl Grants {
    /// The files named by [`READABLE_ARGUMENT`] among a program's arguments; others are ignored.
    #[must_use]
    pub fn from_arguments(arguments: impl IntoIterator<Item = OsString>) -> Self {
        let mut arguments = arguments.into_iter();
        let mut grants = Self::default();
        while let Some(argument) = arguments.next() {
            if argument == READABLE_ARGUMENT {
                grants.readable.extend(arguments.next().map(PathBuf::from));
            }
        }
        grants
    }
}

/// Confines this process for good. Must be called while it has one thread: later ones inherit all
/// of it, others would not. Never fails; what could not be had is logged and missing in the result.
#[must_use]
pub fn enter(grants: &Grants) -> Confinement {
    #[cfg(target_os = "linux")]
    return linux::enter(grants);
    #[cfg(not(target_os = "linux"))]
    {
        let _ = grants;
        Confinement::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_granted_by_argument() {
        let arguments = ["x", "--readable", "/m/a b.gguf", "y", "--readable", "c", "--readable"];
        let grants = Grants::from_arguments(arguments.map(OsString::from));
        assert_eq!(grants.readable, ["/m/a b.gguf", "c"].map(PathBuf::from));
        assert!(!grants.graphics);
    }
}
