//! The one thread that changes the database. What waits when it comes round is applied together and
//! synced once (group commit); only then is any of it acknowledged.

use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread::JoinHandle;

use tokio::sync::oneshot;

use super::StoreError;
use super::database::{Batch, Changing, Database};

/// Changes that one sync acknowledges, at most.
const GROUP: usize = 256;

type Acknowledge = Box<dyn FnOnce(Result<(), StoreError>) + Send>;
/// Applies itself, or hears why no change can be made.
type Change = Box<dyn FnOnce(Result<&mut Changing<'_>, StoreError>) -> Acknowledge + Send>;

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
        F: FnOnce(&Changing<'_>) -> Result<(T, Batch), E> + Send + 'static,
    {
        self.apply_then(decide, |_| {}).await
    }

    /// As [`Self::apply`]; `then` runs on the writer's thread once the change lasts, before any later
    /// change, and whether or not somebody still waits.
    pub(super) async fn apply_then<T, E, F, A>(
        &self,
        decide: F,
        then: A,
    ) -> Result<Result<T, E>, StoreError>
    where
        T: Send + 'static,
        E: Send + 'static,
        F: FnOnce(&Changing<'_>) -> Result<(T, Batch), E> + Send + 'static,
        A: FnOnce(&T) + Send + 'static,
    {
        let (reply, answer) = oneshot::channel();
        let change: Change = Box::new(move |changing| {
            let applied = changing.and_then(|changing| match decide(changing) {
                Ok((value, batch)) => changing.apply(batch).map(|()| Ok(value)),
                Err(error) => Ok(Err(error)),
            });
            Box::new(move |synced| {
                let outcome = synced.and(applied);
                if let Ok(Ok(value)) = &outcome {
                    then(value);
                }
                // Nobody waits for the answer any more: the change stands all the same.
                let _ = reply.send(outcome);
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

/// Goes on after a full disk: the next group tries again. After a failed sync each is refused.
fn run(database: &Database, changes: &Receiver<Change>) {
    while let Ok(first) = changes.recv() {
        let mut group = vec![first];
        group.extend(changes.try_iter().take(GROUP - 1));
        let mut acknowledge = Vec::with_capacity(group.len());
        let synced = database.change(|changing| {
            let applied = group.drain(..).map(|change| change(Ok(changing)));
            acknowledge.extend(applied);
            Ok(())
        });
        if let Err(error) = &synced {
            acknowledge.extend(group.drain(..).map(|change| change(Err(error.clone()))));
        }
        for reply in acknowledge {
            reply(synced.clone());
        }
    }
}
