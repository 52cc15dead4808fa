//! The real worker, started as a node starts it: what hostile files do to it, and that everything else
//! goes on.

mod corpus;
mod hostile;
mod pdf;

use std::path::PathBuf;
use std::time::Duration;

use pumasi_engine_host::DocumentEngine;
use pumasi_protocol::custody::Blob;
use pumasi_protocol::document::{
    DocumentPart, DocumentProblem, DocumentTask, DocumentWork, PartKind,
};
use pumasi_protocol::stream::AttemptEvent;
use pumasi_protocol::{BlobId, Fault};

/// What a file gave.
#[derive(Debug)]
struct Read {
    parts: Vec<DocumentPart>,
    fault: Option<Fault>,
}

impl Read {
    fn text(&self) -> String {
        let text = self.parts.iter().filter(|part| part.kind == PartKind::Markdown);
        text.map(|part| String::from_utf8_lossy(&part.bytes).into_owned()).collect()
    }

    fn problem(&self) -> Option<DocumentProblem> {
        match &self.fault {
            Some(Fault::Document(problem)) => Some(*problem),
            Some(other) => panic!("not the document's fault: {other:?}"),
            None => None,
        }
    }

    /// The pages that could not be read.
    fn lost(&self) -> Vec<u32> {
        let lost = |part: &DocumentPart| match part.kind {
            PartKind::Problem(_) => Some(part.number),
            PartKind::Markdown
            | PartKind::Png
            | PartKind::Jpeg
            | PartKind::Text
            | PartKind::File
            | PartKind::Json
            | PartKind::Note => None,
        };
        self.parts.iter().filter_map(lost).collect()
    }
}

fn engine() -> DocumentEngine {
    DocumentEngine::new(PathBuf::from(env!("CARGO_BIN_EXE_pumasi-document")))
}

fn work(name: &str, bytes: &[u8], task: DocumentTask) -> DocumentWork {
    DocumentWork {
        file: Blob { id: BlobId([0; 32]), bytes: bytes.len() as u64 },
        name: name.to_owned(),
        password: None,
        task,
        pages: None,
        avoid: Vec::new(),
        skip: 0,
    }
}

/// Works on a file; every file gets an answer in time.
async fn run(work: DocumentWork, bytes: Vec<u8>) -> Read {
    let mut events = engine().submit(work, bytes);
    let mut read = Read { parts: Vec::new(), fault: None };
    let reading = async {
        loop {
            match events.recv().await.expect("a last event") {
                AttemptEvent::Part { part, .. } => read.parts.push(part),
                AttemptEvent::Alive { .. } => {}
                AttemptEvent::Finished { .. } => return,
                AttemptEvent::Failed(fault) => {
                    read.fault = Some(fault);
                    return;
                }
                AttemptEvent::Started { .. }
                | AttemptEvent::Tokens { .. }
                | AttemptEvent::Embedded { .. } => panic!("a document has no tokens"),
            }
        }
    };
    tokio::time::timeout(Duration::from_secs(300), reading).await.expect("an answer");
    read
}

async fn extract(name: &str, bytes: Vec<u8>) -> Read {
    run(work(name, &bytes, DocumentTask::Extract), bytes).await
}
