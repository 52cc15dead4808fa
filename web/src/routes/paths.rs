//! Routes that remember their paths, so that what is written about them can be held to them.

use std::collections::BTreeSet;
use std::sync::Arc;

use axum::Router;
use axum::routing::MethodRouter;

use crate::app::App;

/// A router and its paths.
pub(super) struct Routes {
    router: Router<Arc<App>>,
    paths: BTreeSet<&'static str>,
}

impl Routes {
    pub(super) fn new() -> Self {
        Self { router: Router::new(), paths: BTreeSet::new() }
    }

    /// Adds methods at a path; others may be there already.
    pub(super) fn route(mut self, path: &'static str, methods: MethodRouter<Arc<App>>) -> Self {
        self.paths.insert(path);
        Self { router: self.router.route(path, methods), ..self }
    }

    /// Adds all routes of another.
    pub(super) fn merge(mut self, other: Self) -> Self {
        self.paths.extend(other.paths);
        Self { router: self.router.merge(other.router), ..self }
    }

    /// The same routes with something around them.
    pub(super) fn around(self, layer: impl FnOnce(Router<Arc<App>>) -> Router<Arc<App>>) -> Self {
        Self { router: layer(self.router), ..self }
    }

    pub(super) fn into_router(self) -> Router<Arc<App>> {
        self.router
    }

    pub(super) fn into_paths(self) -> BTreeSet<&'static str> {
        self.paths
    }
}
