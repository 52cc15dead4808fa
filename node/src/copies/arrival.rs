//! A model file that came whole from other members: looked at before it gets a name here.

use std::fs::{self, File};
use std::io::Read;

use pumasi_models::gguf;
use pumasi_models::inspect::Inspection;
use pumasi_models::limits::HASH_CHUNK_BYTES;
use pumasi_models::name::ModelName as StoreName;
use pumasi_models::store::partial::Fetched;
use pumasi_models::store::{Complete, Sha256, Store};
use pumasi_protocol::ModelName;
use sha2::Digest;

/// Puts it into the store under a name.
///
/// # Errors
/// As a sentence: what is wrong with the file, or why the store does not take it.
pub(crate) fn take_in(store: &Store, name: &ModelName, fetched: &Fetched) -> Result<(), String> {
    look(fetched).inspect_err(|_| {
        // Its content is what it was asked for, so that fetching it again would change nothing.
        let _ = fs::remove_file(&fetched.path).and_then(|()| fs::remove_file(&fetched.tree));
    })?;
    let named = StoreName::parse(name.as_str()).map_err(|error| error.to_string())?;
    let sha256 = sha256_of(fetched).map_err(|error| format!("it cannot be read ({error})"))?;
    let complete = Complete {
        data: fetched.path.clone(),
        tree: Some(fetched.tree.clone()),
        id: fetched.shape.hash,
        sha256,
        bytes: fetched.shape.bytes,
    };
    store.add_finished(&complete, &named).map(drop).map_err(|error| error.to_string())
}

fn look(fetched: &Fetched) -> Result<(), String> {
    let file = File::open(&fetched.path).map_err(|error| error.to_string())?;
    let read = gguf::read(&file, fetched.shape.bytes);
    read.and_then(|gguf| Inspection::of(&gguf)).map(drop).map_err(|error| error.to_string())
}

fn sha256_of(fetched: &Fetched) -> std::io::Result<Sha256> {
    let mut file = File::open(&fetched.path)?;
    let (mut hasher, mut chunk) = (sha2::Sha256::new(), vec![0; HASH_CHUNK_BYTES]);
    loop {
        match file.read(&mut chunk)? {
            0 => return Ok(Sha256::from_bytes(hasher.finalize().into())),
            read => hasher.update(&chunk[..read]),
        }
    }
}
