//! Situations that the runs are there for. A report prints how often each occurred; a long enough
//! run in which one never occurs has failed: the simulator does not go there any more.

use std::collections::BTreeMap;

macro_rules! situations {
    ($($name:ident: $text:literal,)*) => {
        /// A situation that must occur now and then.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
        pub enum Situation {
            $(#[doc = $text] $name,)*
        }

        impl Situation {
            /// All of them, with their names.
            pub const ALL: &[(Self, &'static str)] = &[$((Self::$name, $text),)*];
        }
    };
}

situations! {
    LocalIdle: "a warm and idle engine took its own node's job",
    BestBid: "the best of several bids was bound",
    FirstClaim: "a reservation waited and claimed its job",
    FailoverDuringLoad: "failover while the model was loading",
    FailoverDuringPrefill: "failover during prefill",
    FailoverDuringDecode: "failover in the middle of an answer",
    SecondFailover: "second failover of one answer",
    ContinuedElsewhere: "an answer was continued on another node",
    ContinuedHere: "an answer was continued on the same node",
    ContinuedToTheEnd: "a continued answer came to its end",
    OwnerDied: "an owner died while its job ran elsewhere",
    ExecutorDied: "an executor died while it ran a job of another node",
    ExecutorFroze: "an executor froze while it ran a job of another node",
    OwnerFroze: "an owner froze while its job ran elsewhere",
    SpokeLate: "an executor spoke of an attempt that its owner had given up",
    SilentFirst: "an executor gave no first sign of life",
    SilentLater: "an executor fell silent later",
    SilentAlive: "a silent executor said that it lives",
    SilentAbsent: "a silent executor said that it has no such attempt",
    StreamBroke: "the connection broke under a running attempt",
    CancelWaiting: "cancelled while it waited",
    CancelBound: "cancelled while it was bound",
    CancelRunning: "cancelled while it ran",
    CancelAfterEnd: "cancelled after its end",
    ClientLeft: "the client left in the middle of the answer",
    ClientStalled: "the client did not read on",
    CrashLoad: "an engine crashed while loading",
    CrashPrefill: "an engine crashed while reading a prompt",
    CrashDecode: "an engine crashed in the middle of an answer",
    CrashLast: "an engine crashed after the last token",
    EngineHung: "an engine hung while it ran",
    EngineGarbage: "an engine broke the order of its tokens",
    PoisonEnded: "a poisonous job ended after crashing engines",
    PoisonAlone: "a poisonous job was tried alone",
    PoisonNeighbour: "a neighbour of a poisonous job ended well",
    LoadLacksMemory: "a load failed because another program had the memory",
    LoadFailed: "a load failed",
    Evicted: "a model was unloaded",
    DeviceLost: "a device was lost while it ran",
    RefusedPaused: "a paused node refused an offer",
    BindWasLost: "a binding was not known to its executor",
    BoundByStream: "a stream came before its binding",
    StreamRefused: "a stream came that was not expected",
    MessageLost: "a control message was lost",
    MessageTwice: "a control message came twice",
    AdvertStale: "an older advert came after a newer one",
    OneWay: "a link was cut in one direction under a running attempt",
    SplitMesh: "the mesh was split while jobs ran",
    LinkSlow: "an answer came over a slow link",
    NewAddress: "a machine changed its address while it ran",
    SleptWhileRunning: "a machine slept while it was busy",
    SleptForHours: "a machine slept for more than an hour",
    ClockJumped: "a clock jumped while its machine was busy",
    Revoked: "a machine was revoked",
    RevokedExecutor: "an executor was revoked while it ran",
    RevokedOwner: "an owner was revoked while its job ran elsewhere",
    AdmittedRan: "a machine that was admitted later ran a job of another node",
    NotAllowed: "somebody without the right tried to change the roster",
    TwinRan: "a job was bound to a key that two machines had",
    Hostile: "a hostile member sent messages",
    HostileRan: "a hostile member was bound to a job",
    HostileStream: "a hostile member opened a stream for another's attempt",
    OldVersion: "a machine of the version before dropped a message",
    RanAfterRestart: "a machine that had restarted ran a job of another node",
    NoCandidate: "a job failed because nobody could run it",
    TooLong: "a job failed because its prompt was too long for everybody",
    KeptByOne: "a lasting job was acknowledged by one holder alone",
    KeptByTwo: "a lasting job was acknowledged by two holders",
    KeptByThree: "a lasting job was acknowledged by three holders",
    OwnerChanged: "a lasting job changed its owner",
    OwnerWentOn: "an owner took its lasting job up again after a restart",
    LastingCancelled: "a lasting job was cancelled",
    CancelDraft: "a lasting job was cancelled before it was acknowledged",
    Adopted: "a lasting job was adopted by hand",
    NotAdopted: "an adoption by hand was refused",
    SameKey: "a key was given again, and its job was the answer",
    SameKeyPending: "two gateways were accepting one key at the same time",
    Superseded: "of two jobs with one key one was superseded",
    RefusedDisk: "a lasting job was refused for want of a disk",
    RefusedNoHolder: "a lasting job was refused for want of holders",
    SlowSync: "a row or file waited for a slow disk",
    DiskFull: "a full disk refused a row or a file",
    SyncFailed: "a disk refused everything after a failed sync",
    LostByKill: "a killed machine lost what was not synced",
    LostByPowerCut: "a power cut took what was not synced",
    DiedBeforeEndWasFinal: "an owner died between an end and its being final",
    OlderLedger: "a machine was given an older copy of its ledger",
    Rotten: "a bit of a job's file flipped",
    FetchFailed: "a job's file could be had from nobody",
    QuestionFetched: "what a job was asked was read from another holder",
    Erased: "a row was removed",
    MineKept: "a job for its person's machines only was run elsewhere",
}

/// Those that some hundreds of seeds may miss, and thousands do not.
const RARE: [Situation; 10] = [
    Situation::SilentAbsent,
    Situation::CrashLoad,
    Situation::LoadLacksMemory,
    Situation::RevokedExecutor,
    Situation::Adopted,
    Situation::RefusedNoHolder,
    Situation::LostByKill,
    Situation::LostByPowerCut,
    Situation::DiedBeforeEndWasFinal,
    Situation::QuestionFetched,
];

/// How often each occurred.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Situations(BTreeMap<Situation, u64>);

impl Situations {
    pub(crate) fn saw(&mut self, situation: Situation) {
        *self.0.entry(situation).or_default() += 1;
    }

    /// Adds those of another run.
    pub fn add(&mut self, other: &Self) {
        for (situation, count) in &other.0 {
            *self.0.entry(*situation).or_default() += count;
        }
    }

    /// The names of those that never occurred, the rare ones only `with_rare`.
    #[must_use]
    pub fn absent(&self, with_rare: bool) -> Vec<&'static str> {
        let asked = Situation::ALL.iter().filter(|(s, _)| with_rare || !RARE.contains(s));
        asked.filter(|(s, _)| !self.0.contains_key(s)).map(|(_, name)| *name).collect()
    }

    /// All situations with their counts.
    #[must_use]
    pub fn named(&self) -> Vec<(&'static str, u64)> {
        let count = |situation| self.0.get(situation).copied().unwrap_or(0);
        Situation::ALL.iter().map(|(situation, name)| (*name, count(situation))).collect()
    }
}
