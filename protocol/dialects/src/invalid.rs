//! Why a body was refused: a closed list, each with its code for programs and a sentence for people.

use pumasi_protocol::NameError;

/// A refused body: what is wrong, and with which field.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Invalid {
    /// The field, as a path such as `messages[2].content`.
    pub param: Option<String>,
    /// What is wrong.
    pub reason: Reason,
}

impl Invalid {
    /// Something wrong with the field at `param`.
    #[must_use]
    pub fn at(param: impl Into<String>, reason: Reason) -> Self {
        Self { param: Some(param.into()), reason }
    }

    /// Something wrong with the body as a whole.
    #[must_use]
    pub fn body(reason: Reason) -> Self {
        Self { param: None, reason }
    }

    /// The stable word for programs.
    #[must_use]
    pub fn code(&self) -> &'static str {
        self.reason.code()
    }
}

impl std::fmt::Display for Invalid {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match &self.param {
            Some(param) => write!(f, "{param}: {}", self.reason),
            None => self.reason.fmt(f),
        }
    }
}

impl std::error::Error for Invalid {}

/// What is wrong with a body or a field.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Reason {
    /// Not JSON (RFC 8259), or a string that is not Unicode text.
    #[error("this is not valid JSON (line {line}, column {column})")]
    Json {
        /// Line, from 1; 0 where unknown.
        line: usize,
        /// Column, from 1; 0 where unknown.
        column: usize,
    },
    /// Not UTF-8, or with a byte order mark.
    #[error("the body must be JSON in UTF-8 without a byte order mark")]
    Encoding,
    /// Nested too deeply.
    #[error("arrays and objects may be nested {max} deep at most")]
    Depth {
        /// How deep is allowed.
        max: usize,
    },
    /// A field given twice.
    #[error("this field is given twice")]
    Duplicate,
    /// A field that must be there is not.
    #[error("this field is required")]
    Missing,
    /// A value of another JSON type.
    #[error("expected {expected}")]
    Type {
        /// What was expected, in words.
        expected: &'static str,
    },
    /// A number outside its range.
    #[error("must be a number from {min} to {max}")]
    Range {
        /// Smallest value, as text.
        min: String,
        /// Largest value, as text.
        max: String,
    },
    /// More entries than allowed.
    #[error("{max} entries at most")]
    TooMany {
        /// How many are allowed.
        max: usize,
    },
    /// A string or array that must not be empty.
    #[error("must not be empty")]
    Empty,
    /// A string that is too long.
    #[error("{max} characters at most")]
    TooLong {
        /// How many are allowed.
        max: usize,
    },
    /// Not one of the words that are allowed here.
    #[error("must be one of: {allowed}")]
    UnknownValue {
        /// The words, separated by commas.
        allowed: &'static str,
    },
    /// A value that the dialect allows and this server does not.
    #[error("{what} is not supported here")]
    Unsupported {
        /// What is not.
        what: &'static str,
    },
    /// A response or a conversation that is to be stored here.
    #[error("nothing is stored here: send the whole conversation in `input`")]
    NotStored,
    /// A field that is not known, where the server is strict.
    #[error("this field is not known")]
    UnknownField,
    /// Not a model's name.
    #[error("{0}")]
    ModelName(NameError),
    /// A name with characters that names must not have.
    #[error("a name is letters, digits, '_', '-' and '.', {max} characters at most")]
    Name {
        /// How many characters are allowed.
        max: usize,
    },
    /// A label with control characters.
    #[error("must not contain control characters")]
    Control,
    /// No message at all.
    #[error("at least one message is needed")]
    NoMessages,
    /// A role that is not known.
    #[error("the role must be system, developer, user, assistant or tool")]
    Role,
    /// Only instructions, nobody said anything.
    #[error("besides instructions, a message of the user is needed")]
    OnlyInstructions,
    /// The result of a call that nobody made.
    #[error("no earlier message calls a tool with this id")]
    ResultWithoutCall,
    /// Too many messages.
    #[error("{max} messages at most")]
    TooManyMessages {
        /// How many are allowed.
        max: usize,
    },
    /// Arguments of a tool call that are not a JSON object.
    #[error("the arguments of a tool call must be a JSON object as text")]
    Arguments,
    /// Two tools of one name.
    #[error("two tools have this name")]
    DuplicateTool,
    /// A tool that must be called but is not on offer.
    #[error("no tool of this name is offered")]
    UnknownTool,
    /// A schema that is too large.
    #[error("a schema may have {max} bytes at most")]
    Schema {
        /// How many are allowed.
        max: usize,
    },
    /// A schema that is nested too deeply.
    #[error("a body, schemas included, may be nested {max} deep at most")]
    SchemaDepth {
        /// How deep is allowed.
        max: usize,
    },
    /// A picture by an address: this computer fetches nothing.
    #[error("pictures are taken as data: URLs only; this computer fetches no addresses")]
    RemoteUrl,
    /// Not a picture that can be read.
    #[error(
        "expected a PNG, JPEG or WebP picture in base64 (where a URL is asked for, a data: URL)"
    )]
    Image,
    /// A picture that is too large.
    #[error("a picture may have {max} bytes at most")]
    ImageSize {
        /// How many are allowed.
        max: usize,
    },
    /// Not a node's id.
    #[error("expected a computer's id: 64 hexadecimal digits, as `pumasi peers` prints it")]
    NodeId,
}

impl Reason {
    /// The stable word for programs.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Json { .. } | Self::Encoding | Self::Depth { .. } => "invalid_json",
            Self::Duplicate => "duplicate_field",
            Self::Missing => "missing_required_parameter",
            Self::Type { .. } => "invalid_type",
            Self::Range { .. } => "out_of_range",
            Self::TooMany { .. } => "too_many_entries",
            Self::Empty => "empty_value",
            Self::TooLong { .. } => "string_too_long",
            Self::UnknownValue { .. } => "invalid_value",
            Self::Unsupported { .. } => "unsupported_parameter",
            Self::NotStored => "previous_response_not_found",
            Self::UnknownField => "unknown_parameter",
            Self::ModelName(_) => "invalid_model_name",
            Self::Name { .. } | Self::Control => "invalid_name",
            Self::NoMessages => "empty_messages",
            Self::Role => "unknown_role",
            Self::OnlyInstructions => "only_system_messages",
            Self::ResultWithoutCall => "tool_result_without_call",
            Self::TooManyMessages { .. } => "too_many_messages",
            Self::Arguments => "invalid_tool_arguments",
            Self::DuplicateTool => "duplicate_tool",
            Self::UnknownTool => "unknown_tool",
            Self::Schema { .. } | Self::SchemaDepth { .. } => "schema_too_complex",
            Self::RemoteUrl => "remote_urls_disabled",
            Self::Image => "invalid_image",
            Self::ImageSize { .. } => "image_too_large",
            Self::NodeId => "invalid_node_id",
        }
    }
}
