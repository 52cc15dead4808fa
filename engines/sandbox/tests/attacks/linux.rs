//! The attacks, each as a program would do it. Those past the standard library need system calls.
#![allow(unsafe_code)]

use std::ffi::c_void;
use std::fs::{self, OpenOptions};
use std::io;
use std::net::{TcpListener, TcpStream, UdpSocket};
use std::os::unix::fs::{FileExt, PermissionsExt};
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt;
use std::process::Command;

use rustix::process::{DumpableBehavior, PTracer, set_dumpable_behavior, set_ptracer};

/// Bytes of a secret in memory.
const SECRET: usize = 24;

/// Lets every process of this user look into this one, so that only the attacker's own walls count.
pub(crate) fn expose() {
    set_dumpable_behavior(DumpableBehavior::Dumpable).expect("its own state");
    // Fails where the system does not restrict tracing to begin with.
    let _ = set_ptracer(PTracer::Any);
}

fn os(result: libc::c_long) -> io::Result<libc::c_long> {
    if result < 0 { Err(io::Error::last_os_error()) } else { Ok(result) }
}

/// A system call by its number, with arguments that a kernel which looks at them finds wrong.
fn call(number: i64, arguments: [i64; 3]) -> io::Result<()> {
    let [first, second, third] = arguments;
    // SAFETY: the calls asked for below read at most a null pointer, which the kernel refuses.
    os(unsafe { libc::syscall(number, first, second, third, 0, 0, 0) }).map(drop)
}

fn secret(pid: u32) -> Vec<u8> {
    format!("{:SECRET$}", format!("a prompt in {pid}")).into_bytes()
}

/// "PID ADDRESS" of a secret that stays where it is.
fn keep_secret() -> String {
    let pid = std::process::id();
    let kept = Box::leak(secret(pid).into_boxed_slice());
    format!("{pid} {}", kept.as_ptr() as usize)
}

fn place(target: &str) -> (libc::pid_t, u64) {
    let (pid, address) = target.split_once(' ').expect("a process and an address");
    (pid.parse().expect("a process"), address.parse().expect("an address"))
}

fn check_secret(pid: libc::pid_t, found: &[u8]) -> io::Result<()> {
    let pid = u32::try_from(pid).expect("a process");
    if found == secret(pid) { Ok(()) } else { Err(io::Error::other("other bytes")) }
}

fn vectors(own: &mut [u8], address: u64) -> (libc::iovec, libc::iovec) {
    let iov_len = own.len();
    let local = libc::iovec { iov_base: own.as_mut_ptr().cast(), iov_len };
    let there = usize::try_from(address).expect("an address of this machine");
    (local, libc::iovec { iov_base: there as *mut c_void, iov_len })
}

fn read_memory(target: &str) -> io::Result<()> {
    let ((pid, address), mut found) = (place(target), [0; SECRET]);
    let (local, remote) = vectors(&mut found, address);
    // SAFETY: `local` is `found` and its length.
    os(unsafe { libc::process_vm_readv(pid, &local, 1, &remote, 1, 0) } as libc::c_long)?;
    check_secret(pid, &found)
}

fn write_memory(target: &str) -> io::Result<()> {
    let (pid, address) = place(target);
    let mut same = secret(u32::try_from(pid).expect("a process"));
    let (local, remote) = vectors(&mut same, address);
    // SAFETY: `local` is `same` and its length; the other process keeps what it has.
    os(unsafe { libc::process_vm_writev(pid, &local, 1, &remote, 1, 0) } as libc::c_long).map(drop)
}

fn memory_file(target: &str) -> io::Result<()> {
    let ((pid, address), mut found) = (place(target), [0; SECRET]);
    fs::File::open(format!("/proc/{pid}/mem"))?.read_exact_at(&mut found, address)?;
    check_secret(pid, &found)
}

fn trace(target: &str) -> io::Result<()> {
    let (pid, _) = place(target);
    let nothing = std::ptr::null_mut::<c_void>();
    // SAFETY: neither address nor data are used by `PTRACE_SEIZE`; its end lets the other one go.
    os(unsafe { libc::ptrace(libc::PTRACE_SEIZE, pid, nothing, nothing) }).map(drop)
}

fn fork() -> io::Result<()> {
    // SAFETY: the child calls nothing but `_exit`.
    let child = os(unsafe { libc::fork() }.into())?;
    if child == 0 {
        // SAFETY: it ends this process.
        unsafe { libc::_exit(0) };
    }
    Ok(())
}

