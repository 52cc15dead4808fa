//! The person's browser.

use std::process::{Command, Stdio};

/// Shows the interface; false where nobody could see it.
pub(super) fn open(url: &str) -> bool {
    let has_display =
        ["DISPLAY", "WAYLAND_DISPLAY"].iter().any(|name| std::env::var_os(name).is_some());
    let mut command = if cfg!(target_os = "macos") {
        Command::new("open")
    } else if cfg!(windows) {
        let mut command = Command::new("rundll32");
        command.arg("url.dll,FileProtocolHandler");
        command
    } else if has_display {
        Command::new("xdg-open")
    } else {
        return false;
    };
    command.arg(url).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    match command.spawn() {
        // Waiting for it elsewhere leaves no zombie.
        Ok(mut child) => {
            drop(std::thread::spawn(move || child.wait()));
            true
        }
        Err(error) => {
            tracing::debug!(%error, "no browser could be started");
            false
        }
    }
}
