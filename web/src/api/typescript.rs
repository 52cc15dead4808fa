//! The same types for the front end: one TypeScript file, written by `examples/types.rs`.

use ts_rs::{Config, TS};

const HEAD: &str = "// Written by `cargo run -p pumasi-web --example types`. Do not edit.\n\
                    // The JSON of /api/v1: ids are text, units are in the names.\n";

fn declare<T: TS>(config: &Config, text: &mut String) {
    text.push_str("\nexport ");
    text.push_str(&T::decl(config));
    text.push('\n');
}

macro_rules! declare_all {
    ($config:expr, $text:expr, $($name:ty),* $(,)?) => {
        $(declare::<$name>($config, $text);)*
    };
}

/// The whole file.
#[must_use]
pub fn typescript() -> String {
    // Counts and times stay far below 2^53, up to which a number is exact.
    let config = Config::new().with_large_int("number");
    let mut text = HEAD.to_owned();
    #[rustfmt::skip]
    declare_all!(
        &config, &mut text,
        super::NodeRef, super::MeshRef, super::MeshRole, super::NoticeLevel, super::Notice,
        super::Admission, super::Lend, super::Hold, super::Yield, super::Lending, super::LendRequest,
        super::Endpoint, super::Status, super::Presence, super::DeviceKind, super::Device,
        super::EngineKind, super::EngineState, super::NodeEngine, super::Queue, super::ModelState,
        super::NodeModel, super::Misconduct, super::CutOff, super::Node,
        super::Capability, super::ModelPlace, super::Model,
        super::WeightPart, super::PartShare, super::TypeRun, super::TensorGroup, super::BlockSight,
        super::BlockPart, super::BlockRun, super::AttentionKind, super::AttentionShape,
        super::ExpertShape, super::TemplateCard, super::CacheFormat, super::CachePoint,
        super::LoadPlan, super::DeviceMemory, super::Pace, super::Fit, super::Explanation,
        super::Inspection, super::Language,
        super::Recommendation, super::Suited, super::Recommendations,
        super::PlaceRequest, super::CopyState, super::CopyStage, super::CopySource, super::Copy,
        super::Switch, super::ModelSettings,
        super::SettingsRequest, super::Benchmark, super::BenchmarksRequest,
        super::JobKind, super::JobState, super::Phase, super::Priority,
        super::JobProgress, super::JobUsage, super::JobTimings, super::JobError, super::Job,
        super::Term, super::CandidateOutcome, super::Candidate, super::Passage, super::Round,
        super::Why,
        super::Submission, super::StoredDocument, super::DocumentInput, super::DocumentTrust,
        super::DocumentsRequest, super::DocumentTrouble, super::DocumentPiece, super::DocumentState,
        super::DocumentOutcome, super::DocumentsResult, super::InviteRequest, super::Invitation, super::InvitationToken,
        super::Qr,
        super::JoinRequest, super::Joined, super::Doorstep, super::Newcomer, super::Pairing,
        super::AskInRequest, super::ApproveRequest, super::Approved, super::FoundRequest,
        super::RemoveRequest, super::Removed, super::AuditAct, super::AuditSubject,
        super::AuditOutcome, super::AuditJob, super::AuditEntry,
        super::KeyScope, super::KeyState, super::Key, super::KeyRequest, super::KeyChange,
        super::NewKey,
        super::ProviderState, super::ProviderModel, super::Provider, super::ProviderKey,
        super::ProviderKind, super::RoutingPolicy, super::Routing, super::Providers,
        super::ProviderRequest, super::ShareWith, super::Sharing, super::Lent, super::ShareRequest,
        super::ProviderElsewhere, super::RoutingChange, super::CheckOutcome, super::Check, super::Doctor,
        super::UsageBy, super::UsageRow, super::Usage, super::PlaceState, super::HistoryPlace,
        super::HistoryPoint, super::History,
        super::ConversationLine, super::ConversationSettings, super::ConversationRole,
        super::AnswerEnd, super::AnswerFacts, super::ConversationFile, super::ConversationCall,
        super::ConversationMessage, super::Conversation, super::ConversationChange,
        super::HubFound, super::HubPage, super::HubVariant, super::HubRepo, super::HubCard,
        super::HubTokenRequest, super::PullRequest, super::PullState, super::PullSource, super::Pull,
        super::StoredOrigin, super::StoredModel, super::Stock, super::StoredChange,
        super::ImportFrom, super::ImportRequest, super::ImportOutcome, super::Imported,
        super::Verified, super::VerifyRequest, super::SweepRequest, super::Swept,
        super::Snapshot, super::Event, super::List<super::Node>, super::ErrorDetail,
        super::ErrorBody,
    );
    text
}
