//! A space-time diagram of a run as SVG: one lane a machine, time to the right, attempts as bars,
//! messages as lines, faults as marks, and the violation in words.

use std::fmt::Write as _;

use crate::counts::Report;
use crate::marks::{Bar, Message};
use crate::scenario::{Operation, Scenario};

const WIDTH: f64 = 1_400.0;
const LEFT: f64 = 90.0;
const RIGHT: f64 = 30.0;
const TOP: f64 = 96.0;
const LANE: f64 = 130.0;
/// Half the height of a lane's middle, where messages begin and end.
const CORE: f64 = 16.0;
/// Most messages that are drawn: beyond that nobody reads them.
const MESSAGES: usize = 600;
const STYLE: &str = "text{font:12px sans-serif;fill:#222}.small{font-size:10px;fill:#555}\
    .title{font-size:16px;font-weight:600}.bad{fill:#b00020;font-size:14px;font-weight:600}\
    .lane{stroke:#999;stroke-width:1}.message{stroke:#8aa;stroke-width:.8;opacity:.7}\
    .bind{stroke:#1b6e3c;stroke-width:1.6}.claim{stroke:#9a6700;stroke-width:1.2}\
    .fault{fill:#d1495b;opacity:.18}.mark{stroke:#d1495b;stroke-width:1.5}\
    .completed{fill:#2e8b57}.failed{fill:#d1495b}.open{fill:#888}.cancelled{fill:#b8860b}";

/// Draws a run that was traced.
#[must_use]
pub fn diagram(scenario: &Scenario, report: &Report) -> String {
    let plan = Plan::of(scenario, report);
    let mut svg = String::new();
    let height = TOP + LANE * scenario.machines.len() as f64 + 40.0;
    push(
        &mut svg,
        format_args!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {height}\" \
             width=\"{WIDTH}\" height=\"{height}\"><style>{STYLE}</style>\
             <defs><marker id=\"tip\" viewBox=\"0 0 8 8\" refX=\"7\" refY=\"4\" markerWidth=\"6\" \
             markerHeight=\"6\" orient=\"auto\"><path d=\"M0 0L8 4L0 8z\" fill=\"#567\"/></marker>\
             </defs><rect width=\"{WIDTH}\" height=\"{height}\" fill=\"#fff\"/>"
        ),
    );
    plan.head(&mut svg, report);
    plan.lanes(&mut svg, scenario, height);
    plan.faults(&mut svg, scenario);
    for message in report.marks.messages.iter().take(MESSAGES) {
        plan.message(&mut svg, scenario, message);
    }
    plan.operations(&mut svg, scenario);
    for (row, bar) in rows(&report.marks.bars) {
        plan.bar(&mut svg, row, bar);
    }
    if let Some(violation) = &report.violation {
        let x = plan.x(violation.at_us);
        let line = format_args!(
            "<line x1=\"{x:.1}\" x2=\"{x:.1}\" y1=\"{TOP}\" y2=\"{:.1}\" stroke=\"#b00020\" \
             stroke-width=\"2\"/>",
            height - 40.0
        );
        push(&mut svg, line);
    }
    svg.push_str("</svg>\n");
    svg
}

fn push(svg: &mut String, part: std::fmt::Arguments<'_>) {
    svg.write_fmt(part).expect("a string takes everything");
}

/// Places bars of one executor that overlap in time below each other.
fn rows(bars: &[Bar]) -> Vec<(usize, &Bar)> {
    let mut ends: std::collections::BTreeMap<usize, Vec<u64>> = std::collections::BTreeMap::new();
    let place = |bar| -> (usize, &Bar) {
        let bar: &Bar = bar;
        let lanes = ends.entry(bar.executor).or_default();
        let free = lanes.iter().position(|end| *end <= bar.from_us).unwrap_or(lanes.len());
        let end = bar.to_us.unwrap_or(u64::MAX);
        if free == lanes.len() {
            lanes.push(end)
        } else {
            lanes[free] = end
        }
        (free, bar)
    };
    bars.iter().map(place).collect()
}

/// How time becomes place.
struct Plan {
    from_us: u64,
    to_us: u64,
}

