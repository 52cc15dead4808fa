//! Power cuts. The calls of a real run of the store are recorded by a preloaded library; from each of
//! their prefixes the disks are built that a cut at that moment may leave; each is opened by the real
//! store, which must need no help and hold everything that was acknowledged, and of what was not, a
//! prefix. `POWER_CUT_IMAGES` sets how many random disks are opened besides those where all unsynced
//! is lost.
#![cfg(target_os = "linux")]
#![expect(clippy::print_stdout, reason = "a run says what it tried")]

mod disk;
mod log;
mod workload;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;

use disk::{Chance, Disk, Image};
use log::Call;
use pumasi_node::store::Store;
use tempfile::TempDir;
use workload::Held;

/// Random disks that are opened when nothing else is asked for.
const IMAGES: usize = 300;
/// Tells a process that it is the one to be recorded: its steps, and how it ends.
const RUN: &str = "POWER_CUT_RUN";
const ROOT: &str = "POWER_CUT_ROOT";

/// Runs that follow each other on one store: where each ends, and whether it closes the store.
const RUNS: [(usize, bool); 4] = [(90, false), (150, true), (240, false), (300, false)];

/// In the recorded process this is the workload; in the test itself it is nothing.
#[test]
fn recorded_process() {
    let (Ok(run), Ok(root)) = (std::env::var(RUN), std::env::var(ROOT)) else { return };
    let run: usize = run.parse().expect("a number");
    let start = run.checked_sub(1).map_or(0, |before| RUNS[before].0);
    workload::run(Path::new(&root), start..RUNS[run].0, RUNS[run].1);
}

fn recorder(dir: &Path) -> PathBuf {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/power_cut/record.c");
    let library = dir.join("record.so");
    let mut cc = Command::new("cc");
    let built = cc.args(["-O1", "-shared", "-fPIC", "-o"]).arg(&library).arg(source).status();
    assert!(built.expect("a C compiler, as the engines need it").success());
    library
}

/// The calls of all runs, one after the other.
fn record(dir: &Path) -> Vec<Call> {
    let (library, log, root) = (recorder(dir), dir.join("log"), dir.join("disk"));
    std::fs::create_dir(&root).expect("a folder");
    for run in 0..RUNS.len() {
        let mut process = Command::new(std::env::current_exe().expect("this program"));
        process.args(["--exact", "recorded_process"]).env("LD_PRELOAD", &library);
        process.env("POWER_CUT_LOG", &log).env(ROOT, &root).env(RUN, run.to_string());
        assert!(process.output().expect("runs").status.success(), "run {run} failed");
    }
    log::parse(&std::fs::read(&log).expect("a log"))
}

/// How far the workload was: steps begun, steps acknowledged.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Told {
    begun: usize,
    acknowledged: usize,
}

impl Told {
    fn hear(&mut self, text: &str) {
        for line in text.lines() {
            let number: usize = line[1..].parse().expect("a number");
            match &line[..1] {
                "b" => self.begun = number,
                "a" => self.acknowledged = self.acknowledged.max(number),
                other => panic!("the workload said {other}"),
            }
        }
    }
}

/// Opens disks and compares what they hold with what they must.
struct Judge {
    /// What is held after each number of steps.
    held: Vec<Held>,
    seen: BTreeSet<([u8; 32], usize, usize)>,
    root: TempDir,
    opened: usize,
    failures: Vec<String>,
}

impl Judge {
    fn new() -> Self {
        let steps = RUNS[RUNS.len() - 1].0;
        let mut held = vec![Held::default()];
        for n in 0..steps {
            held.push(held[n].clone().after(n));
        }
        let memory = Path::new("/dev/shm");
        let root = if memory.is_dir() { TempDir::new_in(memory) } else { TempDir::new() };
        let root = root.expect("a folder");
        Self { held, seen: BTreeSet::new(), root, opened: 0, failures: Vec::new() }
    }

    fn judge(&mut self, moment: usize, what: &str, image: &Image, told: Told) {
        if !self.seen.insert((image.hash(), told.acknowledged, told.begun)) {
            return;
        }
        self.opened += 1;
        let dir = self.root.path().join("image");
        std::fs::create_dir(&dir).expect("a folder");
        image.write_to(&dir);
        if let Err(problem) = self.problem(&dir.join("data"), told) {
            self.failures.push(format!("cut after call {moment}, {what}, {told:?}: {problem}"));
        }
        std::fs::remove_dir_all(&dir).expect("removed");
    }

