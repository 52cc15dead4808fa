//! One answer on its way through the places that may give it: the first that can begins; where it breaks
//! off, the next goes on with what it said.

use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use futures::StreamExt;
use http::{HeaderName, HeaderValue};
use pumasi_cloud::{Call, CallError, Permit, Speech};
use pumasi_dialects::provider::{
    Heard, Outgoing, Reader, Target, most_inputs, outgoing, outgoing_embed, read_embeddings,
    read_whole,
};
use pumasi_dialects::{Counts, Delta, Preferences};
use pumasi_protocol::generate::Embed;
use pumasi_protocol::stream::AttemptEvent;
use pumasi_protocol::{Embedded, Fault, Generate, ModelName, Timings, Work};
use pumasi_web::mesh::{Abroad, Provided, Run, RunError, RunEvent, Running};
use tokio::sync::mpsc;

use super::Known;
use super::ask::{self, Answer, Asking};
use super::fault::{Failure, Miss};
use super::journal::Entry;
use super::mesh_door::MeshDoor;
use super::place::Place;
use super::plan::Route;
use super::tour::Tour;

/// How long a job of the mesh may take to end after its last event.
const WIND_DOWN: Duration = Duration::from_secs(2);

/// How the try at one place ended.
enum Ended {
    Done,
    Failed(Failure),
}

/// An answer that looks for its place.
pub(super) struct Journey {
    mesh: MeshDoor,
    run: Run,
    tour: Tour,
    known: Arc<Known>,
    out: mpsc::Sender<RunEvent>,
    entry: Entry,
    said: Said,
    /// The place in the tour that is asked.
    at: usize,
    /// The code of what ended the try before.
    after: Option<&'static str>,
}

/// What the client has.
#[derive(Default)]
struct Said {
    text: String,
    pieces: u32,
    has_calls: bool,
}

impl Journey {
    pub(super) fn new(
        mesh: MeshDoor,
        run: Run,
        tour: Tour,
        known: Arc<Known>,
        out: mpsc::Sender<RunEvent>,
        entry: Entry,
    ) -> Self {
        Self { mesh, run, tour, known, out, entry, said: Said::default(), at: 0, after: None }
    }

    /// Goes from place to place until one gives the answer, or the client leaves.
    pub(super) async fn travel(mut self) {
        let gone = self.out.clone();
        tokio::select! {
            () = gone.closed() => self.entry.left(),
            () = self.try_all() => {}
        }
    }

    async fn try_all(&mut self) {
        while let Some(at) = self.onward().await {
            self.at = at;
            let ended = match self.tour.route(at).cloned() {
                Some(Route::Provider(place, model)) => self.at_provider(at, &place, &model).await,
                Some(Route::Mesh(model)) => self.on_mesh(model).await,
                None => break,
            };
            let failure = match ended {
                Ended::Done => return self.entry.done(),
                Ended::Failed(failure) => failure,
            };
            self.entry.failed_here(failure.code());
            self.after = Some(failure.code());
            let is_transient = failure.is_transient();
            self.tour.failed(self.at, failure);
            // What has been called cannot be taken back, and what is wrong is wrong everywhere.
            if self.said.has_calls || !is_transient {
                break;
            }
        }
        self.entry.failed();
        let error = self.tour.error(&self.run.model);
        self.tell(RunEvent::Refused(error)).await;
    }

    /// Where to go next. Nobody is asked twice once the client has a part of the answer.
    async fn onward(&mut self) -> Option<usize> {
        if self.said.pieces > 0 || self.run.abroad.turn.begun {
            return self.tour.next();
        }
        let Self { tour, known, .. } = self;
        ask::onward(tour, &known.routing).await
    }

    async fn tell(&self, event: RunEvent) {
        // Whoever left needs to know nothing.
        let _ = self.out.send(event).await;
    }

    /// What is left to be asked.
    fn rest(&self) -> Option<Generate> {
        let Work::Generate(generate) = &self.run.work else { return None };
        let mut generate = generate.as_ref().clone();
        if self.said.pieces > 0 {
            let left = |most: u32| most.saturating_sub(self.said.pieces).max(1);
            generate.max_tokens = generate.max_tokens.map(left);
        }
        if !self.said.text.is_empty() {
            generate.prompt.begin_answer(&self.said.text);
        }
        Some(generate)
    }