impl Plan {
    fn of(scenario: &Scenario, report: &Report) -> Self {
        let ops = scenario.workload.iter().map(|op| op.at_ms * 1_000);
        let faults = scenario.faults.iter().map(|fault| fault.at_ms * 1_000);
        let first = ops.chain(faults).min().unwrap_or(0);
        let marks = &report.marks;
        let bars = marks.bars.iter().map(|bar| bar.to_us.unwrap_or(bar.from_us));
        let steps = marks.steps.iter().map(|step| step.at_us);
        let violation = report.violation.as_ref().map(|violation| violation.at_us);
        let last = bars.chain(steps).chain(violation).max().unwrap_or(first);
        let margin = (last.saturating_sub(first) / 20).max(50_000);
        Self { from_us: first.saturating_sub(margin), to_us: last + margin }
    }

    fn x(&self, at_us: u64) -> f64 {
        let at = at_us.clamp(self.from_us, self.to_us) - self.from_us;
        LEFT + (WIDTH - LEFT - RIGHT) * at as f64 / (self.to_us - self.from_us) as f64
    }

    fn y(node: usize) -> f64 {
        TOP + LANE * node as f64 + LANE / 2.0
    }

    fn head(&self, svg: &mut String, report: &Report) {
        let span = format_args!(
            "<text class=\"title\" x=\"16\" y=\"26\">A run of the simulator, {:.3} to {:.3} s</text>",
            self.from_us as f64 / 1e6,
            self.to_us as f64 / 1e6
        );
        push(svg, span);
        let (class, words) = match &report.violation {
            Some(violation) => ("bad", violation.to_string()),
            None => ("small", "No invariant was violated.".to_owned()),
        };
        for (row, line) in wrapped(&words, 170).into_iter().take(3).enumerate() {
            let y = 48 + row * 17;
            let line = escaped(&line);
            push(svg, format_args!("<text class=\"{class}\" x=\"16\" y=\"{y}\">{line}</text>"));
        }
    }

    fn lanes(&self, svg: &mut String, scenario: &Scenario, height: f64) {
        for (node, machine) in scenario.machines.iter().enumerate() {
            let y = Self::y(node);
            let right = WIDTH - RIGHT;
            let line = format_args!(
                "<line class=\"lane\" x1=\"{LEFT}\" x2=\"{right}\" y1=\"{y}\" y2=\"{y}\"/>\
                 <text x=\"12\" y=\"{:.1}\">node {node}</text>\
                 <text class=\"small\" x=\"12\" y=\"{:.1}\">{} tokens/s</text>",
                y + 4.0,
                y + 18.0,
                machine.decode_per_s
            );
            push(svg, line);
        }
        let step_us = tick_us(self.to_us - self.from_us);
        let mut at = self.from_us.div_ceil(step_us) * step_us;
        while at <= self.to_us {
            let (x, y) = (self.x(at), height - 16.0);
            let seconds = at as f64 / 1e6;
            let text = format_args!(
                "<text class=\"small\" x=\"{x:.1}\" y=\"{y}\" text-anchor=\"middle\">{seconds} s\
                 </text><line x1=\"{x:.1}\" x2=\"{x:.1}\" y1=\"{TOP}\" y2=\"{:.1}\" \
                 stroke=\"#eee\"/>",
                y - 14.0
            );
            push(svg, text);
            at += step_us;
        }
    }

    fn faults(&self, svg: &mut String, scenario: &Scenario) {
        for (row, timed) in scenario.faults.iter().enumerate() {
            let end_us = if timed.for_ms == 0 { timed.at_ms } else { timed.until_ms() } * 1_000;
            let (from, to) = (self.x(timed.at_ms * 1_000), self.x(end_us));
            for node in timed.fault.machines() {
                let (top, height) = (Self::y(node) - LANE / 2.0 + 4.0, LANE - 8.0);
                let label = top + 10.0 + 11.0 * (row % 3) as f64;
                let area = format_args!(
                    "<rect class=\"fault\" x=\"{from:.1}\" y=\"{top:.1}\" width=\"{:.1}\" \
                     height=\"{height}\"/><line class=\"mark\" x1=\"{from:.1}\" x2=\"{from:.1}\" \
                     y1=\"{top:.1}\" y2=\"{:.1}\"/><text class=\"small\" x=\"{:.1}\" \
                     y=\"{label:.1}\">{}</text>",
                    (to - from).max(2.0),
                    top + height,
                    from + 4.0,
                    escaped(timed.fault.kind())
                );
                push(svg, area);
            }
        }
    }

