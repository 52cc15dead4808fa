//! The audit log as people see it: what the roster's signed entries say of who let in or removed whom,
//! and what this node noted of keys, invitations, policy and jobs; each caller sees what is theirs.

mod notes;

use std::collections::{BTreeMap, BTreeSet};

use pumasi_protocol::roster::{Change, Entry, NodeRole, Roster};
use pumasi_protocol::{NodeId, NodeName};
use pumasi_web::api::{self, AuditAct, AuditEntry, AuditJob, AuditOutcome, AuditSubject};
use pumasi_web::keys::KeyStep;
use pumasi_web::mesh::{AuditFilter, Caller};

use crate::store::{Act, AuditRecord, JobNote, Outcome};

pub(crate) use notes::{Notes, keep, notes};

/// What the log is made from.
pub(crate) struct Sources<'a> {
    pub(crate) me: NodeId,
    pub(crate) name: &'a NodeName,
    pub(crate) person: Option<&'a NodeName>,
    pub(crate) roster: Option<&'a Roster>,
    /// The roster's entries, and whether each counts.
    pub(crate) history: &'a [(Entry, bool)],
    pub(crate) records: Vec<AuditRecord>,
}

/// What this caller may see of what is asked for, newest first.
pub(crate) fn view(
    sources: &Sources<'_>,
    caller: &Caller,
    filter: &AuditFilter,
) -> Vec<AuditEntry> {
    let people = People::of(sources);
    let entries = sources.history.iter().filter_map(|(entry, stands)| {
        let mut shown = people.of_roster(entry)?;
        shown.stands = *stands;
        Some(shown)
    });
    let noted = sources.records.iter().map(|record| people.of_record(record));
    let wanted = |entry: &AuditEntry| {
        entry.at_ms >= filter.since_ms
            && filter.person.as_deref().is_none_or(|person| concerns(entry, person))
            && people.may_see(caller, entry)
    };
    let mut entries: Vec<AuditEntry> = entries.chain(noted).filter(wanted).collect();
    entries.sort_by_key(|entry| std::cmp::Reverse(entry.at_ms));
    entries.truncate(filter.limit);
    entries
}

/// Whether a person did it, or it is about what is theirs.
fn concerns(entry: &AuditEntry, person: &str) -> bool {
    let about = entry.about.as_ref().and_then(|about| about.person.as_deref());
    entry.person.as_deref() == Some(person) || about == Some(person)
}

/// Who is who, those included who do not belong any more.
struct People<'a> {
    me: NodeId,
    person: Option<String>,
    sees_all: bool,
    names: BTreeMap<NodeId, (&'a NodeName, Option<&'a NodeName>)>,
}

impl<'a> People<'a> {
    fn of(sources: &Sources<'a>) -> Self {
        let mut names = BTreeMap::new();
        for (entry, _) in sources.history {
            match &entry.change {
                Some(Change::Found { node_name, person, .. }) => {
                    names.insert(entry.author, (node_name, Some(person)));
                }
                Some(Change::Admit { node, name, person, .. }) => {
                    names.insert(*node, (name, person.as_ref()));
                }
                Some(Change::SetRoles { .. } | Change::Revoke { .. }) | None => {}
            }
        }
        let members = sources.roster.into_iter().flat_map(|roster| &roster.members);
        names.extend(members.map(|(id, member)| (*id, (&member.name, member.person.as_ref()))));
        let own = names.entry(sources.me).or_insert((sources.name, sources.person));
        let person = own.1.or(sources.person).map(ToString::to_string);
        // Without a mesh this computer is its owner's alone.
        let sees_all = sources.roster.is_none_or(|r| r.has_role(&sources.me, NodeRole::Admin));
        Self { me: sources.me, person, sees_all, names }
    }

    fn may_see(&self, caller: &Caller, entry: &AuditEntry) -> bool {
        match caller {
            Caller::Loopback => false,
            // A key is for what its person asked, not for who let in whom.
            Caller::Key { person, .. } => {
                entry.job.is_some() && entry.person.as_deref() == Some(person)
            }
            Caller::Install if self.sees_all => true,
            Caller::Install => {
                let is_own = self.person.as_deref().is_some_and(|own| concerns(entry, own));
                let is_here = entry.node.id == self.me.to_string();
                let of_others = entry.act == AuditAct::Ran
                    || entry.act == AuditAct::Asked && entry.person != self.person;
                is_own || (is_here && !of_others)
            }
        }
    }

    fn node(&self, id: NodeId) -> api::NodeRef {
        let name = self.names.get(&id).map_or_else(|| id.short(), |(name, _)| name.to_string());
        api::NodeRef { id: id.to_string(), name }
    }

    fn person_of(&self, id: NodeId) -> Option<String> {
        self.names.get(&id)?.1.map(ToString::to_string)
    }

    fn about(&self, id: NodeId, roles: &BTreeSet<NodeRole>) -> AuditSubject {
        let api::NodeRef { id: text, name } = self.node(id);
        AuditSubject { id: text, name, person: self.person_of(id), grants: words(roles) }
    }

