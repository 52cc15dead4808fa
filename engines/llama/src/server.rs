//! The engine's one loop: takes inputs, gives requests their slots, computes one batch over all
//! slots, and says what came of it. Prefill comes in chunks beside the slots that decode.

mod drafting;
mod ledger;
mod room;
mod slot;
mod yielding;

use std::collections::{BTreeMap, VecDeque};
use std::time::Instant;

use llama_cpp_2::DecodeError;
use llama_cpp_2::context::LlamaContext;
use llama_cpp_2::llama_batch::LlamaBatch;
use pumasi_protocol::engine::{Tempo, Token};
use pumasi_protocol::worker::{Command, Drafting, Event, LoadModel, RequestId};
use pumasi_protocol::{Fault, Finish, Phase, Refusal};

use crate::drafts::{Costs, Odds};
use crate::embed::Embedder;
use crate::generation::Generation;
use crate::inbox::{Inbox, Input};
use crate::limits::{BATCH_TOKENS, SLOTS, WAITING_REQUESTS};
use crate::model::Model;
use crate::outbox::Outbox;
use crate::pace::Pace;
use crate::prepare::{Job, Prepared, Preparer, Ready};
use crate::pulse::Pulse;
use crate::sampler::Scratch;
use crate::slots::{self, SlotView};
use ledger::Ledger;
use room::place;
use slot::Slot;
use yielding::Turns;

/// What the loop talks to.
#[derive(Debug)]
pub(crate) struct Wires {
    pub(crate) inbox: Inbox,
    pub(crate) outbox: Outbox,
    pub(crate) pulse: Pulse,
}

/// The contexts of a loaded model.
#[derive(Debug)]
pub(crate) struct Contexts<'m> {
    pub(crate) generating: Option<LlamaContext<'m>>,
    pub(crate) embedding: Option<Embedder<'m>>,
}

/// Why serving ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum End {
    /// The node asked, or is gone.
    Asked,
    /// The library failed in a way that leaves its state unknown.
    Broken,
}

/// A loaded model at work.
#[derive(Debug)]
pub(crate) struct Server<'m> {
    model: &'m Model,
    contexts: Contexts<'m>,
    wires: &'m Wires,
    preparer: Preparer,
    /// In preparation, and the tempo of each; cancelled ones are gone from here already.
    preparing: BTreeMap<RequestId, Tempo>,
    waiting: VecDeque<Box<Generation>>,
    slots: Vec<Slot>,
    batch: LlamaBatch<'static>,
    scratch: Scratch,
    pace: Pace,
    drafting: Drafting,
    odds: Odds,
    costs: Costs,
    turns: Turns,
    uses: u64,
    ledger: Ledger,
    broken: bool,
}

impl<'m> Server<'m> {
    pub(crate) fn new(
        model: &'m Model,
        contexts: Contexts<'m>,
        wires: &'m Wires,
        preparer: Preparer,
        order: &LoadModel,
    ) -> Self {
        let tokens = BATCH_TOKENS as usize + usize::from(SLOTS);
        Self {
            model,
            contexts,
            wires,
            preparer,
            preparing: BTreeMap::new(),
            waiting: VecDeque::new(),
            slots: (0..order.slots).map(|_| Slot::default()).collect(),
            batch: LlamaBatch::new(tokens, 1),
            scratch: Scratch::default(),
            pace: Pace::default(),
            drafting: order.drafting,
            odds: Odds::default(),
            costs: Costs::default(),
            turns: Turns::default(),
            uses: 0,
            ledger: Ledger::default(),
            broken: false,
        }
    }

    /// Serves until the end.
    pub(crate) fn run(&mut self) -> End {
        let wires = self.wires;
        while !wires.inbox.interrupt.is_closing() && !self.broken {
            if !self.wait() {
                break;
            }
            while let Ok(input) = wires.inbox.inputs.try_recv() {
                self.on_input(input);
            }
            self.admit();
            self.step();
            self.embed();
        }
        self.ledger.tell();
        self.end_all();
        if self.broken { End::Broken } else { End::Asked }
    }

