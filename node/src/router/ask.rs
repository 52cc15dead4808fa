//! Putting one request to one provider; and, where a person wants that, to a second one as well, if the
//! first is late.

use std::pin::pin;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use futures::StreamExt;
use pumasi_cloud::{Call, CallError, Permit, Reply, Speech};
use pumasi_protocol::Fault;
use pumasi_web::mesh::RunError;
use tokio::time::timeout;

use super::fault::{Failure, Miss};
use super::journal::Entry;
use super::place::Place;
use super::plan::Route;
use super::policy::Routing;
use super::tour::Tour;

/// How a request is put.
pub(super) struct Asking<'a> {
    pub(super) rules: &'a Routing,
    /// An answer in pieces was asked for.
    pub(super) stream: bool,
    /// The only language in which it can be put; none: in any.
    pub(super) speech: Option<Speech>,
    /// What is sent to a place, which calls the model so.
    pub(super) call: &'a (dyn Fn(&Place, &str) -> Result<Call, RunError> + Sync),
}

/// A provider that answers.
pub(super) struct Answer {
    /// Its place in the tour.
    pub(super) at: usize,
    pub(super) place: Arc<Place>,
    /// What the model is called there.
    pub(super) model: String,
    pub(super) permit: Permit,
    pub(super) reply: Reply,
    /// What was read of it already.
    pub(super) first: Option<Bytes>,
}

impl Answer {
    /// The next piece.
    pub(super) async fn next(&mut self) -> Option<Result<Bytes, CallError>> {
        match self.first.take() {
            Some(bytes) => Some(Ok(bytes)),
            None => self.reply.body.next().await,
        }
    }
}

/// A place that can be asked.
struct Candidate {
    at: usize,
    place: Arc<Place>,
    model: String,
    call: Call,
}

impl Asking<'_> {
    /// Asks the place at `at`. How it failed is noted in the tour and in the record.
    pub(super) async fn ask(
        &self,
        tour: &mut Tour,
        at: usize,
        entry: &Entry,
    ) -> Result<Answer, Failure> {
        let asked = match self.candidate(tour, at) {
            Ok(candidate) => self.put(tour, candidate, entry).await,
            Err(failure) => Err(failure),
        };
        if let Err(failure) = &asked {
            tour.failed(at, failure.clone());
        }
        asked
    }

    fn candidate(&self, tour: &Tour, at: usize) -> Result<Candidate, Failure> {
        let refused = Failure::Refused(RunError::Fault(Fault::Capability));
        let Some(Route::Provider(place, model)) = tour.route(at) else { return Err(refused) };
        let call = (self.call)(place, model).map_err(Failure::Refused)?;
        Ok(Candidate { at, place: Arc::clone(place), model: model.clone(), call })
    }

    async fn put(
        &self,
        tour: &mut Tour,
        candidate: Candidate,
        entry: &Entry,
    ) -> Result<Answer, Failure> {
        let place = Arc::clone(&candidate.place);
        entry.tries(place.id());
        if !tour.has_failed(candidate.at) {
            place.budget.asked();
        }
        let asked = match self.rival(tour, &candidate) {
            None => candidate.ask(false).await,
            Some((rival, patience)) => self.race(tour, candidate, rival, patience, entry).await,
        };
        if let Err(failure) = &asked {
            entry.failed_at(place.id(), failure.code());
        }
        asked
    }

    /// Who is asked as well should this one be late, and when it is.
    fn rival(&self, tour: &Tour, candidate: &Candidate) -> Option<(Candidate, Duration)> {
        let least = Duration::from_millis(self.rules.hedge_after_ms);
        if least.is_zero() || !self.stream {
            return None;
        }
        let rival = self.candidate(tour, tour.further(candidate.at)?).ok()?;
        let speaks = |place: &Place| Some(place.provider.kind().speech) == self.speech;
        let may_cost = self.rules.hedge_paid || !(candidate.is_paid() || rival.is_paid());
        if !may_cost || !(self.speech.is_none() || speaks(&rival.place)) {
            return None;
        }
        let usual = candidate.place.provider.late(&candidate.model).unwrap_or_default();
        Some((rival, least.max(usual)))
    }

    /// Whoever begins first answers; the other is left, which ends its call.
    async fn race(
        &self,
        tour: &mut Tour,
        candidate: Candidate,
        rival: Candidate,
        patience: Duration,
        entry: &Entry,
    ) -> Result<Answer, Failure> {
        let (id, rival_id) = (candidate.place.id().to_owned(), rival.place.id().to_owned());
        let (at, rival_at, rival_place) = (candidate.at, rival.at, Arc::clone(&rival.place));
        let mut first = pin!(candidate.ask(true));
        if let Ok(asked) = timeout(patience, &mut first).await {
            return asked;
        }
        if !rival_place.budget.take(self.rules, Instant::now()) {
            return first.await;
        }
        entry.tries(&rival_id);
        rival_place.budget.asked();
        let mut second = pin!(rival.ask(true));
        tokio::select! {
            asked = &mut first => match asked {
                Ok(answer) => {
                    entry.failed_at(&rival_id, OTHER_BEGAN);
                    Ok(answer)
                }
                Err(failure) => match second.await {
                    Ok(answer) => {
                        note(tour, entry, (at, &id), &failure);
                        Ok(answer)
                    }
                    Err(other) => {
                        note(tour, entry, (rival_at, &rival_id), &other);
                        Err(failure)
                    }
                },
            },
            asked = &mut second => match asked {
                Ok(answer) => {
                    entry.failed_at(&id, OTHER_BEGAN);
                    Ok(answer)
                }
                Err(failure) => {
                    note(tour, entry, (rival_at, &rival_id), &failure);
                    first.await
                }
            },
        }
    }
}

