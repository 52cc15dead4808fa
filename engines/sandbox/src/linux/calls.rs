//! Which system calls are refused: a list by seccomp, with EPERM. A list of what is allowed would be
//! stricter, but C libraries, OpenMP and above all drivers of graphics cards need calls that differ
//! between versions and are written down nowhere; calls newer than the list are refused instead.

use std::collections::BTreeMap;

use rustix::process::getpid;
use seccompiler::{
    BackendError, BpfProgram, Error, SeccompAction, SeccompCmpArgLen, SeccompCmpOp,
    SeccompCondition, SeccompFilter, SeccompRule, TargetArch, apply_filter_all_threads,
    sock_filter,
};

use super::denied;
use crate::Grants;

type Rules = BTreeMap<i64, Vec<SeccompRule>>;

/// Flags of `clone` that make a namespace, which no thread needs.
const NAMESPACES: [i32; 8] = [
    libc::CLONE_NEWNS,
    libc::CLONE_NEWCGROUP,
    libc::CLONE_NEWUTS,
    libc::CLONE_NEWIPC,
    libc::CLONE_NEWUSER,
    libc::CLONE_NEWPID,
    libc::CLONE_NEWNET,
    libc::CLONE_VFORK,
];

/// Flags of `open` with which a file could be changed.
const WRITING: [i32; 4] = [libc::O_WRONLY, libc::O_RDWR, libc::O_CREAT, libc::O_TRUNC];

/// What a process may not change about itself: it ends with its node, and nobody looks into it.
const OWN_STATE: [i32; 3] = [libc::PR_SET_DUMPABLE, libc::PR_SET_PTRACER, libc::PR_SET_PDEATHSIG];

/// Commands to a terminal that type into it: `TIOCSTI` and `TIOCLINUX`.
const TYPING: [u64; 2] = [0x5412, 0x541c];

fn when(
    argument: u8,
    operator: SeccompCmpOp,
    value: u64,
) -> Result<SeccompCondition, BackendError> {
    SeccompCondition::new(argument, SeccompCmpArgLen::Dword, operator, value)
}

/// Refuses a call if the argument has one of these bits.
fn with_bits(argument: u8, bits: &[i32]) -> Result<Vec<SeccompRule>, BackendError> {
    let rule = |bit: &i32| {
        let bit = u64::from(bit.cast_unsigned());
        SeccompRule::new(vec![when(argument, SeccompCmpOp::MaskedEq(bit), bit)?])
    };
    bits.iter().map(rule).collect()
}

/// Refuses a call if the argument is one of these.
fn with_values(
    argument: u8,
    values: impl IntoIterator<Item = u64>,
) -> Result<Vec<SeccompRule>, BackendError> {
    let rule = |value| SeccompRule::new(vec![when(argument, SeccompCmpOp::Eq, value)?]);
    values.into_iter().map(rule).collect()
}

/// Refuses a call if the argument names a process and is none of these.
fn unless(argument: u8, processes: &[u64]) -> Result<Vec<SeccompRule>, BackendError> {
    let differ = |process: &u64| when(argument, SeccompCmpOp::Ne, *process);
    let all = processes.iter().map(differ).collect::<Result<_, _>>()?;
    Ok(vec![SeccompRule::new(all)?])
}

/// Threads can be started, processes cannot.
fn threads_only() -> Result<Vec<SeccompRule>, BackendError> {
    let thread = u64::from(libc::CLONE_THREAD.cast_unsigned());
    let mut rules = with_bits(0, &NAMESPACES)?;
    rules.push(SeccompRule::new(vec![when(0, SeccompCmpOp::MaskedEq(thread), 0)?])?);
    Ok(rules)
}

fn rules(grants: &Grants) -> Result<Rules, BackendError> {
    let own = u64::from(getpid().as_raw_nonzero().get().cast_unsigned());
    let mut rules: Rules = denied::always().map(|call| (call, Vec::new())).collect();
    rules.insert(libc::SYS_clone, threads_only()?);
    rules.insert(libc::SYS_kill, unless(0, &[own])?);
    rules.insert(libc::SYS_tgkill, unless(0, &[own])?);
    rules.insert(libc::SYS_prlimit64, unless(0, &[0, own])?);
    rules.insert(libc::SYS_move_pages, unless(0, &[0, own])?);
    // Drivers compare their own files with it.
    rules.insert(libc::SYS_kcmp, [unless(0, &[own])?, unless(1, &[own])?].concat());
    let own_state = OWN_STATE.map(|option| u64::from(option.cast_unsigned()));
    rules.insert(libc::SYS_prctl, with_values(0, own_state)?);
    rules.insert(libc::SYS_ioctl, with_values(1, TYPING)?);
    // Landlock holds this too; here it holds on kernels without it.
    if !grants.graphics {
        rules.insert(libc::SYS_openat, with_bits(2, &WRITING)?);
        #[cfg(target_arch = "x86_64")]
        rules.insert(libc::SYS_open, with_bits(1, &WRITING)?);
    }
    Ok(rules)
}

/// The number of the call, then one of the instructions of classic BPF (`linux/bpf_common.h`).
const LOAD_NUMBER: sock_filter = sock_filter { code: 0x20, jt: 0, jf: 0, k: 0 };
const JUMP_IF_ABOVE: u16 = 0x25;
const JUMP_IF_EQUAL: u16 = 0x15;
const RETURN: u16 = 0x06;

/// As if the kernel did not have them, so that libraries do without: what came after the list, and
/// `clone3`. On x86-64, numbers of its 32-bit mode lie above as well.
fn absent() -> BpfProgram {
    let ends = |action: SeccompAction| sock_filter { code: RETURN, jt: 0, jf: 0, k: action.into() };
    vec![
        LOAD_NUMBER,
        sock_filter { code: JUMP_IF_ABOVE, jt: 1, jf: 0, k: denied::LAST_KNOWN },
        sock_filter { code: JUMP_IF_EQUAL, jt: 0, jf: 1, k: denied::CLONE3 },
        ends(SeccompAction::Errno(libc::ENOSYS.cast_unsigned())),
        ends(SeccompAction::Allow),
    ]
}

/// Refuses them for every thread, for good.
pub(super) fn restrict(grants: &Grants) -> Result<(), Error> {
    let processor: TargetArch = std::env::consts::ARCH.try_into()?;
    let refuse = SeccompAction::Errno(libc::EPERM.cast_unsigned());
    let filter = SeccompFilter::new(rules(grants)?, SeccompAction::Allow, refuse, processor)?;
    let refused: BpfProgram = filter.try_into()?;
    apply_filter_all_threads(&absent())?;
    apply_filter_all_threads(&refused)
}