/// A signal that changes nothing where nobody waits for it.
fn signal(target: &str) -> io::Result<()> {
    let (pid, _) = place(target);
    // SAFETY: it touches no memory.
    os(unsafe { libc::kill(pid, libc::SIGCONT) }.into()).map(drop)
}

fn limit_other(target: &str) -> io::Result<()> {
    let pid = rustix::process::Pid::from_raw(place(target).0);
    let resource = rustix::process::Resource::Core;
    let none = rustix::process::Rlimit { current: Some(0), maximum: Some(0) };
    Ok(rustix::process::prlimit(pid, resource, none).map(drop)?)
}

fn socket(family: i32, kind: i32, protocol: i32) -> io::Result<()> {
    call(libc::SYS_socket, [family.into(), kind.into(), protocol.into()])
}

/// What an engine does all day.
fn work(model: &str) -> io::Result<()> {
    fs::read(model)?;
    fs::read_to_string("/proc/meminfo")?;
    fs::read_to_string("/proc/cpuinfo")?;
    fs::read_dir("/sys/devices/system/cpu")?.count();
    std::thread::available_parallelism()?;
    let thread = rustix::thread::gettid().as_raw_nonzero();
    fs::read_to_string(format!("/proc/self/task/{thread}/stat"))?;
    let many = (0..8).map(|n| std::thread::Builder::new().spawn(move || n));
    let sums = many.map(|thread| Ok(thread?.join().expect("it adds"))).sum::<io::Result<i32>>()?;
    assert_eq!(sums, 28);
    Ok(())
}

fn run_shell() -> io::Result<()> {
    Command::new("/bin/sh").args(["-c", "exit 0"]).status().map(drop)
}

/// Becomes this program once more, which says that it did nothing.
fn become_other() -> io::Result<()> {
    Err(Command::new(std::env::current_exe()?).args(["nothing", "", "free"]).exec())
}

fn change_mode(path: &str) -> io::Result<()> {
    fs::set_permissions(path, fs::Permissions::from_mode(0o777))
}

fn send_datagram(target: &str) -> io::Result<()> {
    UdpSocket::bind("127.0.0.1:0")?.send_to(b"a prompt", target).map(drop)
}

/// Tries it; what it says if it succeeds is `done`, or what the test asked for.
pub(crate) fn attempt(attack: &str, target: &str) -> io::Result<String> {
    match attack {
        "nothing" => Ok(()),
        "work" => work(target),
        "keep-secret" => return Ok(keep_secret()),
        "connect" => TcpStream::connect(target).map(drop),
        "listen" => TcpListener::bind("127.0.0.1:0").map(drop),
        "datagram" => send_datagram(target),
        "unix-connect" => UnixStream::connect(target).map(drop),
        "unix-pair" => UnixStream::pair().map(drop),
        "netlink" => socket(libc::AF_NETLINK, libc::SOCK_RAW, libc::NETLINK_ROUTE),
        "read" => fs::read(target).map(drop),
        "list" => fs::read_dir(target).map(drop),
        "create" => fs::write(target, "mine"),
        "overwrite" => OpenOptions::new().write(true).open(target).map(drop),
        "truncate" => OpenOptions::new().write(true).truncate(true).open(target).map(drop),
        "remove" => fs::remove_file(target),
        "rename" => fs::rename(target, format!("{target}.gone")),
        "link" => fs::hard_link(target, format!("{target}.too")),
        "symlink" => std::os::unix::fs::symlink("/etc/passwd", format!("{target}.link")),
        "folder" => fs::create_dir(format!("{target}.folder")),
        "mode" => change_mode(target),
        "shell" => run_shell(),
        "exec" => become_other(),
        "fork" => fork(),
        "read-memory" => read_memory(target),
        "write-memory" => write_memory(target),
        "memory-file" => memory_file(target),
        "maps" => fs::read(format!("/proc/{}/maps", place(target).0)).map(drop),
        "trace" => trace(target),
        "signal" => signal(target),
        "limit-other" => limit_other(target),
        "handle" => call(libc::SYS_pidfd_open, [place(target).0.into(), 0, 0]),
        "shared-memory" => call(libc::SYS_shmget, [i64::from(libc::IPC_PRIVATE), 4_096, 0o600]),
        number => {
            let number = number.parse().map_err(|_| io::Error::other("no such attack"))?;
            call(number, [-1, 0, 0])
        }
    }?;
    Ok("done".to_owned())
}
