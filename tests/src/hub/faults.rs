//! How the hub misbehaves: a closed list, each with the requests that it concerns.

/// What the hub does instead.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fault {
    /// A status, with headers, at the hub itself.
    Status(On, u16, Vec<(&'static str, String)>),
    /// A login page with status 200.
    LoginPage(On),
    /// A redirect to this address.
    RedirectTo(String),
    /// A body of this length in JSON, on every API route.
    Json(Vec<u8>),
    /// A pointer of Git LFS instead of the content.
    Pointer,
    /// Other bytes of the right length.
    WrongBytes,
    /// The whole file, whatever range was asked for.
    IgnoresRange,
    /// A range that is not the one that was asked for.
    WrongRange,
    /// The right range, of a file that calls itself another.
    OtherEtag,
    /// `416` for every range.
    NotSatisfiable,
    /// A whole answer that ends so many bytes early, and says so.
    Shorter(usize),
    /// The connection ends after so many bytes.
    Cut(usize),
    /// Says that it is packed.
    Packed,
    /// No length, and more bytes than the file has.
    Endless,
    /// Says more bytes than it sends, then ends the connection.
    Stingy(usize),
    /// Nothing after so many bytes, and the connection stays.
    Stall(usize),
}

/// Which requests.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum On {
    /// Search and repositories.
    Api,
    /// Files at the hub, before any redirect.
    Resolve,
    /// Files at the CDN.
    Cdn,
}

impl Fault {
    pub(super) fn on(&self) -> On {
        match self {
            Self::Status(on, ..) | Self::LoginPage(on) => *on,
            Self::Json(_) => On::Api,
            Self::RedirectTo(_) => On::Resolve,
            Self::Pointer
            | Self::WrongBytes
            | Self::IgnoresRange
            | Self::WrongRange
            | Self::OtherEtag
            | Self::NotSatisfiable
            | Self::Shorter(_)
            | Self::Cut(_)
            | Self::Packed
            | Self::Endless
            | Self::Stingy(_)
            | Self::Stall(_) => On::Cdn,
        }
    }

    /// Whether it can show on a request, which asks for a range or not.
    pub(super) fn shows(&self, is_range: bool) -> bool {
        match self {
            Self::IgnoresRange | Self::WrongRange | Self::OtherEtag | Self::NotSatisfiable => {
                is_range
            }
            Self::Status(..)
            | Self::LoginPage(_)
            | Self::Json(_)
            | Self::RedirectTo(_)
            | Self::Pointer
            | Self::WrongBytes
            | Self::Shorter(_)
            | Self::Cut(_)
            | Self::Packed
            | Self::Endless
            | Self::Stingy(_)
            | Self::Stall(_) => true,
        }
    }
}
