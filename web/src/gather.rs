//! One request's jobs while they run: their events, merged and assembled into what the client gets.
//! Dropping it cancels what has not ended.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use futures::StreamExt;
use futures::stream::{BoxStream, SelectAll};
use pumasi_dialects::assemble::{Assembler, Settings};
use pumasi_dialects::provider::Heard;
use pumasi_dialects::request::callable;
use pumasi_dialects::{Counts, Delta, Ending, Provenance, Seam};
use pumasi_protocol::stream::AttemptEvent;
use pumasi_protocol::{Fault, Finish, Generate, JobId, Timings, Usage};
use tokio_stream::wrappers::ReceiverStream;

use crate::error::ApiError;
use crate::mesh::{Placed, Provided, RunEvent, Running};
use crate::meters::Charge;

/// What a job's event means for the client.
#[derive(Debug)]
pub(crate) enum Step {
    /// Nothing to send; the job is alive.
    Progress,
    /// The job goes on elsewhere.
    Moved(usize),
    /// More of an answer.
    Deltas(usize, Vec<Delta>),
    /// The rest of an answer, and why it ended.
    Ended(usize, Vec<Delta>, Ending),
    /// It failed: the whole request does.
    Failed(ApiError),
}

/// One answer on its way.
#[derive(Debug)]
pub(crate) struct Lane {
    job: JobId,
    assembler: Assembler,
    placed: Option<Placed>,
    /// Set while the answer is a provider's.
    provided: Option<Provided>,
    attempts: u32,
    thinking_budget: Option<u32>,
    prompt: Option<(u32, u32)>,
    usage: Option<Usage>,
    timings: Option<Timings>,
    /// Counts that a provider told.
    told: Option<Counts>,
    /// Pieces that providers sent.
    pieces: u32,
    seams: Vec<Seam>,
    /// When the last token came.
    last: Option<Instant>,
    ended: bool,
}

/// Seams of one answer that are told.
const SEAMS: usize = 16;
const GARBLED: ApiError = ApiError::Fault(Fault::PeerProtocol);

impl Lane {
    pub(crate) fn new(job: JobId, settings: Settings) -> Self {
        Self {
            job,
            assembler: Assembler::new(settings),
            placed: None,
            provided: None,
            attempts: 0,
            thinking_budget: None,
            prompt: None,
            usage: None,
            timings: None,
            told: None,
            pieces: 0,
            seams: Vec::new(),
            last: None,
            ended: false,
        }
    }

    pub(crate) fn job(&self) -> JobId {
        self.job
    }

    pub(crate) fn placed(&self) -> Option<&Placed> {
        self.placed.as_ref()
    }

    pub(crate) fn provided(&self) -> Option<&Provided> {
        self.provided.as_ref()
    }

    pub(crate) fn provenance(&self) -> Provenance {
        Provenance {
            job: self.job.to_string(),
            provider: self.provided.as_ref().map(|provided| provided.id.clone()),
            node: self.placed.as_ref().map(|placed| placed.node.to_string()),
            node_name: self.placed.as_ref().map(|placed| placed.name.to_string()),
            attempts: self.attempts,
            thinking_budget: self.thinking_budget,
            timings: self.timings.map(Into::into),
            seams: self.seams.clone(),
        }
    }

    /// The engine's counts, or the provider's. An answer that moved was counted in parts, so its tokens
    /// are those that came; the prompt counts as the first attempt read it. A provider that broke off
    /// told nothing of its tokens: then its pieces count, which are tokens mostly.
    pub(crate) fn counts(&self) -> Counts {
        if self.told.is_some() || self.pieces > 0 {
            let told = self.told.unwrap_or_default();
            let said = told.completion.max(self.pieces.into());
            return Counts { completion: said + u64::from(self.assembler.tokens()), ..told };
        }
        let usage = self.usage.unwrap_or_default();
        let (prompt, cached) = self.prompt.unwrap_or((usage.prompt, usage.cached));
        let completion = usage.completion.max(self.assembler.tokens());
        Counts {
            prompt: prompt.into(),
            cached: cached.into(),
            completion: completion.into(),
            reasoning: self.assembler.reasoning_tokens().into(),
        }
    }

    pub(crate) fn take(&mut self, index: usize, event: RunEvent) -> Step {
        match event {
            RunEvent::Placed(placed) => {
                let step = self.go_on(index, placed.name.to_string(), placed.after);
                (self.placed, self.provided) = (Some(placed), None);
                step
            }
            RunEvent::Provided(provided) => {
                let step = self.go_on(index, provided.name.clone(), provided.after);
                (self.placed, self.provided) = (None, Some(provided));
                step
            }
            RunEvent::Failed(fault) => Step::Failed(ApiError::Fault(fault)),
            RunEvent::Refused(error) => Step::Failed(ApiError::Run(error)),
            RunEvent::Attempt(event) => self.take_attempt(index, event),
            RunEvent::Heard(heard) => self.hear(index, heard),
        }
    }

