//! Files over the data plane: whole and right, or not at all.

use std::io::Write;

use pumasi_protocol::{BlobError, BlobId, BlobRight, JobId, limits};

use super::*;
use crate::net::{BlobSource, FetchError};

/// What comes of fetching `named` from a holder that has `bytes` under its name.
async fn fetch(bytes: Option<&[u8]>, named: &[u8], at_most: usize) -> Result<Vec<u8>, FetchError> {
    let (a, mut b) = pair().await;
    let blob = BlobId(*blake3::hash(named).as_bytes());
    let right = BlobRight::Job(JobId::from_parts(1, [1; 10]));
    let to = b.id();
    let answering = async {
        let asked = b.until(|event| matches!(event, NetEvent::BlobAsked { .. })).await;
        let NetEvent::BlobAsked { from, ask, reply } = asked else { unreachable!("waited for it") };
        assert_eq!((from, ask.blob, ask.right), (a.id(), blob, right));
        let source = bytes.map(|bytes| {
            let mut file = tempfile::tempfile().expect("a temporary file");
            file.write_all(bytes).expect("written");
            BlobSource { file, size: bytes.len() as u64 }
        });
        reply.send(source).expect("still asked");
    };
    let (fetched, ()) = tokio::join!(a.net.fetch(to, blob, right, at_most), answering);
    fetched
}

#[tokio::test]
async fn cat_p23_a_file_comes_whole_and_right_or_not_at_all() {
    let file: Vec<u8> = (0..2 * limits::BLOB_CHUNK_BYTES + 5).map(|i| (i % 253) as u8).collect();
    let roomy = 4 * limits::BLOB_CHUNK_BYTES;
    assert_eq!(fetch(Some(&file), &file, roomy).await, Ok(file.clone()));
    assert_eq!(fetch(None, &file, roomy).await, Err(FetchError::NotFound));
    let mut wrong = file.clone();
    wrong[limits::BLOB_CHUNK_BYTES + 1] ^= 1;
    let hash = Err(FetchError::Wrong(BlobError::Hash));
    assert_eq!(fetch(Some(&wrong), &file, roomy).await, hash, "right length, wrong bytes");
    assert_eq!(fetch(Some(&file[1..]), &file, roomy).await, hash, "another length");
    let size = Err(FetchError::Wrong(BlobError::Size));
    assert_eq!(fetch(Some(&file), &file, file.len() - 1).await, size, "above what is taken");
}
