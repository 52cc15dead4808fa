//! Weighted fair queueing per person: who has had the least of this node's time goes first.
//!
//! Each person has an account of virtual time: milliseconds of the device, divided by the person's
//! weight. A clock follows the account of whoever was served last; who comes back after a pause
//! starts at the clock, so that pauses earn no credit (start-time fair queueing, Goyal et al. 1996,
//! with one account per person in place of one tag per packet).

use std::collections::BTreeMap;

use pumasi_protocol::{PersonId, Priority};

use crate::config::Config;
use crate::limits;

/// Before whom a job goes: smaller first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Turn {
    class: Class,
    /// Lets those whose model is in memory go before it.
    defers: bool,
    account: u64,
    arrival: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Class {
    /// Has waited so long that it goes first, in order of arrival.
    Starving,
    /// Interactive, of the person whose machine this is.
    Desk,
    /// Interactive, or batch that has aged.
    Interactive,
    Batch,
}

/// What decides a job's turn.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Waiter {
    pub(crate) person: PersonId,
    pub(crate) priority: Priority,
    pub(crate) waited_ms: u64,
    /// Counts arrivals at this node.
    pub(crate) arrival: u64,
    /// Whether this machine is the person's.
    pub(crate) at_desk: bool,
    /// Time that loading its model takes; 0: it is in memory.
    pub(crate) load_ms: u32,
}

/// Accounts of virtual time, in thousandths of weighted milliseconds.
#[derive(Debug, Clone, Default)]
pub(crate) struct Fair {
    accounts: BTreeMap<PersonId, u64>,
    clock: u64,
}

impl Fair {
    pub(crate) fn turn(&self, waiter: &Waiter, config: &Config) -> Turn {
        let class = class(waiter, config);
        let account = match class {
            Class::Starving => 0,
            Class::Desk | Class::Interactive | Class::Batch => self.account(&waiter.person),
        };
        Turn { class, defers: defers(waiter), account, arrival: waiter.arrival }
    }

    /// Whether it has waited so long that nobody may overtake it.
    pub(crate) fn is_starving(waited_ms: u64, config: &Config) -> bool {
        waited_ms >= u64::from(config.starving_ms)
    }

    /// Charges a person for device time, by its estimate. `waiting`: whose jobs wait, so that who is
    /// served out of turn (by age) does not carry their clock along.
    pub(crate) fn charge(
        &mut self,
        person: PersonId,
        ms: u32,
        waiting: impl Iterator<Item = PersonId>,
        config: &Config,
    ) {
        let served = self.account(&person);
        self.clock = waiting.map(|other| self.account(&other)).fold(served, u64::min);
        let account = served.saturating_add(weighted(person, ms.max(1), config));
        if self.accounts.len() >= limits::PERSONS {
            let clock = self.clock;
            self.accounts.retain(|_, account| *account > clock);
        }
        if self.accounts.len() < limits::PERSONS || self.accounts.contains_key(&person) {
            self.accounts.insert(person, account);
        }
    }

    /// Corrects a charge once the true time is known.
    pub(crate) fn correct(&mut self, person: PersonId, charged: u32, used: u32, config: &Config) {
        if let Some(account) = self.accounts.get_mut(&person) {
            let (charged, used) = (charged.max(1), used.max(1));
            *account = account
                .saturating_add(weighted(person, used, config))
                .saturating_sub(weighted(person, charged, config));
        }
    }

    fn account(&self, person: &PersonId) -> u64 {
        self.accounts.get(person).map_or(self.clock, |account| (*account).max(self.clock))
    }
}

/// A model is not changed for each job: who needs another one waits at least twice as long as its
/// loading takes, so that at most a third of the time goes into loading.
fn defers(waiter: &Waiter) -> bool {
    waiter.waited_ms < 2 * u64::from(waiter.load_ms)
}

fn class(waiter: &Waiter, config: &Config) -> Class {
    if Fair::is_starving(waiter.waited_ms, config) {
        return Class::Starving;
    }
    match waiter.priority {
        Priority::Interactive if waiter.at_desk => Class::Desk,
        Priority::Interactive => Class::Interactive,
        Priority::Batch if waiter.waited_ms >= u64::from(config.batch_ageing_ms) => {
            Class::Interactive
        }
        Priority::Batch => Class::Batch,
    }
}

