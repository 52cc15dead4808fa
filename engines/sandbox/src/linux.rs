//! Linux: limits, then files (Landlock), then system calls (seccomp), which end the making of rules.

mod calls;
mod denied;
mod files;

use pumasi_protocol::worker::{Confinement, Hold};
use rustix::process::{DumpableBehavior, Resource, Rlimit, set_dumpable_behavior, setrlimit};

use crate::Grants;

/// Open files of one worker (a guess: drivers of graphics cards open some hundred).
const OPEN_FILES: u64 = 4_096;

pub(crate) fn enter(grants: &Grants) -> Confinement {
    limit(Resource::Core, 0);
    limit(Resource::Nofile, OPEN_FILES);
    // Other processes of the same user, other engines among them, may not read its memory.
    if let Err(error) = set_dumpable_behavior(DumpableBehavior::NotDumpable) {
        tracing::warn!(%error, "other programs of this user can look into this engine");
    }
    let files = files::restrict(grants).unwrap_or_else(|error| {
        tracing::warn!(%error, "files are not held back from this engine");
        Hold::Absent
    });
    let calls = match calls::restrict(grants) {
        Ok(()) => Hold::Whole,
        Err(error) => {
            tracing::warn!(%error, "system calls are not held back from this engine");
            Hold::Absent
        }
    };
    Confinement { files, calls }
}

/// Lowers a limit, never raises one.
fn limit(resource: Resource, most: u64) {
    let lower = |now: Option<u64>| Some(now.map_or(most, |now| now.min(most)));
    let now = rustix::process::getrlimit(resource);
    let limit = Rlimit { current: lower(now.current), maximum: lower(now.maximum) };
    if let Err(error) = setrlimit(resource, limit) {
        tracing::warn!(%error, ?resource, "a limit of this engine could not be lowered");
    }
}