    fn problem(&self, data: &Path, told: Told) -> Result<(), String> {
        if !data.is_dir() {
            std::fs::create_dir(data).expect("a folder");
        }
        wrong_names(&data.join("files"))?;
        let store = Store::open(data, 1_000).map_err(|error| format!("not opened: {error}"))?;
        let held = holds(&store)?;
        let steps = told.acknowledged..=told.begun;
        if !steps.clone().any(|n| self.held[n] == held) {
            let near = &self.held[told.acknowledged];
            let lost = near.jobs.keys().filter(|job| !held.jobs.contains_key(job)).count();
            let before = (0..told.acknowledged).rev().find(|n| self.held[*n] == held);
            return Err(match before {
                Some(n) => format!("only the first {n} steps are there"),
                None => format!("what is there is after no step; {lost} acknowledged jobs lost"),
            });
        }
        held.jobs.values().try_for_each(|record| files_are_there(&store, record))
    }
}

fn holds(store: &Store) -> Result<Held, String> {
    let mut held = Held::default();
    for record in store.jobs(usize::MAX).map_err(|error| format!("jobs: {error}"))? {
        held.jobs.insert(record.line.job, record);
    }
    for n in 0..workload::SETTINGS {
        let name = workload::setting_name(n);
        if let Some(text) = store.setting(&name).map_err(|error| format!("settings: {error}"))? {
            held.settings.insert(name, text);
        }
    }
    Ok(held)
}

fn files_are_there(store: &Store, record: &pumasi_node::store::JobRecord) -> Result<(), String> {
    for id in record.input.iter().chain(&record.result) {
        match store.file(*id) {
            Ok(Some(_)) => {}
            Ok(None) => return Err(format!("the file {id} of a job is lost")),
            Err(error) => return Err(format!("the file {id}: {error}")),
        }
    }
    Ok(())
}

/// A file under its final name always hashes to it (I15).
fn wrong_names(files: &Path) -> Result<(), String> {
    let Ok(entries) = std::fs::read_dir(files) else { return Ok(()) };
    for entry in entries {
        let entry = entry.expect("an entry");
        if entry.file_type().expect("a type").is_file() {
            let hash = blake3::hash(&std::fs::read(entry.path()).expect("a file"));
            if *entry.file_name() != *hash.to_hex().as_str() {
                return Err(format!("{} holds something else", entry.file_name().display()));
            }
        }
    }
    Ok(())
}

#[test]
fn after_any_power_cut_the_store_opens_and_holds_all_that_was_acknowledged() {
    let dir = TempDir::new().expect("a folder");
    let calls = record(dir.path());
    let images = std::env::var("POWER_CUT_IMAGES").ok().map(|n| n.parse().expect("a number"));
    let images = images.unwrap_or(IMAGES);
    let (mut disk, mut told, mut judge) = (Disk::default(), Told::default(), Judge::new());
    let mut chance = Chance(0x5EED_0F90_3E12_C075);
    let mut words = None;
    let (mut syncs, mut ranges) = (0, 0);
    for (moment, call) in calls.iter().enumerate() {
        let mut changed = false;
        let is_word = matches!(call, Call::Write { inode, .. } if Some(*inode) == words);
        if let Call::OpenFile { inode, name, .. } = call
            && name == "acknowledged"
        {
            words = Some(*inode);
        } else if let Call::Write { data, .. } = call
            && is_word
        {
            told.hear(std::str::from_utf8(data).expect("text"));
            changed = true;
        } else {
            syncs += usize::from(matches!(call, Call::Sync { .. }));
            ranges += usize::from(matches!(call, Call::SyncRange { .. }));
            changed |= disk.take(call);
        }
        if changed {
            judge.judge(moment, "all unsynced lost", &disk.without_pending(), told);
        }
        // As many random disks as asked for, spread over all calls.
        let due = images * (moment + 1) / calls.len() - images * moment / calls.len();
        for n in 0..due {
            if disk.has_pending() {
                let whole = n == 0 && chance.below(8) == 0;
                let image = if whole { disk.with_pending() } else { disk.with_some(&mut chance) };
                judge.judge(moment, "some unsynced lost", &image, told);
            }
        }
    }
    let (opened, failed) = (judge.opened, judge.failures.len());
    println!(
        "{} calls, {syncs} syncs, {ranges} syncs of ranges, {} steps acknowledged; \
         {opened} disks opened, {failed} wrong",
        calls.len(),
        told.acknowledged
    );
    let shown = &judge.failures[..failed.min(12)];
    assert!(failed == 0, "{failed} of {opened} disks: {shown:#?}");
    assert!(told.acknowledged > 250 && opened > 500, "{told:?}, {opened} disks");
}
