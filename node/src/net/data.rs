//! The data plane: QUIC connections between members, one bidirectional stream per attempt or file. Any
//! connection serves both directions, and one per peer is kept warm.

#![allow(clippy::wildcard_enum_match_arm, reason = "foreign enums that grow")]

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Instant;

use futures::stream::{FuturesUnordered, StreamExt};
use pumasi_protocol::{AttemptId, ModelName, NodeId, Work};
use quinn::{ClientConfig, Connection, Endpoint, Incoming, ServerConfig, VarInt};
use tokio::sync::{Semaphore, mpsc, watch};
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use super::bucket::Bucket;
use super::conduct::{Conduct, Kind};
use super::event::NetEvent;
use super::handle::{Attempt, NetError};
use super::limits::{
    ADDRESSES, ATTEMPT_STREAMS, BLOBS_FETCHED, BLOBS_SENT, BORROWED, COPIES_SERVED,
    DATA_CONNECTIONS_PER_PEER, DATA_DIAL, DATA_EARLY_BYTES, DATA_EARLY_BYTES_IN_ALL, DATA_FAREWELL,
    DATA_FRAMES_KIB, DATA_HANDSHAKES, DATA_LAST_WORD, DATA_UNPROVEN, DIALLED,
};
use super::members::{Members, Membership};
use super::sources::Sources;
use super::tls::{Accept, Certificate, SERVER_NAME, peer_of};
use crate::copies::{Lent as LentFiles, Pace, Shelf};

mod blob;
mod borrowing;
mod copies;
mod endpoint;
mod farewell;
mod knock;
mod owner;
mod server;
mod sharing;

pub use blob::{BlobSource, FetchError};
pub(crate) use borrowing::Offers;
pub(crate) use copies::{Source, SourceError, Taken};
pub(super) use endpoint::{endpoint, transport};
pub(crate) use sharing::{Lent, ProviderHost};

/// What both sides must name in the handshake: plane and version.
pub(crate) const PROTOCOL: &[u8] = b"pumasi-data/1";

/// Code of a connection that is closed because the peer is no member.
const NOT_MEMBER: VarInt = VarInt::from_u32(1);
/// Code of a connection that is closed because this node ends, or has enough of them.
const CLOSING: VarInt = VarInt::from_u32(0);

/// The data plane of this node. Cheap to clone.
#[derive(Clone)]
pub(crate) struct DataPlane {
    inner: Arc<Inner>,
}

struct Inner {
    endpoint: Endpoint,
    certificate: Certificate,
    membership: Arc<Membership>,
    members: Members,
    conduct: Arc<Conduct>,
    peers: Mutex<BTreeMap<NodeId, Peer>>,
    events: mpsc::Sender<NetEvent>,
    /// Bounds the handshakes under way, in all and from one address.
    handshakes: Arc<Semaphore>,
    sources: Sources,
    /// Bounds the files that are sent, and those that are fetched.
    sending: Semaphore,
    fetching: Semaphore,
    /// Bounds the readers of model files.
    copying: Arc<Semaphore>,
    /// Their sockets, and those to holders.
    copies: copies::Connections,
    /// What there is to read.
    shelf: Arc<Shelf>,
    /// How fast.
    pace: Arc<Pace>,
    /// Who asks this node's providers for others, once there is one.
    host: watch::Sender<Option<Arc<dyn ProviderHost>>>,
    /// What the others share.
    offers: watch::Sender<Arc<Offers>>,
    /// Ends what listens.
    ending: CancellationToken,
}

struct Peer {
    addresses: watch::Sender<Vec<SocketAddr>>,
    connections: Vec<Connection>,
    /// Somebody listens to what it shares.
    is_watched: bool,
    /// Calls of its providers that may still be put.
    borrows: Bucket,
    /// Held while somebody dials, so that the others wait for the same connection.
    dialling: Arc<tokio::sync::Mutex<()>>,
    /// Bounds the memory of its first frames, in KiB.
    frames: Arc<Semaphore>,
}

impl Default for Peer {
    fn default() -> Self {
        Self {
            addresses: watch::Sender::default(),
            connections: Vec::new(),
            is_watched: false,
            borrows: Bucket::new(BORROWED, Instant::now()),
            dialling: Arc::default(),
            frames: Arc::new(Semaphore::new(DATA_FRAMES_KIB)),
        }
    }
}

impl Peer {
    fn open_connection(&mut self) -> Option<Connection> {
        self.connections.retain(|connection| connection.close_reason().is_none());
        self.connections.first().cloned()
    }
}

