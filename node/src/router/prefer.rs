//! What a request's own words make of the places that could answer: which are left out, and in which
//! order the others are asked. Pure: what is known of a place comes in as [`Figures`].

use std::cmp::Ordering;
use std::time::Duration;

use pumasi_cloud::Price;
use pumasi_dialects::preferences::{MESH, Preferences, SortBy};
use pumasi_web::mesh::{LeftOut, Word};

use super::plan::Route;

/// Millionths of a US dollar in one.
const MICRO: f64 = 1_000_000.0;

/// What is known of one model at one place.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(super) struct Figures {
    /// What it takes; none: nobody knows.
    pub(super) price: Option<Price>,
    /// To the first byte of an answer; of the mesh, until a first slot is free.
    pub(super) latency: Option<Duration>,
    /// Writing speed, in tokens a second.
    pub(super) tokens_per_s: Option<f64>,
    /// It keeps nothing that it is sent, and learns nothing from it.
    pub(super) is_discreet: bool,
}

/// Places of one model, in order; the groups in the order of the models.
pub(super) type Groups = Vec<Vec<Route>>;

/// Takes out what the words leave out, and orders the rest. What stands in comes last, as a group of
/// its own, and is not sorted.
pub(super) fn prefer(
    groups: Groups,
    stand_in: Vec<Route>,
    wanted: &Preferences,
    figures: &dyn Fn(&Route) -> Figures,
) -> (Vec<Route>, LeftOut) {
    let mut left = LeftOut::default();
    let mut groups: Groups =
        groups.into_iter().map(|group| allowed(group, wanted, figures, &mut left)).collect();
    let mut stand_in = allowed(stand_in, wanted, figures, &mut left);
    if let Some(sort) = wanted.sort {
        if sort.across_models {
            groups = vec![groups.into_iter().flatten().collect()];
        }
        for group in &mut groups {
            // Places that are alike keep the order of the policy.
            group.sort_by(|a, b| compare(sort.by, figures(a), figures(b)));
        }
    }
    for group in &mut groups {
        group.sort_by_key(|route| rank(&wanted.order, route));
    }
    if !wanted.allow_fallbacks {
        groups.iter_mut().for_each(|group| first_ones(group, wanted, &mut left));
        stand_in.drain(..).for_each(|route| leave_out(&mut left, &route, Word::AllowFallbacks));
    }
    (groups.into_iter().flatten().chain(stand_in).collect(), left)
}

fn allowed(
    group: Vec<Route>,
    wanted: &Preferences,
    figures: &dyn Fn(&Route) -> Figures,
    left: &mut LeftOut,
) -> Vec<Route> {
    let fits = |route: &Route| match against(route, wanted, figures(route)) {
        Some(word) => {
            leave_out(left, route, word);
            false
        }
        None => true,
    };
    group.into_iter().filter(fits).collect()
}

/// The word that leaves a place out, if one does.
fn against(route: &Route, wanted: &Preferences, figures: Figures) -> Option<Word> {
    let named = |names: &[String]| names.iter().any(|name| is_named(route, name));
    if !wanted.only.is_empty() && !named(&wanted.only) {
        return Some(Word::Only);
    }
    if named(&wanted.ignore) {
        return Some(Word::Ignore);
    }
    if !wanted.allow_fallbacks && !wanted.order.is_empty() && !named(&wanted.order) {
        return Some(Word::Order);
    }
    if wanted.max_price.is_set() {
        let Some(price) = figures.price else { return Some(Word::UnknownPrice) };
        let over = |most: Option<u64>, dollars: f64| most.is_some_and(|most| micro(dollars) > most);
        let most = wanted.max_price;
        if over(most.prompt, price.input) || over(most.completion, price.output) {
            return Some(Word::MaxPrice);
        }
    }
    (wanted.deny_collection && !figures.is_discreet).then_some(Word::DataCollection)
}

/// A place is named by its id, here or where it is, or by its kind.
fn is_named(route: &Route, name: &str) -> bool {
    match route {
        Route::Mesh(_) => name == MESH,
        Route::Provider(place, _) => {
            let names = [place.id(), place.short(), place.provider.kind().id.as_str()];
            names.contains(&name)
        }
    }
}

/// Dollars as millionths, as `max_price` is kept. Prices are not below zero.
fn micro(dollars: f64) -> u64 {
    (dollars * MICRO).round() as u64
}

