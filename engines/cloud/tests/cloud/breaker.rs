//! The breaker in lockstep with a naive model that remembers everything.

use std::time::Duration;

use proptest::prelude::*;
use pumasi_cloud::breaker::{Breaker, BreakerConfig, Outcome, Stand, Ticket};

const HOUR: Duration = Duration::from_secs(3_600);
const TRIALS_WAIT: Duration = Duration::from_secs(1);

#[derive(Debug, Clone)]
enum Step {
    Wait(u64),
    Ask,
    Settle(usize, Outcome, u32),
    Hold(u64),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let outcome = prop::sample::select(vec![
        Outcome::Succeeded,
        Outcome::Failed,
        Outcome::Failed,
        Outcome::Neither,
    ]);
    let step = prop_oneof![
        2 => prop_oneof![0_u64..3_000, 0_u64..90_000].prop_map(Step::Wait),
        4 => Just(Step::Ask),
        5 => (any::<usize>(), outcome, any::<u32>()).prop_map(|(n, o, d)| Step::Settle(n, o, d)),
        1 => (0_u64..10_000_000).prop_map(Step::Hold),
    ];
    prop::collection::vec(step, 0..120)
}

fn configs() -> impl Strategy<Value = BreakerConfig> {
    let counts = (1_u32..7, 1_u32..101, 1_u32..15, 0_u32..51, 1_u32..5);
    (counts, 1_u64..100, 1_u64..100, 0_u32..4).prop_map(
        |((consecutive, share_percent, least, jitter_percent, trials), window, open, fewer)| {
            BreakerConfig {
                consecutive,
                share_percent,
                least,
                window: Duration::from_secs(window),
                open: Duration::from_secs(open),
                jitter_percent,
                trials,
                successes: trials.saturating_sub(fewer).max(1),
            }
        },
    )
}

/// What is since the last change.
#[derive(Debug, Clone)]
enum Since {
    /// Outcomes, and when.
    Closed(Vec<(Duration, bool)>),
    Open(Duration),
    Trying {
        out: u32,
        good: u32,
    },
}

/// The rule as it is written down, with lists.
#[derive(Debug)]
struct Naive {
    config: BreakerConfig,
    since: Since,
    change: u64,
    held: Duration,
}

impl Naive {
    fn enter(&mut self, since: Since) {
        self.since = since;
        self.change += 1;
    }

    fn ask(&mut self, now: Duration) -> Result<u64, Duration> {
        if now < self.held {
            return Err(self.held - now);
        }
        match self.since.clone() {
            Since::Closed(_) => {}
            Since::Open(until) if now < until => return Err(until - now),
            Since::Open(_) => self.enter(Since::Trying { out: 1, good: 0 }),
            Since::Trying { out, good } if out + good < self.config.trials => {
                self.since = Since::Trying { out: out + 1, good };
            }
            Since::Trying { .. } => return Err(TRIALS_WAIT),
        }
        Ok(self.change)
    }

    fn settle(&mut self, now: Duration, change: u64, outcome: Outcome, draw: u32) {
        if change != self.change {
            return;
        }
        let opens = match (&mut self.since, outcome) {
            (Since::Closed(list), Outcome::Succeeded) => {
                list.push((now, true));
                false
            }
            (Since::Closed(list), Outcome::Failed) => {
                list.push((now, false));
                let streak = list.iter().rev().take_while(|(_, good)| !good).count();
                let piece = |at: Duration| at.as_nanos() / (self.config.window.as_nanos() / 10);
                let recent = list.iter().filter(|(at, _)| piece(*at) + 10 > piece(now));
                let recent: Vec<bool> = recent.map(|(_, good)| *good).collect();
                let bad = recent.iter().filter(|good| !**good).count();
                let share = bad * 100 >= self.config.share_percent as usize * recent.len();
                streak >= self.config.consecutive as usize
                    || (recent.len() >= self.config.least as usize && share)
            }
            (Since::Trying { out, good }, Outcome::Succeeded) => {
                *out -= 1;
                *good += 1;
                if *good >= self.config.successes {
                    self.enter(Since::Closed(Vec::new()));
                }
                false
            }
            (Since::Trying { out, .. }, Outcome::Neither) => {
                *out -= 1;
                false
            }
            (Since::Trying { .. }, Outcome::Failed) => true,
            (Since::Closed(_), Outcome::Neither) | (Since::Open(_), _) => false,
        };
        if opens {
            let span = f64::from(self.config.jitter_percent) / 100.0;
            let place = f64::from(draw) / f64::from(u32::MAX);
            let time = self.config.open.mul_f64(1.0 - span + 2.0 * span * place);
            self.enter(Since::Open(now + time));
        }
    }

    fn stand(&self, now: Duration) -> Stand {
        match &self.since {
            Since::Closed(_) => Stand::Closed,
            Since::Open(until) => Stand::Open(until.saturating_sub(now)),
            Since::Trying { .. } => Stand::HalfOpen,
        }
    }
}

