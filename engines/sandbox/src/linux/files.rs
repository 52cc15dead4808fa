//! Which files can be opened: the ones given, and what describes the machine. All else is refused
//! by Landlock, which also keeps signals, abstract sockets and TCP within.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use landlock::{
    ABI, Access, AccessFs, AccessNet, BitFlags, PathFd, Ruleset, RulesetAttr, RulesetCreatedAttr,
    RulesetError, RulesetStatus, Scope, path_beneath_rules,
};
use pumasi_protocol::worker::Hold;

use crate::Grants;

/// What is asked for; older kernels (before 6.12) give what they know. Truncation came with 6.2,
/// device commands with 6.10.
const ASKED: ABI = ABI::V6;

/// What ggml, OpenMP, the C library and Rust's library read to learn how many cores and how much
/// memory there are, and the worker to see the processor time of its threads.
const MACHINE: [&str; 8] = [
    "/dev/null",
    "/dev/urandom",
    "/proc/cpuinfo",
    "/proc/meminfo",
    "/proc/stat",
    "/proc/sys/vm",
    "/sys/devices/system",
    "/sys/fs/cgroup",
];

const OWN_PROCESS: &str = "/proc/self";

/// What drivers of graphics cards read: libraries that they load while they work, descriptions of
/// the drivers that are there, and of the devices.
const DRIVERS: [&str; 18] = [
    "/etc/OpenCL",
    "/etc/drirc",
    "/etc/glvnd",
    "/etc/ld.so.cache",
    "/etc/nvidia",
    "/etc/vulkan",
    "/lib",
    "/lib64",
    "/nix/store",
    "/opt",
    "/proc/bus/pci",
    "/proc/devices",
    "/proc/driver",
    "/proc/modules",
    "/proc/sys/kernel",
    "/run/opengl-driver",
    "/sys",
    "/usr",
];

/// Device files of graphics cards; those of NVIDIA are found by their beginning, `/dev/nvidia`.
const DEVICES: [&str; 2] = ["/dev/dri", "/dev/kfd"];

fn nvidia_devices() -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir("/dev") else { return Vec::new() };
    let is_nvidia = |path: &PathBuf| {
        path.file_name().is_some_and(|name| name.to_string_lossy().starts_with("nvidia"))
    };
    entries.filter_map(Result::ok).map(|entry| entry.path()).filter(is_nvidia).collect()
}

/// A rule holds as long as the kernel keeps the folder that it was made for. It may drop those of
/// `/proc` and make them anew, unless one is open.
fn own_process() -> &'static Path {
    static OPEN: OnceLock<Option<PathFd>> = OnceLock::new();
    OPEN.get_or_init(|| PathFd::new(OWN_PROCESS).ok());
    Path::new(OWN_PROCESS)
}

/// How many threads this process has; 1 if that cannot be told.
fn threads() -> usize {
    fs::read_dir("/proc/self/task").map_or(1, |tasks| tasks.count())
}

/// Refuses every other file. What does not exist is granted in vain.
pub(super) fn restrict(grants: &Grants) -> Result<Hold, RulesetError> {
    let one_thread = threads() == 1;
    let read = AccessFs::ReadFile | AccessFs::ReadDir;
    let mut rules = Ruleset::default()
        .handle_access(AccessFs::from_all(ASKED))?
        .handle_access(AccessNet::from_all(ASKED))?
        .scope(Scope::from_all(ASKED))?
        .create()?
        .add_rules(path_beneath_rules(MACHINE, read))?
        .add_rules(path_beneath_rules([own_process()], read))?
        .add_rules(path_beneath_rules(&grants.readable, AccessFs::ReadFile))?;
    if grants.graphics {
        let drive: BitFlags<AccessFs> = read | AccessFs::WriteFile | AccessFs::IoctlDev;
        rules = rules
            .add_rules(path_beneath_rules(DRIVERS, read))?
            .add_rules(path_beneath_rules(DEVICES, drive))?
            .add_rules(path_beneath_rules(nvidia_devices(), drive))?;
    }
    Ok(match rules.restrict_self()?.ruleset {
        // A thread that is there already keeps what it had.
        RulesetStatus::FullyEnforced if one_thread => Hold::Whole,
        RulesetStatus::FullyEnforced | RulesetStatus::PartiallyEnforced => Hold::Partial,
        RulesetStatus::NotEnforced => Hold::Absent,
    })
}