    /// Another place has it from here on.
    fn go_on(&mut self, index: usize, to: String, after: Option<&'static str>) -> Step {
        self.attempts += 1;
        if self.attempts == 1 {
            return Step::Progress;
        }
        if self.seams.len() < SEAMS {
            self.seams.push(Seam {
                from: self.place_name(),
                to,
                after_tokens: self.assembler.tokens() + self.pieces,
                fault: after,
                gap_ms: None,
                crossed: false,
            });
        }
        Step::Moved(index)
    }

    /// The name of the computer or provider that has it.
    pub(crate) fn place_name(&self) -> Option<String> {
        let node = self.placed.as_ref().map(|placed| placed.name.to_string());
        node.or_else(|| self.provided.as_ref().map(|provided| provided.name.clone()))
    }

    fn hear(&mut self, index: usize, heard: Heard) -> Step {
        match heard {
            Heard::Delta(delta) => {
                self.note_gap();
                self.pieces = self.pieces.saturating_add(1);
                Step::Deltas(index, vec![delta])
            }
            Heard::Counts(counts) => {
                self.told = Some(counts);
                Step::Progress
            }
            Heard::Ended(ending) => {
                self.ended = true;
                Step::Ended(index, Vec::new(), ending)
            }
            Heard::Failed(fault) => Step::Failed(ApiError::Provider(fault)),
        }
    }

    /// The first tokens after a seam end its gap.
    fn note_gap(&mut self) {
        let gap_ms = self.last.map(|last| last.elapsed().as_secs_f64() * 1_000.0);
        if let Some(seam) = self.seams.last_mut()
            && !seam.crossed
        {
            seam.gap_ms = gap_ms;
            seam.crossed = true;
        }
        self.last = Some(Instant::now());
    }

    fn take_attempt(&mut self, index: usize, event: AttemptEvent) -> Step {
        match event {
            AttemptEvent::Alive { .. } => Step::Progress,
            AttemptEvent::Started { prompt, cached, syntax } => {
                let count = u32::try_from(prompt.len()).unwrap_or(u32::MAX);
                // From a provider there are no ids to count.
                if count > 0 && self.assembler.tokens() == 0 {
                    self.prompt = Some((count, cached));
                }
                self.assembler.start(syntax);
                Step::Deltas(index, Vec::new())
            }
            AttemptEvent::Tokens { tokens, .. } => {
                self.note_gap();
                let deltas = self.assembler.push(&tokens);
                if self.assembler.is_over() {
                    return self.end(index, deltas, Finish::StopString);
                }
                Step::Deltas(index, deltas)
            }
            AttemptEvent::Finished { finish: Finish::Cancelled, .. } => {
                Step::Failed(ApiError::Fault(Fault::Cancelled))
            }
            AttemptEvent::Finished { finish, usage, timings } => {
                self.usage = Some(usage);
                self.timings = Some(timings);
                self.end(index, Vec::new(), finish)
            }
            AttemptEvent::Embedded { .. } | AttemptEvent::Part { .. } => Step::Failed(GARBLED),
            AttemptEvent::Failed(fault) => Step::Failed(ApiError::Fault(fault)),
        }
    }

    fn end(&mut self, index: usize, mut deltas: Vec<Delta>, finish: Finish) -> Step {
        let (rest, ending) = self.assembler.finish(finish);
        deltas.extend(rest);
        self.ended = true;
        Step::Ended(index, deltas, ending)
    }
}

/// What the assembly of one answer depends on.
pub(crate) fn assembly(job: JobId, generate: &Generate, parallel_tool_calls: bool) -> Settings {
    Settings {
        stop: generate.stop.clone(),
        logprobs: generate.logprobs.is_some(),
        tools: callable(&generate.prompt),
        parallel_tool_calls,
        job,
    }
}

type Tagged = BoxStream<'static, (usize, Option<RunEvent>)>;

/// All answers of one request.
pub(crate) struct Gathering {
    lanes: Vec<Lane>,
    events: SelectAll<Tagged>,
    early: VecDeque<Step>,
    copies: usize,
    charge: Charge,
}

