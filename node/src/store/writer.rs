//! The one thread that changes the database. What waits when it comes round is applied together and
//! synced once (group commit); only then is any of it acknowledged.

use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread::JoinHandle;

use tokio::sync::oneshot;

use super::StoreError;
use super::database::{Batch, Database};

/// Changes that one sync acknowledges, at most.
const GROUP: usize = 256;

type Acknowledge = Box<dyn FnOnce(Result<(), StoreError>) + Send>;
type Change = Box<dyn FnOnce(&Database) -> Acknowledge + Send>;

/// Ends its thread when dropped, after what was queued.
pub(super) struct Writer {
    queue: Option<Sender<Change>>,
    thread: Option<JoinHandle<()>>,
}

impl Writer {
    pub(super) fn start(database: Database) -> Self {
        let (queue, changes) = channel();
        let thread = std::thread::Builder::new()
            .name("store".to_owned())
            .spawn(move || run(&database, &changes))
            .expect("a thread at the start of the program can be had");
        Self { queue: Some(queue), thread: Some(thread) }
    }

    /// Runs `decide` on the writer's thread and applies the batch that it gives. Its answer comes
    /// back once the batch is on the disk, its error at once.
    pub(super) async fn apply<T, E, F>(&self, decide: F) -> Result<Result<T, E>, StoreError>
    where
        T: Send + 'static,
        E: Send + 'static,
        F: FnOnce(&Database) -> Result<(T, Batch), E> + Send + 'static,
    {
        let (reply, answer) = oneshot::channel();
        let change: Change = Box::new(move |database| {
            let applied = match decide(database) {
                Ok((value, batch)) => database.apply(batch).map(|()| Ok(value)),
                Err(error) => Ok(Err(error)),
            };
            Box::new(move |synced| {
                // Nobody waits for the answer any more: the change stands all the same.
                let _ = reply.send(synced.and(applied));
            })
        });
        let queue = self.queue.as_ref().expect("taken out only when dropped");
        queue.send(change).map_err(|_| StoreError::Stopped)?;
        answer.await.map_err(|_| StoreError::Stopped)?
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        drop(self.queue.take());
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

fn run(database: &Database, changes: &Receiver<Change>) {
    while let Ok(first) = changes.recv() {
        let mut acknowledge = vec![first(database)];
        acknowledge.extend(changes.try_iter().take(GROUP - 1).map(|change| change(database)));
        let synced = database.sync();
        let failed = synced.is_err();
        for reply in acknowledge {
            reply(synced.clone());
        }
        if failed {
            // What the system did with the unsynced pages is unknown: never write again.
            return;
        }
    }
}
