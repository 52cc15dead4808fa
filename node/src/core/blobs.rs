//! Which members may read which files: a job's inputs and results go to its person's nodes, to admins
//! and to those that keep the job; its inputs also to the one that runs it.

use pumasi_protocol::custody::Record;
use pumasi_protocol::{BlobAsk, BlobId, BlobRight, JobId, NodeId};
use tokio::sync::oneshot;

use super::Core;
use super::owned::OwnedJob;
use crate::net::BlobSource;

impl Core {
    pub(super) fn on_blob_asked(
        &self,
        from: NodeId,
        ask: BlobAsk,
        reply: oneshot::Sender<Option<BlobSource>>,
    ) {
        let may = match ask.right {
            BlobRight::Job(job) => self.may_read_file(from, job, ask.blob),
        };
        if !may {
            return drop(reply.send(None));
        }
        let store = self.store.clone();
        tokio::task::spawn_blocking(move || {
            let opened = store.open_file(ask.blob).ok().flatten();
            drop(reply.send(opened.map(|(file, size)| BlobSource { file, size })));
        });
    }

    fn may_read_file(&self, from: NodeId, job: JobId, blob: BlobId) -> bool {
        // A second try at a job asks by its own id.
        let owned = self.owned.find(self.owned.hedges.get(&job).copied().unwrap_or(job));
        let record = self.record(job);
        let asked = record.is_some_and(|record| record.inputs.iter().any(|b| b.id == blob));
        let came = record.and_then(|record| record.ended.as_ref()?.end.result());
        let person = record.map(Record::person).or(owned.map(|job| job.need.person));
        let runs = |job: &OwnedJob| job.runs_on(from);
        let needs = |job: &OwnedJob| job.run.work.files().iter().any(|file| file.id == blob);
        let reader = Reader {
            keeps_the_job: self.is_keeper(from, job),
            is_its_person: person.is_some_and(|person| self.may_read(from, person)),
            runs_it: owned.is_some_and(runs),
        };
        reader.may_read(File {
            is_input: asked || owned.is_some_and(|job| job.input == Some(blob) || needs(job)),
            is_result: came.is_some_and(|result| result.id == blob)
                || owned.is_some_and(|job| job.result == Some(blob)),
        })
    }
}

/// What a file is to the job that the asker names.
#[derive(Debug, Clone, Copy)]
struct File {
    is_input: bool,
    is_result: bool,
}

/// What the asker is to that job.
#[derive(Debug, Clone, Copy)]
struct Reader {
    keeps_the_job: bool,
    /// A node of its person, or an admin's.
    is_its_person: bool,
    /// The attempt that runs is bound to it.
    runs_it: bool,
}

impl Reader {
    fn may_read(self, file: File) -> bool {
        let is_of_job = file.is_input || file.is_result;
        is_of_job && (self.keeps_the_job || self.is_its_person || self.runs_it && file.is_input)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cat_p03_files_of_a_job_go_to_who_keeps_it_asked_it_or_runs_it_and_nobody_else() {
        let nobody = Reader { keeps_the_job: false, is_its_person: false, runs_it: false };
        let keeper = Reader { keeps_the_job: true, ..nobody };
        let person = Reader { is_its_person: true, ..nobody };
        let executor = Reader { runs_it: true, ..nobody };
        let input = File { is_input: true, is_result: false };
        let result = File { is_input: false, is_result: true };
        let other = File { is_input: false, is_result: false };
        for (who, reader, reads_input, reads_result) in [
            ("another member", nobody, false, false),
            ("a holder", keeper, true, true),
            ("its person", person, true, true),
            ("who runs it", executor, true, false),
        ] {
            assert_eq!(reader.may_read(input), reads_input, "{who}, what was asked");
            assert_eq!(reader.may_read(result), reads_result, "{who}, what came of it");
            assert!(!reader.may_read(other), "{who}, a file of another job");
        }
    }
}