/// What is better comes first; what is not known comes last.
fn compare(by: SortBy, a: Figures, b: Figures) -> Ordering {
    fn known<T>(a: Option<T>, b: Option<T>, order: impl Fn(&T, &T) -> Ordering) -> Ordering {
        match (a, b) {
            (Some(a), Some(b)) => order(&a, &b),
            (Some(_), None) => Ordering::Less,
            (None, Some(_)) => Ordering::Greater,
            (None, None) => Ordering::Equal,
        }
    }
    match by {
        SortBy::Price => {
            let both = |figures: Figures| figures.price.map(|price| price.input + price.output);
            known(both(a), both(b), f64::total_cmp)
        }
        SortBy::Latency => known(a.latency, b.latency, Ord::cmp),
        SortBy::Throughput => known(a.tokens_per_s, b.tokens_per_s, |a, b| b.total_cmp(a)),
    }
}

/// The place of a route in `order`; behind all of them where it is not named.
fn rank(order: &[String], route: &Route) -> usize {
    order.iter().position(|name| is_named(route, name)).unwrap_or(order.len())
}

/// Without fallbacks those of `order` are tried, or else the first alone.
fn first_ones(group: &mut Vec<Route>, wanted: &Preferences, left: &mut LeftOut) {
    if wanted.order.is_empty() && group.len() > 1 {
        group.drain(1..).for_each(|route| leave_out(left, &route, Word::AllowFallbacks));
    }
}

