//! The join door: few connections at a time, and few from one address. The issuer's side of
//! invitations is here: one message each, wrong secrets counted per address.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Instant;

use pumasi_protocol::NodeId;
use pumasi_protocol::pairing::Source;
use pumasi_protocol::roster::{Change, Roster, SignedEntry};
use quinn::{Connection, Endpoint, Incoming, ServerConfig};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;
use tokio_util::task::TaskTracker;

use super::super::data::{endpoint, transport};
use super::super::frames;
use super::super::handle::NetError;
use super::super::limits::{
    JOIN_ANSWER_BYTES, JOIN_ASK_BYTES, JOIN_CONNECTIONS, JOIN_DEADLINE, JOIN_FAILURES,
    JOIN_PER_SOURCE, JOIN_WINDOW, KNOWN_NODES,
};
use super::super::members::{Membership, now_ms};
use super::super::tls::{Accept, Certificate, peer_of, protocol_of};
use super::{
    Answer, Ask, CHAIN_PROTOCOL, Host, JoinRefusal, PAIRING_PROTOCOL, PROTOCOL, chain, in_messages,
};
use crate::store::{Invitation, RedeemError, Redeemed, Store, invitation_id};

/// What the door is built from.
pub(crate) struct DoorSetup {
    pub(crate) address: SocketAddr,
    pub(crate) certificate: Certificate,
    pub(crate) membership: Arc<Membership>,
    pub(crate) store: Store,
    pub(crate) host: Host,
    pub(crate) control_port: u16,
    pub(crate) data_port: u16,
}

/// The open door.
pub(crate) struct Door {
    endpoint: Endpoint,
    tasks: TaskTracker,
}

struct Keeper {
    membership: Arc<Membership>,
    store: Store,
    host: Host,
    control_port: u16,
    data_port: u16,
    failures: Mutex<Failures>,
    here: Mutex<BTreeMap<Source, usize>>,
}

/// A connection that counts for its address, until it is dropped.
struct Place {
    keeper: Arc<Keeper>,
    source: Source,
    _room: OwnedSemaphorePermit,
}

impl Place {
    fn take(keeper: &Arc<Keeper>, source: Source, room: OwnedSemaphorePermit) -> Option<Self> {
        let mut here = keeper.here.lock().expect("no code that holds this lock panics");
        let count = here.entry(source).or_default();
        if *count >= JOIN_PER_SOURCE {
            return None;
        }
        *count += 1;
        Some(Self { keeper: keeper.clone(), source, _room: room })
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut here = self.keeper.here.lock().expect("no code that holds this lock panics");
        let left = here.get(&self.source).copied().unwrap_or_default().saturating_sub(1);
        if left == 0 {
            here.remove(&self.source)
        } else {
            here.insert(self.source, left)
        };
    }
}

/// Wrong secrets per address, or network of IPv6.
#[derive(Default)]
struct Failures(BTreeMap<Source, (u32, Option<Instant>)>);

impl Failures {
    fn is_shut_to(&mut self, source: Source, now: Instant) -> bool {
        self.0.retain(|_, (_, since)| {
            since.is_some_and(|since| now.duration_since(since) < JOIN_WINDOW)
        });
        self.0.get(&source).is_some_and(|(count, _)| *count >= JOIN_FAILURES)
    }

    fn note(&mut self, source: Source, now: Instant) {
        if self.0.len() < KNOWN_NODES || self.0.contains_key(&source) {
            let (count, since) = self.0.entry(source).or_default();
            *count += 1;
            since.get_or_insert(now);
        }
    }
}

impl Door {
    pub(crate) fn open(setup: DoorSetup) -> Result<Self, NetError> {
        let protocols = [PROTOCOL, PAIRING_PROTOCOL, CHAIN_PROTOCOL];
        let tls = setup.certificate.server(&protocols, Accept::Anybody);
        let mut server = ServerConfig::with_crypto(tls);
        server.transport_config(transport(1)).max_incoming(JOIN_CONNECTIONS);
        let endpoint = endpoint(setup.address, "join door", server)?;
        let keeper = Arc::new(Keeper {
            membership: setup.membership,
            store: setup.store,
            host: setup.host,
            control_port: setup.control_port,
            data_port: setup.data_port,
            failures: Mutex::default(),
            here: Mutex::default(),
        });
        let tasks = TaskTracker::new();
        tasks.spawn(listen(endpoint.clone(), keeper, tasks.clone()));
        Ok(Self { endpoint, tasks })
    }

