//! The newcomer's side of the join door, with an invitation; and dialling such a door.

use std::net::SocketAddr;

use futures::stream::{FuturesUnordered, StreamExt};
use pumasi_protocol::invitation::Token;
use pumasi_protocol::roster::{RosterLog, SignedEntry};
use quinn::{ClientConfig, Connection, Endpoint, RecvStream};
use tokio::time::timeout;

use super::super::data::transport;
use super::super::frames::{self, StreamError};
use super::super::handle::NetError;
use super::super::limits::{JOIN_ANSWER_BYTES, JOIN_ANSWERS, JOIN_ASK_BYTES, JOIN_DEADLINE};
use super::super::tls::{Accept, Certificate, SERVER_NAME};
use super::{Answer, Ask, JoinAs, JoinError, Joiner, PROTOCOL};

/// What a newcomer got: the mesh's entries, the founding one first, and where the issuer listens.
#[derive(Debug)]
pub(crate) struct Welcome {
    pub(crate) issuer: pumasi_protocol::NodeId,
    pub(crate) entries: Vec<SignedEntry>,
    pub(crate) control: SocketAddr,
    pub(crate) data: SocketAddr,
}

impl Joiner {
    pub(crate) async fn join(&self, token: &Token, who: JoinAs) -> Result<Welcome, JoinError> {
        if token.issuer == self.identity.node() {
            return Err(JoinError::Own);
        }
        let port = token.doors.first().map_or(0, SocketAddr::port);
        let unreachable = || JoinError::Unreachable { port };
        let accept = Accept::Node(token.issuer);
        let reaching = reach(&self.certificate, PROTOCOL, &accept, &token.doors);
        let (connection, _endpoints) = timeout(JOIN_DEADLINE, reaching)
            .await
            .map_err(|_| unreachable())?
            .ok_or_else(unreachable)?;
        let asked = timeout(JOIN_DEADLINE, ask(&connection, token, who));
        let (entries, control_port, data_port) = asked.await.map_err(|_| unreachable())??;
        let ip = connection.remote_address().ip();
        connection.close(0u32.into(), b"");
        let entries = self.checked(token, entries)?;
        Ok(Welcome {
            issuer: token.issuer,
            entries,
            control: SocketAddr::new(ip, control_port),
            data: SocketAddr::new(ip, data_port),
        })
    }

    /// The entries, if they are of the token's mesh and admit this node; the founding one first.
    fn checked(
        &self,
        token: &Token,
        entries: Vec<SignedEntry>,
    ) -> Result<Vec<SignedEntry>, JoinError> {
        let log = RosterLog::from_entries(token.mesh, entries).map_err(|_| JoinError::Answer)?;
        if !log.roster().contains(&self.identity.node()) {
            return Err(JoinError::Answer);
        }
        let mut kept: Vec<_> = log.entries().cloned().collect();
        kept.sort_by_key(|entry| entry.hash() != token.mesh.0);
        Ok(kept)
    }
}

/// Dials all doors at once. Only a peer with an accepted key gets past the handshake. The endpoints
/// must live as long as the connection.
pub(super) async fn reach(
    certificate: &Certificate,
    protocol: &[u8],
    accept: &Accept,
    doors: &[SocketAddr],
) -> Option<(Connection, Vec<Endpoint>)> {
    let tls = certificate.client(protocol, accept.clone());
    let mut config = ClientConfig::new(tls);
    config.transport_config(transport(0));
    let mut endpoints = Vec::new();
    let mut dials = FuturesUnordered::new();
    for door in doors {
        let any = if door.is_ipv4() { "0.0.0.0:0" } else { "[::]:0" };
        let Ok(endpoint) = Endpoint::client(any.parse().expect("an address")) else { continue };
        if let Ok(dial) = endpoint.connect_with(config.clone(), *door, SERVER_NAME) {
            dials.push(dial);
            endpoints.push(endpoint);
        }
    }
    while let Some(dialled) = dials.next().await {
        if let Ok(connection) = dialled {
            return Some((connection, endpoints));
        }
    }
    None
}

async fn ask(
    connection: &Connection,
    token: &Token,
    who: JoinAs,
) -> Result<(Vec<SignedEntry>, u16, u16), JoinError> {
    let broken = |_| JoinError::Net(NetError::NotConnected);
    let (mut out, mut input) = connection.open_bi().await.map_err(broken)?;
    let ask = Ask { secret: token.secret, name: who.name, person: who.person };
    frames::write(&mut out, &ask, JOIN_ASK_BYTES).await.map_err(|_| NetError::NotConnected)?;
    let _ = out.finish();
    read_answers(&mut input).await
}

/// Reads the roster, and where its sender listens (control and data port).
pub(super) async fn read_answers(
    input: &mut RecvStream,
) -> Result<(Vec<SignedEntry>, u16, u16), JoinError> {
    let mut all = Vec::new();
    for _ in 0..JOIN_ANSWERS {
        let answer = frames::read(input, JOIN_ANSWER_BYTES).await.map_err(|error| match error {
            StreamError::Frame(_) | StreamError::Finished => JoinError::Answer,
            StreamError::Broken | StreamError::Slow => NetError::NotConnected.into(),
        })?;
        match answer {
            Answer::Entries(entries) => all.extend(entries),
            Answer::Done { control_port, data_port } => return Ok((all, control_port, data_port)),
            Answer::Refused(refusal) => return Err(refusal.into()),
        }
    }
    Err(JoinError::Answer)
}
