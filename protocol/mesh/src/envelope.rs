//! Signed, versioned envelopes of what is gossiped; unknown kinds are kept and forwarded opaque.
