//! Makes sure that the folder of the built UI is there, so that the program also builds without it, and
//! builds anew when the UI was.

use std::io::Write;
use std::path::Path;

fn main() -> std::io::Result<()> {
    let dist = Path::new(env!("CARGO_MANIFEST_DIR")).join("ui/dist");
    std::fs::create_dir_all(&dist)?;
    writeln!(std::io::stdout(), "cargo::rerun-if-changed={}", dist.display())
}
