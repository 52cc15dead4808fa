//! While somebody looks at this node's interface, it asks the other members what changed in their
//! jobs, and tells that like changes of its own. Nobody looks, nobody is asked.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use pumasi_protocol::message::{Request, Response};
use pumasi_protocol::{JobId, JobSheet, NodeId};
use pumasi_web::api;
use pumasi_web::mesh::Caller;

use super::neighbours::Told;
use super::{Core, Event};

/// How often a member is asked, at least (guess: what a person takes for at once).
const EVERY: Duration = Duration::from_millis(300);
/// And how much more rarely for each member, so that a large mesh is not busy with it.
const SHARE: Duration = Duration::from_millis(10);
/// Jobs of others whose last state is remembered.
const REMEMBERED: usize = 2_000;

#[derive(Default)]
struct Followed {
    /// Up to where it told what changed.
    revision: u64,
    asked_at: Option<Instant>,
    waiting: bool,
}

/// What was told of the jobs of others since somebody looks.
#[derive(Default)]
pub(super) struct Following {
    members: BTreeMap<NodeId, Followed>,
    jobs: BTreeMap<JobId, (NodeId, api::Job)>,
}

impl Core {
    /// Asks whoever is due.
    pub(super) fn follow_others(&mut self) {
        let following = &self.elsewhere.following;
        if !self.publisher.is_heard() {
            if !following.members.is_empty() {
                self.elsewhere.following = Following::default();
            }
            return;
        }
        let peers = self.reachable();
        let members = u32::try_from(peers.len()).unwrap_or(u32::MAX);
        let pause = EVERY.max(SHARE.saturating_mul(members));
        let following = &mut self.elsewhere.following;
        following.members.retain(|node, _| peers.contains(node));
        for node in peers {
            let followed = following.members.entry(node).or_default();
            let due = followed.asked_at.is_none_or(|asked| asked.elapsed() >= pause);
            if !due || followed.waiting {
                continue;
            }
            followed.asked_at = Some(Instant::now());
            followed.waiting = true;
            let request = Request::JobsSince(followed.revision);
            let (net, events) = (self.net.clone(), self.events.clone());
            tokio::spawn(async move {
                let told = match net.request(node, request).await {
                    Ok(Response::JobsSince(revision, sheets)) => Some((revision, sheets)),
                    Ok(_) | Err(_) => None,
                };
                // At the node's end nobody listens any more.
                let _ = events.send(Event::ToldJobs(node, told)).await;
            });
        }
    }

    pub(super) fn on_told_jobs(&mut self, node: NodeId, told: Option<(u64, Vec<JobSheet>)>) {
        let Some(followed) = self.elsewhere.following.members.get_mut(&node) else { return };
        followed.waiting = false;
        let Some((revision, sheets)) = told else { return };
        followed.revision = revision;
        let Some(neighbours) = self.neighbours(&Caller::Install) else { return };
        for sheet in sheets.into_iter().take(pumasi_protocol::limits::SHEETS) {
            let job = sheet.line.job;
            let is_its = sheet.line.owner == node && sheet.is_within_limits();
            if !is_its || self.owned.find(job).is_some() {
                continue;
            }
            self.elsewhere.remember(job, node);
            let view = neighbours.view(&Told { from: node, owned: true, sheet });
            self.say_elsewhere(job, node, view);
        }
    }

    fn say_elsewhere(&mut self, job: JobId, owner: NodeId, view: api::Job) {
        let jobs = &mut self.elsewhere.following.jobs;
        if jobs.get(&job).is_some_and(|(_, known)| *known == view) {
            return;
        }
        jobs.insert(job, (owner, view.clone()));
        while jobs.len() > REMEMBERED {
            // The oldest job.
            jobs.pop_first();
        }
        self.publisher.say(api::Event::Job { job: Box::new(view) });
    }

    /// An owner cannot be reached: what is known of its jobs is the last that is known.
    pub(super) fn lose_owner(&mut self, node: NodeId) {
        let jobs = &self.elsewhere.following.jobs;
        let live = |job: &api::Job| !job.state.is_terminal();
        let lost = jobs.iter().filter(|(_, (owner, job))| *owner == node && live(job));
        let lost: Vec<_> = lost.map(|(id, (_, job))| (*id, job.clone())).collect();
        for (id, job) in lost {
            self.say_elsewhere(id, node, api::Job { owner_reachable: false, ..job });
        }
    }
}
