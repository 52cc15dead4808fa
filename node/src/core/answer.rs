//! Answers: to programs and people on this computer, and to other members.

use pumasi_protocol::message::{Request, Response};
use pumasi_protocol::{JobId, ModelName, NodeId, Refusal};
use pumasi_scheduler::{CustodyInput, Input, Residence};
use pumasi_web::mesh::{Caller, JobLookupError, ModelError};
use tokio::sync::oneshot;

use super::Core;
use super::event::Ask;
use super::owned::OwnedJob;
use super::sheets::Order;

impl Core {
    pub(super) fn answer(&mut self, ask: Ask) {
        // Whoever does not wait for the answer any more does not need it: sending may fail.
        match ask {
            Ask::Status(reply) => drop(reply.send(self.status_view())),
            Ask::Nodes(reply) => drop(reply.send(self.nodes_view())),
            Ask::Models(reply) => self.list_models_or_hold(reply),
            Ask::Jobs(caller, filter, reply) => self.list_jobs(&caller, filter, reply),
            Ask::Job(caller, job, reply) => self.look_up(&caller, job, reply),
            Ask::Why(caller, job, reply) => self.explain(&caller, job, reply),
            Ask::Cancel(caller, job, reply) => self.cancel_anywhere(&caller, job, reply),
            Ask::Adopt(caller, job, reply) => self.adopt_anywhere(&caller, job, reply),
            Ask::Submit(run, repeat, reply) => self.submit_or_hold(run, repeat, reply),
            Ask::Forget(caller, job, reply) => self.remove_anywhere(&caller, job, reply),
            Ask::Result(caller, job, reply) => self.result_anywhere(caller, job, reply),
            Ask::Run(run, reply) => self.run_or_hold(run, reply),
            Ask::Load(model, node, reply) => self.load_or_hold(model, node, reply),
            Ask::Unload(model, node, reply) => self.unload_or_ask(model, node, reply),
            Ask::Inspect(model, node, reply) => self.inspect(model, node, reply),
            Ask::Copy(model, node, reply) => self.copy_or_ask(model, node, reply),
            Ask::Copies(reply) => drop(reply.send(self.copies_view())),
            Ask::StopCopy(model, reply) => drop(reply.send(self.stop_copy(&model))),
            Ask::Settings(model, node, reply) => self.settings_of(model, node, reply),
            Ask::Set(model, settings, node, reply) => self.set_or_ask(model, settings, node, reply),
            Ask::Keep(model, keep, reply) => {
                self.keep_everywhere(&model, keep);
                let _ = reply.send(());
            }
            Ask::Invitations(reply) => self.list_invitations(reply),
            Ask::Invite(request, reply) => self.invite(request, reply),
            Ask::Withdraw(id, reply) => self.withdraw_invitation(id, reply),
            Ask::Join(token, reply) => self.join(&token, reply),
            Ask::Pairing(reply) => drop(reply.send(self.pairing_view())),
            Ask::LookIn(again, reply) => drop(reply.send(self.ask_in(again))),
            Ask::Approve(request, reply) => self.approve(request, reply),
            Ask::FoundMesh(request, reply) => self.found(request, reply),
            Ask::Remove(node, request, reply) => self.remove(node, &request, reply),
            Ask::Lend(request, reply) => self.lend(&request, reply),
        }
    }

    pub(super) fn seen_by(&self, caller: &Caller, job: JobId) -> Result<&OwnedJob, JobLookupError> {
        let job = self.owned.find(job).ok_or(JobLookupError::NotFound)?;
        if may_see(caller, job.person.as_deref()) { Ok(job) } else { Err(JobLookupError::NotFound) }
    }

    pub(super) fn load_or_ask(
        &mut self,
        model: ModelName,
        node: Option<NodeId>,
        reply: oneshot::Sender<Result<(), ModelError>>,
    ) {
        match node.filter(|node| *node != self.me) {
            None => drop(reply.send(self.load_here(&model))),
            Some(node) => self.ask_model(node, Request::Load(model), reply),
        }
    }

    fn unload_or_ask(
        &mut self,
        model: ModelName,
        node: Option<NodeId>,
        reply: oneshot::Sender<Result<(), ModelError>>,
    ) {
        match node.filter(|node| *node != self.me) {
            None => drop(reply.send(self.unload_here(&model))),
            Some(node) => self.ask_model(node, Request::Unload(model), reply),
        }
    }

    fn load_here(&mut self, model: &ModelName) -> Result<(), ModelError> {
        let local = self.models.get(model).ok_or(ModelError::NotFound)?;
        local.check().map_err(ModelError::Fault)?;
        if self.residence(model) == Some(Residence::Held) {
            self.tell(Input::ModelLoading { model: model.clone() });
            self.load_model(model);
        }
        Ok(())
    }

