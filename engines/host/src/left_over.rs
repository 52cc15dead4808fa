//! Workers that outlived their node (row E07): each start is written down with the process's start
//! time and the boot's id, so that a reused process id is never mistaken for the worker.

use std::fs;
use std::io::{self, Read};
use std::path::Path;

use crate::limits::RECORD_BYTES;

/// What identifies one process of one boot.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Identity {
    pid: u32,
    /// Clock ticks from boot to the process's start: field 22 of `/proc/PID/stat` (proc(5)).
    start_ticks: u64,
    boot: String,
}

impl Identity {
    #[cfg(target_os = "linux")]
    fn of(pid: u32) -> Option<Self> {
        let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
        // The command's name, in parentheses, may hold anything; fields count from behind it.
        let (_, fields) = stat.rsplit_once(')')?;
        let start_ticks = fields.split_whitespace().nth(19)?.parse().ok()?;
        let boot = fs::read_to_string("/proc/sys/kernel/random/boot_id").ok()?;
        Some(Self { pid, start_ticks, boot: boot.trim().to_owned() })
    }

    /// Elsewhere a worker ends by itself when its standard input closes.
    #[cfg(not(target_os = "linux"))]
    fn of(_pid: u32) -> Option<Self> {
        None
    }

    fn parse(text: &str) -> Option<Self> {
        let mut words = text.split_whitespace();
        let pid = words.next()?.parse().ok()?;
        let start_ticks = words.next()?.parse().ok()?;
        Some(Self { pid, start_ticks, boot: words.next()?.to_owned() })
    }
}

/// Writes down a started worker.
pub(crate) fn record(path: &Path, pid: u32) -> io::Result<()> {
    let Some(identity) = Identity::of(pid) else { return Ok(()) };
    let Identity { pid, start_ticks, boot } = identity;
    fs::write(path, format!("{pid} {start_ticks} {boot}\n"))
}

/// Forgets the worker written down at `path`.
pub(crate) fn forget(path: &Path) {
    // A record that stays names a process that is gone, which the next start finds out.
    let _ = fs::remove_file(path);
}

fn read(path: &Path) -> Option<Identity> {
    let mut text = String::new();
    fs::File::open(path).ok()?.take(RECORD_BYTES).read_to_string(&mut text).ok()?;
    Identity::parse(&text)
}

/// Ends the worker that `path` records, if it still runs. True if there was one.
pub fn end_left_over(path: &Path) -> bool {
    let Some(identity) = read(path) else { return false };
    let found = Identity::of(identity.pid).as_ref() == Some(&identity);
    if found {
        crate::process::kill_group(identity.pid);
    }
    forget(path);
    found
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    #[test]
    fn cat_e07_a_record_names_one_process_of_one_boot() {
        let own = Identity::of(std::process::id()).expect("this process has a stat file");
        let text = format!("{} {} {}\n", own.pid, own.start_ticks, own.boot);
        assert_eq!(Identity::parse(&text), Some(own));
        for broken in ["", "12", "12 13", "x 13 boot", "-1 13 boot"] {
            assert_eq!(Identity::parse(broken), None, "{broken:?}");
        }
    }

    #[test]
    fn cat_e07_another_process_with_the_same_id_is_left_alone() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let path = folder.path().join("worker");
        let own = Identity::of(std::process::id()).expect("this process has a stat file");
        fs::write(&path, format!("{} {} {}\n", own.pid, own.start_ticks + 1, own.boot))
            .expect("writable");
        assert!(!end_left_over(&path));
        assert!(!path.exists());
        assert!(!end_left_over(&path), "no record, nothing to end");
    }
}
