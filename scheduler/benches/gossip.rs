//! Measures the state plane in simulated meshes of 8 to 1,000 nodes and writes the report: a table as
//! Markdown and a curve as SVG, into the folder that the first argument names. Repeats exactly.

#![allow(clippy::disallowed_methods, reason = "a benchmark writes its report")]

use std::fmt::Write as _;
use std::io::Write as _;
use std::path::Path;

use pumasi_scheduler::spread::SpreadConfig;

#[path = "../tests/spread/net.rs"]
mod net;

use net::{Net, Weather};

const SIZES: [usize; 7] = [8, 32, 100, 200, 300, 500, 1_000];
/// Each node changes once in this time: 20 % of them each second.
const CHANGE_MS: u64 = 5_000;

/// Traffic and ages in one mesh.
struct Steady {
    nodes: usize,
    lost_permille: u64,
    bytes: u64,
    packets: u64,
    p50_ms: u64,
    p99_ms: u64,
}

/// Deaths and pauses in one mesh.
struct Deaths {
    nodes: usize,
    lost_permille: u64,
    kills: usize,
    p50_ms: u64,
    p99_ms: u64,
    most_ms: u64,
    pauses: usize,
    false_ones: usize,
}

fn mesh(nodes: usize, seed: u64, lost_permille: u64) -> Net {
    let weather = Weather { lost_permille, ..Weather::default() };
    let mut net = Net::new(nodes, seed, weather, &SpreadConfig::default());
    net.run_ms(4_000);
    net.downs.clear();
    net
}

fn permille(sorted: &[u64], permille: usize) -> u64 {
    sorted.get(sorted.len().saturating_sub(1) * permille / 1_000).copied().unwrap_or(0)
}

fn steady(nodes: usize, lost_permille: u64, change_ms: u64) -> Steady {
    let mut net = mesh(nodes, 1, lost_permille);
    if change_ms > 0 {
        net.change_every(change_ms, true);
    }
    let seconds = if nodes > 300 { 10 } else { 30 };
    let before = net.sent();
    net.run_ms(seconds * 1_000);
    let after = net.sent();
    net.ages.sort_unstable();
    let each = |sum: u64| sum / nodes as u64 / seconds;
    Steady {
        nodes,
        lost_permille,
        bytes: each(after.0 - before.0),
        packets: each(after.1 - before.1),
        p50_ms: permille(&net.ages, 500),
        p99_ms: permille(&net.ages, 990),
    }
}

fn deaths(nodes: usize, lost_permille: u64) -> Deaths {
    let (mut waits, mut false_ones) = (Vec::new(), 0);
    let kills = if nodes > 100 { 4 } else { 20 };
    for seed in 0..kills {
        let mut net = mesh(nodes, seed, lost_permille);
        net.change_every(CHANGE_MS, false);
        let wait_ms = 500 + net.roll(1_000);
        net.run_ms(wait_ms);
        let killed = usize::try_from(net.roll(nodes as u64)).expect("small");
        let at = net.now;
        net.kill(killed);
        net.run_ms(6_000);
        let found = net.downs.iter().filter(|(_, by, of)| *of == killed && *by != killed);
        waits.extend(found.map(|(when, ..)| when.ms_since(at)));
        false_ones += net.downs.iter().filter(|d| d.2 != killed && d.1 != killed).count();
    }
    let (mut net, mut pauses) = (mesh(nodes, 99, lost_permille), 0);
    net.change_every(CHANGE_MS, false);
    for _ in 0..if nodes > 100 { 4 } else { 20 } {
        for _ in 0..nodes.div_ceil(5) {
            let node = usize::try_from(net.roll(nodes as u64)).expect("small");
            net.pause_ms(node, 2_000);
            pauses += 1;
        }
        net.run_ms(5_000);
    }
    false_ones += net.downs.len();
    waits.sort_unstable();
    Deaths {
        nodes,
        lost_permille,
        kills: usize::try_from(kills).expect("few"),
        p50_ms: permille(&waits, 500),
        p99_ms: permille(&waits, 990),
        most_ms: permille(&waits, 1_000),
        pauses,
        false_ones,
    }
}

/// Gossip with one signed message per update: 2.5 kB for each, of all nodes.
fn gossiped(nodes: usize) -> f64 {
    nodes as f64 * 1_000.0 / CHANGE_MS as f64 * 2_500.0
}

/// Relays that pass on what its origin signed, in batches over a tree: 64 bytes of signature and 30
/// of record for each, and two packets and their acknowledgements five times a second.
fn relayed(nodes: usize) -> f64 {
    nodes as f64 * 1_000.0 / CHANGE_MS as f64 * 94.0 + 5.0 * 4.0 * 121.0
}

/// A record of 8 bytes for each change, seen once by each node.
fn floor(nodes: usize) -> f64 {
    nodes as f64 * 1_000.0 / CHANGE_MS as f64 * 8.0
}

