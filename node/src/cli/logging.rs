//! How the node's log is written: lines for people, or one JSON object a line for programs.

use std::fmt;
use std::io::{self, IsTerminal};

use pumasi_web::audit::time;
use serde_json::{Map, Value};
use tracing::field::{Field, Visit};
use tracing::{Event, Subscriber};
use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::{FmtContext, FormatEvent, FormatFields};
use tracing_subscriber::registry::LookupSpan;

use super::failure::{Failure, Kind};
use super::text::escape;
use crate::config::LogFormat;
use crate::core::unix_ms;

/// The library behind `/mcp` writes whole messages into its log, prompts included: none of it is kept,
/// whatever the filter says.
const SILENT: &str = "rmcp";

fn filter_of(text: &str) -> Result<EnvFilter, tracing_subscriber::filter::ParseError> {
    let loud = text.split(',').filter(|directive| !directive.trim().starts_with(SILENT));
    let silent = format!("{SILENT}=off");
    EnvFilter::try_new(loud.chain([silent.as_str()]).collect::<Vec<_>>().join(","))
}

/// Starts the log of this process.
pub(super) fn start(filter: &str, format: LogFormat) -> Result<(), Failure> {
    let filter = filter_of(filter).map_err(|error| {
        let sentence =
            format!("the log filter is not valid ({error}): try info or pumasi_node=debug");
        Failure::new(Kind::Config, "config", escape(&sentence))
    })?;
    let plain = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
    let log = tracing_subscriber::fmt().with_env_filter(filter).with_writer(io::stderr);
    // Where the log lies on a full disk, complaining of it there would end the node.
    let log = log.log_internal_errors(false);
    // A second initialisation happens only where tests share a process.
    let _ = match format {
        LogFormat::Text => log.with_ansi(io::stderr().is_terminal() && !plain).try_init(),
        LogFormat::Json => log.with_ansi(false).event_format(JsonLines).try_init(),
    };
    Ok(())
}

/// One object a line: time, level, target, and the event's own fields.
struct JsonLines;

impl<S, N> FormatEvent<S, N> for JsonLines
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
{
    fn format_event(
        &self,
        _: &FmtContext<'_, S, N>,
        mut writer: Writer<'_>,
        event: &Event<'_>,
    ) -> fmt::Result {
        let metadata = event.metadata();
        let mut line = Line(Map::new());
        line.set("time", time(unix_ms()));
        line.set("level", metadata.level().to_string());
        line.set("target", metadata.target());
        event.record(&mut line);
        writeln!(writer, "{}", Value::Object(line.0))
    }
}

struct Line(Map<String, Value>);

impl Line {
    fn set(&mut self, name: &str, value: impl Into<Value>) {
        self.0.insert(name.to_owned(), value.into());
    }
}

impl Visit for Line {
    fn record_f64(&mut self, field: &Field, value: f64) {
        self.set(field.name(), value);
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.set(field.name(), value);
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.set(field.name(), value);
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.set(field.name(), value);
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.set(field.name(), value);
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.set(field.name(), format!("{value:?}"));
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use super::*;

    #[derive(Clone, Default)]
    struct Kept(Arc<Mutex<Vec<u8>>>);

    impl io::Write for Kept {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().expect("no test panics with it").extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn no_filter_makes_the_library_behind_mcp_speak() {
        for filter in ["trace", "rmcp=trace", "info,rmcp::service=trace", "debug, rmcp[x]=trace"] {
            let made = filter_of(filter).expect("a filter").to_string();
            let directives: Vec<&str> = made.split(',').collect();
            let about: Vec<&&str> = directives.iter().filter(|d| d.starts_with("rmcp")).collect();
            assert_eq!(about, [&"rmcp=off"], "{filter}: {made}");
        }
        assert!(filter_of("what=is=this").is_err());
    }

    #[test]
    fn each_event_is_one_json_object_whatever_is_in_it() {
        let kept = Kept::default();
        let writer = kept.clone();
        let log = tracing_subscriber::fmt()
            .event_format(JsonLines)
            .with_writer(move || writer.clone())
            .finish();
        tracing::subscriber::with_default(log, || {
            let none: Option<u64> = None;
            tracing::info!(target: "t", ms = 5_u64, text = "a\"\n\u{1b}", none, "said");
        });
        let text = kept.0.lock().expect("no test panics with it").clone();
        let text = String::from_utf8(text).expect("text");
        assert_eq!(text.matches('\n').count(), 1, "{text}");
        let line: Value = serde_json::from_str(&text).expect("an object");
        assert_eq!((&line["level"], &line["target"]), (&"INFO".into(), &"t".into()));
        assert_eq!((&line["ms"], &line["message"]), (&5.into(), &"said".into()));
        assert_eq!(line["text"], "a\"\n\u{1b}");
        assert!(line.get("none").is_none(), "{text}");
    }
}