fn weighted(person: PersonId, ms: u32, config: &Config) -> u64 {
    let weight = config.weights.get(&person).copied().unwrap_or(1).max(1);
    u64::from(ms) * 1_000 / u64::from(weight)
}

#[cfg(test)]
mod tests {
    use super::*;

    const KIM: PersonId = PersonId([1; 16]);
    const LEE: PersonId = PersonId([2; 16]);

    fn waiter(person: PersonId, arrival: u64) -> Waiter {
        let priority = Priority::Interactive;
        Waiter { person, priority, waited_ms: 0, arrival, at_desk: false, load_ms: 0 }
    }

    /// Serves `rounds` times whoever's turn it is, both always waiting; returns Kim's share.
    fn share(fair: &mut Fair, kim_ms: u32, lee_ms: u32, rounds: u32, config: &Config) -> u32 {
        let mut kim_served = 0;
        for _ in 0..rounds {
            let (kim, lee) = (waiter(KIM, 0), waiter(LEE, 1));
            if fair.turn(&kim, config) < fair.turn(&lee, config) {
                fair.charge(KIM, kim_ms, [KIM, LEE].into_iter(), config);
                kim_served += 1;
            } else {
                fair.charge(LEE, lee_ms, [KIM, LEE].into_iter(), config);
            }
        }
        kim_served
    }

    #[test]
    fn long_jobs_of_one_person_do_not_cost_the_other_its_time() {
        let kim = share(&mut Fair::default(), 100, 10, 110, &Config::default());
        assert!((9..=11).contains(&kim), "{kim} of 110");
    }

    #[test]
    fn a_weight_of_three_gets_three_quarters() {
        let weights = BTreeMap::from([(KIM, 3)]);
        let config = Config { weights, ..Config::default() };
        let kim = share(&mut Fair::default(), 10, 10, 400, &config);
        assert!((295..=305).contains(&kim), "{kim} of 400");
    }

    #[test]
    fn a_pause_earns_no_credit() {
        let (mut fair, config) = (Fair::default(), Config::default());
        for _ in 0..100 {
            fair.charge(KIM, 100, std::iter::empty(), &config);
        }
        let kim = share(&mut fair, 10, 10, 40, &config);
        assert!((14..=20).contains(&kim), "{kim} of 40");
    }

    #[test]
    fn classes_go_before_accounts_and_age_lifts_a_class() {
        let (fair, config) = (Fair::default(), Config::default());
        let starving = Waiter { waited_ms: 120_000, priority: Priority::Batch, ..waiter(KIM, 9) };
        let desk = Waiter { at_desk: true, ..waiter(KIM, 8) };
        let plain = waiter(KIM, 1);
        let aged = Waiter { waited_ms: 60_000, priority: Priority::Batch, ..waiter(KIM, 2) };
        let batch = Waiter { priority: Priority::Batch, ..waiter(KIM, 0) };
        let order = [starving, desk, plain, aged, batch].map(|w| fair.turn(&w, &config));
        assert!(order.is_sorted());
    }

    #[test]
    fn a_model_is_not_changed_for_each_job_but_in_time() {
        let (fair, config) = (Fair::default(), Config::default());
        let warm = waiter(KIM, 9);
        let cold = Waiter { load_ms: 3_000, waited_ms: 5_999, ..waiter(LEE, 1) };
        assert!(fair.turn(&warm, &config) < fair.turn(&cold, &config));
        let patient = Waiter { waited_ms: 6_000, ..cold };
        assert!(fair.turn(&patient, &config) < fair.turn(&warm, &config));
    }

    #[test]
    fn a_job_that_took_less_than_charged_gets_it_back() {
        let (mut fair, config) = (Fair::default(), Config::default());
        fair.charge(KIM, 1_000, std::iter::empty(), &config);
        fair.charge(LEE, 100, std::iter::empty(), &config);
        fair.correct(KIM, 1_000, 50, &config);
        assert!(fair.turn(&waiter(KIM, 1), &config) < fair.turn(&waiter(LEE, 0), &config));
    }

    #[test]
    fn accounts_stay_within_their_bound() {
        let (mut fair, config) = (Fair::default(), Config::default());
        for n in 0..(limits::PERSONS as u64 + 100) {
            let mut id = [0; 16];
            id[..8].copy_from_slice(&n.to_le_bytes());
            fair.charge(PersonId(id), 10, std::iter::empty(), &config);
        }
        assert!(fair.accounts.len() <= limits::PERSONS);
    }
}