    async fn on_mesh(&mut self, model: ModelName) -> Ended {
        let mut run = Run { model: model.clone(), ..self.run.clone() };
        if let Some(generate) = self.rest() {
            run.work = Work::Generate(Box::new(generate));
        }
        self.entry.tries_mesh(&run.model);
        let mut running = match self.mesh.run(run).await {
            Ok(running) => running,
            Err(error) => return Ended::Failed(Failure::Refused(error)),
        };
        while let Some(mut event) = running.events.recv().await {
            if let RunEvent::Failed(fault) = event {
                return Ended::Failed(Failure::Mesh(fault));
            }
            if let RunEvent::Placed(placed) = &mut event {
                placed.after = placed.after.or(self.after.take());
                placed.model = Some(model.clone());
                self.entry.placed(placed);
            }
            let is_last = matches!(&event, RunEvent::Attempt(event) if event.is_last());
            self.tell(event).await;
            if is_last {
                wind_down(running);
                return Ended::Done;
            }
        }
        Ended::Failed(Failure::Mesh(Fault::Connection))
    }

    async fn at_provider(&mut self, at: usize, place: &Place, model: &str) -> Ended {
        if let Work::Embed(embed) = &self.run.work {
            let embed = embed.clone();
            return self.embed_at(place, model, embed).await;
        }
        let Some(generate) = self.rest() else {
            return Ended::Failed(Failure::Refused(RunError::Fault(Fault::Capability)));
        };
        let abroad = &self.run.abroad;
        let asking = Asking {
            rules: &self.known.routing,
            stream: abroad.stream,
            speech: None,
            call: &|place, model| generation(place, model, abroad, &generate),
        };
        let mut answer = match asking.ask(&mut self.tour, at, &self.entry).await {
            Ok(answer) => answer,
            Err(failure) => return Ended::Failed(failure),
        };
        // It may be another than the one that was asked first.
        self.at = answer.at;
        let (place, model) = (Arc::clone(&answer.place), answer.model.clone());
        let provided = self.provided(&place, &model);
        self.entry.runs(place.id(), None);
        self.tell(RunEvent::Provided(provided)).await;
        let speech = place.provider.kind().speech;
        let heard = match self.run.abroad.stream {
            true => self.hear(&mut answer, Reader::new(speech)).await,
            false => self.hear_whole(&mut answer, speech).await,
        };
        Self::settle(answer, heard)
    }

    /// Has texts turned into vectors, in as many calls as the provider needs.
    async fn embed_at(&mut self, place: &Place, model: &str, embed: Embed) -> Ended {
        let speech = place.provider.kind().speech;
        self.entry.tries(place.id());
        if !self.tour.has_failed(self.at) {
            place.budget.asked();
        }
        let mut embedded = Vec::with_capacity(embed.inputs.len());
        for inputs in embed.inputs.chunks(most_inputs(speech)) {
            let part = Embed { inputs: inputs.to_vec(), dimensions: embed.dimensions };
            let wanted = words_for(place, &self.run.abroad);
            let outgoing = match outgoing_embed(speech, model, &part, wanted) {
                Ok(outgoing) => outgoing,
                Err(error) => return Ended::Failed(Failure::Refused(RunError::Unsayable(error))),
            };
            let permit = match place.provider.permit(model) {
                Ok(permit) => permit,
                Err(closed) => return Ended::Failed(Failure::Provider(Miss::closed(closed))),
            };
            let read = vectors(place, &permit, outgoing, inputs.len()).await;
            match read {
                Ok(vectors) => {
                    permit.succeeded();
                    embedded.extend(vectors);
                }
                Err(error) => {
                    permit.failed(&error);
                    let miss = Miss::after(place, model, &error);
                    return Ended::Failed(Failure::Provider(miss));
                }
            }
        }
        let provided = self.provided(place, model);
        self.tell(RunEvent::Provided(provided)).await;
        let tokens = embedded.iter().map(|one: &Embedded| u64::from(one.tokens)).sum();
        self.entry.counted(Counts { prompt: tokens, ..Counts::default() });
        let last = AttemptEvent::Embedded { embedded, timings: Timings::default() };
        self.tell(RunEvent::Attempt(last)).await;
        Ended::Done
    }

    fn provided(&mut self, place: &Place, model: &str) -> Provided {
        Provided {
            id: place.id().to_owned(),
            name: place.name().to_owned(),
            model: model.to_owned(),
            why: self.entry.why(),
            after: self.after.take(),
        }
    }

    fn settle(answer: Answer, heard: Result<(), CallError>) -> Ended {
        let Answer { place, model, permit, .. } = answer;
        match heard {
            Ok(()) => {
                permit.succeeded();
                Ended::Done
            }
            Err(error) => {
                permit.failed(&error);
                let failure = Failure::Provider(Miss::after(&place, &model, &error));
                Ended::Failed(failure)
            }
        }
    }

