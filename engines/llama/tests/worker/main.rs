//! The real worker binary, driven by the real host, on the starter model.

mod answers;
mod confined;
mod continuation;
mod drafts;
mod faults;
mod heldout;
mod memory;
mod mutations;
mod rig;
