//! One answer on its way through the places that may give it: the first that can begins; where it breaks
//! off, the next goes on with what it said.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use bytes::Bytes;
use futures::StreamExt;
use http::{HeaderName, HeaderValue};
use pumasi_cloud::{Call, CallError, Permit, Reply};
use pumasi_dialects::provider::{
    Heard, Outgoing, ProviderFault, Reader, Target, most_inputs, outgoing, outgoing_embed,
    read_embeddings, read_whole,
};
use pumasi_dialects::{Counts, Delta};
use pumasi_protocol::generate::Embed;
use pumasi_protocol::stream::AttemptEvent;
use pumasi_protocol::{Embedded, Fault, Generate, ModelName, Timings, Work};
use pumasi_web::mesh::{Provided, Run, RunError, RunEvent, Running};
use tokio::sync::mpsc;

use super::fault::{Failure, fault_of};
use super::journal::Entry;
use super::mesh_door::MeshDoor;
use super::place::Place;
use super::plan::Route;

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
    routes: VecDeque<Route>,
    out: mpsc::Sender<RunEvent>,
    entry: Entry,
    said: Said,
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
        routes: Vec<Route>,
        out: mpsc::Sender<RunEvent>,
        entry: Entry,
    ) -> Self {
        let (routes, said) = (routes.into(), Said::default());
        Self { mesh, run, routes, out, entry, said, after: None }
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
        let mut last = Failure::Mesh(Fault::NoCandidate);
        while let Some(route) = self.routes.pop_front() {
            let ended = match route {
                Route::Provider(place, model) => self.at_provider(&place, &model).await,
                Route::Mesh(model) => self.on_mesh(model).await,
            };
            match ended {
                Ended::Done => return self.entry.done(),
                Ended::Failed(failure) => {
                    self.entry.failed_here(failure.code());
                    self.after = Some(failure.code());
                    last = failure;
                }
            }
            // What has been called cannot be taken back, and what is wrong is wrong everywhere.
            if self.said.has_calls || !last.is_transient() {
                break;
            }
        }
        self.entry.failed();
        self.tell(match last {
            Failure::Provider(fault) => RunEvent::Heard(Heard::Failed(fault)),
            Failure::Mesh(fault) => RunEvent::Failed(fault),
            Failure::Refused(RunError::Fault(fault)) => RunEvent::Failed(fault),
            Failure::Refused(RunError::Unsayable(_)) => RunEvent::Failed(Fault::Capability),
            Failure::Refused(_) => RunEvent::Failed(Fault::NoCandidate),
        })
        .await;
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
        let mut run = Run { model, ..self.run.clone() };
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

    async fn at_provider(&mut self, place: &Place, model: &str) -> Ended {
        let generate = match &self.run.work {
            Work::Generate(_) => self.rest(),
            Work::Embed(embed) => return self.embed_at(place, model, embed.clone()).await,
        };
        let Some(generate) = generate else {
            return Ended::Failed(Failure::Refused(RunError::Fault(Fault::Capability)));
        };
        let quirks = &place.provider.kind().quirks;
        let target = Target {
            model,
            stream: self.run.abroad.stream,
            parallel_tool_calls: self.run.abroad.parallel_tool_calls,
            extensions: quirks.extensions,
            older_ceiling: quirks.older_ceiling,
            stream_usage: quirks.stream_usage,
        };
        let speech = place.provider.kind().speech;
        let outgoing = match outgoing(speech, target, &generate) {
            Ok(outgoing) => outgoing,
            Err(error) => return Ended::Failed(Failure::Refused(RunError::Unsayable(error))),
        };
        self.entry.tries(place.id());
        let Ok(permit) = place.provider.permit(model) else {
            return Ended::Failed(Failure::Provider(ProviderFault::Unavailable));
        };
        let reply = match place.provider.post(&permit, call(outgoing)).await {
            Ok(reply) => reply,
            Err(error) => {
                permit.failed(&error);
                return Ended::Failed(Failure::Provider(fault_of(&error)));
            }
        };
        let provided = self.provided(place);
        self.entry.runs();
        self.tell(RunEvent::Provided(provided)).await;
        let heard = match self.run.abroad.stream {
            true => self.hear(&permit, reply, Reader::new(speech)).await,
            false => self.hear_whole(reply, speech).await,
        };
        self.settle(permit, heard)
    }

    /// Has texts turned into vectors, in as many calls as the provider needs.
    async fn embed_at(&mut self, place: &Place, model: &str, embed: Embed) -> Ended {
        let speech = place.provider.kind().speech;
        self.entry.tries(place.id());
        let mut embedded = Vec::with_capacity(embed.inputs.len());
        for inputs in embed.inputs.chunks(most_inputs(speech)) {
            let part = Embed { inputs: inputs.to_vec(), dimensions: embed.dimensions };
            let outgoing = match outgoing_embed(speech, model, &part) {
                Ok(outgoing) => outgoing,
                Err(error) => return Ended::Failed(Failure::Refused(RunError::Unsayable(error))),
            };
            let Ok(permit) = place.provider.permit(model) else {
                return Ended::Failed(Failure::Provider(ProviderFault::Unavailable));
            };
            let read = vectors(place, &permit, outgoing, inputs.len()).await;
            match read {
                Ok(vectors) => {
                    permit.succeeded();
                    embedded.extend(vectors);
                }
                Err(error) => {
                    permit.failed(&error);
                    return Ended::Failed(Failure::Provider(fault_of(&error)));
                }
            }
        }
        let provided = self.provided(place);
        self.tell(RunEvent::Provided(provided)).await;
        let tokens = embedded.iter().map(|one: &Embedded| u64::from(one.tokens)).sum();
        self.entry.counted(Counts { prompt: tokens, ..Counts::default() });
        let last = AttemptEvent::Embedded { embedded, timings: Timings::default() };
        self.tell(RunEvent::Attempt(last)).await;
        Ended::Done
    }

    fn provided(&mut self, place: &Place) -> Provided {
        Provided {
            id: place.id().to_owned(),
            name: place.name().to_owned(),
            why: self.entry.why(),
            after: self.after.take(),
        }
    }

    fn settle(&mut self, permit: Permit, heard: Result<(), ProviderFault>) -> Ended {
        match heard {
            Ok(()) => {
                permit.succeeded();
                Ended::Done
            }
            Err(fault) => {
                permit.failed(&CallError::Provider(fault));
                Ended::Failed(Failure::Provider(fault))
            }
        }
    }

    /// Hands on what a stream says. Tool calls wait until they are whole.
    async fn hear(
        &mut self,
        permit: &Permit,
        mut reply: Reply,
        mut reader: Reader,
    ) -> Result<(), ProviderFault> {
        let mut held = Vec::new();
        let began = Instant::now();
        while let Some(bytes) = reply.body.next().await {
            let bytes = bytes.map_err(|error| fault_of(&error))?;
            for heard in reader.push(&bytes) {
                self.take(heard, &mut held).await?;
            }
            if reader.is_over() {
                permit.counted(self.said.pieces.into(), began.elapsed());
                return Ok(());
            }
        }
        for heard in reader.finish() {
            self.take(heard, &mut held).await?;
        }
        Ok(())
    }

    async fn hear_whole(
        &mut self,
        mut reply: Reply,
        speech: pumasi_cloud::Speech,
    ) -> Result<(), ProviderFault> {
        let mut body = Vec::new();
        while let Some(bytes) = reply.body.next().await {
            body.extend_from_slice(&bytes.map_err(|error| fault_of(&error))?);
        }
        let mut held = Vec::new();
        for heard in read_whole(speech, &body) {
            self.take(heard, &mut held).await?;
        }
        Ok(())
    }

    async fn take(&mut self, heard: Heard, held: &mut Vec<Heard>) -> Result<(), ProviderFault> {
        if let Heard::Failed(fault) = heard {
            return Err(fault);
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