fn table(quiet: &[Steady], busy: &[Steady], deaths: &[Deaths]) -> String {
    let mut text = String::from(include_str!("gossip.md"));
    let kb = |bytes: f64| format!("{:.2}", bytes / 1_000.0);
    let mut row = |cells: &[String]| {
        writeln!(text, "| {} |", cells.join(" | ")).expect("a string takes a line");
    };
    let head = |cells: &[&str]| cells.iter().map(ToString::to_string).collect::<Vec<_>>();
    row(&head(&[
        "nodes",
        "packets lost",
        "sent, quiet",
        "sent, busy",
        "busy, IPv6",
        "packets",
        "age p50",
        "age p99",
        "relayed",
        "gossipsub",
        "floor",
    ]));
    row(&vec!["--:".to_owned(); 11]);
    for busy in busy {
        let quiet = quiet.iter().find(|q| q.nodes == busy.nodes && busy.lost_permille == 0);
        row(&[
            busy.nodes.to_string(),
            format!("{} %", busy.lost_permille / 10),
            quiet.map_or("".to_owned(), |quiet| kb(quiet.bytes as f64)),
            kb(busy.bytes as f64),
            kb((busy.bytes + 20 * busy.packets) as f64),
            busy.packets.to_string(),
            format!("{} ms", busy.p50_ms),
            format!("{} ms", busy.p99_ms),
            kb(relayed(busy.nodes)),
            kb(gossiped(busy.nodes)),
            kb(floor(busy.nodes)),
        ]);
    }
    text.push_str(include_str!("gossip-deaths.md"));
    for d in deaths {
        writeln!(
            text,
            "| {} | {} % | {} | {} ms | {} ms | {} ms | {} | {} |",
            d.nodes,
            d.lost_permille / 10,
            d.kills,
            d.p50_ms,
            d.p99_ms,
            d.most_ms,
            d.pauses,
            d.false_ones
        )
        .expect("a string takes a line");
    }
    text
}

/// Bytes by nodes, both logarithmic.
fn curve(busy: &[Steady]) -> String {
    let x = |nodes: f64| 60.0 + (nodes / 8.0).ln() / (1_000.0_f64 / 8.0).ln() * 520.0;
    let y = |bytes: f64| 340.0 - (bytes / 10.0).log10() * 55.0;
    let line = |points: Vec<(f64, f64)>| {
        let points = points.iter().map(|(n, b)| format!("{:.0},{:.0}", x(*n), y(*b)));
        points.collect::<Vec<_>>().join(" ")
    };
    let formula = |of: fn(usize) -> f64| line(SIZES.iter().map(|n| (*n as f64, of(*n))).collect());
    let clean = busy.iter().filter(|steady| steady.lost_permille == 0);
    let measured = line(clean.map(|s| (s.nodes as f64, s.bytes as f64)).collect());
    let curves = [
        ("this state plane, simulated", "#0b6e4f", measured),
        ("signed batches, relayed (formula)", "#b36a00", formula(relayed)),
        ("gossipsub, one message per update (formula)", "#a33", formula(gossiped)),
        ("floor: 8 bytes per change (formula)", "#777", formula(floor)),
    ];
    let mut svg = String::from(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 640 400\" \
         font-family=\"sans-serif\" font-size=\"12\">\n\
         <rect width=\"640\" height=\"400\" fill=\"#fff\"/>\n",
    );
    let mut add = |text: String| writeln!(svg, "{text}").expect("a string takes a line");
    for nodes in SIZES {
        let x = x(nodes as f64);
        add(format!("<text x=\"{x:.0}\" y=\"360\" text-anchor=\"middle\">{nodes}</text>"));
    }
    for (bytes, name) in [(1e2, "0.1"), (1e3, "1"), (8e3, "8"), (1e5, "100"), (1e6, "1000")] {
        let y = y(bytes);
        add(format!("<line x1=\"60\" x2=\"580\" y1=\"{y:.0}\" y2=\"{y:.0}\" stroke=\"#ddd\"/>"));
        add(format!("<text x=\"54\" y=\"{:.0}\" text-anchor=\"end\">{name}</text>", y + 4.0));
    }
    for (index, (name, color, points)) in curves.into_iter().enumerate() {
        let y = 20 + 16 * index;
        add(format!(
            "<polyline points=\"{points}\" fill=\"none\" stroke=\"{color}\" stroke-width=\"2\"/>"
        ));
        add(format!("<text x=\"70\" y=\"{y}\" fill=\"{color}\">{name}</text>"));
    }
    add(
        "<text x=\"320\" y=\"388\" text-anchor=\"middle\">nodes; 20 % of them change each second; \
         kB/s sent by each</text>"
            .to_owned(),
    );
    svg.push_str("</svg>\n");
    svg
}

fn main() {
    let folder = std::env::args().skip(1).find(|arg| !arg.starts_with('-'));
    let quiet: Vec<Steady> = SIZES.iter().map(|nodes| steady(*nodes, 0, 0)).collect();
    let mut busy: Vec<Steady> = SIZES.iter().map(|nodes| steady(*nodes, 0, CHANGE_MS)).collect();
    busy.extend([10, 50].map(|lost| steady(200, lost, CHANGE_MS)));
    let sizes = [(2, 0), (8, 10), (32, 10), (200, 0), (200, 10), (200, 50)];
    let deaths: Vec<Deaths> = sizes.iter().map(|(nodes, lost)| deaths(*nodes, *lost)).collect();
    let text = table(&quiet, &busy, &deaths);
    if let Some(folder) = folder {
        let folder = Path::new(&folder);
        std::fs::write(folder.join("state-plane.md"), &text).expect("the folder takes a file");
        let svg = folder.join("images/state-plane.svg");
        std::fs::write(svg, curve(&busy)).expect("the folder takes a file");
    }
    std::io::stdout().write_all(text.as_bytes()).expect("standard output takes the report");
}
