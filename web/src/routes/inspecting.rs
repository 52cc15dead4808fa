//! The inspector: what a model's file is.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, Query, Request, State};
use pumasi_dialects::{Invalid, Reason};
use pumasi_protocol::ModelName;

use crate::api::{CacheFormat, InspectQuery, Inspection, Language, Recommendations};
use crate::app::App;
use crate::error::ApiError;

/// `?context=8192&cache=q8_0&language=ko`
pub(super) async fn inspect(
    State(app): State<Arc<App>>,
    Path(name): Path<String>,
    request: Request,
) -> Result<Json<Inspection>, ApiError> {
    let model = ModelName::try_from(name);
    let model = model.map_err(|e| Invalid::at("model", Reason::ModelName(e)))?;
    let pairs = Query::<Vec<(String, String)>>::try_from_uri(request.uri());
    let pairs = pairs.map_err(|_| ApiError::Query { name: "query" })?;
    Ok(Json(app.mesh.inspect(&model, query(pairs.0)?).await?))
}

/// `?language=ko`
pub(super) async fn recommend(
    State(app): State<Arc<App>>,
    request: Request,
) -> Result<Json<Recommendations>, ApiError> {
    let pairs = Query::<Vec<(String, String)>>::try_from_uri(request.uri());
    let pairs = pairs.map_err(|_| ApiError::Query { name: "query" })?.0;
    if pairs.iter().any(|(name, _)| name != "language") {
        return Err(ApiError::Query { name: "query" });
    }
    let language = query(pairs)?.language.unwrap_or_default();
    Ok(Json(app.mesh.recommend(language).await))
}

fn query(pairs: Vec<(String, String)>) -> Result<InspectQuery, ApiError> {
    let mut query = InspectQuery::default();
    for (name, value) in pairs {
        match name.as_str() {
            "node" => query.node = Some(value),
            "context" => query.context = Some(number("context", &value)?),
            "slots" => query.slots = Some(number("slots", &value)?),
            "gpu_layers" => query.gpu_layers = Some(number("gpu_layers", &value)?),
            "flash" => query.flash = Some(number("flash", &value)?),
            "cache" => {
                query.cache = Some(match value.as_str() {
                    "f16" => CacheFormat::F16,
                    "q8_0" => CacheFormat::Q8_0,
                    "q4_0" => CacheFormat::Q4_0,
                    _ => return Err(ApiError::Query { name: "cache" }),
                });
            }
            "language" => {
                query.language = Some(match value.as_str() {
                    "en" => Language::En,
                    "ko" => Language::Ko,
                    _ => return Err(ApiError::Query { name: "language" }),
                });
            }
            _ => return Err(ApiError::Query { name: "query" }),
        }
    }
    Ok(query)
}

fn number<T: std::str::FromStr>(name: &'static str, value: &str) -> Result<T, ApiError> {
    value.parse().map_err(|_| ApiError::Query { name })
}
