//! The two ways to a provider: connections of this computer's own, or a member of the mesh that has the
//! provider and asks it for others. How that one is reached is not known here.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures::future::BoxFuture;
use futures::stream::BoxStream;
use http::HeaderMap;

use crate::address::Base;
use crate::call::{Call, CallError};
use crate::pool::Pool;

/// Has somebody else ask a provider.
pub trait Carrier: Send + Sync {
    /// Hands a call over and waits for the head of its answer. Dropped, it gives the call up.
    fn carry(&self, call: Call) -> BoxFuture<'static, Result<Carried, Uncarried>>;
}

/// A good answer that somebody else got.
pub struct Carried {
    /// The status: 200 to 299.
    pub status: u16,
    /// Those of its headers that are passed on.
    pub headers: HeaderMap,
    /// The body; ends with an error where it broke off.
    pub body: BoxStream<'static, Result<Bytes, CallError>>,
}

/// Why there is none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Uncarried {
    /// How the call failed.
    pub error: CallError,
    /// How long the provider is to be left in peace, where somebody says so.
    pub wait: Option<Duration>,
}

/// How calls get there.
pub(crate) enum Way {
    /// Over HTTP.
    Direct {
        base: Base,
        /// What every call carries; the key is in it.
        headers: HeaderMap,
        pool: Arc<Pool>,
    },
    /// Through somebody else; and whether that leads out of the office.
    Carried { carrier: Arc<dyn Carrier>, outside: bool },
}
