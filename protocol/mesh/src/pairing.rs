//! Pairing: how a computer that belongs to no mesh is let in by six digits. Pure: messages, the
//! exchange that proves both sides mean the same digits, and which digits may be tried.
//!
//! The newcomer shows six digits and opens its join door. An admin types them at a computer of the
//! mesh, which dials that door as the *approver*. Both keys are those that TLS proved.
//!
//! ```text
//! approver                                   newcomer
//!   Hello {mesh, its name, mine, X}   ──▶
//!                                     ◀──    Here {name, person, Y}
//!   Proof(MAC of all that was said)   ──▶    the digits are spent, whatever comes of it
//!                                     ◀──    Proof(MAC with another key), or Refused
//!   Entries …, Done                   ──▶    only after both proofs: a signed admission, the roster
//!                                     ◀──    Joined
//! ```
//!
//! X and Y are those of SPAKE2 (RFC 9382, with the constants of the `spake2` crate), so that a wrong
//! guess tells nothing but that it was wrong. The approver proves first: who only pretends to be a
//! mesh must spend a guess to learn anything, and a guess is one in a million. What the crate leaves
//! to its user is done here: points are checked ([`PairingError::Element`]), and keys are confirmed.

mod digits;
mod doorstep;
mod exchange;
mod message;

pub use digits::{Digits, DigitsError};
pub use doorstep::{Doorstep, Shown, Source, Standing, Trial};
pub use exchange::{Approver, Awaiting, Newcomer, PairingError, Parties};
pub use message::{Element, Hello, Here, PairingMessage, PairingRefusal, Proof};

#[cfg(test)]
mod tests;