    fn unload_here(&mut self, model: &ModelName) -> Result<(), ModelError> {
        if !self.models.contains_key(model) {
            return Err(ModelError::NotFound);
        }
        if self.here.uses(model) {
            return Err(ModelError::InUse);
        }
        match self.residence(model) {
            Some(Residence::Loaded | Residence::Loading) => self.fleet.unload(model),
            Some(Residence::Held | Residence::Unloading | Residence::Unusable) | None => {}
        }
        Ok(())
    }

    pub(super) fn residence(&self, model: &ModelName) -> Option<Residence> {
        let executor = self.scheduler.view().executor();
        executor.models.iter().find(|known| known.name == *model).map(|known| known.residence)
    }

    pub(super) fn ask_model(
        &self,
        node: NodeId,
        request: Request,
        reply: oneshot::Sender<Result<(), ModelError>>,
    ) {
        if self.roster.as_ref().is_none_or(|roster| !roster.contains(&node)) {
            return drop(reply.send(Err(ModelError::UnknownNode)));
        }
        let net = self.net.clone();
        tokio::spawn(async move {
            let answer = match net.request(node, request).await {
                Ok(Response::Done) => Ok(()),
                Ok(Response::NotFound) => Err(ModelError::NotFound),
                Ok(Response::Refused(Refusal::QueueFull)) => Err(ModelError::InUse),
                Ok(Response::Refused(_)) => Err(ModelError::NotAllowed),
                Ok(
                    Response::Roster(_)
                    | Response::Advert(_)
                    | Response::Jobs(_)
                    | Response::JobsSince(..)
                    | Response::Job(_)
                    | Response::HeldJob(_)
                    | Response::Why(_)
                    | Response::JobProblem(_)
                    | Response::Inspection(_)
                    | Response::Settings(_),
                )
                | Err(_) => Err(ModelError::Unreachable),
            };
            drop(reply.send(answer));
        });
    }

    /// Answers another member.
    pub(super) fn on_request(
        &mut self,
        from: NodeId,
        request: Request,
        reply: oneshot::Sender<Response>,
    ) {
        let response = match request {
            Request::Advert => self
                .current_advert()
                .map_or(Response::NotFound, |advert| Response::Advert(Box::new(advert))),
            Request::Load(model) => outcome(self.load_here(&model)),
            Request::Unload(model) => outcome(self.unload_here(&model)),
            Request::Copy(model) => outcome(self.copy_here(&model)),
            Request::Jobs { .. } | Request::JobsSince(_) | Request::Job(_) | Request::Why(_) => {
                self.answer_about_jobs(from, &request)
            }
            Request::Inspect(model) => return self.tell_inspection(&model, reply),
            Request::CancelJob(job) => return self.take_order(from, Order::Cancel, job, reply),
            Request::AdoptJob(job) => return self.take_order(from, Order::Adopt, job, reply),
            Request::RemoveJob(job) => return self.take_order(from, Order::Remove, job, reply),
            Request::Custody(message) => {
                self.tell_custody(CustodyInput::Message { from, message });
                Response::Done
            }
            Request::Settings(model) => match self.settings_here(&model) {
                Ok(settings) => Response::Settings(Box::new(settings)),
                Err(_) => Response::NotFound,
            },
            Request::Set(model, settings) => return self.take_settings(model, *settings, reply),
            Request::Keep(model, keep) => {
                if !self.models.contains_key(&model) {
                    return drop(reply.send(Response::NotFound));
                }
                self.fleet.keep(&model, keep);
                Response::Done
            }
            Request::Attempt(attempt) if self.here.is_bound(attempt, from) => Response::Done,
            Request::Attempt(_) => Response::NotFound,
            // The network answers these itself.
            Request::Scheduler(_) | Request::Roster { .. } | Request::RosterEntries(_) => {
                Response::Refused(Refusal::Unsupported)
            }
        };
        drop(reply.send(response));
    }
}

fn outcome(result: Result<(), ModelError>) -> Response {
    match result {
        Ok(()) => Response::Done,
        Err(ModelError::NotFound | ModelError::UnknownNode) => Response::NotFound,
        Err(ModelError::InUse | ModelError::NameTaken) => Response::Refused(Refusal::QueueFull),
        Err(ModelError::NotAllowed | ModelError::CopiesOff) => Response::Refused(Refusal::Role),
        Err(
            ModelError::Unreachable
            | ModelError::Damaged
            | ModelError::Fault(_)
            | ModelError::Settings(_)
            | ModelError::NotKept,
        ) => Response::Refused(Refusal::ModelAbsent),
    }
}

/// This install sees everything of its node; a key sees its person's jobs; a program without
/// either sees none.
pub(super) fn may_see(caller: &Caller, person: Option<&str>) -> bool {
    match caller {
        Caller::Loopback => false,
        Caller::Install => true,
        Caller::Key { person: asker, .. } => person == Some(asker.as_str()),
    }
}
