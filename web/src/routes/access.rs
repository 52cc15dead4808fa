//! Who may use a route: decided on the route that matched, never on the path as it was written.

use std::sync::Arc;
use std::time::Instant;

use axum::Router;
use axum::extract::Request;
use axum::middleware::{Next, from_fn};
use axum::response::Response;

use crate::api::KeyScope;
use crate::app::{App, unix_ms};
use crate::error::{ApiError, KeyRefusal};
use crate::guard::{Asker, Who};
use crate::keys::{Holder, Place};
use crate::mesh::Caller;
use crate::server::Held;

/// What opens a route.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Access {
    /// Open to programs of this computer; to others by a key with the scope.
    Inference,
    /// The token of this install, or a key with this scope.
    Scoped(KeyScope),
    /// The token of this install only.
    Install,
}

/// Puts the decision before each of these routes.
pub(super) fn behind(routes: Router<Arc<App>>, app: &Arc<App>, access: Access) -> Router<Arc<App>> {
    let app = Arc::clone(app);
    routes.route_layer(from_fn(move |request, next| pass(Arc::clone(&app), access, request, next)))
}

/// Lets a request through, and says in its extensions who asks and which key pays.
async fn pass(
    app: Arc<App>,
    access: Access,
    mut request: Request,
    next: Next,
) -> Result<Response, ApiError> {
    let asker = request.extensions().get::<Asker>().ok_or(ApiError::Internal)?;
    let entered = enter(&app, access, asker)?;
    request.extensions_mut().insert(entered.caller.clone());
    if let Some(holder) = &entered.holder {
        request.extensions_mut().insert(Arc::clone(holder));
    }
    let mut response = entered.unless_revoked(next.run(request)).await?;
    response.extensions_mut().insert(entered.leave()?);
    Ok(response)
}

/// Whoever was let in.
pub(super) struct Entered {
    pub(super) caller: Caller,
    /// The key that opened.
    pub(super) holder: Option<Arc<Holder>>,
    place: Place,
}

impl Entered {
    /// What comes of answering. Whoever is revoked meanwhile does not wait for it: what is dropped
    /// with it is cancelled, or was not begun.
    pub(super) async fn unless_revoked<T>(
        &self,
        answering: impl Future<Output = T>,
    ) -> Result<T, ApiError> {
        let Some(holder) = &self.holder else { return Ok(answering.await) };
        tokio::select! {
            answered = answering => Ok(answered),
            () = holder.revoked().cancelled_owned() => Err(KeyRefusal::Revoked.into()),
        }
    }

    /// What the answer is to hold. Whoever was revoked while it was answered gets nothing.
    pub(super) fn leave(self) -> Result<Held, ApiError> {
        if self.holder.as_ref().is_some_and(|holder| holder.is_revoked()) {
            return Err(KeyRefusal::Revoked.into());
        }
        Ok(Held::new(self.place, self.holder))
    }
}

/// Decides, and counts the request where it counts.
pub(super) fn enter(app: &App, access: Access, asker: &Asker) -> Result<Entered, ApiError> {
    let who = match access {
        Access::Inference => asker.or_anybody()?,
        Access::Scoped(_) | Access::Install => Some(asker.demand()?),
    };
    let (caller, place) = match &who {
        None => (Caller::Loopback, app.anybody.enter().ok_or(ApiError::Crowded)?),
        Some(Who::Install) => (Caller::Install, app.install.enter().ok_or(ApiError::Crowded)?),
        Some(Who::Key(holder)) => {
            let scope = match access {
                Access::Inference => KeyScope::Inference,
                Access::Scoped(scope) => scope,
                Access::Install => return Err(KeyRefusal::Never.into()),
            };
            (holder.caller(), holder.enter(scope, Instant::now(), unix_ms())?)
        }
    };
    let holder = match who {
        Some(Who::Key(holder)) => Some(holder),
        Some(Who::Install) | None => None,
    };
    Ok(Entered { caller, holder, place })
}
