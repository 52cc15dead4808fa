//! Prints what one input costs a scheduler in a mesh of 200 nodes (or as many as the first argument
//! says), by kind of input. One stream of inputs is given to one scheduler, several times over from
//! its beginning, and of each input the shortest time counts, so that other programs on the machine
//! add little. Then the same while other memory is read before each input, as a node does other
//! things between two; not with `--warm`. Asserts nothing.

#![allow(clippy::disallowed_methods, reason = "a benchmark measures time")]

use std::collections::BTreeMap;
use std::hint::black_box;
use std::io::Write as _;

mod office;
mod stream;

use stream::Stream;

/// How often the stream is run.
const RUNS: usize = 7;
/// Words that are read between two inputs to empty the caches of a core: 4 MiB.
const OTHER_WORDS: usize = 512 << 10;

/// Of each input of the stream its kind and its shortest time in nanoseconds.
fn shortest(count: usize, runs: usize, between: &mut dyn FnMut()) -> Vec<(&'static str, u64)> {
    let run = |between: &mut dyn FnMut()| {
        let mut stream = Stream::new(count, between);
        stream.run();
        stream.times
    };
    let mut times = run(between);
    for _ in 1..runs {
        for (known, again) in times.iter_mut().zip(run(between)) {
            assert_eq!(known.0, again.0, "equal runs have equal inputs");
            known.1 = known.1.min(again.1);
        }
    }
    times
}

fn by_kind(times: &[(&'static str, u64)]) -> BTreeMap<&'static str, Vec<u64>> {
    let mut kinds: BTreeMap<&'static str, Vec<u64>> = BTreeMap::new();
    for (kind, ns) in times {
        kinds.entry(kind).or_default().push(*ns);
        kinds.entry("~ all").or_default().push(*ns);
    }
    kinds.values_mut().for_each(|times| times.sort_unstable());
    kinds
}

fn main() {
    let mut numbers = std::env::args().skip(1).filter_map(|arg| arg.parse().ok());
    let (count, runs) = (numbers.next().unwrap_or(200), numbers.next().unwrap_or(RUNS));
    let warm = by_kind(&shortest(count, runs, &mut || {}));
    let other = vec![1_u64; OTHER_WORDS];
    let mut read_other = || {
        black_box(black_box(&other).iter().sum::<u64>());
    };
    let only_warm = std::env::args().any(|arg| arg == "--warm");
    let cold =
        if only_warm { BTreeMap::new() } else { by_kind(&shortest(count, runs, &mut read_other)) };
    let mut out = std::io::stdout().lock();
    let mut say = |line: String| writeln!(out, "{line}").expect("standard output takes a line");
    say(format!("one input of a scheduler in a mesh of {count} nodes, in µs"));
    say(format!("{:<14}{:>7}{:>27}{:>27}", "", "", "warm caches", "other memory read before"));
    let columns = format!("{:>9}{:>9}{:>9}", "p50", "p99", "most");
    say(format!("{:<14}{:>7}{columns}{columns}", "input", "number"));
    for (kind, warm) in &warm {
        let columns = |times: &[u64]| {
            let at = |permille: usize| times[(times.len() - 1) * permille / 1_000] as f64 / 1_000.0;
            format!("{:>9.1}{:>9.1}{:>9.1}", at(500), at(990), at(1_000))
        };
        let cold = cold.get(kind).map_or(String::new(), |cold| columns(cold));
        say(format!("{kind:<14}{:>7}{}{cold}", warm.len(), columns(warm)));
    }
}
