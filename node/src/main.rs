//! The program `pumasi`.

use std::process::ExitCode;

fn main() -> ExitCode {
    pumasi_node::cli::main(std::env::args_os())
}