    fn message(&self, svg: &mut String, scenario: &Scenario, message: &Message) {
        let flight_us = scenario.net.delay_us + scenario.net.jitter_us / 2;
        let (from, to) = (Self::y(message.from), Self::y(message.to));
        let down = if to > from { 1.0 } else { -1.0 };
        let class = match message.kind {
            "bind" => "bind",
            "claim" => "claim",
            _ => "message",
        };
        let line = format_args!(
            "<line class=\"{class}\" x1=\"{:.1}\" y1=\"{:.1}\" x2=\"{:.1}\" y2=\"{:.1}\" \
             marker-end=\"url(#tip)\"><title>{} from node {} to node {} at {:.6} s</title></line>",
            self.x(message.at_us),
            from + down * CORE,
            self.x(message.at_us + flight_us),
            to - down * CORE,
            message.kind,
            message.from,
            message.to,
            message.at_us as f64 / 1e6
        );
        push(svg, line);
    }

    fn operations(&self, svg: &mut String, scenario: &Scenario) {
        for op in &scenario.workload {
            let label = match &op.operation {
                Operation::Submit(job) => format!("job {}", job.number),
                Operation::Cancel { number } => format!("cancel {number}"),
                Operation::Adopt { number } => format!("adopt {number}"),
                Operation::Preload { model } => format!("preload {model}"),
                Operation::Release { model } => format!("release {model}"),
                Operation::Admit { machine, .. } => format!("admit {machine}"),
                Operation::Revoke { machine } => format!("revoke {machine}"),
            };
            let (x, y) = (self.x(op.at_ms * 1_000), Self::y(op.node));
            let mark = format_args!(
                "<circle cx=\"{x:.1}\" cy=\"{y}\" r=\"4\" fill=\"#20639b\"/>\
                 <text class=\"small\" x=\"{:.1}\" y=\"{:.1}\">{label}</text>",
                x + 5.0,
                y - 6.0
            );
            push(svg, mark);
        }
    }

    fn bar(&self, svg: &mut String, row: usize, bar: &Bar) {
        let class = match (bar.to_us, bar.end.as_str()) {
            (None, _) => "open",
            (Some(_), "completed") => "completed",
            (Some(_), "cancelled") => "cancelled",
            (Some(_), _) => "failed",
        };
        let (from, to) = (self.x(bar.from_us), self.x(bar.to_us.unwrap_or(self.to_us)));
        let y = Self::y(bar.executor) + 4.0 + 15.0 * (row % 4) as f64;
        let end = if bar.to_us.is_none() { "goes on" } else { bar.end.as_str() };
        let (job, epoch) = (bar.job, bar.attempt.epoch.0);
        let shape = format_args!(
            "<rect class=\"{class}\" x=\"{from:.1}\" y=\"{y:.1}\" width=\"{:.1}\" height=\"12\" \
             rx=\"2\" opacity=\".85\"><title>job {job}, epoch {epoch}, for node {}: {end}</title>\
             </rect><text class=\"small\" x=\"{:.1}\" y=\"{:.1}\">{job}.{epoch} {}</text>",
            (to - from).max(2.0),
            bar.owner,
            from + 3.0,
            y + 10.0,
            escaped(end)
        );
        push(svg, shape);
    }
}

/// A round step so that about ten fit.
fn tick_us(span_us: u64) -> u64 {
    let rough = (span_us / 10).max(1);
    let power = 10_u64.pow(rough.ilog10());
    let steps = [1, 2, 5, 10];
    steps.into_iter().map(|step| step * power).find(|step| *step >= rough).unwrap_or(power)
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

fn wrapped(text: &str, width: usize) -> Vec<String> {
    let mut lines = vec![String::new()];
    for word in text.split_whitespace() {
        let last = lines.last_mut().expect("there is one");
        if !last.is_empty() && last.chars().count() + word.chars().count() > width {
            lines.push(word.to_owned());
        } else {
            let space = if last.is_empty() { "" } else { " " };
            last.push_str(space);
            last.push_str(word);
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Bounds, run};

    #[test]
    fn a_diagram_shows_each_machine_and_each_attempt() {
        let scenario = Scenario::generate(3, Bounds { fewest: 3, most: 3 });
        let report = run(&scenario, None, true);
        let svg = diagram(&scenario, &report);
        assert_eq!(svg.matches(">node ").count(), 3);
        assert_eq!(svg.matches("rx=\"2\"").count(), report.marks.bars.len());
        assert!(svg.ends_with("</svg>\n"));
    }
}
