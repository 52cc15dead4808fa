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
