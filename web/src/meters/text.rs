//! The figures as Prometheus reads them (text format 0.0.4). Names of models and providers and short ids
//! of computers are labels; names of people and computers, keys and text are not.

use std::fmt::Write as _;

use super::histogram::{BOUNDS, Histogram};
use super::process::{self, Process};
use super::{Cell, Figures};
use crate::api::{ModelState, Node, Presence, ProviderModel, ProviderState, Providers, Status};
use crate::limits::METERED_PROVIDER_MODELS;

/// How things are at the moment.
#[derive(Debug)]
pub(crate) struct Gauges {
    pub(crate) status: Status,
    /// This node first.
    pub(crate) nodes: Vec<Node>,
    pub(crate) providers: Providers,
}

/// All of it as text.
pub(crate) fn exposition(figures: &Figures, gauges: &Gauges) -> String {
    let mut page = Page::default();
    page.requests(figures);
    page.models(figures);
    page.node(gauges);
    page.members(gauges);
    page.providers(&gauges.providers);
    page.process(process::read());
    page.0
}

#[derive(Default)]
struct Page(String);

type Labels<'a> = &'a [(&'a str, &'a str)];
type Get = fn(&ProviderModel) -> u64;
/// A family's name, its help, and what it tells.
type Times = (&'static str, &'static str, fn(&Cell) -> &Histogram);
/// A family's name, its help, and what it tells.
type Count = (&'static str, &'static str, fn(&Cell) -> u64);

impl Page {
    /// A family's head; its samples follow.
    fn family(&mut self, name: &str, kind: &str, help: &str) {
        // Writing to a text cannot fail.
        let _ = write!(self.0, "# HELP {name} {help}\n# TYPE {name} {kind}\n");
    }

    fn sample(&mut self, name: &str, labels: Labels<'_>, value: impl std::fmt::Display) {
        self.0.push_str(name);
        for (index, (label, text)) in labels.iter().enumerate() {
            self.0.push(if index == 0 { '{' } else { ',' });
            let _ = write!(self.0, "{label}=\"{}\"", escaped(text));
        }
        if !labels.is_empty() {
            self.0.push('}');
        }
        let _ = writeln!(self.0, " {value}");
    }

    fn gauge(&mut self, name: &str, help: &str, value: impl std::fmt::Display) {
        self.family(name, "gauge", help);
        self.sample(name, &[], value);
    }

    fn requests(&mut self, figures: &Figures) {
        let name = "pumasi_requests_total";
        self.family(name, "counter", "Requests that ended; code is empty where nothing failed.");
        for (route, sorts) in &figures.requests {
            for ((dialect, class, code), count) in sorts {
                let status = format!("{class}xx");
                let labels: [(&str, &str); 4] = [
                    ("route", route.as_str()),
                    ("dialect", dialect),
                    ("status", status.as_str()),
                    ("code", code),
                ];
                self.sample(name, &labels, count);
            }
        }
    }

    fn models(&mut self, figures: &Figures) {
        let counts: [Count; 5] = [
            ("pumasi_tokens_in_total", "Tokens of prompts.", |cell| cell.counts.prompt),
            ("pumasi_tokens_cached_total", "Of these, from a cache.", |cell| cell.counts.cached),
            ("pumasi_tokens_out_total", "Tokens of answers.", |cell| cell.counts.completion),
            ("pumasi_tokens_thinking_total", "Of these, thinking.", |cell| cell.counts.reasoning),
            ("pumasi_answers_failed_total", "Answers that failed.", |cell| cell.failed),
        ];
        for (name, help, get) in counts {
            self.family(name, "counter", help);
            each(figures, |labels, cell| self.sample(name, labels, get(cell)));
        }
        let times: [Times; 3] = [
            ("pumasi_answer_seconds", "From a request to the end of its answer.", |cell| {
                &cell.latency
            }),
            ("pumasi_first_token_seconds", "From a request to its answer's first piece.", |cell| {
                &cell.first_token
            }),
            ("pumasi_token_gap_seconds", "Between the pieces of an answer.", |cell| &cell.gap),
        ];
        for (name, help, get) in times {
            self.family(name, "histogram", help);
            each(figures, |labels, cell| self.histogram(name, labels, get(cell)));
        }
    }

    fn histogram(&mut self, name: &str, labels: Labels<'_>, histogram: &Histogram) {
        let bucket = format!("{name}_bucket");
        let mut sum = 0;
        let bounds = BOUNDS.iter().map(|bound| bound.as_secs_f64().to_string());
        let bounds = bounds.chain(std::iter::once("+Inf".to_owned()));
        for (count, bound) in histogram.buckets.iter().zip(bounds) {
            sum += count;
            self.sample(&bucket, &[labels, &[("le", bound.as_str())]].concat(), sum);
        }
        let seconds = histogram.sum_us as f64 / 1e6;
        self.sample(&format!("{name}_sum"), labels, seconds);
        self.sample(&format!("{name}_count"), labels, sum);
    }

