//! The Jinja environment as Hugging Face's `apply_chat_template` sets it up (transformers,
//! `utils/chat_template_utils.py`): block trimming, Python's string methods, `raise_exception`,
//! `strftime_now`, and a `tojson` that writes like Python's `json.dumps`.

use std::io;
use std::time::SystemTime;

use minijinja::syntax::SyntaxConfig;
use minijinja::value::Kwargs;
use minijinja::{Environment, Error, ErrorKind, Value};
use serde::Serialize;
use serde_json::ser::{CompactFormatter, Formatter, PrettyFormatter};

use super::{TemplateError, dates};
use crate::limits::TEMPLATE_FUEL;

const NAME: &str = "chat";

/// Nesting that leaves most of the rendering thread's stack free.
const RECURSION: usize = 200;

/// An environment that holds one template.
pub(super) fn environment(source: &str) -> Result<Environment<'static>, TemplateError> {
    let mut environment = Environment::new();
    let syntax = SyntaxConfig::builder().trim_blocks(true).lstrip_blocks(true).build();
    environment.set_syntax(syntax.map_err(|_| TemplateError::Failed)?);
    environment.set_fuel(Some(TEMPLATE_FUEL));
    environment.set_recursion_limit(RECURSION);
    environment.set_unknown_method_callback(minijinja_contrib::pycompat::unknown_method_callback);
    environment.add_function("raise_exception", |message: String| -> Result<Value, Error> {
        Err(Error::new(ErrorKind::InvalidOperation, message))
    });
    environment
        .add_function("strftime_now", |format: String| dates::format(SystemTime::now(), &format));
    environment.add_filter("tojson", to_json);
    environment.add_template_owned(NAME, source.to_owned()).map_err(|_| TemplateError::Failed)?;
    Ok(environment)
}

/// Renders into at most `limit` bytes.
pub(super) fn render(
    environment: &Environment<'_>,
    context: Value,
    limit: usize,
) -> Result<String, TemplateError> {
    let template = environment.get_template(NAME).map_err(|_| TemplateError::Failed)?;
    let mut output = Limited { bytes: Vec::new(), limit };
    if let Err(error) = template.render_captured_to(context, &mut output) {
        let exceeded = matches!(error.kind(), ErrorKind::OutOfFuel | ErrorKind::WriteFailure);
        // The detail can quote the messages, so only its kind is logged.
        tracing::debug!(kind = %error.kind(), line = error.line(), "a chat template failed");
        return Err(if exceeded { TemplateError::Exceeded } else { TemplateError::Failed });
    }
    String::from_utf8(output.bytes).map_err(|_| TemplateError::Failed)
}

struct Limited {
    bytes: Vec<u8>,
    limit: usize,
}

impl io::Write for Limited {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.bytes.len() + bytes.len() > self.limit {
            return Err(io::ErrorKind::FileTooLarge.into());
        }
        self.bytes.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// `, ` and `: ` between items, as Python separates them.
struct Spaced;

impl Formatter for Spaced {
    fn begin_array_value<W: ?Sized + io::Write>(
        &mut self,
        out: &mut W,
        first: bool,
    ) -> io::Result<()> {
        if first { Ok(()) } else { out.write_all(b", ") }
    }

    fn begin_object_key<W: ?Sized + io::Write>(
        &mut self,
        out: &mut W,
        first: bool,
    ) -> io::Result<()> {
        if first { Ok(()) } else { out.write_all(b", ") }
    }

    fn begin_object_value<W: ?Sized + io::Write>(&mut self, out: &mut W) -> io::Result<()> {
        out.write_all(b": ")
    }
}

fn json_with<F: Formatter>(value: &Value, formatter: F) -> Result<String, Error> {
    let mut bytes = Vec::new();
    let mut serializer = serde_json::Serializer::with_formatter(&mut bytes, formatter);
    value.serialize(&mut serializer).map_err(|_| {
        Error::new(ErrorKind::BadSerialization, "the value cannot be written as JSON")
    })?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

fn to_json(value: &Value, options: Kwargs) -> Result<Value, Error> {
    let indent: Option<usize> = options.get("indent")?;
    let _: Option<Value> = options.get("ensure_ascii")?;
    let _: Option<Value> = options.get("sort_keys")?;
    let separators: Option<Vec<String>> = options.get("separators")?;
    options.assert_all_used()?;
    let compact = separators.is_some_and(|s| s.iter().all(|s| s.trim_end() == s));
    let text = match indent {
        Some(width) => {
            let indent = " ".repeat(width.min(16));
            json_with(value, PrettyFormatter::with_indent(indent.as_bytes()))?
        }
        None if compact => json_with(value, CompactFormatter)?,
        None => json_with(value, Spaced)?,
    };
    Ok(Value::from_safe_string(text))
}