    /// Hands on what a stream says. Tool calls wait until they are whole.
    async fn hear(&mut self, answer: &mut Answer, mut reader: Reader) -> Result<(), CallError> {
        let mut held = Vec::new();
        let began = Instant::now();
        while let Some(bytes) = answer.next().await {
            for heard in reader.push(&bytes?) {
                self.take(heard, &mut held).await?;
            }
            if reader.is_over() {
                answer.permit.counted(self.said.pieces.into(), began.elapsed());
                return Ok(());
            }
        }
        for heard in reader.finish() {
            self.take(heard, &mut held).await?;
        }
        Ok(())
    }

    async fn hear_whole(&mut self, answer: &mut Answer, speech: Speech) -> Result<(), CallError> {
        let mut body = Vec::new();
        while let Some(bytes) = answer.next().await {
            body.extend_from_slice(&bytes?);
        }
        let mut held = Vec::new();
        for heard in read_whole(speech, &body) {
            self.take(heard, &mut held).await?;
        }
        Ok(())
    }

    async fn take(&mut self, heard: Heard, held: &mut Vec<Heard>) -> Result<(), CallError> {
        if let Heard::Failed(fault) = heard {
            return Err(CallError::Provider(fault));
        }
        let is_call =
            matches!(heard, Heard::Delta(Delta::ToolCall { .. } | Delta::Arguments { .. }));
        if matches!(heard, Heard::Ended(_)) {
            for heard in held.drain(..) {
                self.say(heard).await;
            }
        } else if is_call || !held.is_empty() {
            held.push(heard);
            return Ok(());
        }
        self.say(heard).await;
        Ok(())
    }

    async fn say(&mut self, heard: Heard) {
        match &heard {
            Heard::Delta(delta) => {
                self.said.pieces = self.said.pieces.saturating_add(1);
                match delta {
                    Delta::Content { text, .. } => self.said.text.push_str(text),
                    Delta::Reasoning(_) => {}
                    Delta::ToolCall { .. } | Delta::Arguments { .. } => self.said.has_calls = true,
                }
            }
            Heard::Counts(counts) => self.entry.counted(*counts),
            Heard::Ended(_) | Heard::Failed(_) => {}
        }
        self.tell(RunEvent::Heard(heard)).await;
    }
}

/// Asks for the vectors of one call's texts.
async fn vectors(
    place: &Place,
    permit: &Permit,
    outgoing: Outgoing,
    texts: usize,
) -> Result<Vec<Embedded>, CallError> {
    let mut reply = place.provider.post(permit, call(outgoing)).await?;
    let mut body = Vec::new();
    while let Some(bytes) = reply.body.next().await {
        body.extend_from_slice(&bytes?);
    }
    let speech = place.provider.kind().speech;
    read_embeddings(speech, &body, texts).map_err(CallError::Provider)
}

/// Listens until the job has ended by itself, so that it does not count as left.
fn wind_down(mut running: Running) {
    tokio::spawn(async move {
        let end = async { while running.events.recv().await.is_some() {} };
        // What does not end in time is cancelled by being dropped.
        let _ = tokio::time::timeout(WIND_DOWN, end).await;
    });
}

/// A request to generate text in a provider's words.
fn generation(
    place: &Place,
    model: &str,
    abroad: &Abroad,
    generate: &Generate,
) -> Result<Call, RunError> {
    let kind = place.provider.kind();
    let target = Target {
        model,
        stream: abroad.stream,
        parallel_tool_calls: abroad.parallel_tool_calls,
        extensions: kind.quirks.extensions,
        older_ceiling: kind.quirks.older_ceiling,
        stream_usage: kind.quirks.stream_usage,
        preferences: words_for(place, abroad),
    };
    outgoing(kind.speech, target, generate).map(call).map_err(RunError::Unsayable)
}

/// What a provider is told of the request's own words: nothing, unless it knows them.
fn words_for<'a>(place: &Place, abroad: &'a Abroad) -> Option<&'a Preferences> {
    let knows = place.provider.kind().quirks.routing_words;
    abroad.preferences.as_deref().filter(|_| knows)
}

fn call(outgoing: Outgoing) -> Call {
    let header = |(name, value): (&'static str, String)| {
        Some((HeaderName::from_static(name), HeaderValue::from_str(&value).ok()?))
    };
    Call {
        path: outgoing.path,
        headers: outgoing.headers.into_iter().filter_map(header).collect(),
        body: Bytes::from(outgoing.body),
    }
}
