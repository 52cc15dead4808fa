//! One answer of this node's provider on its way to a member: what it costs is heard here, whatever the
//! member says, and written down when it ends, however it ends.

use std::sync::Arc;

use bytes::Bytes;
use futures::StreamExt;
use futures::stream::{Stream, unfold};
use pumasi_cloud::{CallError, Permit, Reply, Speech};
use pumasi_dialects::Counts;
use pumasi_dialects::provider::errand::Sort;
use pumasi_dialects::provider::{Heard, Reader, read_whole};
use pumasi_protocol::providing::ProviderMiss;
use pumasi_protocol::{JobId, JobKind, NodeId, NodeName};
use pumasi_web::meters::{Spent, UsageKey};

use super::host::told;
use super::lent::day_of;
use super::place::Place;
use super::{Router, new_job};
use crate::core::unix_ms;
use crate::store::Outcome;

/// Bytes of a whole answer that are kept to read its count; of a larger one that is estimated.
const KEPT_BYTES: usize = 4 * 1024 * 1024;
/// Bytes of a token, where nobody counts (English text; others have fewer, so this is a bound).
const TOKEN_BYTES: u64 = 4;

/// What is asked for whom.
#[derive(Debug, Clone)]
pub(super) struct Loan {
    pub(super) from: NodeId,
    /// The person whose computer that is.
    pub(super) person: Option<NodeName>,
    pub(super) place: Arc<Place>,
    /// As the provider calls it.
    pub(super) model: String,
    pub(super) sort: Sort,
    /// The answer comes in pieces.
    pub(super) stream: bool,
    /// Bytes of the request.
    pub(super) asked: u64,
}

impl Loan {
    pub(super) fn kind(&self) -> JobKind {
        match self.sort {
            Sort::Chat => JobKind::Chat,
            Sort::Completion => JobKind::Completion,
            Sort::Embeddings => JobKind::Embedding,
        }
    }

    fn speech(&self) -> Speech {
        self.place.provider.kind().speech
    }
}

/// A call that is under way.
pub(super) struct Lending {
    router: Arc<Router>,
    loan: Loan,
    pub(super) job: JobId,
    accepted_ms: u64,
    hearing: Hearing,
    outcome: Option<Outcome>,
}

/// What is heard of an answer.
enum Hearing {
    /// The provider has not begun.
    Nothing,
    Stream {
        reader: Box<Reader>,
        counts: Option<Counts>,
        pieces: u64,
    },
    Whole {
        bytes: Vec<u8>,
        length: usize,
    },
}

impl Lending {
    pub(super) fn new(router: Arc<Router>, loan: Loan) -> Self {
        let (job, accepted_ms) = (new_job(), unix_ms());
        Self { router, loan, job, accepted_ms, hearing: Hearing::Nothing, outcome: None }
    }

    pub(super) fn failed(&mut self, error: &CallError) {
        self.outcome = Some(Outcome::Failed(error.word().to_owned()));
    }

    fn completed(mut self) {
        self.outcome = Some(Outcome::Completed);
    }

    /// The answer's pieces, each heard as it passes.
    pub(super) fn over(
        mut self,
        reply: Reply,
        permit: Permit,
    ) -> impl Stream<Item = Result<Bytes, ProviderMiss>> + Send + 'static {
        self.hearing = match self.loan.stream {
            true => {
                let reader = Box::new(Reader::new(self.loan.speech()));
                Hearing::Stream { reader, counts: None, pieces: 0 }
            }
            false => Hearing::Whole { bytes: Vec::new(), length: 0 },
        };
        let state = (self, reply.body, Some(permit));
        unfold(state, |(mut lending, mut body, mut permit)| async move {
            let permit_now = permit.take()?;
            match body.next().await {
                Some(Ok(piece)) => {
                    lending.hearing.hear(&piece);
                    Some((Ok(piece), (lending, body, Some(permit_now))))
                }
                Some(Err(error)) => {
                    permit_now.failed(&error);
                    lending.failed(&error);
                    Some((Err(told(&error)), (lending, body, None)))
                }
                None => {
                    permit_now.succeeded();
                    lending.completed();
                    None
                }
            }
        })
    }
}

impl Hearing {
    fn hear(&mut self, piece: &Bytes) {
        match self {
            Self::Nothing => {}
            Self::Stream { reader, counts, pieces } => {
                for heard in reader.push(piece) {
                    match heard {
                        Heard::Counts(told) => *counts = Some(told),
                        Heard::Delta(_) => *pieces += 1,
                        Heard::Ended(_) | Heard::Failed(_) => {}
                    }
                }
            }
            Self::Whole { bytes, length } => {
                *length += piece.len();
                if *length <= KEPT_BYTES {
                    bytes.extend_from_slice(piece);
                }
            }
        }
    }

    /// What it cost, by the provider's count or, where that says nothing, by what went and came.
    fn counts(&mut self, loan: &Loan) -> Counts {
        let prompt = loan.asked / TOKEN_BYTES;
        match self {
            Self::Nothing => Counts::default(),
            Self::Stream { counts, pieces, .. } => {
                let guess = Counts { prompt, completion: *pieces, ..Counts::default() };
                counts.unwrap_or(guess)
            }
            Self::Whole { bytes, length } => {
                let told = (*length <= KEPT_BYTES).then(|| whole(loan, bytes)).flatten();
                let guess = || {
                    let completion = match loan.sort {
                        Sort::Embeddings => 0,
                        Sort::Chat | Sort::Completion => *length as u64 / TOKEN_BYTES,
                    };
                    Counts { prompt, completion, ..Counts::default() }
                };
                told.unwrap_or_else(guess)
            }
        }
    }
}

/// What a whole answer says that it cost; none: it says nothing.
fn whole(loan: &Loan, bytes: &[u8]) -> Option<Counts> {
    if loan.sort == Sort::Embeddings {
        let body: serde_json::Value = serde_json::from_slice(bytes).ok()?;
        let prompt = body["usage"]["prompt_tokens"].as_u64()?;
        return Some(Counts { prompt, ..Counts::default() });
    }
    let heard = read_whole(loan.speech(), bytes);
    let counts = heard.into_iter().find_map(|heard| match heard {
        Heard::Counts(counts) => Some(counts),
        Heard::Delta(_) | Heard::Ended(_) | Heard::Failed(_) => None,
    });
    counts.filter(|counts| counts.prompt + counts.completion > 0)
}

impl Drop for Lending {
    fn drop(&mut self) {
        let counts = self.hearing.counts(&self.loan);
        let outcome = self.outcome.take().unwrap_or(Outcome::Cancelled);
        let failed = matches!(outcome, Outcome::Failed(_));
        let key = UsageKey {
            day: day_of(unix_ms()),
            person: self.loan.person.as_ref().map(ToString::to_string).unwrap_or_default(),
            key: self.loan.from.to_string(),
            model: self.loan.model.clone(),
            place: self.loan.place.id().to_owned(),
        };
        let mut spent = Spent {
            requests: 1,
            failed: u64::from(failed),
            prompt: counts.prompt,
            cached: counts.cached,
            completion: counts.completion,
            reasoning: counts.reasoning,
            ..Spent::default()
        };
        self.router.price_at_place(&self.loan.place, &self.loan.model, &mut spent);
        self.router.lent.add(key, &spent);
        self.router.journal.noting().lent(
            &self.loan,
            (self.job, self.accepted_ms),
            counts,
            outcome,
        );
    }
}