    /// A kind that a newer version writes says nothing that this one could show.
    fn of_roster(&self, entry: &Entry) -> Option<AuditEntry> {
        let (act, about) = match entry.change.as_ref()? {
            Change::Found { mesh_name, person, .. } => {
                let (id, name) = (hex::encode(entry.hash), mesh_name.to_string());
                let person = Some(person.to_string());
                (AuditAct::Founded, AuditSubject { id, name, person, grants: Vec::new() })
            }
            Change::Admit { node, name, person, roles } => {
                let (id, name) = (node.to_string(), name.to_string());
                let person = person.as_ref().map(ToString::to_string);
                (AuditAct::Admitted, AuditSubject { id, name, person, grants: words(roles) })
            }
            Change::SetRoles { node, roles } => (AuditAct::RolesSet, self.about(*node, roles)),
            Change::Revoke { node, .. } => (AuditAct::Removed, self.about(*node, &BTreeSet::new())),
        };
        Some(AuditEntry {
            at_ms: entry.at_ms,
            act,
            person: self.person_of(entry.author),
            node: self.node(entry.author),
            key: None,
            about: Some(about),
            job: None,
            stands: true,
        })
    }

    fn of_record(&self, record: &AuditRecord) -> AuditEntry {
        let mut shown = AuditEntry {
            at_ms: record.at_ms,
            act: AuditAct::Started,
            person: self.person.clone(),
            node: self.node(self.me),
            key: None,
            about: None,
            job: None,
            stands: true,
        };
        match &record.act {
            Act::Started { version } => {
                shown.person = None;
                shown.about = Some(named(version.clone()));
            }
            Act::Key { change, id, name, person, scopes } => {
                shown.act = match change {
                    KeyStep::Made => AuditAct::KeyMade,
                    KeyStep::Changed => AuditAct::KeyChanged,
                    KeyStep::Revoked => AuditAct::KeyRevoked,
                };
                shown.about = Some(AuditSubject {
                    id: id.clone(),
                    name: name.to_string(),
                    person: Some(person.to_string()),
                    grants: scopes.iter().map(|scope| scope.word().to_owned()).collect(),
                });
            }
            Act::Invited { id, person, roles, uses } => {
                shown.act = AuditAct::Invited;
                let person = person.as_ref().map(ToString::to_string);
                let (id, name) = (id.clone(), uses.to_string());
                shown.about = Some(AuditSubject { id, name, person, grants: words(roles) });
            }
            Act::Withdrawn { id } => {
                shown.act = AuditAct::Withdrawn;
                shown.about = Some(AuditSubject { id: id.clone(), ..AuditSubject::default() });
            }
            Act::Lend { lend, .. } => {
                shown.act = AuditAct::LendingSet;
                shown.about = Some(named(lend_word(*lend).to_owned()));
            }
            Act::Asked(note) => self.with_job(&mut shown, AuditAct::Asked, note),
            Act::Ran(note) => self.with_job(&mut shown, AuditAct::Ran, note),
            Act::Provided { note, provider } => {
                // For another node it was work of that one's, done here.
                let is_own = note.owner == self.me;
                let act = if is_own { AuditAct::Asked } else { AuditAct::Ran };
                self.with_job(&mut shown, act, note);
                if let Some(job) = &mut shown.job {
                    job.provider = Some(provider.clone());
                }
            }
        }
        shown
    }

    fn with_job(&self, shown: &mut AuditEntry, act: AuditAct, note: &JobNote) {
        shown.act = act;
        shown.person = note.person.as_ref().map(ToString::to_string);
        shown.key.clone_from(&note.key);
        let (outcome, error) = match &note.outcome {
            Outcome::Completed => (AuditOutcome::Completed, None),
            Outcome::Failed(code) => (AuditOutcome::Failed, Some(code.clone())),
            Outcome::Cancelled => (AuditOutcome::Cancelled, None),
        };
        shown.job = Some(AuditJob {
            id: note.job.to_string(),
            kind: note.kind.into(),
            model: note.model.to_string(),
            owner: self.node(note.owner),
            ran_on: note.ran_on.map(|node| self.node(node)),
            provider: None,
            asked_bytes: note.asked_bytes,
            prompt_tokens: note.usage.prompt,
            cached_tokens: note.usage.cached,
            completion_tokens: note.usage.completion,
            attempts: note.attempts,
            accepted_ms: note.accepted_ms,
            outcome,
            error,
        });
    }
}

fn named(name: String) -> AuditSubject {
    AuditSubject { name, ..AuditSubject::default() }
}

fn lend_word(lend: api::Lend) -> &'static str {
    match lend {
        api::Lend::Accepting => "accepting",
        api::Lend::Paused => "paused",
        api::Lend::Draining => "draining",
    }
}

fn words(roles: &BTreeSet<NodeRole>) -> Vec<String> {
    let word = |role: &NodeRole| match role {
        NodeRole::Admin => "admin",
        NodeRole::Member => "member",
        NodeRole::WorkerOnly => "worker-only",
        NodeRole::SubmitOnly => "submit-only",
        NodeRole::Guest => "guest",
    };
    roles.iter().map(|role| word(role).to_owned()).collect()
}

#[cfg(test)]
mod tests;
