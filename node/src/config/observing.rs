//! The settings of what is told of this node's work: the log's form, and how long usage is kept.

use pumasi_web::RequestLog;
use serde::Deserialize;

use super::Settings;

/// Days that usage is kept (guess: what a year's books need, and a month to close them).
const KEEP_USAGE_DAYS: u32 = 396;

/// How the log is written.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, clap::ValueEnum, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LogFormat {
    /// Lines for people
    #[default]
    Text,
    /// One JSON object a line
    Json,
}

/// What is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ObservingConfig {
    /// Days that usage is kept; 0: for ever.
    pub keep_usage_days: u32,
    /// How the log is written.
    pub log_format: LogFormat,
    /// Whether its lines name models.
    pub log_models: bool,
}

impl ObservingConfig {
    pub(super) fn of(settings: &Settings) -> Self {
        Self {
            keep_usage_days: settings.keep_usage_days.unwrap_or(KEEP_USAGE_DAYS),
            log_format: settings.log_format.unwrap_or_default(),
            log_models: settings.log_models.unwrap_or(false),
        }
    }

    /// What the log says of requests.
    #[must_use]
    pub fn request_log(&self) -> RequestLog {
        match self.log_format {
            LogFormat::Text => RequestLog::Heads,
            LogFormat::Json => RequestLog::Whole { models: self.log_models },
        }
    }
}
