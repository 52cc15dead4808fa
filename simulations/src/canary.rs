//! Planted bugs behind a switch of the simulator. A run of the tests shows that each is found; one
//! that is not found would mean that the oracle is blind there.

use serde::{Deserialize, Serialize};

macro_rules! canaries {
    ($($(#[$doc:meta])* $variant:ident = $name:literal,)*) => {
        /// A bug to plant.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
        #[serde(rename_all = "kebab-case")]
        pub enum Canary {
            $($(#[$doc])* $variant,)*
        }

        impl Canary {
            /// All of them, with their names on the command line.
            pub const ALL: &[(Self, &'static str)] = &[$((Self::$variant, $name),)*];
        }
    };
}

canaries! {
    /// A model's memory counts once it is loaded, and nothing while it is only promised.
    MemoryCountedAtLoad = "memory-counted-at-load",
    /// Owners take news of any attempt of a job for news of the one that stands.
    EpochForgotten = "epoch-forgotten",
    /// Nodes take `Gone` for `Bind`.
    LosersBound = "losers-bound",
    /// A node does not tell the end of every fourth attempt that it ran, and goes on giving signs of life.
    EndSwallowed = "end-swallowed",
    /// A continuation begins one token too early.
    TokenRepeated = "token-repeated",
    /// A continuation begins from another token than the client has.
    TokenChanged = "token-changed",
    /// An answer is continued from the beginning.
    DeliveredForgotten = "delivered-forgotten",
    /// The scheduler is not told who was revoked.
    RevokedKept = "revoked-kept",
    /// Nodes gossip to everybody that they can reach.
    StrangersTold = "strangers-told",
    /// Older adverts replace newer ones.
    StaleAdvertTaken = "stale-advert-taken",
    /// Full adverts are not repeated.
    RefreshForgotten = "refresh-forgotten",
    /// Executors go on with what was cancelled.
    CancelIgnored = "cancel-ignored",
    /// What is cancelled is still delivered.
    CancelledDelivered = "cancelled-delivered",
    /// An end is told again when somebody cancels after it.
    TwoEnds = "two-ends",
    /// Owners wait for ever for signs of life.
    SilenceBorne = "silence-borne",
    /// Executors do not see that a job is to be tried alone.
    SolitudeForgotten = "solitude-forgotten",
    /// Owners hear of a crash under a job that was alone as of a broken connection.
    CrashUncounted = "crash-uncounted",
    /// A disk says that it has synced before it has.
    AckBeforeSync = "ack-before-sync",
    /// A holder's word for a higher term is not on its disk.
    VoteForgotten = "vote-forgotten",
    /// Owners take a refusal because of a higher term for a confirmation.
    TermForgotten = "term-forgotten",
    /// Owners show the end of a lasting job before it is final.
    EndShownEarly = "end-shown-early",
    /// Idempotency keys are dropped at the gateway.
    KeyForgotten = "key-forgotten",
    /// A node mixes up the streams of two attempts that it runs.
    StreamsMixed = "streams-mixed",
    /// A link that comes up again is not noticed.
    LinkUpForgotten = "link-up-forgotten",
    /// A slot stays taken after every fifth end.
    SlotKept = "slot-kept",
}

impl Canary {
    /// Its name on the command line.
    #[must_use]
    pub fn name(self) -> &'static str {
        Self::ALL.iter().find(|(canary, _)| *canary == self).map_or("", |(_, name)| name)
    }

    /// By its name on the command line.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.iter().find(|(_, known)| *known == name).map(|(canary, _)| *canary)
    }
}
