//! Why a hub did not give what was asked. A person reads it: what happened and what to do next. No
//! text of the hub is in it.

use std::io;
use std::time::Duration;

/// Why a hub did not give it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum HubError {
    /// The hub cannot be reached.
    #[error("{0}")]
    Line(#[from] LineFault),
    /// Its certificate is not believed.
    #[error("{0}")]
    Tls(#[from] TlsFault),
    /// It has no time.
    #[error("The hub is busy or out of order. Try again later.")]
    Unavailable {
        /// How long it asks to wait, as far as it is within reason.
        after: Option<Duration>,
    },
    /// Something else answers: a login page, a captive portal, a proxy.
    #[error(
        "Something other than a model hub answers there, such as the login page of a network. \
         Open a page in a browser and log in, or check the hub's address."
    )]
    NotAHub,
    /// It wants to know who asks.
    #[error("{cause} {link}")]
    Auth {
        /// Why.
        cause: AuthCause,
        /// The repository's page.
        link: String,
    },
    /// It does not have it.
    #[error("{0}")]
    Missing(#[from] Missing),
    /// It points elsewhere.
    #[error(
        "The hub points to another host, which is not one of those that model files may come from. \
         If it is your mirror's, name it with --hub-cdn."
    )]
    Redirect,
    /// What it says is not as the API has it, or beyond the limits.
    #[error("The hub's answer is not what its API says, or too large. Check the hub's address.")]
    Answer,
    /// The file is not what the hub says of it.
    #[error("{0}")]
    File(#[from] FileFault),
    /// The disk said no.
    #[error("The download cannot be written ({kind}). Check the disk.")]
    Disk {
        /// What the system said.
        kind: io::ErrorKind,
    },
    /// It is full.
    #[error("The disk is full. Free some space and resume; what was downloaded is kept.")]
    DiskFull,
    /// The caller stopped it.
    #[error("The download was stopped. What was downloaded is kept.")]
    Stopped,
}

/// Why there is no connection, or no more.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LineFault {
    /// Its name has no address.
    #[error("The hub's name cannot be looked up. Check the network, or the hub's address.")]
    Resolve,
    /// Its name leads into this computer or this network.
    #[error(
        "The hub's name leads to an address of this computer or its own network, where no public \
         hub is. Check the network's DNS, or log in to it."
    )]
    LocalAddress,
    /// Nobody answers.
    #[error("The hub cannot be reached. Check the network, a proxy, and the hub's address.")]
    Connect,
    /// It took too long.
    #[error("The hub does not answer in time. Try again later.")]
    Timeout,
    /// It broke off.
    #[error("The connection to the hub broke off. Try again.")]
    Broken,
}

/// What is wrong with a certificate.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TlsFault {
    /// Its time is over, or not come.
    #[error("The hub's certificate has expired or is not valid yet. Check this computer's clock.")]
    Expired,
    /// It is another host's.
    #[error(
        "The hub's certificate is for another host. Somebody may be in between: ask your office's network people."
    )]
    WrongHost,
    /// Nobody known vouches for it.
    #[error(
        "The hub's certificate is signed by nobody this computer trusts. If a proxy of your office \
         reads encrypted traffic, its authority must be added to this computer's."
    )]
    UnknownIssuer,
    /// Anything else.
    #[error("No encrypted connection to the hub could be made. Check the hub's address.")]
    Other,
}

/// Why the hub wants to know who asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AuthCause {
    /// There is no token.
    #[error(
        "This model is gated or private, or there is none of this name. Accept its terms in a \
         browser, then give a token with `pumasi hub login`:"
    )]
    NoToken,
    /// The token is not taken.
    #[error("The hub does not take this token. Make a new one, then `pumasi hub login`:")]
    TokenRefused,
    /// The terms were not accepted.
    #[error("The owners ask for their terms to be accepted first. Do so in a browser:")]
    TermsNotAccepted,
}

/// What a hub does not have.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Missing {
    /// The repository.
    #[error("The hub has no such model, or does not show it. Check owner and name.")]
    Repository,
    /// The branch, tag or commit.
    #[error(
        "The hub does not have this revision of the model any more. Search for the model again and \
         look at what is offered now before taking it."
    )]
    Revision,
    /// The file.
    #[error("The model has no such file. List its files with `pumasi search`.")]
    File,
}

/// What is wrong with a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FileFault {
    /// A pointer of Git LFS came instead of the content.
    #[error("The hub gave a pointer instead of the file. Try again later, or use another hub.")]
    Pointer,
    /// It is longer or shorter than was said.
    #[error("The hub's file is not as long as the hub says. Try again later.")]
    Length,
    /// It is packed, which was not asked for.
    #[error(
        "The hub gave the file in an encoding that was not asked for. Check a proxy on the way."
    )]
    Encoding,
    /// It is no GGUF file.
    #[error("The file is not a GGUF model. Other formats can hold programs and are not taken.")]
    NotGguf,
    /// The hub does not say its SHA-256.
    #[error("The hub does not say this file's SHA-256, so it cannot be checked. It is not taken.")]
    Unverifiable,
    /// Its hash is another.
    #[error("The file is not the one that was asked for: its SHA-256 differs. It was thrown away.")]
    Hash,
    /// It is another one now.
    #[error("The hub offers another file under this name now. Look at it before taking it.")]
    Changed,
}

impl HubError {
    /// A stable word for programs.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Line(LineFault::LocalAddress) => "hub_local_address",
            Self::Line(_) => "hub_unreachable",
            Self::Tls(_) => "hub_tls",
            Self::Unavailable { .. } | Self::NotAHub => "hub_unavailable",
            Self::Auth { .. } => "hub_auth_needed",
            Self::Missing(Missing::Repository) => "hub_model_not_found",
            Self::Missing(Missing::Revision) => "hub_revision_not_found",
            Self::Missing(Missing::File) => "hub_file_not_found",
            Self::Redirect => "hub_redirect_refused",
            Self::Answer => "hub_bad_answer",
            Self::File(FileFault::NotGguf) => "format_not_allowed",
            Self::File(FileFault::Hash) => "hash_mismatch",
            Self::File(_) => "hub_bad_file",
            Self::Disk { .. } => "disk_failed",
            Self::DiskFull => "no_room",
            Self::Stopped => "stopped",
        }
    }

    /// Whether the same again may succeed without anybody doing anything.
    pub fn is_passing(&self) -> bool {
        match self {
            Self::Unavailable { .. } => true,
            Self::Line(fault) => *fault != LineFault::LocalAddress,
            Self::Tls(_)
            | Self::NotAHub
            | Self::Auth { .. }
            | Self::Missing(_)
            | Self::Redirect
            | Self::Answer
            | Self::File(_)
            | Self::Disk { .. }
            | Self::DiskFull
            | Self::Stopped => false,
        }
    }
}

impl From<io::Error> for HubError {
    fn from(error: io::Error) -> Self {
        let kind = error.kind();
        let is_full = matches!(kind, io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded);
        if is_full { Self::DiskFull } else { Self::Disk { kind } }
    }
}
