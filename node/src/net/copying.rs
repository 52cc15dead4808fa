//! Copies of model files, as the loop asks for them.

use std::sync::Arc;

use pumasi_models::store::partial::Fetched;

use super::handle::NetHandle;
use crate::copies::{CopyError, Copying, Shelf, Wanted};

impl NetHandle {
    /// Begins to fetch a model file from members that have it; `done` is called in a thread of the
    /// copy when that ends.
    pub(crate) fn copy(
        &self,
        wanted: Wanted,
        done: impl FnOnce(Result<Fetched, CopyError>) + Send + 'static,
    ) -> Copying {
        let runtime = tokio::runtime::Handle::current();
        Copying::begin(self.data.clone(), self.me, self.shelf(), wanted, runtime, done)
    }

    /// What members may read here.
    pub(crate) fn shelf(&self) -> Arc<Shelf> {
        self.data.shelf()
    }
}