    fn on_input(&mut self, input: Input) {
        match input {
            Input::Command(Command::Generate { request, body }) => {
                self.on_request(request, Job::Generate(body));
            }
            Input::Command(Command::Embed { request, body }) => {
                self.on_request(request, Job::Embed(body));
            }
            Input::Command(Command::Cancel(request)) => self.on_cancel(request),
            Input::Command(Command::Tempo { request, tempo }) => self.on_tempo(request, tempo),
            Input::Command(Command::Load(_)) => {
                self.send(&Event::LoadFailed(Fault::BadRequest));
            }
            Input::Prepared(ready) => self.on_prepared(*ready),
            // The reader thread has acted on these.
            Input::Command(Command::CancelLoad | Command::Shutdown) | Input::Closed => {}
            Input::Command(Command::Document { request, .. }) => {
                self.send(&Event::Failed { request, fault: Fault::BadRequest });
            }
            // The bytes of a document that was refused.
            Input::Command(Command::Input { .. }) => {}
        }
    }

    fn send(&self, event: &Event) {
        // Every event but a start is small; a start that is too long is handled where it is sent.
        let _ = self.wires.outbox.send(event);
    }

    fn on_request(&mut self, request: RequestId, job: Job) {
        let held = self.preparing.len() + self.waiting.len();
        let submitted = if held >= WAITING_REQUESTS {
            Err(Fault::Refused(Refusal::QueueFull))
        } else {
            self.preparer.submit(request, job)
        };
        match submitted {
            Ok(()) => {
                self.preparing.insert(request, Tempo::Full);
                self.wires.pulse.at(request, Phase::Queued, 0);
            }
            Err(fault) => self.fail(request, fault),
        }
    }

    fn on_prepared(&mut self, ready: Ready) {
        let Ready { request, outcome } = ready;
        let Some(tempo) = self.preparing.remove(&request) else { return };
        match outcome {
            Ok(Prepared::Generation(mut generation, None)) => {
                generation.set_tempo(tempo);
                self.waiting.push_back(generation);
            }
            Ok(Prepared::Generation(generation, Some(finish))) => {
                if self.start(&generation) {
                    self.finish(&generation, finish);
                }
            }
            Ok(Prepared::Embedding { inputs, dimensions, arrived }) => {
                let submitted = match &mut self.contexts.embedding {
                    Some(embedder) => embedder.submit(request, tempo, inputs, dimensions, arrived),
                    None => Err(Fault::Capability),
                };
                if let Err(fault) = submitted {
                    self.fail(request, fault);
                }
            }
            Err(fault) => self.fail(request, fault),
        }
    }

    fn on_cancel(&mut self, request: RequestId) {
        if let Some(at) = self.slots.iter().position(|slot| slot.runs(request)) {
            if let Some(generation) = self.slots[at].job.take() {
                self.finish(&generation, Finish::Cancelled);
            }
        } else if let Some(at) = self.waiting.iter().position(|g| g.request == request) {
            if let Some(generation) = self.waiting.remove(at) {
                self.finish(&generation, Finish::Cancelled);
            }
        } else if self.preparing.remove(&request).is_some()
            || self.contexts.embedding.as_mut().is_some_and(|e| e.cancel(request))
        {
            self.fail(request, Fault::Cancelled);
        }
        // Else it has ended already, and its last event is on its way.
    }

    fn fail(&self, request: RequestId, fault: Fault) {
        self.wires.pulse.ended(request);
        self.send(&Event::Failed { request, fault });
    }

    fn finish(&self, generation: &Generation, finish: Finish) {
        let request = generation.request;
        let (usage, timings) = (generation.usage(), generation.timings());
        let drafts = generation.drafts;
        self.wires.pulse.ended(request);
        self.send(&Event::Finished { request, finish, usage, timings, drafts });
    }

    /// Says that a generation has its slot. False, and the request ended, if its prompt does not
    /// fit a frame.
    fn start(&self, generation: &Generation) -> bool {
        let request = generation.request;
        let prompt = generation.ids[..generation.prompt_len].to_vec();
        let needed = u32::try_from(prompt.len()).unwrap_or(u32::MAX);
        let cached = generation.usage().cached;
        let syntax = generation.syntax;
        let started = Event::Started { request, prompt, cached, syntax };
        if self.wires.outbox.send(&started).is_err() {
            // A frame of ids: five bytes is the longest that one takes.
            let available = u32::try_from(pumasi_protocol::limits::FRAME_BYTES / 5).unwrap_or(0);
            self.fail(request, Fault::Context { needed, available });
            return false;
        }
        true
    }

