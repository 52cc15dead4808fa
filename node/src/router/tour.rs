//! The places of one request: which were asked and how they failed, which is next, and which may be asked
//! once more after a while. Pure: draws and rules are handed in, and nobody waits here.

use std::time::Duration;

use pumasi_protocol::ModelName;
use pumasi_web::mesh::{RunError, Tried, Unanswered};

use super::fault::{Failure, Miss};
use super::plan::Route;
use super::policy::Routing;

/// How long a first pause is where nobody says how long (guess: a server that restarts needs some).
const FIRST_PAUSE: Duration = Duration::from_millis(200);
/// The longest that is added to a pause that somebody asked for, so that not all come back at once.
const SPREAD: Duration = Duration::from_millis(250);

/// All of them, in order.
#[derive(Debug, Clone)]
pub(super) struct Tour {
    routes: Vec<Route>,
    /// Those that failed, each once, as it last did; in the order in which they did.
    failures: Vec<(usize, Failure)>,
    /// Pauses so far, and how long they were together.
    pauses: u32,
    paused: Duration,
}

impl Tour {
    /// Those of `tried` have failed already.
    pub(super) fn new(routes: Vec<Route>, tried: &[Tried]) -> Self {
        let failures = match tried {
            [] => Vec::new(),
            tried => routes.iter().enumerate().filter_map(|(at, r)| known(at, r, tried)).collect(),
        };
        Self { routes, failures, pauses: 0, paused: Duration::ZERO }
    }

    /// How many places there are.
    pub(super) fn len(&self) -> usize {
        self.routes.len()
    }

    pub(super) fn route(&self, at: usize) -> Option<&Route> {
        self.routes.get(at)
    }

    /// The first place.
    pub(super) fn first(&self) -> Option<&Route> {
        self.routes.first()
    }

    pub(super) fn has_failed(&self, at: usize) -> bool {
        self.failures.iter().any(|(failed, _)| *failed == at)
    }

    /// The next that was not asked.
    pub(super) fn next(&self) -> Option<usize> {
        (0..self.routes.len()).find(|at| !self.has_failed(*at))
    }

    /// A provider behind `at` that was not asked.
    pub(super) fn further(&self, at: usize) -> Option<usize> {
        let is_open = |place: &usize| {
            matches!(self.routes.get(*place), Some(Route::Provider(..))) && !self.has_failed(*place)
        };
        (at + 1..self.routes.len()).find(is_open)
    }

    /// Providers that failed, and the code of each.
    pub(super) fn failures(&self) -> Vec<(String, &'static str)> {
        let failed = self.failures.iter().filter_map(|(at, failure)| match self.route(*at)? {
            Route::Provider(place, _) => Some((place.id().to_owned(), failure.code())),
            Route::Mesh(_) => None,
        });
        failed.collect()
    }

    pub(super) fn failed(&mut self, at: usize, failure: Failure) {
        self.failures.retain(|(failed, _)| *failed != at);
        self.failures.push((at, failure));
    }

    /// Which place to ask once more, and after which pause: the one that may answer soonest. `draw` is
    /// any number, evenly drawn.
    pub(super) fn again(&self, rules: &Routing, draw: u32) -> Option<(usize, Duration)> {
        if self.pauses >= rules.retries {
            return None;
        }
        let left = Duration::from_millis(rules.wait_ms).checked_sub(self.paused)?;
        let backoff = FIRST_PAUSE.saturating_mul(2_u32.saturating_pow(self.pauses.min(16)));
        let pauses = self.failures.iter().filter_map(|(at, failure)| {
            let miss = failure.miss()?;
            let pause = miss.wait.unwrap_or(backoff);
            (miss.may_pass && pause <= left).then_some((*at, pause, miss.wait.is_some()))
        });
        let (at, pause, is_asked) = pauses.min_by_key(|(at, pause, _)| (*pause, *at))?;
        let share = f64::from(draw) / f64::from(u32::MAX);
        Some(match is_asked {
            // Not before the time that was named.
            true => (at, pause + SPREAD.min(pause / 4).mul_f64(share)),
            false => (at, pause.mul_f64(0.5 + share / 2.0)),
        })
    }

    /// A pause is made.
    pub(super) fn pause(&mut self, time: Duration) {
        self.pauses += 1;
        self.paused += time;
    }

    /// What is told when nobody answered: how the last one failed, and when to try again.
    pub(super) fn error(&self, model: &ModelName) -> RunError {
        let Some((at, failure)) = self.failures.last() else {
            return RunError::ModelNotFound(model.clone());
        };
        match failure {
            Failure::Mesh(fault) => RunError::Fault(fault.clone()),
            Failure::Refused(error) => error.clone(),
            Failure::Provider(miss) => RunError::Provider(Unanswered {
                fault: miss.fault,
                retry_s: if miss.may_pass { self.retry_s() } else { None },
                at: self.route(*at).and_then(|route| addressed(route, model)),
            }),
        }
    }

    /// The shortest time that a place wants to be left in peace, in whole seconds.
    fn retry_s(&self) -> Option<u32> {
        let misses = self.failures.iter().filter_map(|(_, failure)| failure.miss());
        let wait = misses.filter_map(|miss| miss.wait).min()?;
        let seconds = wait.as_secs() + u64::from(wait.subsec_nanos() > 0);
        Some(u32::try_from(seconds).unwrap_or(u32::MAX).max(1))
    }
}

fn known(at: usize, route: &Route, tried: &[Tried]) -> Option<(usize, Failure)> {
    let Route::Provider(place, model) = route else { return None };
    let tried = tried.iter().find(|tried| tried.id == place.id())?;
    let wait = place.provider.closed(model).map(|closed| closed.retry_in);
    Some((at, Failure::Provider(Miss::of(tried.fault, wait))))
}

