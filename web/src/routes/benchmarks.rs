//! What was measured of models: kept, and listed.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Request, State};
use http::StatusCode;
use pumasi_dialects::{Invalid, Reason};

use super::kept;
use crate::api::{Benchmark, BenchmarksRequest, List};
use crate::app::App;
use crate::body::{self, Ceiling};
use crate::error::ApiError;
use crate::limits::BENCHMARKS;

pub(super) async fn list(State(app): State<Arc<App>>) -> Result<Json<List<Benchmark>>, ApiError> {
    Ok(Json(List { data: app.mesh.benchmarks().await? }))
}

pub(super) async fn keep(
    State(app): State<Arc<App>>,
    request: Request,
) -> Result<StatusCode, ApiError> {
    let bytes = body::json(&app, request, Ceiling::Small).await?;
    let wanted: BenchmarksRequest = kept::strict(&bytes)?;
    if wanted.rows.len() > BENCHMARKS {
        return Err(Invalid::at("rows", Reason::TooMany { max: BENCHMARKS }).into());
    }
    if !wanted.rows.iter().all(Benchmark::is_sound) {
        let expected = "short names and figures from 0 to 1e9";
        return Err(Invalid::at("rows", Reason::Type { expected }).into());
    }
    app.mesh.keep_benchmarks(wanted.rows).await?;
    Ok(StatusCode::NO_CONTENT)
}