impl DataPlane {
    pub(crate) fn start(
        address: SocketAddr,
        certificate: Certificate,
        membership: Arc<Membership>,
        conduct: Arc<Conduct>,
        events: mpsc::Sender<NetEvent>,
        lent: LentFiles,
    ) -> Result<Self, NetError> {
        let members = membership.members();
        let tls = certificate.server(&[PROTOCOL], Accept::Members(members.clone()));
        let mut server = ServerConfig::with_crypto(tls);
        server
            .transport_config(transport(ATTEMPT_STREAMS))
            .max_incoming(DATA_HANDSHAKES)
            .incoming_buffer_size(DATA_EARLY_BYTES)
            .incoming_buffer_size_total(DATA_EARLY_BYTES_IN_ALL);
        let endpoint = endpoint(address, "data plane", server)?;
        let inner = Inner {
            endpoint,
            certificate,
            membership,
            members,
            conduct,
            peers: Mutex::default(),
            events,
            handshakes: Arc::new(Semaphore::new(DATA_HANDSHAKES)),
            sources: Sources::default(),
            sending: Semaphore::new(BLOBS_SENT),
            fetching: Semaphore::new(BLOBS_FETCHED),
            copying: Arc::new(Semaphore::new(COPIES_SERVED)),
            copies: copies::Connections::default(),
            shelf: lent.shelf,
            pace: lent.pace,
            host: watch::Sender::default(),
            offers: watch::Sender::default(),
            ending: CancellationToken::new(),
        };
        let plane = Self { inner: Arc::new(inner) };
        tokio::spawn(plane.clone().listen());
        let port = SocketAddr::new(address.ip(), plane.port());
        if let Some(listener) = copies::bind(port) {
            tokio::spawn(copies::listen(plane.clone(), listener));
        }
        Ok(plane)
    }

    pub(crate) fn port(&self) -> u16 {
        self.inner.endpoint.local_addr().map_or(0, |address| address.port())
    }

    /// What members may read here.
    pub(crate) fn shelf(&self) -> Arc<Shelf> {
        Arc::clone(&self.inner.shelf)
    }

    async fn listen(self) {
        while let Some(incoming) = self.inner.endpoint.accept().await {
            self.receive(incoming);
        }
    }

    /// Goes on with a handshake, if there is room for it.
    fn receive(&self, incoming: Incoming) {
        let under_way = DATA_HANDSHAKES - self.inner.handshakes.available_permits();
        let is_proven = incoming.remote_address_validated();
        if under_way >= DATA_UNPROVEN && !is_proven && incoming.may_retry() {
            // Who sends in the name of others never gets this.
            let _ = incoming.retry();
            return;
        }
        let room = self.inner.handshakes.clone().try_acquire_owned();
        let place = self.inner.sources.enter(incoming.remote_address().ip());
        let (Ok(room), Some(place)) = (room, place) else { return incoming.refuse() };
        let plane = self.clone();
        tokio::spawn(async move {
            if let Ok(Ok(connection)) = timeout(DATA_DIAL, incoming).await {
                plane.adopt_dialled(connection);
            }
            drop((room, place));
        });
    }

    /// Takes in a connection that the peer dialled, unless it dials all the time.
    fn adopt_dialled(&self, connection: Connection) {
        let node = peer_of(&connection);
        let now = Instant::now();
        let may = node.is_some_and(|n| self.inner.conduct.spend(n, Kind::Connection, 1, now));
        if may {
            self.adopt(connection);
        } else {
            connection.close(CLOSING, b"");
        }
    }

    /// Keeps a connection, whoever dialled it, and serves the streams that the peer opens.
    fn adopt(&self, connection: Connection) -> Option<NodeId> {
        let node = peer_of(&connection).filter(|node| self.is_welcome(node));
        let Some(node) = node else {
            connection.close(NOT_MEMBER, b"");
            return None;
        };
        let full = self.with_peer(node, |peer| {
            peer.open_connection();
            let full = peer.connections.len() >= DATA_CONNECTIONS_PER_PEER;
            if !full {
                peer.connections.push(connection.clone());
            }
            full
        });
        if full {
            connection.close(CLOSING, b"");
            return None;
        }
        tokio::spawn(server::serve(node, connection, self.clone()));
        self.listen_to_offers(node);
        Some(node)
    }

    /// Whether a node belongs, and is not cut off for what it sent.
    fn is_welcome(&self, node: &NodeId) -> bool {
        self.inner.members.contains(node) && !self.inner.conduct.is_cut_off(node)
    }

    fn with_peer<T>(&self, node: NodeId, look: impl FnOnce(&mut Peer) -> T) -> T {
        let mut peers = self.inner.peers.lock().expect("no code that holds this lock panics");
        look(peers.entry(node).or_default())
    }

    /// Remembers where a member's data plane listens, best address first.
    pub(crate) fn set_addresses(&self, node: NodeId, mut addresses: Vec<SocketAddr>) {
        addresses.truncate(ADDRESSES);
        self.with_peer(node, |peer| peer.addresses.send_replace(addresses));
    }

    /// Whether a member's data plane answers.
    #[cfg(test)]
    pub(crate) async fn connection_of(&self, node: NodeId) -> Option<()> {
        self.connection(node).await.map(drop)
    }

