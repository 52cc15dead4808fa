//! What nodes, workers and programs say to each other: pure data, its limits and its encodings.
//! Nothing here opens a file, a socket or a clock; decoding never allocates before it has checked.

pub mod advert;
pub mod blob;
pub mod chain;
pub mod copy;
pub mod custody;
pub mod document;
pub mod engine;
pub mod envelope;
pub mod fault;
pub mod frame;
pub mod generate;
pub mod ids;
pub mod invitation;
pub mod job;
pub mod join;
pub mod limits;
pub mod message;
pub mod name;
pub mod pairing;
pub mod providing;
pub mod roster;
pub mod settings;
pub mod sheet;
pub mod state;
pub mod stream;
pub mod worker;

pub use advert::{Admission, AdvertDelta, Device, DeviceKind, ModelAdvert, ModelState, NodeAdvert};
pub use blob::{BlobAsk, BlobError, BlobFrame, BlobReader, BlobRight};
pub use copy::{CopyAsk, CopyFrame, GroupRange, Part as CopyPart};
pub use custody::{CustodyMessage, End, Term};
pub use engine::{
    Capabilities, Embedded, EngineKind, Finish, Phase, Rate, Tempo, Timings, Token, Usage,
};
pub use fault::{Fault, Refusal};
pub use generate::{Generate, Message, OutputFormat, Part, Prompt, Role, Sampling, Tool, ToolCall};
pub use ids::{AttemptId, BlobId, Epoch, JobId, MeshId, NodeId, PersonId};
pub use job::{Constraints, JobKind, JobState, Need, Priority, Trust, Work};
pub use message::{Bid, Control, Offer};
pub use name::{ModelName, NameError, NodeName};
pub use settings::{KeepAlive, ModelSettings, SettingsFault};
pub use sheet::{JobSheet, Progress};
pub use state::{NodeState, StateMessage};