    /// Gives waiting requests the free slots, first come first served; paused ones wait.
    fn admit(&mut self) {
        while let Some(first) = self.waiting.iter().position(|g| g.tempo != Tempo::Paused) {
            let views: Vec<SlotView<'_>> = self.slots.iter().map(Slot::view).collect();
            let Some(choice) = slots::choose(&views, &self.waiting[first].ids) else { return };
            let Some(mut generation) = self.waiting.remove(first) else { return };
            let Some(context) = &mut self.contexts.generating else {
                self.fail(generation.request, Fault::Capability);
                continue;
            };
            let kept = place(context, &self.slots, choice, self.model.rewinds);
            generation.cached = kept;
            generation.clock.prefill_began = Some(Instant::now());
            self.uses += 1;
            self.slots[choice.slot].take(&generation.ids[..kept], self.uses);
            if self.start(&generation) {
                self.wires.pulse.at(generation.request, Phase::Prefill, count(kept));
                let drafts = self.drafting != Drafting::Off && self.model.rewinds;
                self.slots[choice.slot].begin(generation, drafts.then_some(&self.odds));
            }
        }
    }

    /// Computes one batch.
    fn step(&mut self) {
        self.take_turns();
        let decoding = self.slots.iter().any(Slot::decodes);
        let chunk = self.pace.chunk(decoding);
        self.draft(chunk);
        let tokens = slot::fill(&mut self.batch, &mut self.slots, chunk);
        let Some(context) = self.contexts.generating.as_mut().filter(|_| tokens > 0) else {
            return;
        };
        let began = Instant::now();
        self.ledger.begins(began);
        self.wires.pulse.step_begins();
        let result = context.decode(&mut self.batch);
        // Without this, a chunk that ends no prompt would still be computing when it is measured.
        context.synchronize();
        self.wires.pulse.step_ends();
        let took = began.elapsed();
        self.pace.measured(tokens, took);
        self.costs.measured(tokens, took);
        self.ledger.ended(began + took, took);
        self.rest_after(took);
        match result {
            Ok(()) => self.on_computed(),
            Err(DecodeError::NoKvCacheSlot) => self.on_cache_full(),
            Err(DecodeError::NTokensZero | DecodeError::Unknown(_)) => self.broken = true,
        }
    }

    fn on_computed(&mut self) {
        for at in 0..self.slots.len() {
            let slot = &mut self.slots[at];
            if slot.stands {
                continue;
            }
            let computed = slot.on_computed();
            let Some(generation) = &slot.job else { continue };
            match computed {
                Some(computed) => self.advance(at, computed),
                None => {
                    let done = count(slot.cached.len().min(generation.prompt_len));
                    self.wires.pulse.at(generation.request, Phase::Prefill, done);
                }
            }
        }
    }

    /// A slot's answer went on by these tokens, and ended, if it says so.
    fn on_advance(&mut self, at: usize, tokens: Vec<Token>, ended: Result<Option<Finish>, Fault>) {
        let Some(generation) = &self.slots[at].job else { return };
        let request = generation.request;
        if !tokens.is_empty() {
            let answered = count(generation.answered());
            self.wires.pulse.heard(request, Phase::Decode, answered);
            let index = answered.saturating_sub(count(tokens.len()));
            self.send(&Event::Tokens { request, index, tokens });
        }
        match ended {
            Ok(None) => {}
            Ok(Some(finish)) => {
                if let Some(generation) = self.slots[at].job.take() {
                    self.finish(&generation, finish);
                }
            }
            Err(fault) => {
                self.slots[at].job = None;
                self.fail(request, fault);
            }
        }
    }

    fn embed(&mut self) {
        let limit = self.pace.chunk(self.slots.iter().any(Slot::is_busy));
        let Some(embedder) = &mut self.contexts.embedding else { return };
        let Some((request, done)) = embedder.progress() else { return };
        self.wires.pulse.at(request, Phase::Prefill, done);
        let began = Instant::now();
        self.wires.pulse.step_begins();
        let event = embedder.step(limit);
        self.wires.pulse.step_ends();
        self.rest_after(began.elapsed());
        if let Some(event) = event {
            self.wires.pulse.ended(request);
            self.send(&event);
        }
    }

    fn end_all(&mut self) {
        let fault = if self.broken { Fault::EngineCrash } else { Fault::Cancelled };
        let preparing = std::mem::take(&mut self.preparing);
        let mut requests: Vec<RequestId> = preparing.into_keys().collect();
        requests.extend(self.waiting.drain(..).map(|generation| generation.request));
        requests.extend(self.slots.iter_mut().filter_map(|s| s.job.take()).map(|g| g.request));
        requests.extend(self.contexts.embedding.iter_mut().flat_map(Embedder::drain));
        for request in requests {
            self.fail(request, fault.clone());
        }
    }
}

fn count(length: usize) -> u32 {
    u32::try_from(length).unwrap_or(u32::MAX)
}
