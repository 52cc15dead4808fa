//! Reads files in this process and prints their text, pages apart by form feeds; for benchmarks.
//!
//!     extract [--password WORD] [--times N] FILE…
//!
//! With `--times`, reads each so often and prints the processor time of one reading in milliseconds
//! instead.

use std::io::Write as _;

use pumasi_document::Sink;
use pumasi_protocol::BlobId;
use pumasi_protocol::custody::Blob;
use pumasi_protocol::document::{DocumentPart, DocumentTask, DocumentWork};

struct Pages(Vec<u8>);

impl Sink for Pages {
    fn part(&mut self, _: u32, part: DocumentPart) {
        self.0.extend(&part.bytes);
        if !part.more {
            self.0.push(b'\x0c');
        }
    }

    fn step(&mut self, _: u32) {}
}

#[allow(clippy::print_stdout, clippy::print_stderr)]
fn main() -> std::io::Result<()> {
    let (mut password, mut times, mut files) = (None, None, Vec::new());
    let mut arguments = std::env::args().skip(1);
    while let Some(argument) = arguments.next() {
        match argument.as_str() {
            "--password" => password = arguments.next(),
            "--times" => times = arguments.next().and_then(|n| n.parse::<u32>().ok()),
            _ => files.push(argument),
        }
    }
    for file in files {
        let bytes = std::fs::read(&file)?;
        let work = DocumentWork {
            file: Blob { id: BlobId([0; 32]), bytes: bytes.len() as u64 },
            name: file.clone(),
            password: password.clone(),
            task: DocumentTask::Extract,
            pages: None,
            avoid: Vec::new(),
            skip: 0,
        };
        let began = processor_ms();
        let mut pages = Pages(Vec::new());
        for _ in 0..times.unwrap_or(1) {
            pages.0.clear();
            if let Err(problem) = pumasi_document::run(&work, bytes.clone(), &mut pages) {
                eprintln!("{file}: {problem}");
            }
        }
        match times {
            Some(times) => println!("{:.3}", (processor_ms() - began) / f64::from(times.max(1))),
            None => std::io::stdout().write_all(&pages.0)?,
        }
    }
    Ok(())
}

/// Processor time of this process.
#[cfg(target_os = "linux")]
fn processor_ms() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/schedstat").unwrap_or_default();
    let ns: f64 = stat.split(' ').next().and_then(|ns| ns.parse().ok()).unwrap_or(0.0);
    ns / 1e6
}

#[cfg(not(target_os = "linux"))]
fn processor_ms() -> f64 {
    0.0
}