    /// Where a member's data plane listens, as far as is known.
    #[cfg(test)]
    pub(crate) fn addresses(&self, node: NodeId) -> Vec<SocketAddr> {
        self.with_peer(node, |peer| peer.addresses.borrow().clone())
    }

    /// Dials a member before there is work, so that the first attempt does not wait for it.
    pub(crate) fn warm(&self, node: NodeId) {
        let plane = self.clone();
        tokio::spawn(async move {
            if plane.connection(node).await.is_none() {
                tracing::debug!(peer = %node.short(), "the data plane could not be reached yet");
            }
        });
    }

    /// An open connection to a member: the one that is there, or a new one.
    async fn connection(&self, node: NodeId) -> Option<Connection> {
        if !self.is_welcome(&node) {
            return None;
        }
        let dialling = self.with_peer(node, |peer| peer.dialling.clone());
        if let Some(open) = self.with_peer(node, Peer::open_connection) {
            return Some(open);
        }
        let _first = dialling.lock().await;
        if let Some(open) = self.with_peer(node, Peer::open_connection) {
            return Some(open);
        }
        let connection = timeout(DATA_DIAL, self.dial(node)).await.ok()??;
        self.adopt(connection.clone())?;
        Some(connection)
    }

    /// Dials all addresses at once; the first that answers with the right key wins.
    async fn dial(&self, node: NodeId) -> Option<Connection> {
        let inner = &self.inner;
        let accept = Accept::Member(node, inner.members.clone());
        let mut config = ClientConfig::new(inner.certificate.client(PROTOCOL, accept));
        config.transport_config(transport(ATTEMPT_STREAMS));
        // A member tells its addresses right after it connects; work may be a little earlier.
        let mut told = self.with_peer(node, |peer| peer.addresses.subscribe());
        let addresses = told.wait_for(|addresses| !addresses.is_empty()).await.ok()?.clone();
        let dials = addresses.into_iter().take(DIALLED).filter_map(|address| {
            inner.endpoint.connect_with(config.clone(), address, SERVER_NAME).ok()
        });
        let mut dials: FuturesUnordered<_> = dials.collect();
        while let Some(dialled) = dials.next().await {
            if let Ok(connection) = dialled {
                return Some(connection);
            }
        }
        None
    }

    /// Closes the connections of everybody who is not welcome any more; whom an admin removed is told
    /// so.
    pub(crate) fn keep_members(&self) {
        self.inner.copies.keep(|node| self.is_welcome(node));
        let mut peers = self.inner.peers.lock().expect("no code that holds this lock panics");
        peers.retain(|node, peer| {
            let stays = self.is_welcome(node);
            if !stays {
                let word = self.inner.membership.removal(node).encode();
                peer.connections.iter().for_each(|c| c.close(NOT_MEMBER, &word));
            }
            stays
        });
    }

    /// Closes the connections of a peer that is down, so that nothing new is sent into the void.
    pub(crate) fn drop_connections(&self, node: NodeId) {
        let closing = self.with_peer(node, |peer| std::mem::take(&mut peer.connections));
        closing.iter().for_each(|connection| connection.close(CLOSING, b""));
    }

    /// The same for a peer that has closed its other connection: why, it says here a moment later, if
    /// it lives. `in_order`: it does.
    pub(crate) fn let_go(&self, node: NodeId, in_order: bool) {
        let patience = if in_order { DATA_FAREWELL } else { DATA_LAST_WORD };
        let closing = self.with_peer(node, |peer| std::mem::take(&mut peer.connections));
        for connection in closing {
            tokio::spawn(async move {
                // Closing it then would hide what was said from who listens there.
                if timeout(patience, connection.closed()).await.is_err() {
                    connection.close(CLOSING, b"");
                }
            });
        }
    }

    /// Whether nothing listens any more where a member's data plane was. Its connections are then
    /// closed, so that nobody else waits for them.
    pub(crate) async fn is_closed(&self, node: NodeId) -> bool {
        let addresses = self.with_peer(node, |peer| match peer.open_connection() {
            Some(open) => vec![open.remote_address()],
            None => peer.addresses.borrow().iter().take(DIALLED).copied().collect(),
        });
        let is_closed = knock::are_closed(&addresses).await;
        if is_closed {
            self.drop_connections(node);
        }
        is_closed
    }

    /// Opens the stream of an attempt; see [`super::NetHandle::open_attempt`].
    pub(crate) fn open(
        &self,
        to: NodeId,
        attempt: AttemptId,
        model: ModelName,
        work: Work,
    ) -> Attempt {
        owner::open(self.clone(), to, attempt, model, work)
    }

    pub(crate) async fn shutdown(&self) {
        self.inner.ending.cancel();
        self.inner.copies.keep(|_| false);
        self.inner.endpoint.close(CLOSING, b"");
        let _ = timeout(DATA_DIAL, self.inner.endpoint.wait_idle()).await;
    }
}
