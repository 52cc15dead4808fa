//! Row G15: a real model with some bytes changed. What the validator lets through, the engine loads
//! or refuses; it never dies of it.

use pumasi_engine_host::{Engine, WorkerEngine};
use pumasi_models::gguf::{self, Gguf};
use pumasi_models::inspect::Inspection;
use pumasi_protocol::Fault;
use pumasi_protocol::worker::LoadModel;

use super::rig::{order, spec, starter};

/// Variants that are loaded by a real worker, and those that only the validator sees.
const LOADED: usize = 40;
const LOOKED_AT: usize = 2_000;

/// Steele, Lea and Flood's splitmix64: the same variants each time.
struct Dice(u64);

impl Dice {
    fn draw(&mut self, below: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut word = self.0;
        word = (word ^ (word >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        word = (word ^ (word >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((word ^ (word >> 31)) % below as u64) as usize
    }
}

fn header(bytes: &[u8]) -> Result<Gguf, gguf::GgufError> {
    let header = gguf::read(bytes, bytes.len() as u64)?;
    Inspection::of(&header)?;
    Ok(header)
}

#[tokio::test]
async fn cat_g15_changed_bytes_are_refused_or_loaded_and_never_kill_the_engine() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().join("changed.gguf");
    let whole = std::fs::read(starter()).expect("the starter model");
    let end = header(&whole).expect("the starter model is sound").data_offset as usize;
    let mut dice = Dice(15);
    let (mut loaded, mut refused, mut failed) = (0, 0, 0);
    for variant in 0..LOOKED_AT {
        if loaded + failed >= LOADED {
            break;
        }
        let mut bytes = whole.clone();
        // Mostly one byte of the header, sometimes several: what a C++ reader walks along.
        for _ in 0..=dice.draw(3) {
            bytes[dice.draw(end)] = dice.draw(256) as u8;
        }
        if header(&bytes).is_err() {
            refused += 1;
            continue;
        }
        std::fs::write(&path, &bytes).expect("it is written");
        let engine = WorkerEngine::new(spec());
        let order = LoadModel { path: path.to_string_lossy().into_owned(), ..order(1) };
        match engine.load(order).await {
            Ok(_) => loaded += 1,
            Err(fault) => {
                let died = [Fault::EngineCrash, Fault::EngineSilent, Fault::EngineGarbage];
                let last = engine.diagnostics();
                assert!(!died.contains(&fault), "variant {variant}: {fault:?}, {last:?}");
                failed += 1;
            }
        }
        engine.shutdown().await;
    }
    let figures = format!("{loaded} loaded, {failed} failed alone, {refused} refused before");
    assert!(loaded > 0 && refused > 0 && loaded + failed >= LOADED, "{figures}");
}
