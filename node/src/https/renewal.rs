//! The certificate of IT while the node runs: read again when its files change, so that who renews it
//! need not restart anything. One that cannot be used changes nothing, and is told once.

use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use pumasi_web::Tls;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::{Certificate, CertificateError, supplied};
use crate::core::event::Event;
use crate::core::unix_ms;

/// Between two looks at the files (two calls of the system; guess: soon enough for who has just put
/// them there and tries).
const LOOK_EVERY: Duration = Duration::from_secs(3);

/// What became of files that changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Renewed {
    /// They are served; the fingerprint of the certificate.
    Served(String),
    /// What was there before is still served, for this reason.
    Kept(String),
}

/// What tells that a file is another one than before.
type Stamp = Option<(SystemTime, u64, i64)>;

fn stamp(path: &Path) -> Stamp {
    let metadata = std::fs::metadata(path).ok()?;
    Some((metadata.modified().ok()?, metadata.len(), changed(&metadata)))
}

/// When its mode was changed, too.
#[cfg(unix)]
fn changed(metadata: &std::fs::Metadata) -> i64 {
    use std::os::unix::fs::MetadataExt;
    metadata.ctime().wrapping_mul(1_000_000_000).wrapping_add(metadata.ctime_nsec())
}

#[cfg(not(unix))]
fn changed(_metadata: &std::fs::Metadata) -> i64 {
    0
}

/// What was seen of the two files so far.
#[derive(Debug)]
struct Seen {
    certificate: PathBuf,
    key: PathBuf,
    stamps: [Stamp; 2],
    /// They are not those that are served.
    differ: bool,
    /// Why those that are there are not served, as it was told.
    told: Option<String>,
}

impl Seen {
    fn new((certificate, key): (PathBuf, PathBuf)) -> Self {
        let stamps = [stamp(&certificate), stamp(&key)];
        Self { certificate, key, stamps, differ: false, told: None }
    }

    /// Looks at them; those that changed since the last look are perhaps still being written.
    fn look(&mut self, now_s: i64) -> Option<Result<Certificate, String>> {
        let stamps = [stamp(&self.certificate), stamp(&self.key)];
        if stamps != self.stamps {
            (self.stamps, self.differ) = (stamps, true);
            return None;
        }
        if !self.differ {
            return None;
        }
        match supplied(&self.certificate, &self.key, now_s) {
            Ok(certificate) => {
                (self.differ, self.told) = (false, None);
                Some(Ok(certificate))
            }
            Err(error) => self.tell(&error).map(Err),
        }
    }

    /// What is wrong with them, unless that was said. It may pass: a certificate can be too new.
    fn tell(&mut self, error: &CertificateError) -> Option<String> {
        let text = error.to_string();
        let is_new = self.told.as_ref() != Some(&text);
        is_new.then(|| self.told.insert(text).clone())
    }
}

/// Watches the files until `closing`; `told` hears what becomes of changes.
pub(crate) async fn keep_renewed(
    files: (PathBuf, PathBuf),
    served: Tls,
    told: mpsc::Sender<Event>,
    closing: CancellationToken,
) {
    let mut seen = Seen::new(files);
    let mut due = tokio::time::interval(LOOK_EVERY);
    loop {
        tokio::select! {
            _ = due.tick() => {}
            () = closing.cancelled() => return,
        }
        let now_s = i64::try_from(unix_ms() / 1_000).unwrap_or(i64::MAX);
        let renewed = match seen.look(now_s) {
            None => continue,
            Some(Ok(Certificate { tls, fingerprint, .. })) => {
                served.show(&tls);
                tracing::info!(fingerprint, "a new certificate is served");
                Renewed::Served(fingerprint)
            }
            Some(Err(why)) => {
                tracing::warn!(why, "the new certificate cannot be used: the old one stays");
                Renewed::Kept(why)
            }
        };
        // At the node's end nobody listens any more.
        let _ = told.send(Event::Renewed(renewed)).await;
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{NOW_S, files, set_mode};
    use super::*;

    #[test]
    fn files_that_change_are_read_once_they_rest_and_a_flaw_is_told_once() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let paths = files(folder.path(), (2020, 2040), 0o600);
        let before = supplied(&paths.0, &paths.1, NOW_S).expect("it is fine").fingerprint;
        let mut seen = Seen::new(paths.clone());
        let mut look = || seen.look(NOW_S).map(|read| read.map(|made| made.fingerprint));
        assert_eq!(look(), None, "nothing changed");

        // Only one of the two is there yet.
        std::fs::write(&paths.1, "half").expect("it is written");
        assert_eq!(look(), None, "it may still be written");
        let flaw = look().expect("it rests").expect_err("it is no key");
        assert!(flaw.contains("no private key"), "{flaw}");
        assert_eq!(look(), None, "that was said");

        let renewed = files(folder.path(), (2020, 2041), 0o600);
        assert_eq!((look(), &renewed), (None, &paths));
        let now = look().expect("it rests").expect("it is fine");
        assert_ne!(now, before);
        assert_eq!(look(), None, "it is served");

        set_mode(&paths.1, 0o644);
        assert_eq!(look(), None);
        #[cfg(unix)]
        assert!(look().expect("it rests").expect_err("everybody reads it").contains("chmod 600"));
        std::fs::remove_file(&paths.0).expect("it is removed");
        assert_eq!(look(), None);
        assert!(look().expect("it rests").expect_err("it is gone").contains("cannot be read"));
    }
}