    pub(crate) fn port(&self) -> u16 {
        self.endpoint.local_addr().map_or(0, |address| address.port())
    }

    /// Returns once nobody is being served any more.
    pub(crate) async fn close(self) {
        self.endpoint.close(0u32.into(), b"");
        self.tasks.close();
        self.tasks.wait().await;
    }
}

async fn listen(endpoint: Endpoint, keeper: Arc<Keeper>, tasks: TaskTracker) {
    let places = Arc::new(Semaphore::new(JOIN_CONNECTIONS));
    while let Some(incoming) = endpoint.accept().await {
        let Ok(room) = places.clone().try_acquire_owned() else {
            incoming.refuse();
            continue;
        };
        // An address that was not proven could shut the door to somebody else.
        if !incoming.remote_address_validated() && incoming.may_retry() {
            let _ = incoming.retry();
            continue;
        }
        let source = incoming.remote_address().ip().into();
        let Some(place) = Place::take(&keeper, source, room) else {
            incoming.refuse();
            continue;
        };
        tasks.spawn(async move {
            let _ = timeout(JOIN_DEADLINE, place.keeper.receive(incoming)).await;
        });
    }
}

impl Keeper {
    async fn receive(&self, incoming: Incoming) {
        let source = incoming.remote_address().ip().into();
        if self.failures().is_shut_to(source, Instant::now()) {
            incoming.refuse();
            return;
        }
        let Ok(connection) = incoming.await else { return };
        let Some(node) = peer_of(&connection) else { return };
        match protocol_of(&connection).as_deref() {
            Some(PAIRING_PROTOCOL) => self.host.serve(&self.membership, &connection, node).await,
            Some(CHAIN_PROTOCOL) => self.hear_chain(&connection, node, source).await,
            Some(_) | None => self.serve(&connection, node, source).await,
        }
        // The newcomer closes once it has read the answer.
        connection.closed().await;
    }

    fn failures(&self) -> std::sync::MutexGuard<'_, Failures> {
        self.failures.lock().expect("no code that holds this lock panics")
    }

    async fn serve(&self, connection: &Connection, node: NodeId, source: Source) {
        let Ok((mut out, mut input)) = connection.accept_bi().await else { return };
        let Ok(ask) = frames::read::<Ask>(&mut input, JOIN_ASK_BYTES).await else {
            connection.close(1u32.into(), b"");
            return;
        };
        let answers = match self.admit(node, ask).await {
            Ok(answers) => answers,
            Err(refusal) => {
                if refusal == JoinRefusal::Unknown {
                    self.failures().note(source, Instant::now());
                }
                tracing::info!(node = %node.short(), %refusal, "a newcomer was refused");
                vec![Answer::Refused(refusal)]
            }
        };
        for answer in answers {
            if frames::write(&mut out, &answer, JOIN_ANSWER_BYTES).await.is_err() {
                return;
            }
        }
        let _ = out.finish();
    }

    async fn hear_chain(&self, connection: &Connection, node: NodeId, source: Source) {
        match chain::hear(&self.membership, connection, node).await {
            Some(Ok(())) => tracing::info!(node = %node.short(), "a member showed its chain"),
            Some(Err(error)) => {
                self.failures().note(source, Instant::now());
                tracing::info!(node = %node.short(), %error, "a chain was refused");
            }
            None => {}
        }
    }

    async fn admit(&self, node: NodeId, ask: Ask) -> Result<Vec<Answer>, JoinRefusal> {
        let membership = self.membership.clone();
        let id = invitation_id(&ask.secret);
        let sign = move |terms: &Invitation| sign_admission(&membership, terms, node, ask);
        let redeemed = self.store.redeem(id, node, now_ms() / 1_000, sign).await;
        match redeemed.map_err(refusal)? {
            Redeemed::Admitted(entry) => {
                let taken = self.membership.take(vec![entry], None).await;
                taken.map_err(|_| JoinRefusal::Failed)?;
                tracing::info!(node = %node.short(), "a newcomer was admitted");
            }
            Redeemed::Before if self.membership.members().contains(&node) => {}
            Redeemed::Before => return Err(JoinRefusal::Revoked),
        }
        let entries: Vec<SignedEntry> = self
            .membership
            .with_log(|log| log.map(|log| log.entries().cloned().collect()).unwrap_or_default());
        let mut answers = in_messages(entries);
        let (control_port, data_port) = (self.control_port, self.data_port);
        answers.push(Answer::Done { control_port, data_port });
        Ok(answers)
    }
}

