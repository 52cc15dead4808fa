//! The arguments of `models`.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};

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
    /// Take model files of this computer into the store, without a second copy where possible
    Import(ImportArguments),
    /// Read stored models again and compare their hashes
    Verify {
        /// Which model [default: all]
        #[arg(value_name = "MODEL")]
        model: Option<String>,
    },
    /// Remove a model from this computer's disk
    Remove {
        /// Which model
        #[arg(value_name = "MODEL")]
        model: String,
    },
    /// Keep a model whatever else goes
    Pin {
        /// Which model
        #[arg(value_name = "MODEL")]
        model: String,
    },
    /// Do not keep a model whatever else goes
    Unpin {
        /// Which model
        #[arg(value_name = "MODEL")]
        model: String,
    },
    /// Remove files that no model needs any more
    Gc(GcArguments),
    /// Show the stored models, what they take, and what may still come
    Disk,
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

/// Whose models.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum ImportProgram {
    /// Ollama's
    Ollama,
    /// LM Studio's
    Lmstudio,
    /// The cache of the Hugging Face Hub
    Hub,
}

#[derive(Debug, Args)]
pub(crate) struct ImportArguments {
    /// GGUF files
    #[arg(value_name = "PATH", required_unless_present = "from", conflicts_with = "from",
          value_hint = clap::ValueHint::FilePath)]
    pub(crate) paths: Vec<PathBuf>,
    /// What to call it, for a single file [default: after the file]
    #[arg(long, value_name = "NAME")]
    pub(crate) name: Option<String>,
    /// Models that another program has
    #[arg(long, value_name = "PROGRAM")]
    pub(crate) from: Option<ImportProgram>,
    /// The folder where that program keeps them [default: its usual one]
    #[arg(long, value_name = "DIR", requires = "from", value_hint = clap::ValueHint::DirPath)]
    pub(crate) folder: Option<PathBuf>,
    /// Only the one of this name
    #[arg(long, value_name = "MODEL", requires = "from")]
    pub(crate) only: Option<String>,
    /// Only list what is found
    #[arg(long)]
    pub(crate) dry_run: bool,
}

#[derive(Debug, Args)]
pub(crate) struct GcArguments {
    /// Also models that are not pinned and were not used for so many days
    #[arg(long, value_name = "DAYS")]
    pub(crate) unused_days: Option<u32>,
    /// Only say what would go
    #[arg(long)]
    pub(crate) dry_run: bool,
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
