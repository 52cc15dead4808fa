//! How long it takes to inspect a model file of 2 GB with a vocabulary of 150,000 tokens: the header
//! is read, checked and described; weights are not read. `scripts/bench inspect`.

use std::time::Instant;

use pumasi_models::catalog::inspect_file;
use pumasi_models::gguf::TensorType;
use pumasi_models::test_support::{GgufBuilder, Shape, Sizes};

/// Of these the fastest and the middle one are told.
const ROUNDS: usize = 31;

#[allow(clippy::print_stdout, reason = "this program's output is its result")]
fn main() -> std::io::Result<()> {
    let sizes = Sizes {
        embedding: 2_560,
        blocks: 36,
        heads: 32,
        heads_kv: 8,
        feed_forward: 9_728,
        vocabulary: 151_936,
        context: 40_960,
    };
    let shape = Shape { weights: TensorType::Q4_0, ..Shape::dense("llama", sizes) };
    let folder = std::env::temp_dir().join(format!("pumasi-inspect-{}", std::process::id()));
    std::fs::create_dir_all(&folder)?;
    let path = folder.join("model.gguf");
    let bytes = GgufBuilder::shaped(&shape).write_sparse(&path)?;
    let mut times = Vec::with_capacity(ROUNDS);
    for _ in 0..ROUNDS {
        let begun = Instant::now();
        let inspected = inspect_file(&path);
        times.push(begun.elapsed());
        assert!(inspected.is_ok_and(|(model, _)| model.vocabulary_size == 151_936));
    }
    std::fs::remove_dir_all(&folder)?;
    times.sort_unstable();
    let ms = |at: usize| times[at].as_secs_f64() * 1e3;
    println!("file of {:.2} GB, {} rounds", bytes as f64 / 1e9, ROUNDS);
    println!("inspected in {:.1} ms at best, {:.1} ms in the middle", ms(0), ms(ROUNDS / 2));
    Ok(())
}