/// The provider's id, where the request named it.
fn addressed(route: &Route, model: &ModelName) -> Option<String> {
    let Route::Provider(place, _) = route else { return None };
    let (id, _) = model.as_str().split_once('/')?;
    (id == place.id() || id == place.short()).then(|| place.id().to_owned())
}

#[cfg(test)]
mod tests {
    use pumasi_cloud::ProviderFault;
    use pumasi_protocol::Fault;

    use super::*;
    use crate::router::place::samples::places;

    fn routes() -> Vec<Route> {
        let mut routes: Vec<Route> =
            places().into_iter().map(|place| Route::Provider(place, "both".to_owned())).collect();
        routes.push(Route::Mesh(name("ours")));
        routes
    }

    fn name(text: &str) -> ModelName {
        text.parse().expect("a name")
    }

    fn missed(fault: ProviderFault, wait_ms: Option<u64>) -> Failure {
        Failure::Provider(Miss::of(fault, wait_ms.map(Duration::from_millis)))
    }

    const CLOUD: usize = 0;
    const LAB: usize = 1;
    const MESH: usize = 2;

    #[test]
    fn each_place_is_asked_once_and_who_failed_before_is_passed_over() {
        let tried = Tried { id: "cloud".to_owned(), fault: ProviderFault::CutOff };
        let mut tour = Tour::new(routes(), &[tried]);
        assert_eq!((tour.next(), tour.further(CLOUD)), (Some(LAB), Some(LAB)));
        assert_eq!(tour.failures(), [("cloud".to_owned(), "provider_cut_off")]);
        tour.failed(LAB, missed(ProviderFault::Unavailable, None));
        assert_eq!((tour.next(), tour.further(CLOUD)), (Some(MESH), None));
        tour.failed(MESH, Failure::Mesh(Fault::Silent));
        assert_eq!(tour.next(), None);
    }

    #[test]
    fn the_place_that_is_back_first_is_asked_again_but_not_before_its_time() {
        let rules = Routing::default();
        let mut tour = Tour::new(routes(), &[]);
        assert_eq!(tour.again(&rules, 0), None, "nobody failed");
        tour.failed(MESH, Failure::Mesh(Fault::Silent));
        assert_eq!(tour.again(&rules, 0), None, "the mesh tries again by itself");
        tour.failed(CLOUD, missed(ProviderFault::RateLimited, Some(6_000)));
        assert_eq!(tour.again(&rules, 0), None, "that is too long");
        tour.failed(LAB, missed(ProviderFault::Unavailable, Some(2_000)));
        assert_eq!(tour.again(&rules, 0), Some((LAB, Duration::from_secs(2))));
        assert_eq!(tour.again(&rules, u32::MAX), Some((LAB, Duration::from_millis(2_250))));
        tour.pause(Duration::from_millis(3_500));
        assert_eq!(tour.again(&rules, 0), None, "all in all it would be too long");
        let more = Routing { wait_ms: 6_000, ..rules };
        assert_eq!(tour.again(&more, 0), Some((LAB, Duration::from_secs(2))));
    }

    #[test]
    fn pauses_double_are_spread_and_end() {
        let rules = Routing { retries: 3, ..Routing::default() };
        let mut tour = Tour::new(routes(), &[]);
        tour.failed(CLOUD, missed(ProviderFault::Unavailable, None));
        let mut pauses = Vec::new();
        while let Some((at, most)) = tour.again(&rules, u32::MAX) {
            let (_, least) = tour.again(&rules, 0).expect("as well");
            pauses.push((at, least.as_millis(), most.as_millis()));
            tour.pause(most);
        }
        assert_eq!(pauses, [(CLOUD, 100, 200), (CLOUD, 200, 400), (CLOUD, 400, 800)]);
        let none = Routing { retries: 0, ..Routing::default() };
        let mut tour = Tour::new(routes(), &[]);
        tour.failed(CLOUD, missed(ProviderFault::Unavailable, None));
        assert_eq!(tour.again(&none, 0), None);
    }

    #[test]
    fn what_cannot_pass_is_not_asked_again() {
        for fault in [
            ProviderFault::Garbled,
            ProviderFault::TooLarge,
            ProviderFault::Filtered,
            ProviderFault::Key,
            ProviderFault::NoModel,
            ProviderFault::Context,
            ProviderFault::Refused,
        ] {
            let mut tour = Tour::new(routes(), &[]);
            tour.failed(CLOUD, missed(fault, None));
            assert_eq!(tour.again(&Routing::default(), 0), None, "{fault:?}");
        }
    }

    #[test]
    fn what_is_told_is_how_the_last_failed_and_when_the_first_is_back() {
        let mut tour = Tour::new(routes(), &[]);
        assert_eq!(tour.error(&name("x")), RunError::ModelNotFound(name("x")));
        tour.failed(CLOUD, missed(ProviderFault::RateLimited, Some(6_200)));
        tour.failed(LAB, missed(ProviderFault::Unavailable, Some(60_000)));
        let told = |fault, retry_s, at: Option<&str>| {
            RunError::Provider(Unanswered { fault, retry_s, at: at.map(str::to_owned) })
        };
        let unavailable = told(ProviderFault::Unavailable, Some(7), None);
        assert_eq!(tour.error(&name("both")), unavailable);
        // Who asks for another provider by name is told of this one's trouble without its name.
        assert_eq!(tour.error(&name("cloud/both")), unavailable);
        tour.failed(LAB, missed(ProviderFault::NoModel, None));
        let error = tour.error(&name("lab/both"));
        assert_eq!(error, told(ProviderFault::NoModel, None, Some("lab")));
        assert!(error.to_string().starts_with("the provider 'lab' has no such model"), "{error}");
    }
}