/// Where to go next: on to a place that was not asked, or back to one after a while.
pub(super) async fn onward(tour: &mut Tour, rules: &Routing) -> Option<usize> {
    if let Some(next) = tour.next() {
        return Some(next);
    }
    let draw = getrandom::u32().unwrap_or(u32::MAX / 2);
    let (at, pause) = tour.again(rules, draw)?;
    let Some(Route::Provider(place, _)) = tour.route(at) else { return None };
    if !place.budget.take(rules, Instant::now()) {
        return None;
    }
    tour.pause(pause);
    tokio::time::sleep(pause).await;
    Some(at)
}

/// The word for a place that was left because another began first.
const OTHER_BEGAN: &str = "another_was_first";

fn note(tour: &mut Tour, entry: &Entry, (at, id): (usize, &str), failure: &Failure) {
    tour.failed(at, failure.clone());
    entry.failed_at(id, failure.code());
}

impl Candidate {
    /// Money is at stake, or at least a service that somebody else runs.
    fn is_paid(&self) -> bool {
        self.place.is_outside()
    }

    /// Waits for the head of the answer; with `peek` for the beginning of its body, too.
    async fn ask(self, peek: bool) -> Result<Answer, Failure> {
        let Self { at, place, model, call } = self;
        let permit = place.provider.permit(&model);
        let permit = permit.map_err(|closed| Failure::Provider(Miss::closed(closed)))?;
        let failed = |permit: Permit, error: CallError| {
            permit.failed(&error);
            Failure::Provider(Miss::after(&place, &model, &error))
        };
        let mut reply = match place.provider.post(&permit, call).await {
            Ok(reply) => reply,
            Err(error) => return Err(failed(permit, error)),
        };
        let first = match peek {
            false => None,
            true => match reply.body.next().await.transpose() {
                Ok(first) => first,
                Err(error) => return Err(failed(permit, error)),
            },
        };
        Ok(Answer { at, place, model, permit, reply, first })
    }
}
