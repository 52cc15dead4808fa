//! The chain at the join door. Who was admitted a moment ago may reach members that have not heard of
//! it: their mesh door closes, and it shows them there by which entries it belongs. Only a member's key
//! gets to see them.

use std::net::SocketAddr;
use std::sync::Arc;

use pumasi_protocol::NodeId;
use pumasi_protocol::chain::{Chain, ChainAnswer};
use pumasi_protocol::limits::CHAIN_BYTES;
use pumasi_protocol::roster::ChainError;
use quinn::Connection;
use tokio::time::timeout;

use super::super::frames;
use super::super::limits::{DIALLED, JOIN_ASK_BYTES, JOIN_DEADLINE};
use super::super::members::Membership;
use super::super::tls::{Accept, Certificate};
use super::CHAIN_PROTOCOL;
use super::client::reach;

/// Largest frame that carries a chain: [`CHAIN_BYTES`] of entries, and their number.
pub(super) const CHAIN_FRAME_BYTES: usize = CHAIN_BYTES + 16;

/// Shows other members that this node is one.
#[derive(Clone)]
pub(crate) struct Presenter {
    pub(crate) me: NodeId,
    pub(crate) certificate: Certificate,
    pub(crate) membership: Arc<Membership>,
}

impl Presenter {
    /// Whether the member at one of these doors now knows this node.
    pub(crate) async fn present(&self, to: NodeId, doors: &[SocketAddr]) -> bool {
        let showing = timeout(JOIN_DEADLINE, self.show(to, doors)).await;
        matches!(showing, Ok(Some(ChainAnswer::Member)))
    }

    async fn show(&self, to: NodeId, doors: &[SocketAddr]) -> Option<ChainAnswer> {
        let chain = self
            .membership
            .with_log(|log| log.map(|log| log.chain(&self.me, CHAIN_BYTES)).unwrap_or_default());
        let accept = Accept::Member(to, self.membership.members());
        let doors = &doors[..doors.len().min(DIALLED)];
        let (connection, _endpoints) =
            reach(&self.certificate, CHAIN_PROTOCOL, &accept, doors).await?;
        let (mut out, mut input) = connection.open_bi().await.ok()?;
        frames::write(&mut out, &Chain(chain), CHAIN_FRAME_BYTES).await.ok()?;
        let _ = out.finish();
        let answer = frames::read(&mut input, JOIN_ASK_BYTES).await.ok();
        connection.close(0u32.into(), b"");
        answer
    }
}

/// Hears one who says to be a member; why it is none is an error.
pub(super) async fn hear(
    membership: &Membership,
    connection: &Connection,
    node: NodeId,
) -> Option<Result<(), ChainError>> {
    let (mut out, mut input) = connection.accept_bi().await.ok()?;
    let Ok(Chain(chain)) = frames::read::<Chain>(&mut input, CHAIN_FRAME_BYTES).await else {
        connection.close(1u32.into(), b"");
        return Some(Err(ChainError::Invalid));
    };
    let judged = membership.take_chain(node, chain).await;
    let answer = if judged.is_ok() { ChainAnswer::Member } else { ChainAnswer::Stranger };
    // Who is gone need not be told.
    let _ = frames::write(&mut out, &answer, JOIN_ASK_BYTES).await;
    let _ = out.finish();
    Some(judged)
}
