//! Who may begin a connection of the control plane: no address has more handshakes under way than its
//! share, so that the few there are stay open to members. Knows no key: there is none yet.

#![allow(clippy::wildcard_enum_match_arm, reason = "foreign enums that grow")]

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::task::{Context, Poll};

use libp2p::PeerId;
use libp2p::core::transport::PortUse;
use libp2p::core::{Endpoint, Multiaddr};
use libp2p::swarm::{
    ConnectionDenied, ConnectionId, FromSwarm, NetworkBehaviour, THandler, THandlerInEvent,
    THandlerOutEvent, ToSwarm, dummy,
};

use super::super::sources::{Handshake, Sources};
use super::behaviour::socket_address;

/// An address has as many handshakes under way as it may.
#[derive(Debug, thiserror::Error)]
#[error("this address has too many handshakes under way")]
struct TooMany;

#[derive(Default)]
pub(super) struct Doorkeeper {
    sources: Sources,
    under_way: BTreeMap<ConnectionId, Handshake>,
}

impl NetworkBehaviour for Doorkeeper {
    type ConnectionHandler = dummy::ConnectionHandler;
    type ToSwarm = Infallible;

    fn handle_pending_inbound_connection(
        &mut self,
        connection: ConnectionId,
        _: &Multiaddr,
        remote: &Multiaddr,
    ) -> Result<(), ConnectionDenied> {
        let remote = socket_address(remote).ok_or_else(|| ConnectionDenied::new(TooMany))?;
        let handshake = self.sources.enter(remote.ip());
        let handshake = handshake.ok_or_else(|| ConnectionDenied::new(TooMany))?;
        self.under_way.insert(connection, handshake);
        Ok(())
    }

    fn handle_established_inbound_connection(
        &mut self,
        connection: ConnectionId,
        _: PeerId,
        _: &Multiaddr,
        _: &Multiaddr,
    ) -> Result<THandler<Self>, ConnectionDenied> {
        self.under_way.remove(&connection);
        Ok(dummy::ConnectionHandler)
    }

    fn handle_established_outbound_connection(
        &mut self,
        _: ConnectionId,
        _: PeerId,
        _: &Multiaddr,
        _: Endpoint,
        _: PortUse,
    ) -> Result<THandler<Self>, ConnectionDenied> {
        Ok(dummy::ConnectionHandler)
    }

    fn on_swarm_event(&mut self, event: FromSwarm) {
        // Whoever else refuses it says so here, too.
        if let FromSwarm::ListenFailure(failure) = event {
            self.under_way.remove(&failure.connection_id);
        }
    }

    fn on_connection_handler_event(
        &mut self,
        _: PeerId,
        _: ConnectionId,
        event: THandlerOutEvent<Self>,
    ) {
        match event {}
    }

    fn poll(&mut self, _: &mut Context<'_>) -> Poll<ToSwarm<Infallible, THandlerInEvent<Self>>> {
        Poll::Pending
    }
}
