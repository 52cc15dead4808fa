//! `simulate recording`: a recording of a real node, replayed.

use std::io::Write as _;
use std::path::Path;

use anyhow::Context as _;
use pumasi_simulations::replay;

/// Largest file that is read, in bytes: four times what a node writes.
const FILE_BYTES: u64 = 1 << 30;

pub(crate) fn recording(path: &Path) -> anyhow::Result<()> {
    let shown = path.display();
    let size = std::fs::metadata(path).with_context(|| format!("looking at {shown}"))?.len();
    anyhow::ensure!(size <= FILE_BYTES, "{shown} has {size} bytes; a node writes far less");
    let bytes = std::fs::read(path).with_context(|| format!("reading {shown}"))?;
    let replayed = replay(&bytes).with_context(|| format!("replaying {shown}"))?;
    let mut out = std::io::stdout().lock();
    let seconds = replayed.until.0 as f64 / 1_000_000.0;
    writeln!(out, "{} inputs in {seconds:.1} s since the node's start", replayed.inputs())?;
    for (kind, count) in &replayed.kinds {
        writeln!(out, "  {count:>10}  {kind}")?;
    }
    writeln!(out, "  {:>10}  times at which deadlines were due", replayed.timeouts)?;
    if replayed.cut {
        writeln!(out, "the end is cut off in the middle of an entry, as a kill leaves it")?;
    }
    let (actions, compared) = (replayed.actions, replayed.compared);
    writeln!(out, "{actions} actions are the same, compared {compared} times")?;
    let Some(difference) = replayed.difference else { return Ok(()) };
    writeln!(
        out,
        "DIFFERENT  after {} inputs and deadlines, at {} us: the node's scheduler had asked for {} \
         actions, this one for {}; the latest of this one:",
        difference.after, difference.at.0, difference.recorded, difference.replayed
    )?;
    for action in &difference.actions {
        writeln!(out, "  {action}")?;
    }
    anyhow::bail!("the replay asked for something else than the node did")
}
