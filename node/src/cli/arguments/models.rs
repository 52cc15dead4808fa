//! The arguments of `models`.

use clap::{Args, Subcommand};

/// What to do with models.
#[derive(Debug, Subcommand)]
pub(crate) enum ModelAction {
    /// List all models of the mesh
    List,
    /// Load a model into memory
    Load(ModelPlace),
    /// Unload a model from memory
    Unload(ModelPlace),
    /// Copy a model of the mesh to a computer, from all that hold it
    Copy(ModelPlace),
    /// Set how a model is loaded and how long it stays; without settings, show them
    #[command(after_long_help = "\
Settings:
  context=TOKENS        tokens that a slot holds
  slots=1..64           answers that it writes at the same time
  threads=1..1024       threads of its engine
  gpu_layers=COUNT|all  layers on graphics cards
  cache=f16|q8_0|q4_0   number format of the KV cache
  flash=auto|on|off     flash attention
  drafts=auto|on|off    tokens guessed from the prompt and computed ahead
  ttl=10m|forever|0     how long it stays loaded after its last use
  pinned=yes|no         loaded at the start, never unloaded for another model
KEY= without a value leaves the setting to the computer again. A model that is loaded otherwise is
unloaded once it is idle, and comes back as set.

Examples:
  pumasi models set starter-chat
  pumasi models set org/Model-7B.Q4_K_M context=16384 slots=2 cache=q8_0
  pumasi models set org/Model-7B.Q4_K_M ttl=1h pinned=yes --node window-desk")]
    Set(ModelSet),
}

/// One `KEY=VALUE`, tried.
#[derive(Debug, Clone)]
pub(crate) struct SettingArgument {
    /// Which setting.
    pub(crate) key: String,
    /// What it is to be; empty: left to the computer.
    pub(crate) value: String,
}

#[derive(Debug, Args)]
pub(crate) struct ModelSet {
    #[command(flatten)]
    pub(crate) place: ModelPlace,
    /// What to set
    #[arg(value_name = "KEY=VALUE", value_parser = crate::cli::model_settings::parse)]
    pub(crate) settings: Vec<SettingArgument>,
}

#[derive(Debug, Args)]
pub(crate) struct ModelPlace {
    /// Which model
    #[arg(value_name = "MODEL")]
    pub(crate) model: String,
    /// On which computer: its name, or the beginning of its id [default: this one]
    #[arg(long, value_name = "NODE")]
    pub(crate) node: Option<String>,
}
