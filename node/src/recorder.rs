//! Writes what the scheduler is told into a file, so that a run can be replayed. The loop never waits
//! for the disk: a thread writes, and a recording that cannot go on ends with one warning.

use std::fs::File;
use std::io::Write;
use std::path::Path;
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::thread::JoinHandle;

use pumasi_protocol::NodeId;
use pumasi_protocol::frame::FrameError;
use pumasi_scheduler::recording::Recording;
use pumasi_scheduler::{Action, Config, Input, Time};

/// Largest recording, in bytes (guess: days of an office's gossip).
const RECORD_BYTES: u64 = 256 * 1024 * 1024;
/// Entries that wait for the disk.
const WAITING: usize = 16 * 1024;
/// Bytes that are written at once, if so many wait.
const BATCH_BYTES: usize = 256 * 1024;

/// A recording under way.
#[derive(Debug)]
pub(crate) struct Recorder {
    recording: Recording,
    /// None once it has ended.
    out: Option<SyncSender<Vec<u8>>>,
    writes: Option<JoinHandle<()>>,
    left: u64,
}

impl Recorder {
    /// Begins a recording. One that lies there from before is kept beside it, with `.before` added to
    /// its name.
    pub(crate) fn begin(
        path: &Path,
        me: NodeId,
        config: &Config,
        seed: u64,
        now: Time,
    ) -> std::io::Result<Self> {
        Self::limited(path, (me, config, seed, now), RECORD_BYTES)
    }

    fn limited(
        path: &Path,
        (me, config, seed, now): (NodeId, &Config, u64, Time),
        left: u64,
    ) -> std::io::Result<Self> {
        let first = Recording::begin(me, config, seed, now).map_err(std::io::Error::other)?;
        let mut before = path.as_os_str().to_owned();
        before.push(".before");
        match std::fs::rename(path, before) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(error),
            Ok(()) | Err(_) => {}
        }
        let mut options = File::options();
        options.write(true).create_new(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let mut file = options.open(path)?;
        file.write_all(&first)?;
        let (sender, source) = sync_channel(WAITING);
        let thread = std::thread::Builder::new().name("recorder".to_owned());
        let writes = thread.spawn(move || write(&file, &source))?;
        let recording = Recording::default();
        Ok(Self {
            recording,
            out: Some(sender),
            writes: Some(writes),
            left: left.saturating_sub(first.len() as u64),
        })
    }

    pub(crate) fn input(&mut self, now: Time, input: &Input) {
        if self.out.is_some() {
            let entry = self.recording.input(now, input).map(Some);
            self.put(entry);
        }
    }

    pub(crate) fn timeout(&mut self, now: Time) {
        if self.out.is_some() {
            let entry = self.recording.timeout(now).map(Some);
            self.put(entry);
        }
    }

    pub(crate) fn action(&mut self, action: &Action) {
        if self.out.is_some() {
            self.recording.action(action);
        }
    }

    /// All actions were taken.
    pub(crate) fn asked(&mut self) {
        if self.out.is_some() {
            let entry = self.recording.asked();
            self.put(entry);
        }
    }

    fn put(&mut self, entry: Result<Option<Vec<u8>>, FrameError>) {
        let bytes = match entry {
            Ok(Some(bytes)) => bytes,
            Ok(None) => return,
            Err(error) => return self.end(&format!("an entry is too large: {error}")),
        };
        let Some(left) = self.left.checked_sub(bytes.len() as u64) else {
            return self.end("it has the largest size that is kept");
        };
        self.left = left;
        let Some(sender) = &self.out else { return };
        match sender.try_send(bytes) {
            Ok(()) => {}
            Err(TrySendError::Full(_)) => self.end("the disk is too slow for it"),
            // The thread has said why.
            Err(TrySendError::Disconnected(_)) => self.out = None,
        }
    }

    fn end(&mut self, why: &str) {
        tracing::warn!(why, "the recording ends here; the node goes on");
        self.out = None;
    }
}

impl Drop for Recorder {
    /// At the node's end everything that waits is written.
    fn drop(&mut self) {
        drop(self.out.take());
        if let Some(writes) = self.writes.take() {
            // A thread that panicked has nothing more to write.
            let _ = writes.join();
        }
    }
}

fn write(mut file: &File, source: &Receiver<Vec<u8>>) {
    while let Ok(mut batch) = source.recv() {
        while batch.len() < BATCH_BYTES
            && let Ok(more) = source.try_recv()
        {
            batch.extend(more);
        }
        if let Err(error) = file.write_all(&batch) {
            tracing::warn!(%error, "the recording ends here; the node goes on");
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use pumasi_scheduler::recording::{Entry, RecordingReader};

    use super::*;

    fn entries(path: &Path) -> Vec<Entry> {
        let bytes = std::fs::read(path).expect("it was written");
        let mut reader = RecordingReader::new(&bytes).expect("a recording");
        let mut entries = Vec::new();
        while let Some(entry) = reader.next_entry().expect("it is whole") {
            entries.push(entry);
        }
        assert!(!reader.is_cut());
        entries
    }

    #[test]
    fn a_recording_ends_at_its_bound_and_an_older_one_is_kept() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let path = folder.path().join("run.record");
        let config = Config::default();
        let begin = || (NodeId([1; 32]), &config, 1, Time::START);
        for (bytes, expected) in [(RECORD_BYTES, 101), (3_000, 80)] {
            let mut recorder = Recorder::limited(&path, begin(), bytes).expect("it begins");
            for number in 0..100 {
                recorder.input(Time(number), &Input::Left { node: NodeId([2; 32]) });
            }
            drop(recorder);
            let found = entries(&path).len();
            let fits = std::fs::metadata(&path).expect("it is there").len() <= bytes;
            assert!(fits && found <= expected && found > 1, "{found} entries");
        }
        assert_eq!(entries(&folder.path().join("run.record.before")).len(), 101);
    }
}
