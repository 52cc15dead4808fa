//! This computer's own say in lending itself: pause, drain, resume, schedule, power, and the person at
//! the desk. What it comes to goes into the advert and to the scheduler.

use pumasi_protocol::{AttemptId, JobState, Tempo};
use pumasi_scheduler::{DeskState, Input, Yield};
use pumasi_web::api;
use pumasi_web::mesh::LendError;
use tokio::sync::oneshot;

use super::{Core, Event, unix_ms};
use crate::lending::{self, Power, Reading, SETTING, Seat, Told};
use crate::store::{Act, AuditRecord};

type Reply = oneshot::Sender<Result<api::Lending, LendError>>;

/// What the node knows of its own desk.
pub(super) struct Desk {
    told: Told,
    reading: Reading,
    seat: Seat,
    power: Power,
    lent_now: bool,
    state: DeskState,
}

impl Desk {
    /// As it was told before the last stop.
    pub(super) fn new(setting: Option<&str>) -> Self {
        Self {
            told: Told::from_setting(setting),
            reading: Reading::new(),
            seat: Seat::default(),
            power: Power::Unknown,
            lent_now: true,
            state: DeskState::Free,
        }
    }
}

impl Core {
    /// Reads schedule, power and use, and tells the scheduler when they come to something else.
    pub(super) fn look_at_desk(&mut self) {
        let config = &self.config.lending;
        self.desk.power = lending::power();
        let schedule = config.schedule.as_ref();
        self.desk.lent_now = schedule.is_none_or(|s| s.lends_at(lending::moment()));
        if config.yields != Yield::None && config.busy_percent > 0 {
            let percent = self.desk.reading.take(&self.fleet.pids());
            self.desk.seat.read(percent, config.busy_percent);
        }
        let state = self.desk_state();
        if state != self.desk.state {
            tracing::info!(?state, "this computer's own use of itself changed");
            self.desk.state = state;
            self.tell(Input::Desk { state });
        }
    }

    fn desk_state(&self) -> DeskState {
        let holds = self.holds();
        if holds.contains(&api::Hold::Schedule) || holds.contains(&api::Hold::Battery) {
            DeskState::Closed
        } else if self.desk.seat.is_in_use() {
            DeskState::InUse
        } else {
            DeskState::Free
        }
    }

    fn told(&self) -> Told {
        self.desk.told.at(unix_ms())
    }

    fn holds(&self) -> Vec<api::Hold> {
        let config = &self.config.lending;
        let power_allows = config.on_battery || self.desk.power != Power::Battery;
        let pauses_in_use = config.yields == Yield::Pause && self.desk.seat.is_in_use();
        lending::holds(self.told(), self.desk.lent_now, power_allows, pauses_in_use)
    }

    /// What the mesh is told.
    pub(super) fn admission(&self) -> pumasi_protocol::Admission {
        lending::admission(self.told(), &self.holds())
    }

    pub(super) fn lending_view(&self) -> api::Lending {
        let config = &self.config.lending;
        let told = self.told();
        let here = self.scheduler.view().executor().reservations;
        let foreign = here.iter().filter(|r| r.foreign);
        let yielding = foreign.clone().filter(|r| r.tempo != Tempo::Full).count();
        let under_way = |state: &JobState| match state {
            JobState::Bound(_) | JobState::Running(_) => true,
            JobState::Waiting
            | JobState::Completed(_)
            | JobState::Failed(_)
            | JobState::Cancelled => false,
        };
        let away = self.owned.live.values().filter(|job| !job.durable || under_way(&job.state));
        api::Lending {
            lend: told.lend,
            until_ms: told.until_ms,
            holds: self.holds(),
            yields: match config.yields {
                Yield::Pause => api::Yield::Pause,
                Yield::Slow => api::Yield::Slow,
                Yield::None => api::Yield::None,
            },
            in_use: self.desk.seat.is_in_use(),
            schedule: config.schedule.as_ref().map(ToString::to_string),
            on_battery: match self.desk.power {
                Power::Mains => Some(false),
                Power::Battery => Some(true),
                Power::Unknown => None,
            },
            memory_cap_bytes: config.memory,
            foreign: super::board::count(foreign.count()),
            yielding: super::board::count(yielding),
            here: super::board::count(here.len()),
            empty: here.is_empty() && away.count() == 0,
        }
    }

    /// Takes what a person says, once it is on the disk.
    pub(super) fn lend(&mut self, request: &api::LendRequest, reply: Reply) {
        let until_ms = request.for_s.map(|s| unix_ms().saturating_add(u64::from(s) * 1_000));
        let told = Told { lend: request.lend, until_ms };
        let (store, events) = (self.store.clone(), self.events.clone());
        tokio::spawn(async move {
            match store.set_setting(SETTING, told.to_setting()).await {
                // At the node's end nobody listens any more; the next start knows.
                Ok(()) => drop(events.send(Event::Told(told, reply)).await),
                Err(error) => {
                    tracing::error!(%error, "what this computer was told could not be kept");
                    drop(reply.send(Err(LendError::Store)));
                }
            }
        });
    }

    pub(super) fn on_told(&mut self, told: Told, reply: Reply) {
        tracing::info!(lend = ?told.lend, "this computer was told whether to lend itself");
        let act = Act::Lend { lend: told.lend, until_ms: told.until_ms };
        self.notes.note(AuditRecord { at_ms: unix_ms(), act });
        self.desk.told = told;
        self.tell_local();
        // Whoever does not wait any more does not need the answer.
        drop(reply.send(Ok(self.lending_view())));
    }

    /// An attempt of this node's engines runs at another tempo from here on.
    pub(super) fn set_tempo(&mut self, attempt: AttemptId, tempo: Tempo) {
        if let Some((model, request)) = self.here.set_tempo(attempt, tempo) {
            self.fleet.set_tempo(&model, request, tempo);
        }
    }
}
