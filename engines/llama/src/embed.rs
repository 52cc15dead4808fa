//! Embeddings: a context of its own, several texts a batch, vectors of unit length.

use std::collections::VecDeque;
use std::time::Instant;

use llama_cpp_2::context::LlamaContext;
use llama_cpp_2::llama_batch::LlamaBatch;
use llama_cpp_2::token::LlamaToken;
use pumasi_protocol::engine::{Embedded, Tempo};
use pumasi_protocol::limits::FRAME_BYTES;
use pumasi_protocol::worker::{Event, RequestId};
use pumasi_protocol::{Fault, Timings};

use crate::limits::{EMBED_SEQUENCES, EMBED_TOKENS};

/// One request.
#[derive(Debug)]
struct Work {
    request: RequestId,
    tempo: Tempo,
    inputs: Vec<Vec<u32>>,
    dimensions: Option<u32>,
    embedded: Vec<Embedded>,
    arrived: Instant,
    began: Option<Instant>,
}

/// The embedding context and what waits for it.
#[derive(Debug)]
pub(crate) struct Embedder<'m> {
    context: LlamaContext<'m>,
    batch: LlamaBatch<'static>,
    tokens: usize,
    dimensions: usize,
    waiting: VecDeque<Work>,
}

/// Cuts to the leading `dimensions` and scales to length one.
fn unit(vector: &[f32], dimensions: Option<u32>) -> Option<Vec<f32>> {
    let kept = dimensions.map_or(vector.len(), |d| vector.len().min(d as usize));
    let vector = &vector[..kept];
    let length = vector.iter().map(|x| f64::from(*x) * f64::from(*x)).sum::<f64>().sqrt();
    let usable = length.is_finite() && length > 0.0;
    usable.then(|| vector.iter().map(|x| (f64::from(*x) / length) as f32).collect())
}

impl<'m> Embedder<'m> {
    pub(crate) fn new(context: LlamaContext<'m>, dimensions: usize) -> Self {
        let tokens = context.n_ubatch() as usize;
        let batch = LlamaBatch::new(tokens, 1);
        Self { context, batch, tokens, dimensions, waiting: VecDeque::new() }
    }

    /// The first request that is not paused.
    fn next(&self) -> Option<usize> {
        self.waiting.iter().position(|work| work.tempo != Tempo::Paused)
    }

    pub(crate) fn can_compute(&self) -> bool {
        self.next().is_some()
    }

    /// The tempo of the request that is next.
    pub(crate) fn tempo(&self) -> Option<Tempo> {
        self.next().map(|at| self.waiting[at].tempo)
    }

    /// Runs a request at another tempo from its next texts on.
    pub(crate) fn set_tempo(&mut self, request: RequestId, tempo: Tempo) {
        if let Some(work) = self.waiting.iter_mut().find(|work| work.request == request) {
            work.tempo = tempo;
        }
    }

    /// Takes a request, unless its result cannot be told in one frame.
    pub(crate) fn submit(
        &mut self,
        request: RequestId,
        tempo: Tempo,
        inputs: Vec<Vec<u32>>,
        dimensions: Option<u32>,
        arrived: Instant,
    ) -> Result<(), Fault> {
        let kept = dimensions.map_or(self.dimensions, |d| self.dimensions.min(d as usize));
        let bytes = inputs.len() * (kept * size_of::<f32>() + 16);
        if kept == 0 || bytes > FRAME_BYTES - 1_024 {
            return Err(Fault::BadRequest);
        }
        let (embedded, began) = (Vec::new(), None);
        let work = Work { request, tempo, inputs, dimensions, embedded, arrived, began };
        self.waiting.push_back(work);
        Ok(())
    }

    /// Forgets a request; false if it is not here.
    pub(crate) fn cancel(&mut self, request: RequestId) -> bool {
        let before = self.waiting.len();
        self.waiting.retain(|work| work.request != request);
        self.waiting.len() < before
    }

