//! The network of one node: the control plane (libp2p), the data plane (QUIC), the join door and
//! discovery, behind one handle and one bounded stream of events. Knows no job and no engine.

pub(crate) mod bucket;
mod conduct;
mod config;
mod control;
mod copying;
mod data;
mod discovery;
mod event;
mod frames;
mod handle;
mod identity;
mod invitation;
mod join;
mod limits;
mod members;
mod oversight;
mod sources;
mod start;
#[cfg(test)]
mod tests;
mod tls;
mod traffic;

pub use conduct::{CutOff, Kind, Offence};
pub use config::NetConfig;
pub(crate) use control::Survey;
pub use data::{BlobSource, FetchError};
pub(crate) use data::{DataPlane, Lent, Offers, ProviderHost, Source, SourceError, Taken};
pub use event::{AttemptOpened, Candidate, Listening, NetEvent};
pub use handle::{Attempt, InviteError, NetError, NetHandle, Opening, SendError};
pub use identity::Identity;
pub use invitation::Invite;
pub use join::{Approval, ApproveError, Approved, Asker, JoinAs, JoinError, JoinRefusal};

use tokio::sync::mpsc;

use crate::store::Store;

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
