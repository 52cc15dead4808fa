//! The first moments of a node and of a membership: what the engine can do, which models lie here and
//! what the others hold is not known yet. A run that nobody can take for now is held meanwhile, so
//! that who asks early is not told something untrue.

use std::time::{Duration, Instant};

use pumasi_protocol::{ModelName, NodeId};
use pumasi_scheduler::Link;
use pumasi_web::api;
use pumasi_web::mesh::{ModelError, Repeat, Run, RunError, Running};
use tokio::sync::oneshot;

use super::Core;

/// How long a start or a change of the members may explain that something is not known (guess: far
/// above a probe of the engine, a hand shake and an advert, about 0.2 s together on one host).
const WINDOW: Duration = Duration::from_secs(3);
/// Questions that are held at a time; further ones get their answer at once.
const HELD: usize = 256;

/// Something asked too early, and who waits for the answer.
enum Held {
    /// Which models there are, before this node knows its own.
    Models(oneshot::Sender<Vec<api::Model>>),
    Load(ModelName, Option<NodeId>, oneshot::Sender<Result<(), ModelError>>),
    Run(Box<Run>, oneshot::Sender<Result<Running, RunError>>),
    Submit(Box<Run>, Option<Repeat>, oneshot::Sender<Result<api::Job, RunError>>),
}

/// What is not known yet, and who waits for it.
pub(super) struct Settling {
    /// The engine said which devices it sees, or that it cannot start.
    pub(super) probed: bool,
    /// The model folders were read.
    pub(super) scanned: bool,
    /// The models that are to be loaded from the start were told.
    pub(super) pinned: bool,
    /// Until when this node waits to know itself. Never extended: what is told goes on.
    own_until: Instant,
    /// Until when something may be learnt of others.
    until: Instant,
    held: Vec<Held>,
}

impl Settling {
    pub(super) fn start() -> Self {
        let until = Instant::now() + WINDOW;
        Self {
            probed: false,
            scanned: false,
            pinned: false,
            own_until: until,
            until,
            held: Vec::new(),
        }
    }

    /// Other members came, so that there is something to learn again.
    pub(super) fn extend(&mut self) {
        self.until = Instant::now() + WINDOW;
    }

    /// Whether this node can say what it is; after the window it says what it knows.
    pub(super) fn knows_itself(&self) -> bool {
        (self.probed && self.scanned) || Instant::now() >= self.own_until
    }

    fn is_over(&self) -> bool {
        Instant::now() >= self.until
    }
}

impl Core {
    /// Whether more may be known in a moment.
    fn may_learn(&self) -> bool {
        if self.settling.is_over() {
            return false;
        }
        let nodes = self.scheduler.view().nodes();
        let unheard = |node| {
            let known = nodes.get(node);
            known.is_none_or(|known| known.advert.is_none() || known.link == Link::Down)
        };
        let members = self.company().into_iter().flat_map(|roster| roster.members.keys());
        !self.settling.knows_itself() || members.filter(|n| **n != self.me).any(unheard)
    }

    fn is_held(&self, run: &Run) -> bool {
        self.settling.held.len() < HELD && self.check_run(run).is_err() && self.may_learn()
    }

    pub(super) fn run_or_hold(
        &mut self,
        run: Box<Run>,
        reply: oneshot::Sender<Result<Running, RunError>>,
    ) {
        if self.is_held(&run) {
            self.settling.held.push(Held::Run(run, reply));
        } else {
            // Who does not wait any more drops the events with the answer, which cancels the job.
            drop(reply.send(self.start_run(*run)));
        }
    }

    pub(super) fn submit_or_hold(
        &mut self,
        run: Box<Run>,
        repeat: Option<Repeat>,
        reply: oneshot::Sender<Result<api::Job, RunError>>,
    ) {
        if self.is_held(&run) {
            self.settling.held.push(Held::Submit(run, repeat, reply));
        } else {
            self.submit(*run, repeat, reply);
        }
    }

    pub(super) fn list_models_or_hold(&mut self, reply: oneshot::Sender<Vec<api::Model>>) {
        if self.settling.knows_itself() || self.settling.held.len() >= HELD {
            drop(reply.send(self.models_view()));
        } else {
            self.settling.held.push(Held::Models(reply));
        }
    }

    pub(super) fn load_or_hold(
        &mut self,
        model: ModelName,
        node: Option<NodeId>,
        reply: oneshot::Sender<Result<(), ModelError>>,
    ) {
        if self.settling.knows_itself() || self.settling.held.len() >= HELD {
            self.load_or_ask(model, node, reply);
        } else {
            self.settling.held.push(Held::Load(model, node, reply));
        }
    }

    fn is_still_early(&self, held: &Held, may_learn: bool) -> bool {
        match held {
            Held::Models(_) | Held::Load(..) => !self.settling.knows_itself(),
            Held::Run(run, _) | Held::Submit(run, ..) => may_learn && self.check_run(run).is_err(),
        }
    }

    /// Takes up what was held and can be answered now.
    pub(super) fn take_held(&mut self) {
        if self.settling.held.is_empty() {
            return;
        }
        let may_learn = self.may_learn();
        for held in std::mem::take(&mut self.settling.held) {
            if self.is_still_early(&held, may_learn) {
                self.settling.held.push(held);
                continue;
            }
            match held {
                Held::Models(reply) => drop(reply.send(self.models_view())),
                Held::Load(model, node, reply) => self.load_or_ask(model, node, reply),
                Held::Run(run, reply) => drop(reply.send(self.start_run(*run))),
                Held::Submit(run, repeat, reply) => self.submit(*run, repeat, reply),
            }
        }
        self.settle();
    }
}