    fn node(&mut self, gauges: &Gauges) {
        let status = &gauges.status;
        self.family("pumasi_build_info", "gauge", "Version of Pumasi and this node's short id.");
        let id = status.node.id.get(..8).unwrap_or_default();
        self.sample("pumasi_build_info", &[("version", status.version.as_str()), ("node", id)], 1);
        self.family("pumasi_jobs", "gauge", "Jobs of this node that are not over, by state.");
        self.sample("pumasi_jobs", &[("state", "running")], status.jobs_running);
        self.sample("pumasi_jobs", &[("state", "waiting")], status.jobs_waiting);
        let Some(own) = gauges.nodes.first() else { return };
        self.family("pumasi_queue_length", "gauge", "Jobs that wait at this computer.");
        let queue = own.queue;
        self.sample("pumasi_queue_length", &[("priority", "interactive")], queue.interactive);
        self.sample("pumasi_queue_length", &[("priority", "batch")], queue.batch);
        let seconds = queue.work_ms as f64 / 1e3;
        self.gauge("pumasi_queue_seconds", "Predicted time until all that is done.", seconds);
        self.loaded(own);
    }

    fn loaded(&mut self, own: &Node) {
        let states: Vec<(&str, u64, u32, u32)> = own
            .models
            .iter()
            .filter_map(|model| {
                let ModelState::Loaded { slots, busy } = model.state else { return None };
                Some((model.name.as_str(), model.memory_bytes, slots.into(), busy.into()))
            })
            .take(crate::limits::METERED_MODELS)
            .collect();
        self.family("pumasi_model_memory_bytes", "gauge", "Memory of models loaded here.");
        for (model, memory, ..) in &states {
            self.sample("pumasi_model_memory_bytes", &[("model", *model)], memory);
        }
        self.family("pumasi_model_slots", "gauge", "Slots of models loaded here, by use.");
        for (model, _, slots, busy) in &states {
            let labels = [("model", *model), ("use", "busy")];
            self.sample("pumasi_model_slots", &labels, busy);
            let free = slots.saturating_sub(*busy);
            self.sample("pumasi_model_slots", &[("model", *model), ("use", "free")], free);
        }
    }

    fn members(&mut self, gauges: &Gauges) {
        self.family("pumasi_members", "gauge", "Members of the mesh, by presence.");
        let presences = [
            (Presence::Here, "here"),
            (Presence::Online, "online"),
            (Presence::Suspect, "suspect"),
            (Presence::Offline, "offline"),
        ];
        for (presence, word) in presences {
            let count = gauges.nodes.iter().filter(|node| node.presence == presence).count();
            self.sample("pumasi_members", &[("presence", word)], count);
        }
    }

    fn providers(&mut self, providers: &Providers) {
        let asked =
            |model: &&ProviderModel| model.requests > 0 || model.state != ProviderState::Ready;
        let rows: Vec<(&str, &ProviderModel)> = providers
            .providers
            .iter()
            .flat_map(|p| p.models.iter().filter(asked).map(|model| (p.id.as_str(), model)))
            .take(METERED_PROVIDER_MODELS)
            .collect();
        let counts: [(&str, &str, Get); 2] = [
            ("pumasi_provider_requests_total", "Calls to providers.", |model| model.requests),
            ("pumasi_provider_failed_total", "Of these, failed.", |model| model.failed),
        ];
        for (name, help, get) in counts {
            self.family(name, "counter", help);
            for (provider, model) in &rows {
                let labels = [("provider", *provider), ("model", model.name.as_str())];
                self.sample(name, &labels, get(model));
            }
        }
        let name = "pumasi_provider_state";
        self.family(name, "gauge", "1 in the state that a provider's breaker is in for a model.");
        let states = [
            (ProviderState::Ready, "ready"),
            (ProviderState::Resting, "resting"),
            (ProviderState::Trying, "trying"),
            (ProviderState::HeldBack, "held_back"),
        ];
        for (provider, model) in &rows {
            for (state, word) in states {
                let labels =
                    [("provider", *provider), ("model", model.name.as_str()), ("state", word)];
                self.sample(name, &labels, u8::from(model.state == state));
            }
        }
        self.family("pumasi_provider_up", "gauge", "1: some model of it can be asked.");
        for provider in &providers.providers {
            let is_up = provider.models.iter().any(|model| model.state == ProviderState::Ready);
            self.sample(
                "pumasi_provider_up",
                &[("provider", provider.id.as_str())],
                u8::from(is_up),
            );
        }
    }

    /// Under the names that Prometheus's own clients use.
    fn process(&mut self, process: Process) {
        if let Some(cpu_s) = process.cpu_s {
            let name = "process_cpu_seconds_total";
            self.family(name, "counter", "Processor time of the node's process, in seconds.");
            self.sample(name, &[], cpu_s);
        }
        let gauges = [
            ("process_resident_memory_bytes", "Memory of it.", process.resident_bytes),
            ("process_open_fds", "Open files of it.", process.open_files),
            ("process_max_fds", "Open files that it may have.", process.max_files),
        ];
        for (name, help, value) in gauges {
            if let Some(value) = value {
                self.gauge(name, help, value);
            }
        }
    }
}

fn each(figures: &Figures, mut write: impl FnMut(Labels<'_>, &Cell)) {
    for (model, places) in &figures.models {
        for (place, cell) in places {
            write(&[("model", model.as_str()), ("place", place.as_str())], cell);
        }
    }
}

fn escaped(text: &str) -> String {
    text.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}

#[cfg(test)]
pub(super) fn figures_alone(figures: &Figures) -> String {
    let mut page = Page::default();
    page.requests(figures);
    page.models(figures);
    page.0
}
