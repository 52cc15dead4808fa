//! Scenarios: a few lines of text in, the trace of messages and actions out.

mod away;
mod continued;
mod crashes;
mod ends;
mod hedging;
mod members;
mod memory;
mod offers;
mod placement;
mod queue;
mod world;

use expect_test::Expect;

fn check(scenario: &str, expected: Expect) {
    expected.assert_eq(&world::run(scenario));
}