proptest! {
    #[test]
    fn it_does_what_the_rule_says(config in configs(), steps in steps()) {
        prop_assert_eq!(config.check(), Ok(()));
        let mut breaker = Breaker::default();
        let since = Since::Closed(Vec::new());
        let mut naive = Naive { config, since, change: 0, held: Duration::ZERO };
        let mut out: Vec<(Ticket, u64)> = Vec::new();
        let mut now = Duration::ZERO;
        for step in steps {
            match step {
                Step::Wait(ms) => now += Duration::from_millis(ms),
                Step::Hold(ms) => {
                    let time = Duration::from_millis(ms);
                    breaker.hold(now, time);
                    naive.held = naive.held.max(now + time.min(HOUR));
                }
                Step::Ask => match (breaker.ask(now, &config), naive.ask(now)) {
                    (Ok(ticket), Ok(change)) => out.push((ticket, change)),
                    (Err(one), Err(other)) => prop_assert_eq!(one, other),
                    (one, other) => prop_assert!(false, "{:?} but {:?}", one, other),
                },
                Step::Settle(..) if out.is_empty() => {}
                Step::Settle(which, outcome, draw) => {
                    let (ticket, change) = out.swap_remove(which % out.len());
                    breaker.settle(now, &config, ticket, outcome, draw);
                    naive.settle(now, change, outcome, draw);
                }
            }
            prop_assert_eq!(breaker.stand(now), naive.stand(now));
        }
    }

    #[test]
    fn the_jitter_stays_in_its_bounds(draw in any::<u32>(), jitter_percent in 0_u32..51) {
        let config = BreakerConfig { jitter_percent, consecutive: 1, ..BreakerConfig::default() };
        let mut breaker = Breaker::default();
        let ticket = breaker.ask(Duration::ZERO, &config).expect("closed");
        breaker.settle(Duration::ZERO, &config, ticket, Outcome::Failed, draw);
        let Stand::Open(time) = breaker.stand(Duration::ZERO) else { panic!("not open") };
        let share = time.as_secs_f64() / config.open.as_secs_f64() - 1.0;
        prop_assert!(share.abs() <= f64::from(jitter_percent) / 100.0 + 1e-9, "{}", share);
    }
}

/// The middle of the jitter.
const EVEN: u32 = u32::MAX / 2;

fn fail(breaker: &mut Breaker, now: Duration, config: &BreakerConfig) {
    let ticket = breaker.ask(now, config).expect("it lets through");
    breaker.settle(now, config, ticket, Outcome::Failed, EVEN);
}

#[test]
fn the_default_is_five_in_a_row_then_a_minute_then_two_of_three() {
    let (mut breaker, config) = (Breaker::default(), BreakerConfig::default());
    let mut now = Duration::ZERO;
    for _ in 0..4 {
        fail(&mut breaker, now, &config);
        assert_eq!(breaker.stand(now), Stand::Closed);
    }
    fail(&mut breaker, now, &config);
    let wait = breaker.ask(now, &config).expect_err("open");
    assert!(wait > Duration::from_secs(59) && wait < Duration::from_secs(61));
    now += wait;
    let tickets: Vec<Ticket> =
        (0..3).map(|_| breaker.ask(now, &config).expect("a trial")).collect();
    assert_eq!(breaker.ask(now, &config), Err(TRIALS_WAIT));
    for ticket in tickets.into_iter().take(2) {
        breaker.settle(now, &config, ticket, Outcome::Succeeded, EVEN);
    }
    assert_eq!(breaker.stand(now), Stand::Closed);
}

#[test]
fn half_of_ten_opens_it_even_if_never_five_in_a_row() {
    let (mut breaker, config) = (Breaker::default(), BreakerConfig::default());
    for turn in 0..10 {
        let now = Duration::from_secs(turn);
        let ticket = breaker.ask(now, &config).expect("closed");
        let good = if turn % 2 == 0 { Outcome::Succeeded } else { Outcome::Failed };
        breaker.settle(now, &config, ticket, good, EVEN);
    }
    assert!(matches!(breaker.stand(Duration::from_secs(9)), Stand::Open(_)));
}

#[test]
fn numbers_out_of_range_are_named() {
    let fine = BreakerConfig::default();
    let bad = [
        (BreakerConfig { consecutive: 0, ..fine }, "consecutive"),
        (BreakerConfig { share_percent: 101, ..fine }, "share_percent"),
        (BreakerConfig { least: 0, ..fine }, "least"),
        (BreakerConfig { window: Duration::ZERO, ..fine }, "window"),
        (BreakerConfig { open: HOUR * 2, ..fine }, "open"),
        (BreakerConfig { jitter_percent: 51, ..fine }, "jitter_percent"),
        (BreakerConfig { trials: 0, ..fine }, "trials"),
        (BreakerConfig { successes: 4, ..fine }, "successes"),
    ];
    for (config, name) in bad {
        assert_eq!(config.check().expect_err(name).0, name);
    }
}
