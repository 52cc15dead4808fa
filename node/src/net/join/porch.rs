//! The newcomer's doorstep with this process's clock and the system's dice, shared by the door, the
//! interface and discovery.

use std::net::IpAddr;
use std::sync::{Mutex, MutexGuard};
use std::time::Instant;

use pumasi_protocol::pairing::{Digits, Doorstep, PairingRefusal, Standing, Trial};

/// See the module.
pub(crate) struct Porch {
    began: Instant,
    /// Time that a test lets pass.
    #[cfg(test)]
    skipped_ms: std::sync::atomic::AtomicU64,
    doorstep: Mutex<Doorstep>,
}

/// Random bytes, used once.
pub(super) fn random<const N: usize>() -> Result<[u8; N], PairingRefusal> {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).map_err(|error| {
        tracing::error!(%error, "the system gives no random numbers");
        PairingRefusal::Failed
    })?;
    Ok(bytes)
}

fn fresh() -> Result<Digits, PairingRefusal> {
    random().map(Digits::from_random)
}

impl Porch {
    pub(crate) fn new() -> Self {
        Self {
            began: Instant::now(),
            #[cfg(test)]
            skipped_ms: std::sync::atomic::AtomicU64::default(),
            doorstep: Mutex::default(),
        }
    }

    pub(crate) fn now_ms(&self) -> u64 {
        let passed = u64::try_from(self.began.elapsed().as_millis()).unwrap_or(u64::MAX);
        #[cfg(test)]
        let passed = passed + self.skipped_ms.load(std::sync::atomic::Ordering::SeqCst);
        passed
    }

    #[cfg(test)]
    pub(crate) fn skip(&self, ms: u64) {
        self.skipped_ms.fetch_add(ms, std::sync::atomic::Ordering::SeqCst);
    }

    fn doorstep(&self) -> MutexGuard<'_, Doorstep> {
        self.doorstep.lock().expect("no code that holds this lock panics")
    }

    /// A person looks, and waits to be let in.
    pub(crate) fn look(&self, again: bool) -> Result<Standing, PairingRefusal> {
        let fresh = fresh()?;
        Ok(self.doorstep().look(self.now_ms(), again, fresh))
    }

    pub(crate) fn standing(&self) -> Result<Standing, PairingRefusal> {
        let fresh = fresh()?;
        Ok(self.doorstep().standing(self.now_ms(), fresh))
    }

    pub(crate) fn is_open(&self) -> bool {
        self.doorstep().is_open(self.now_ms())
    }

    pub(super) fn begin(&self, ip: IpAddr) -> Result<Trial, PairingRefusal> {
        let fresh = fresh()?;
        self.doorstep().begin(self.now_ms(), ip.into(), fresh)
    }

    pub(super) fn spend(&self, trial: Trial) -> Result<(), PairingRefusal> {
        self.doorstep().spend(self.now_ms(), trial)
    }

    pub(super) fn note_wrong(&self, trial: Trial) {
        self.doorstep().note_wrong(self.now_ms(), trial);
    }

    pub(crate) fn close(&self) {
        self.doorstep().close();
    }
}