impl Gathering {
    /// `copies` neighbours share a prompt; `charge` is told what they cost.
    pub(crate) fn new(running: Vec<(Running, Settings)>, copies: usize, charge: Charge) -> Self {
        let mut lanes = Vec::with_capacity(running.len());
        let mut events = SelectAll::new();
        for (index, (running, settings)) in running.into_iter().enumerate() {
            lanes.push(Lane::new(running.job, settings));
            let closed = futures::stream::once(async move { (index, None) });
            let source = ReceiverStream::new(running.events);
            let tagged: Tagged = source.map(move |e| (index, Some(e))).chain(closed).boxed();
            events.push(tagged);
        }
        Self { lanes, events, early: VecDeque::new(), copies, charge }
    }

    /// Tokens that each answer was given to think with, where that was settled here.
    pub(crate) fn with_thinking(mut self, budgets: Vec<Option<u32>>) -> Self {
        for (lane, budget) in self.lanes.iter_mut().zip(budgets) {
            lane.thinking_budget = budget;
        }
        self
    }

    pub(crate) fn lanes(&self) -> &[Lane] {
        &self.lanes
    }

    /// The answer follows on what a provider said, of which the client has so many pieces.
    pub(crate) fn follow(&mut self, provided: &Provided, told: Option<Counts>, pieces: u32) {
        if let Some(lane) = self.lanes.first_mut() {
            lane.provided = Some(provided.clone());
            (lane.told, lane.pieces, lane.attempts) = (told, pieces, 1);
            lane.last = Some(Instant::now());
        }
        self.charge.at_provider(provided);
    }

    /// Counts of all answers. A prompt with several answers counts once, as the API reference has it.
    pub(crate) fn counts(&self) -> Counts {
        let mut sum = Counts::default();
        for (index, lane) in self.lanes.iter().enumerate() {
            let counts = lane.counts();
            if index.is_multiple_of(self.copies) {
                sum.prompt += counts.prompt;
                sum.cached += counts.cached;
            }
            sum.completion += counts.completion;
            sum.reasoning += counts.reasoning;
        }
        sum
    }

    /// Waits until an engine has begun, or at most `patience`. What comes meanwhile is kept.
    pub(crate) async fn begin(&mut self, patience: Duration) -> Result<(), ApiError> {
        let begun = async {
            loop {
                match self.receive().await {
                    None => return Ok(()),
                    Some(Step::Failed(error)) => return Err(error),
                    Some(Step::Progress | Step::Moved(_)) => {}
                    Some(step @ (Step::Deltas(..) | Step::Ended(..))) => {
                        self.early.push_back(step);
                        return Ok(());
                    }
                }
            }
        };
        tokio::time::timeout(patience, begun).await.unwrap_or(Ok(()))
    }

    /// What comes next; none when all answers have ended. May be dropped while it waits.
    pub(crate) async fn next(&mut self) -> Option<Step> {
        match self.early.pop_front() {
            Some(step) => Some(step),
            None => self.receive().await,
        }
    }

    /// Tells what it costs so far, and what came of it.
    fn note(&mut self, index: usize, step: &Step, is_elsewhere: bool) {
        self.charge.set(self.counts());
        let lane = &self.lanes[index];
        if is_elsewhere {
            lane.placed.iter().for_each(|placed| self.charge.at_node(placed));
            lane.provided.iter().for_each(|provided| self.charge.at_provider(provided));
        }
        match step {
            Step::Progress | Step::Moved(_) => {}
            Step::Deltas(_, deltas) if deltas.is_empty() => {}
            Step::Deltas(..) => self.charge.piece(),
            Step::Ended(_, deltas, _) => {
                if !deltas.is_empty() {
                    self.charge.piece();
                }
                lane.timings.into_iter().for_each(|timings| self.charge.computed(timings));
                if self.lanes.iter().all(|lane| lane.ended) {
                    self.charge.done();
                }
            }
            Step::Failed(error) => self.charge.failed(error.code()),
        }
    }

    async fn receive(&mut self) -> Option<Step> {
        while self.lanes.iter().any(|lane| !lane.ended) {
            let (index, event) = self.events.next().await?;
            let lane = &mut self.lanes[index];
            match event {
                _ if lane.ended => {}
                Some(event) => {
                    let goes = matches!(event, RunEvent::Placed(_) | RunEvent::Provided(_));
                    let step = lane.take(index, event);
                    self.note(index, &step, goes);
                    return Some(step);
                }
                None => {
                    let step = Step::Failed(ApiError::Fault(Fault::Connection));
                    self.note(index, &step, false);
                    return Some(step);
                }
            }
        }
        None
    }

    /// The client has everything. Engines that are still writing, because a stop string was found here
    /// first, get a moment to end by themselves, so that the job counts as done.
    pub(crate) fn wind_down(mut self, patience: Duration) {
        tokio::spawn(async move {
            let drain = async { while self.events.next().await.is_some() {} };
            // What does not end in time is cancelled by being dropped.
            let _ = tokio::time::timeout(patience, drain).await;
        });
    }
}
