//! Everything that can happen to a node, as one closed enum: the loop takes one at a time.

use pumasi_protocol::{
    Device, Fault, JobId, JobSheet, KeepAlive, ModelName, ModelSettings, NodeId, Term,
};
use pumasi_scheduler::{CustodyInput, LoadedFacts};
use pumasi_web::api;
use pumasi_web::mesh::{
    AdmissionError, Caller, JobFilter, JobLookupError, Kept, LendError, ModelError, RemoveError,
    Repeat, Run, RunError, Running,
};
use tokio::sync::oneshot;

use crate::https::Renewed;
use crate::lending::Told;
use crate::models::LocalModel;

use super::copying::Arrived;
use super::durable::Stored;
use super::elsewhere::Listing;
use super::inspecting::Inspected;
use super::kept::{Account, Question};
use super::pump::{ExecutorReport, OwnerReport};

/// What happened.
#[derive(Debug)]
pub(crate) enum Event {
    /// Somebody asked over HTTP or the command line.
    Ask(Ask),
    /// To an attempt of a job that this node owns.
    Owner(OwnerReport),
    /// To an attempt that ran here.
    Executor(ExecutorReport),
    /// To an engine here.
    Fleet(FleetEvent),
    /// The engine said which devices it sees.
    Devices(Vec<Device>),
    /// The model folders were read again.
    Scanned(Vec<LocalModel>),
    /// A model's settings are on the disk.
    Tuned(ModelName, Box<ModelSettings>),
    /// Nobody listens to this job any more.
    Gone(JobId),
    /// What a lasting job asks is on the disk, or not.
    Stored(JobId, Stored),
    /// Jobs that are over are not kept any more.
    Forgotten(Vec<JobId>),
    /// A person's word on lending this computer was written down.
    Told(Told, Reply<Result<api::Lending, LendError>>),
    /// A change of a lasting job's row is on the disk, or not; with its ticket, if it was written.
    RowChanged(JobId, Option<u64>, bool),
    /// What was asked was read, for a job that this node owns in this term.
    Question(JobId, Term, Box<Question>),
    /// What a kept job's result tells of how it came about.
    Account(JobId, Box<Account>),
    /// Something that custody waits for.
    Custody(Box<CustodyInput>),
    /// A person cancels a job that is kept here for another node.
    CancelKept(Box<JobSheet>, Reply<Result<(), JobLookupError>>),
    /// A job of another node was found there.
    Found(JobId, NodeId),
    /// What the other members said, for a list of jobs.
    ListedElsewhere(Box<Listing>, Vec<api::Job>),
    /// What changed in another node's jobs since this one was told; `None`: it did not say.
    ToldJobs(NodeId, Option<(u64, Vec<JobSheet>)>),
    /// The files of the certificate for other computers changed.
    Renewed(Renewed),
    /// A model was copied to this node, or was not.
    Arrived(Box<Arrived>),
    /// The node was told to stop.
    Stop,
}

/// What happened to an engine.
#[derive(Debug)]
pub(crate) enum FleetEvent {
    /// It is loading; permille.
    Loading(ModelName, u16),
    /// It is ready.
    Loaded(ModelName, LoadedFacts),
    /// Loading failed.
    LoadFailed(ModelName, Fault),
    /// Its memory is free again, asked or not.
    Unloaded(ModelName),
}

type Reply<T> = oneshot::Sender<T>;

/// A question or an order, with where the answer goes.
#[derive(Debug)]
pub(crate) enum Ask {
    Status(Reply<api::Status>),
    Nodes(Reply<Vec<api::Node>>),
    Models(Reply<Vec<api::Model>>),
    Jobs(Caller, JobFilter, Reply<Vec<api::Job>>),
    Job(Caller, JobId, Reply<Result<api::Job, JobLookupError>>),
    Why(Caller, JobId, Reply<Result<api::Why, JobLookupError>>),
    Cancel(Caller, JobId, Reply<Result<(), JobLookupError>>),
    Adopt(Caller, JobId, Reply<Result<(), JobLookupError>>),
    Submit(Box<Run>, Option<Repeat>, Reply<Result<api::Job, RunError>>),
    Forget(Caller, JobId, Reply<Result<(), JobLookupError>>),
    Result(Caller, JobId, Reply<Result<Kept, JobLookupError>>),
    Run(Box<Run>, Reply<Result<Running, RunError>>),
    Load(ModelName, Option<NodeId>, Reply<Result<(), ModelError>>),
    Unload(ModelName, Option<NodeId>, Reply<Result<(), ModelError>>),
    Inspect(ModelName, Option<NodeId>, Reply<Inspected>),
    Copy(ModelName, Option<NodeId>, Reply<Result<(), ModelError>>),
    Copies(Reply<Vec<api::Copy>>),
    StopCopy(ModelName, Reply<Result<(), ModelError>>),
    Settings(ModelName, Option<NodeId>, Reply<Result<ModelSettings, ModelError>>),
    Keep(ModelName, KeepAlive, Reply<()>),
    Set(ModelName, ModelSettings, Option<NodeId>, Reply<Result<ModelSettings, ModelError>>),
    Invitations(Reply<Vec<api::Invitation>>),
    Invite(api::InviteRequest, Reply<Result<api::InvitationToken, AdmissionError>>),
    Withdraw(String, Reply<Result<(), AdmissionError>>),
    Join(String, Reply<Result<api::Joined, AdmissionError>>),
    Pairing(Reply<api::Pairing>),
    LookIn(bool, Reply<Result<api::Pairing, AdmissionError>>),
    Approve(api::ApproveRequest, Reply<Result<api::Approved, AdmissionError>>),
    FoundMesh(api::FoundRequest, Reply<Result<api::Joined, AdmissionError>>),
    Remove(NodeId, api::RemoveRequest, Reply<Result<api::Removed, RemoveError>>),
    Lend(api::LendRequest, Reply<Result<api::Lending, LendError>>),
}
