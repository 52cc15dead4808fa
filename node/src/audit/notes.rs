//! From whoever has something to note to the ledger. Nobody waits for the disk: what comes within a
//! second is written together, so that a kill or a power cut forgets the jobs of its last second.

use std::time::Duration;

use tokio::sync::{mpsc, oneshot};
use tokio::time::{Instant, timeout_at};
use tokio_util::sync::CancellationToken;

use crate::store::{AuditRecord, Store};

/// Notes that wait for the disk; the next are lost, with a warning.
const WAITING: usize = 4_096;
/// Notes that are written together.
const TOGETHER: usize = 256;
/// How long the first of them waits for others.
const GATHER: Duration = Duration::from_secs(1);

#[derive(Debug)]
enum Order {
    Note(Box<AuditRecord>),
    /// Write what came before, then say so.
    Flush(oneshot::Sender<()>),
}

/// Where to put notes. Cheap to clone.
#[derive(Debug, Clone)]
pub(crate) struct Notes(mpsc::Sender<Order>);

/// What was put there.
pub(crate) struct Noted(mpsc::Receiver<Order>);

/// Both ends.
pub(crate) fn notes() -> (Notes, Noted) {
    let (sender, receiver) = mpsc::channel(WAITING);
    (Notes(sender), Noted(receiver))
}

impl Notes {
    pub(crate) fn note(&self, record: AuditRecord) {
        if self.0.try_send(Order::Note(Box::new(record))).is_err() {
            tracing::warn!("the disk is too slow for the audit log: what a job used was not noted");
        }
    }

    /// Waits until all that was noted before is on the disk, or cannot be.
    pub(crate) async fn flush(&self) {
        let (done, wait) = oneshot::channel();
        if self.0.send(Order::Flush(done)).await.is_ok() {
            // At the node's end everything is written in any case.
            let _ = wait.await;
        }
    }
}

/// Writes notes down until `closing` says that no more will come, and then the last of them.
pub(crate) async fn keep(store: Store, mut noted: Noted, closing: CancellationToken) {
    let mut is_over = false;
    while !is_over {
        let (mut batch, mut waiting) = (Vec::new(), Vec::new());
        tokio::select! {
            order = noted.0.recv() => match order {
                Some(order) => sort(order, &mut batch, &mut waiting),
                None => is_over = true,
            },
            () = closing.cancelled() => is_over = true,
        }
        let until = Instant::now() + GATHER;
        while !is_over && waiting.is_empty() && batch.len() < TOGETHER {
            tokio::select! {
                order = timeout_at(until, noted.0.recv()) => match order {
                    Ok(Some(order)) => sort(order, &mut batch, &mut waiting),
                    Ok(None) => is_over = true,
                    Err(_) => break,
                },
                () = closing.cancelled() => is_over = true,
            }
        }
        while is_over && let Ok(order) = noted.0.try_recv() {
            sort(order, &mut batch, &mut waiting);
        }
        write(&store, batch).await;
        // Whoever does not wait any more does not need to know.
        for done in waiting {
            let _ = done.send(());
        }
    }
}

fn sort(order: Order, batch: &mut Vec<AuditRecord>, waiting: &mut Vec<oneshot::Sender<()>>) {
    match order {
        Order::Note(record) => batch.push(*record),
        Order::Flush(done) => waiting.push(done),
    }
}

async fn write(store: &Store, batch: Vec<AuditRecord>) {
    if batch.is_empty() {
        return;
    }
    if let Err(error) = store.note(batch).await {
        tracing::warn!(%error, "the audit log could not be written");
    }
}
