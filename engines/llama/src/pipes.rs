//! The worker's three standard streams. The C++ libraries print to stdout, so frames go to a
//! duplicate of it, and stdout itself points at stderr before any of them runs (design §7).

use std::fs::File;
use std::io;

/// Takes stdout for frames; what anything else prints to it goes to stderr from here on.
#[cfg(unix)]
pub(crate) fn claim_stdout() -> io::Result<File> {
    let frames = rustix::io::fcntl_dupfd_cloexec(rustix::stdio::stdout(), 3)?;
    rustix::stdio::dup2_stdout(rustix::stdio::stderr())?;
    Ok(File::from(frames))
}

/// As on Unix, for the C runtime's descriptors; handles carry no text mode.
#[cfg(windows)]
#[allow(unsafe_code)]
pub(crate) fn claim_stdout() -> io::Result<File> {
    use std::os::windows::io::{AsHandle, OwnedHandle};
    let frames: OwnedHandle = io::stdout().as_handle().try_clone_to_owned()?;
    // SAFETY: 1 and 2 are the C runtime's standard descriptors, and no other thread runs yet.
    if unsafe { libc::dup2(2, 1) } < 0 {
        return Err(io::Error::last_os_error());
    }
    Ok(File::from(frames))
}

/// Asks the system to end this process when the node ends, for the case that it cannot notice the
/// end of stdin. Best effort: the end of stdin is what normally ends it.
pub(crate) fn end_with_parent() {
    #[cfg(target_os = "linux")]
    if let Err(error) =
        rustix::process::set_parent_process_death_signal(Some(rustix::process::Signal::KILL))
    {
        tracing::warn!(%error, "no signal will come when the node ends");
    }
}

/// Ends this process at once, whatever its other threads are in the middle of.
pub(crate) fn end_now() -> ! {
    // Not `exit`: it would run C++ destructors under the feet of a computing thread.
    #[cfg(unix)]
    let _ = rustix::process::kill_process(rustix::process::getpid(), rustix::process::Signal::KILL);
    std::process::abort()
}
