//! What the recorded process does with its store: a fixed list of steps, and what the store holds after
//! each of them. It says in the file `acknowledged` which steps it began and which were acknowledged.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::Write;
use std::ops::Range;
use std::path::Path;
use std::sync::{Arc, Mutex};

use pumasi_node::store::{JobRecord, Store};
use pumasi_protocol::job::{JobKind, JobLine, JobState};
use pumasi_protocol::{BlobId, JobId, NodeId, PersonId};

/// Steps that are handed in together, at most.
const TOGETHER: usize = 8;

#[derive(Debug, Clone)]
enum Step {
    Submit(u64),
    End(u64),
    Forget(u64),
    Set(usize, String),
}

/// What a store holds.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Held {
    pub(crate) jobs: BTreeMap<JobId, JobRecord>,
    pub(crate) settings: BTreeMap<String, String>,
}

pub(crate) const SETTINGS: usize = 12;

pub(crate) fn setting_name(n: usize) -> String {
    format!("setting-{n}")
}

fn mixed(n: u64) -> u64 {
    let mut chance = crate::disk::Chance(n.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1);
    chance.next();
    chance.next()
}

fn step(n: usize) -> Step {
    let (n, random) = (n as u64, mixed(n as u64 + 1));
    match random % 10 {
        0..4 => Step::Submit(n),
        4..6 => Step::End(mixed(random) % (n + 1)),
        6 => Step::Forget(mixed(random) % (n + 1)),
        _ => {
            let length = usize::try_from(mixed(random) % 14_000).expect("small");
            let text = char::from(b'a' + u8::try_from(random % 26).expect("small")).to_string();
            let setting = usize::try_from(random / 26).expect("64 bits") % SETTINGS;
            Step::Set(setting, format!("{n} {}", text.repeat(length)))
        }
    }
}

pub(crate) fn input(n: u64) -> Vec<u8> {
    format!("question {n} ")
        .repeat(1 + usize::try_from(mixed(n) % 600).expect("small"))
        .into_bytes()
}

fn result(n: u64) -> Vec<u8> {
    format!("answer {n}").into_bytes()
}

fn name_of(bytes: &[u8]) -> BlobId {
    BlobId(*blake3::hash(bytes).as_bytes())
}

fn job(n: u64, ended: bool) -> JobRecord {
    let line = JobLine {
        job: JobId::from_parts(n, [0; 10]),
        kind: JobKind::Chat,
        model: "starter-chat".parse().expect("a good name"),
        person: PersonId([1; 16]),
        owner: NodeId([2; 32]),
        state: if ended { JobState::Completed(NodeId([3; 32])) } else { JobState::Waiting },
        accepted_ms: n,
    };
    let mut record = JobRecord::new(line);
    record.input = Some(name_of(&input(n)));
    record.result = ended.then(|| name_of(&result(n)));
    record.ended_ms = ended.then_some(n);
    record
}

impl Held {
    /// What is held after one step more.
    pub(crate) fn after(mut self, n: usize) -> Self {
        match step(n) {
            Step::Submit(n) => drop(self.jobs.insert(JobId::from_parts(n, [0; 10]), job(n, false))),
            Step::End(n) => {
                if let Some(record) = self.jobs.get_mut(&JobId::from_parts(n, [0; 10])) {
                    *record = job(n, true);
                }
            }
            Step::Forget(n) => drop(self.jobs.remove(&JobId::from_parts(n, [0; 10]))),
            Step::Set(n, text) => drop(self.settings.insert(setting_name(n), text)),
        }
        self
    }
}

/// Runs steps on the store of `root/data`.
pub(crate) fn run(root: &Path, steps: Range<usize>, clean: bool) {
    let acknowledged = File::options().create(true).append(true).open(root.join("acknowledged"));
    let acknowledged = Arc::new(Mutex::new(acknowledged.expect("a file")));
    let say = move |word: char, n: usize| {
        let mut file = acknowledged.lock().expect("nobody panicked");
        file.write_all(format!("{word}{n}\n").as_bytes()).expect("written");
    };
    let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
    let store = Store::open(&root.join("data"), 1_000).expect("a whole store");
    let mut held = (0..steps.start).fold(Held::default(), Held::after);
    runtime.block_on(async {
        let mut next = steps.start;
        while next < steps.end {
            let count = 1 + usize::try_from(mixed(next as u64)).expect("64 bits") % TOGETHER;
            let end = (next + count).min(steps.end);
            say('b', end);
            let work = (next..end).map(|n| {
                let before = held.clone();
                held = std::mem::take(&mut held).after(n);
                let (store, say) = (&store, &say);
                async move {
                    // A step that changes nothing says nothing of those before it.
                    if perform(store, n, &before).await {
                        say('a', n + 1);
                    }
                }
            });
            futures::future::join_all(work.collect::<Vec<_>>()).await;
            next = end;
        }
    });
    if clean {
        drop(store);
    } else {
        std::process::exit(0);
    }
}

async fn perform(store: &Store, n: usize, before: &Held) -> bool {
    match step(n) {
        Step::Submit(n) => {
            store.put_file(&input(n)).expect("stored");
            store.put_job(job(n, false)).await.expect("stored");
        }
        Step::End(n) if before.jobs.contains_key(&JobId::from_parts(n, [0; 10])) => {
            store.put_file(&result(n)).expect("stored");
            store.put_job(job(n, true)).await.expect("stored");
        }
        Step::End(_) => return false,
        Step::Forget(n) => {
            store.remove_job(JobId::from_parts(n, [0; 10])).await.expect("stored");
        }
        Step::Set(n, text) => {
            store.set_setting(&setting_name(n), Some(text)).await.expect("stored");
        }
    }
    true
}
