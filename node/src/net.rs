//! The network of one node: the control plane (libp2p), the data plane (QUIC), the join door and
//! discovery, behind one handle and one bounded stream of events. Knows no job and no engine.

mod config;
mod event;
mod handle;
mod start;
pub mod identity;
mod invitation;

pub use config::NetConfig;
pub use event::{AttemptOpened, Candidate, Listening, NetEvent};
pub use handle::{Attempt, InviteError, JoinAs, JoinError, NetError, NetHandle, SendError};
pub use identity::Identity;
pub use invitation::{Invite, Token, TokenError};

use crate::store::Store;
use tokio::sync::mpsc;

impl NetHandle {
    /// Listens on all planes with this identity, and goes on with the roster that the store holds.
    ///
    /// # Errors
    /// When a port is taken or the system refuses.
    pub async fn start(
        config: NetConfig,
        identity: Identity,
        store: Store,
    ) -> Result<(Self, mpsc::Receiver<NetEvent>), NetError> {
        start::start(config, identity, store).await
    }
}
