//! The hub's client against a hub on loopback that speaks the real API, and misbehaves as hubs,
//! networks and strangers do.

mod asking;
mod faults;
mod resuming;
mod tls;

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use pumasi_hub::choose::{choose, variants};
use pumasi_hub::download::{Progress, Report, Wanted, download};
use pumasi_hub::{
    CdnHost, Endpoint, Hub, HubConfig, HubError, HubToken, RepoId, Repository, Retry, Revision,
};
use pumasi_models::store::{Complete, Sha256};
use pumasi_tests::hub::FakeHub;
use tokio_util::sync::CancellationToken;

pub(crate) const REPO: &str = "office/tiny-GGUF";
pub(crate) const FILE: &str = "tiny-Q8_0.gguf";
pub(crate) const TOKEN: &str = "hf_canary5f1c0e7d";

/// A file of so many bytes that begins as a GGUF file does.
pub(crate) fn content(bytes: usize) -> Vec<u8> {
    let mut content: Vec<u8> = (0..bytes).map(|at| (at * 7 + at / 251) as u8).collect();
    content[..4].copy_from_slice(b"GGUF");
    content
}

pub(crate) fn config(fake: &FakeHub) -> HubConfig {
    HubConfig {
        cdn: vec![CdnHost::parse(&fake.cdn).expect("a host")],
        only_these: true,
        ..HubConfig::new(Endpoint::parse(&fake.base).expect("an address"))
    }
}

pub(crate) fn hub(fake: &FakeHub) -> Hub {
    Hub::new(config(fake))
}

pub(crate) fn with_token(fake: &FakeHub, token: &str) -> Hub {
    let token = Some(HubToken::new(token).expect("a token"));
    Hub::new(HubConfig { token, ..config(fake) })
}

pub(crate) fn repo() -> RepoId {
    RepoId::parse(REPO).expect("a name")
}

pub(crate) async fn look(hub: &Hub) -> Result<Repository, HubError> {
    hub.repository(&repo(), &Revision::main()).await
}

/// What is to be downloaded: the one file there is.
pub(crate) async fn wanted(hub: &Hub) -> Wanted {
    let found = look(hub).await.expect("the repository");
    let all = variants(&found.files);
    let file = choose(&all, None).expect("one").files[0].clone();
    Wanted {
        repo: found.repo,
        commit: found.commit,
        path: file.path,
        bytes: file.bytes,
        sha256: file.sha256.expect("it is in LFS"),
    }
}

/// Quick tries, so that a test does not wait.
pub(crate) const RETRY: Retry =
    Retry { first: Duration::from_millis(1), longest: Duration::from_millis(20), tries: 4 };

/// A folder with a part in it, and what was told.
pub(crate) struct Desk {
    folder: tempfile::TempDir,
    told: Arc<Mutex<Vec<Progress>>>,
}

impl Desk {
    pub(crate) fn new() -> Self {
        Self { folder: tempfile::tempdir().expect("a folder"), told: Arc::default() }
    }

    pub(crate) fn part(&self) -> PathBuf {
        self.folder.path().join("x.part")
    }

    pub(crate) fn told(&self) -> Vec<Progress> {
        self.told.lock().expect("no panic").clone()
    }

    pub(crate) fn report(&self) -> Report {
        let told = Arc::clone(&self.told);
        Arc::new(move |progress| told.lock().expect("no panic").push(progress))
    }

    pub(crate) async fn download(&self, hub: &Hub, wanted: &Wanted) -> Result<Complete, HubError> {
        self.stoppable(hub, wanted, CancellationToken::new()).await
    }

    pub(crate) async fn stoppable(
        &self,
        hub: &Hub,
        wanted: &Wanted,
        stop: CancellationToken,
    ) -> Result<Complete, HubError> {
        let part = self.part();
        let downloading = download(hub, wanted, &part, RETRY, self.report(), stop);
        tokio::time::timeout(Duration::from_secs(60), downloading).await.expect("it ends")
    }
}

pub(crate) fn check(complete: &Complete, content: &[u8], sha256: &str) {
    assert!(std::fs::read(&complete.data).expect("the file") == content, "the content is right");
    assert_eq!(complete.sha256, Sha256::parse(sha256).expect("a digest"));
    assert_eq!(complete.id.as_bytes(), blake3::hash(content).as_bytes());
    assert_eq!(complete.bytes, content.len() as u64);
}

pub(crate) fn length(path: &Path) -> Option<u64> {
    std::fs::metadata(path).ok().map(|metadata| metadata.len())
}

/// The token went nowhere but to the hub's own address.
pub(crate) fn token_stayed(fake: &FakeHub) {
    let seen = fake.seen();
    let at_cdn = seen.iter().filter(|seen| seen.path.starts_with("/blob/"));
    for seen in at_cdn {
        assert_eq!(seen.header("authorization"), None, "{}", seen.path);
        assert_eq!(seen.header("referer"), None, "{}", seen.path);
    }
}
