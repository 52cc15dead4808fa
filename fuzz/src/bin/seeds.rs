//! Writes the seeds of all targets into the corpus, named by their hashes as libFuzzer names files.

use std::path::Path;

fn main() -> std::io::Result<()> {
    for target in pumasi_fuzz::TARGETS {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus").join(target.name);
        std::fs::create_dir_all(&folder)?;
        for seed in (target.seeds)() {
            let name = blake3::hash(&seed).to_hex();
            std::fs::write(folder.join(&name[..40]), seed)?;
        }
    }
    Ok(())
}
