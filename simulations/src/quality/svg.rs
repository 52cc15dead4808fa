//! Plots as SVG text: lines and points on logarithmic axes, with a legend. Knows numbers only.

use std::fmt::Write as _;

/// One line or one cloud of points.
pub struct Series {
    /// What the legend says.
    pub name: String,
    /// Its points, in the units of the axes.
    pub points: Vec<(f64, f64)>,
    /// Joined by a line; otherwise marked by dots.
    pub line: bool,
}

/// An axis.
pub struct Axis {
    /// What it shows, with its unit.
    pub title: &'static str,
    /// Its ends.
    pub ends: (f64, f64),
    /// Where it is marked.
    pub marks: Vec<f64>,
    /// Equal factors are equally wide.
    pub logarithmic: bool,
}

const WIDTH: f64 = 760.0;
const HEIGHT: f64 = 440.0;
const LEFT: f64 = 70.0;
const RIGHT: f64 = 560.0;
const TOP: f64 = 44.0;
const BOTTOM: f64 = 380.0;
/// Distinct for colour-blind eyes too (Okabe and Ito, 2008).
const COLOURS: [&str; 8] =
    ["#000000", "#d55e00", "#999999", "#56b4e9", "#009e73", "#cc79a7", "#0072b2", "#e69f00"];

impl Axis {
    fn place(&self, value: f64, from: f64, to: f64) -> f64 {
        let (low, high) = self.ends;
        let value = value.clamp(low, high);
        let share = if self.logarithmic {
            (value / low).ln() / (high / low).ln()
        } else {
            (value - low) / (high - low)
        };
        from + share * (to - from)
    }
}

/// The whole picture.
#[must_use]
pub fn plot(title: &str, x: &Axis, y: &Axis, series: &[Series]) -> String {
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {HEIGHT}\" \
         font-family=\"sans-serif\" font-size=\"12\" role=\"img\">\n\
         <title>{title}</title>\n<rect width=\"100%\" height=\"100%\" fill=\"#fff\"/>\n\
         <text x=\"{LEFT}\" y=\"24\" font-size=\"15\">{title}</text>\n"
    );
    frame(&mut svg, x, y);
    for (index, one) in series.iter().enumerate() {
        draw(&mut svg, x, y, one, index);
    }
    svg.push_str("</svg>\n");
    svg
}

fn frame(svg: &mut String, x: &Axis, y: &Axis) {
    for mark in &x.marks {
        let at = x.place(*mark, LEFT, RIGHT);
        line(svg, (at, TOP), (at, BOTTOM));
        text(svg, (at, BOTTOM + 18.0), "middle", &mark.to_string());
    }
    for mark in &y.marks {
        let at = y.place(*mark, BOTTOM, TOP);
        line(svg, (LEFT, at), (RIGHT, at));
        text(svg, (LEFT - 8.0, at + 4.0), "end", &mark.to_string());
    }
    text(svg, (f64::midpoint(LEFT, RIGHT), BOTTOM + 40.0), "middle", x.title);
    let (cx, cy) = (18.0, f64::midpoint(TOP, BOTTOM));
    push(
        svg,
        format_args!(
            "<text transform=\"rotate(-90 {cx} {cy})\" x=\"{cx}\" y=\"{cy}\" \
             text-anchor=\"middle\">{}</text>\n",
            y.title
        ),
    );
}

fn draw(svg: &mut String, x: &Axis, y: &Axis, series: &Series, index: usize) {
    let colour = COLOURS[index % COLOURS.len()];
    let place = |(px, py): &(f64, f64)| (x.place(*px, LEFT, RIGHT), y.place(*py, BOTTOM, TOP));
    if series.line {
        let mut path = String::new();
        for (px, py) in series.points.iter().map(place) {
            push(&mut path, format_args!("{px:.1},{py:.1} "));
        }
        push(
            svg,
            format_args!(
                "<polyline points=\"{path}\" fill=\"none\" stroke=\"{colour}\" \
                 stroke-width=\"2\"/>\n"
            ),
        );
    }
    if !series.line || series.points.len() < 16 {
        for (px, py) in series.points.iter().map(place) {
            push(
                svg,
                format_args!("<circle cx=\"{px:.1}\" cy=\"{py:.1}\" r=\"4\" fill=\"{colour}\"/>\n"),
            );
        }
    }
    let at = TOP + 12.0 + 22.0 * index as f64;
    push(
        svg,
        format_args!(
            "<rect x=\"{}\" y=\"{}\" width=\"14\" height=\"10\" fill=\"{colour}\"/>\n",
            RIGHT + 18.0,
            at - 9.0
        ),
    );
    text(svg, (RIGHT + 38.0, at), "start", &series.name);
}

fn line(svg: &mut String, a: (f64, f64), b: (f64, f64)) {
    let ((ax, ay), (bx, by)) = (a, b);
    push(
        svg,
        format_args!(
            "<line x1=\"{ax:.1}\" y1=\"{ay:.1}\" x2=\"{bx:.1}\" y2=\"{by:.1}\" stroke=\"#ddd\"/>\n"
        ),
    );
}

fn text(svg: &mut String, (x, y): (f64, f64), anchor: &str, words: &str) {
    let words =
        format_args!("<text x=\"{x:.1}\" y=\"{y:.1}\" text-anchor=\"{anchor}\">{words}</text>\n");
    push(svg, words);
}

fn push(svg: &mut String, words: std::fmt::Arguments<'_>) {
    svg.write_fmt(words).expect("writing into a string does not fail");
}
