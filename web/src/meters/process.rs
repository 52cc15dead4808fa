//! What this process takes of its computer, as Linux tells it; elsewhere nothing is said.

/// What the process takes.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(super) struct Process {
    /// Processor time, user and system, in seconds.
    pub(super) cpu_s: Option<f64>,
    /// Resident memory, in bytes.
    pub(super) resident_bytes: Option<u64>,
    /// Open files.
    pub(super) open_files: Option<u64>,
    /// Open files that it may have.
    pub(super) max_files: Option<u64>,
}

/// Blocks for a moment: the kernel's files are read.
#[cfg(target_os = "linux")]
pub(super) fn read() -> Process {
    let text = |name: &str| std::fs::read_to_string(format!("/proc/self/{name}")).ok();
    let limits = text("limits");
    Process {
        cpu_s: text("stat").as_deref().and_then(cpu_s),
        resident_bytes: text("status").as_deref().and_then(resident_bytes),
        open_files: std::fs::read_dir("/proc/self/fd")
            .ok()
            // The folder itself is open while it is read.
            .map(|files| (files.count() as u64).saturating_sub(1)),
        max_files: limits.as_deref().and_then(max_files),
    }
}

#[cfg(not(target_os = "linux"))]
pub(super) fn read() -> Process {
    Process::default()
}

/// Ticks a second, fixed for programs on every platform that Linux runs on (proc(5), `USER_HZ`).
#[cfg(any(target_os = "linux", test))]
const TICKS: f64 = 100.0;

/// The program's name, which may hold blanks, is in brackets; user and system time are fields 14 and 15.
#[cfg(any(target_os = "linux", test))]
fn cpu_s(stat: &str) -> Option<f64> {
    let (_, rest) = stat.rsplit_once(')')?;
    let mut fields = rest.split_ascii_whitespace().skip(11);
    let ticks = |field: Option<&str>| field?.parse::<u64>().ok();
    let (user, system) = (ticks(fields.next())?, ticks(fields.next())?);
    Some((user + system) as f64 / TICKS)
}

#[cfg(any(target_os = "linux", test))]
fn resident_bytes(status: &str) -> Option<u64> {
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kib: u64 = line.split_ascii_whitespace().next()?.parse().ok()?;
    Some(kib * 1_024)
}

#[cfg(any(target_os = "linux", test))]
fn max_files(limits: &str) -> Option<u64> {
    let line = limits.lines().find_map(|line| line.strip_prefix("Max open files"))?;
    line.split_ascii_whitespace().next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_kernels_files_are_read() {
        let stat = "7 (a (b) c) S 1 7 7 0 -1 4194560 1 0 0 0 250 50 0 0 20 0 9 0 1 2 3";
        assert_eq!(cpu_s(stat), Some(3.0));
        assert_eq!(cpu_s("7 (a"), None);
        assert_eq!(resident_bytes("VmPeak:\t9 kB\nVmRSS:\t   12 kB\n"), Some(12_288));
        assert_eq!(max_files("Max open files            1024   4096   files\n"), Some(1_024));
        if cfg!(target_os = "linux") {
            let now = read();
            assert!(now.resident_bytes > Some(1 << 20), "{now:?}");
            assert!(now.open_files > Some(2) && now.cpu_s.is_some(), "{now:?}");
        }
    }
}