fn refusal(error: RedeemError<JoinRefusal>) -> JoinRefusal {
    match error {
        RedeemError::Unknown => JoinRefusal::Unknown,
        RedeemError::Expired => JoinRefusal::Expired,
        RedeemError::Spent => JoinRefusal::Used,
        RedeemError::Refused(refusal) => refusal,
        RedeemError::Store(_) => JoinRefusal::Failed,
    }
}

/// Runs on the store's thread, in the transaction that consumes the invitation.
fn sign_admission(
    membership: &Membership,
    terms: &Invitation,
    node: NodeId,
    ask: Ask,
) -> Result<SignedEntry, JoinRefusal> {
    let roster = membership.members().roster().ok_or(JoinRefusal::NotAdmin)?;
    if roster.revoked.contains(&node) {
        return Err(JoinRefusal::Revoked);
    }
    let person = match (&terms.person, ask.person) {
        (Some(given), _) => Some(given.clone()),
        (None, Some(own)) if is_person(&roster, own.as_str()) => {
            return Err(JoinRefusal::PersonTaken);
        }
        (None, own) => own,
    };
    let change = Change::Admit { node, name: ask.name, person, roles: terms.roles.clone() };
    membership.sign(&change).map_err(|_| JoinRefusal::NotAdmin)
}

/// Whether the roster knows a person of this name, letter case aside.
pub(super) fn is_person(roster: &Roster, name: &str) -> bool {
    let name = name.to_lowercase();
    let mut persons = roster.members.values().filter_map(|member| member.person.as_ref());
    persons.any(|person| person.as_str().to_lowercase() == name)
}

#[cfg(test)]
mod tests {
    use std::net::IpAddr;

    use super::*;

    fn source(text: &str) -> Source {
        text.parse::<IpAddr>().expect("an address").into()
    }

    #[test]
    fn cat_p19_one_network_of_ipv6_is_one_guesser_and_a_full_table_forgets_nobody() {
        let (mut failures, now) = (Failures::default(), Instant::now());
        for n in 1..JOIN_FAILURES {
            failures.note(source(&format!("fd00::{n}")), now);
        }
        for n in 1..2 * KNOWN_NODES {
            failures.note(source(&format!("fd00:0:0:{n:x}::1")), now);
        }
        assert_eq!(failures.0.len(), KNOWN_NODES);
        assert!(!failures.is_shut_to(source("fd00::ffff"), now));
        failures.note(source("fd00::ffff"), now);
        assert!(failures.is_shut_to(source("fd00::1"), now), "the tenth from this network");
        assert!(!failures.is_shut_to(source("fd00:0:0:1::1"), now));
    }

    #[test]
    fn ten_wrong_secrets_shut_the_door_to_one_address_for_a_minute() {
        let (mut failures, now) = (Failures::default(), Instant::now());
        let (guesser, other) = (source("10.0.0.1"), source("10.0.0.2"));
        for _ in 0..JOIN_FAILURES {
            assert!(!failures.is_shut_to(guesser, now));
            failures.note(guesser, now);
        }
        assert!(failures.is_shut_to(guesser, now));
        assert!(!failures.is_shut_to(other, now));
        assert!(!failures.is_shut_to(guesser, now + JOIN_WINDOW));
    }
}
