//! Arguments of `pdf` and `translate`.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::jobs::PlacementArguments;

/// Which files, and how they are read.
#[derive(Debug, Args)]
pub(in super::super) struct FilesArguments {
    /// The files; of a folder, all in it and below that can be read
    #[arg(value_name = "FILE", required = true, value_hint = clap::ValueHint::AnyPath)]
    pub(in super::super) files: Vec<PathBuf>,
    /// Only these pages, as in 3, 3-9 or 3-
    #[arg(long, value_name = "PAGES")]
    pub(in super::super) pages: Option<String>,
    /// What opens the files, if they are protected
    #[arg(long, value_name = "WORD", env = "PUMASI_PDF_PASSWORD", hide_env_values = true)]
    pub(in super::super) password: Option<String>,
    /// Where results go: a file for each; without it, text is printed
    #[arg(long, short, value_name = "FOLDER", value_hint = clap::ValueHint::DirPath)]
    pub(in super::super) out: Option<PathBuf>,
    #[command(flatten)]
    pub(in super::super) placement: PlacementArguments,
}

/// What to do with documents.
#[derive(Debug, Subcommand)]
pub(in super::super) enum PdfAction {
    /// Their text as Markdown
    Extract {
        #[command(flatten)]
        files: FilesArguments,
    },
    /// Their pages as pictures (PNG); needs --out
    Render {
        #[command(flatten)]
        files: FilesArguments,
        /// Dots per inch
        #[arg(long, value_name = "NUMBER", default_value_t = 150)]
        dpi: u16,
    },
    /// The pictures in them; needs --out
    Pictures {
        #[command(flatten)]
        files: FilesArguments,
    },
    /// A summary of each
    Summarise {
        #[command(flatten)]
        files: FilesArguments,
        /// Which model [default: the best of the mesh that is ready]
        #[arg(long, short, value_name = "MODEL")]
        model: Option<String>,
        /// About how many words
        #[arg(long, value_name = "NUMBER", default_value_t = 200)]
        words: u32,
    },
    /// An answer to a question, with the pages that it is taken from
    Ask {
        #[command(flatten)]
        files: FilesArguments,
        /// The question
        #[arg(long, short, value_name = "TEXT")]
        question: String,
        /// Which model [default: the best of the mesh that is ready]
        #[arg(long, short, value_name = "MODEL")]
        model: Option<String>,
    },
    /// The files in another language, their form kept
    Translate(TranslateArguments),
    /// Data from each as JSON that follows a schema
    Fields {
        #[command(flatten)]
        files: FilesArguments,
        /// A file with the JSON schema
        #[arg(long, value_name = "FILE", value_hint = clap::ValueHint::FilePath)]
        schema: PathBuf,
        /// Which model [default: the best of the mesh that is ready]
        #[arg(long, short, value_name = "MODEL")]
        model: Option<String>,
    },
}

#[derive(Debug, Args)]
pub(in super::super) struct TranslateArguments {
    #[command(flatten)]
    pub(in super::super) files: FilesArguments,
    /// The language, as people call it
    #[arg(long, value_name = "LANGUAGE")]
    pub(in super::super) to: String,
    /// How it is to sound, as in formal or friendly
    #[arg(long, value_name = "TEXT")]
    pub(in super::super) tone: Option<String>,
    /// A word and what it is to become, as in mesh=그물; may be repeated
    #[arg(long, value_name = "WORD=WORD")]
    pub(in super::super) glossary: Vec<String>,
    /// Which model [default: the best of the mesh that is ready]
    #[arg(long, short, value_name = "MODEL")]
    pub(in super::super) model: Option<String>,
}