    /// Forgets all requests.
    pub(crate) fn drain(&mut self) -> Vec<RequestId> {
        self.waiting.drain(..).map(|work| work.request).collect()
    }

    /// The request that is being worked on, and how many of its texts are done.
    pub(crate) fn progress(&self) -> Option<(RequestId, u32)> {
        let work = &self.waiting[self.next()?];
        Some((work.request, u32::try_from(work.embedded.len()).unwrap_or(u32::MAX)))
    }

    /// Embeds the next texts of the first request that is not paused, about `limit` tokens of them but at least one
    /// text; gives the request's last event when it is done.
    pub(crate) fn step(&mut self, limit: usize) -> Option<Event> {
        let next = self.next()?;
        let work = &mut self.waiting[next];
        work.began.get_or_insert_with(Instant::now);
        let result = embed_next(&mut self.context, &mut self.batch, self.tokens, limit, work);
        let request = work.request;
        let event = match result {
            Ok(()) if work.embedded.len() < work.inputs.len() => return None,
            Ok(()) => finished(self.waiting.remove(next)?),
            Err(fault) => {
                self.waiting.remove(next);
                Event::Failed { request, fault }
            }
        };
        Some(event)
    }
}

fn finished(work: Work) -> Event {
    let micros = |from: Instant, to: Instant| {
        u64::try_from(to.saturating_duration_since(from).as_micros()).unwrap_or(u64::MAX)
    };
    let (now, began) = (Instant::now(), work.began.unwrap_or(work.arrived));
    let timings = Timings {
        queued_us: micros(work.arrived, began),
        prefill_us: micros(began, now),
        decode_us: 0,
    };
    Event::Embeddings { request: work.request, embedded: work.embedded, timings }
}

fn embed_next(
    context: &mut LlamaContext<'_>,
    batch: &mut LlamaBatch<'static>,
    capacity: usize,
    limit: usize,
    work: &mut Work,
) -> Result<(), Fault> {
    batch.clear();
    context.clear_kv_cache();
    let mut free = capacity;
    let mut taken: Vec<usize> = Vec::new();
    for input in &work.inputs[work.embedded.len()..] {
        let enough = !taken.is_empty() && capacity - free + input.len() > limit;
        if enough || input.len() > free || taken.len() == EMBED_SEQUENCES as usize {
            break;
        }
        let sequence = i32::try_from(taken.len()).expect("at most EMBED_SEQUENCES");
        for (id, position) in input.iter().zip(0..) {
            let token = LlamaToken(id.cast_signed());
            batch.add(token, position, &[sequence], true).expect("the batch holds the micro batch");
        }
        free -= input.len();
        taken.push(input.len());
    }
    if taken.is_empty() {
        let needed = u32::try_from(work.inputs[work.embedded.len()].len()).unwrap_or(u32::MAX);
        return Err(Fault::Context {
            needed,
            available: u32::try_from(capacity).unwrap_or(u32::MAX),
        });
    }
    context.decode(batch).map_err(|_| Fault::EngineCrash)?;
    for (sequence, length) in (0..).zip(taken) {
        let vector = context.embeddings_seq_ith(sequence).map_err(|_| Fault::Capability)?;
        let vector = unit(vector, work.dimensions).ok_or(Fault::EngineGarbage)?;
        let tokens = u32::try_from(length.min(EMBED_TOKENS as usize)).unwrap_or(u32::MAX);
        work.embedded.push(Embedded { vector, tokens });
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn vectors_get_unit_length_and_useless_ones_are_refused() {
        assert_eq!(unit(&[3.0, 4.0], None), Some(vec![0.6, 0.8]));
        assert_eq!(unit(&[3.0, 4.0, 12.0], Some(2)), Some(vec![0.6, 0.8]));
        assert_eq!(unit(&[0.0, 0.0], None), None);
        assert_eq!(unit(&[f32::NAN, 1.0], None), None);
    }
}