fn leave_out(left: &mut LeftOut, route: &Route, word: Word) {
    let place = match route {
        Route::Mesh(_) => MESH,
        Route::Provider(place, _) => place.id(),
    };
    if !left.0.iter().any(|(name, by)| name == place && *by == word) {
        left.0.push((place.to_owned(), word));
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use pumasi_dialects::preferences::{MaxPrice, Sort};

    use super::*;
    use crate::router::place::samples::place;

    /// `mesh`, `slow` and `fast` have one model, `fast` has another one, too; the mesh stands in.
    fn world() -> (Groups, Vec<Route>) {
        let near = |port: u16| format!("http://127.0.0.1:{port}/v1");
        let slow = place("slow", "openai-compatible", Some(&near(1)), "m");
        let fast = place("fast", "groq", None, "m");
        let at = |place: &Arc<_>, model: &str| Route::Provider(Arc::clone(place), model.to_owned());
        let mesh = |name: &str| Route::Mesh(name.parse().expect("a name"));
        let groups = vec![
            vec![mesh("m"), at(&slow, "m"), at(&fast, "m")],
            vec![at(&slow, "n"), at(&fast, "n")],
        ];
        (groups, vec![mesh("other")])
    }

    fn figures(route: &Route) -> Figures {
        let price = |input, output| Some(Price { input, output, cached: None });
        match route {
            Route::Mesh(_) => Figures {
                price: price(0.0, 0.0),
                latency: None,
                tokens_per_s: Some(20.0),
                is_discreet: true,
            },
            Route::Provider(place, _) if place.id() == "slow" => Figures {
                price: None,
                latency: Some(Duration::from_millis(90)),
                tokens_per_s: None,
                is_discreet: true,
            },
            Route::Provider(..) => Figures {
                price: price(0.15, 0.6),
                latency: Some(Duration::from_millis(40)),
                tokens_per_s: Some(300.0),
                is_discreet: false,
            },
        }
    }

    /// The places in order, and what was left out.
    fn preferred(change: impl FnOnce(&mut Preferences)) -> (String, String) {
        let mut wanted = Preferences::default();
        change(&mut wanted);
        let (groups, stand_in) = world();
        let (routes, left) = prefer(groups, stand_in, &wanted, &figures);
        let told = routes.iter().map(|route| match route {
            Route::Mesh(model) => format!("mesh:{model}"),
            Route::Provider(place, model) => format!("{}:{model}", place.id()),
        });
        (told.collect::<Vec<_>>().join(" "), left.to_string())
    }

    fn order(change: impl FnOnce(&mut Preferences)) -> String {
        let (order, left) = preferred(change);
        assert_eq!(left, "", "{order}");
        order
    }

    fn texts(names: &[&str]) -> Vec<String> {
        names.iter().map(ToString::to_string).collect()
    }

    const ALL: &str = "mesh:m slow:m fast:m slow:n fast:n mesh:other";

    #[test]
    fn who_wants_nothing_gets_the_usual_order() {
        assert_eq!(order(|_| ()), ALL);
    }

    #[test]
    fn order_comes_first_and_the_others_after_it() {
        let wanted = order(|wanted| wanted.order = texts(&["fast", "nobody", "mesh"]));
        assert_eq!(wanted, "fast:m mesh:m slow:m fast:n slow:n mesh:other");
        let by_kind = order(|wanted| wanted.order = texts(&["groq"]));
        assert_eq!(by_kind, "fast:m mesh:m slow:m fast:n slow:n mesh:other");
    }

    #[test]
    fn only_and_ignore_leave_places_out_and_say_so() {
        let (routes, left) = preferred(|wanted| wanted.only = texts(&["fast", "mesh"]));
        assert_eq!(routes, "mesh:m fast:m fast:n mesh:other");
        assert_eq!(left, "`only` leaves out slow");
        let (routes, left) = preferred(|wanted| wanted.ignore = texts(&["mesh", "fast"]));
        assert_eq!(routes, "slow:m slow:n");
        assert_eq!(left, "`ignore` leaves out mesh, fast");
        let (routes, left) = preferred(|wanted| wanted.only = texts(&["nobody"]));
        assert_eq!((routes.as_str(), left.as_str()), ("", "`only` leaves out mesh, slow, fast"));
    }

    #[test]
    fn sort_puts_the_best_first_and_what_nobody_measured_last() {
        let by = |by| {
            move |wanted: &mut Preferences| {
                wanted.sort = Some(Sort { by, across_models: false });
            }
        };
        let wanted = order(by(SortBy::Latency));
        assert_eq!(wanted, "fast:m slow:m mesh:m fast:n slow:n mesh:other");
        let wanted = order(by(SortBy::Throughput));
        assert_eq!(wanted, "fast:m mesh:m slow:m fast:n slow:n mesh:other");
        let wanted = order(by(SortBy::Price));
        assert_eq!(wanted, "mesh:m fast:m slow:m fast:n slow:n mesh:other");
        let across = order(|wanted| {
            wanted.sort = Some(Sort { by: SortBy::Latency, across_models: true });
        });
        assert_eq!(across, "fast:m fast:n slow:m slow:n mesh:m mesh:other");
        // `order` goes before `sort`, as at OpenRouter.
        let both = order(|wanted| {
            by(SortBy::Latency)(wanted);
            wanted.order = texts(&["mesh"]);
        });
        assert_eq!(both, "mesh:m fast:m slow:m fast:n slow:n mesh:other");
    }

    #[test]
    fn a_price_that_is_too_high_or_not_known_leaves_a_place_out() {
        let priced = |prompt, completion| {
            preferred(|wanted| wanted.max_price = MaxPrice { prompt, completion })
        };
        let (routes, left) = priced(Some(150_000), Some(600_000));
        assert_eq!(routes, "mesh:m fast:m fast:n mesh:other", "the bound itself is allowed");
        assert_eq!(left, "`max_price` leaves out slow (price not known)");
        for (prompt, completion) in [(Some(149_999), None), (None, Some(599_999)), (Some(0), None)]
        {
            let (routes, left) = priced(prompt, completion);
            assert_eq!(routes, "mesh:m mesh:other");
            assert!(left.starts_with("`max_price` leaves out fast; "), "{left}");
        }
    }

    #[test]
    fn who_denies_collection_gets_discreet_places_only() {
        let (routes, left) = preferred(|wanted| wanted.deny_collection = true);
        assert_eq!(routes, "mesh:m slow:m slow:n mesh:other");
        assert_eq!(left, "`data_collection` leaves out fast");
    }

    #[test]
    fn without_fallbacks_the_first_of_each_model_is_all() {
        let (routes, left) = preferred(|wanted| wanted.allow_fallbacks = false);
        assert_eq!(routes, "mesh:m slow:n");
        assert_eq!(left, "`allow_fallbacks` leaves out slow, fast, mesh");
        let (routes, left) = preferred(|wanted| {
            (wanted.allow_fallbacks, wanted.order) = (false, texts(&["fast", "slow"]));
        });
        assert_eq!(routes, "fast:m slow:m fast:n slow:n");
        assert_eq!(left, "`order` leaves out mesh");
    }
}
