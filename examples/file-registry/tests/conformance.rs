//! The contract of registries, over this one.

use std::process::ExitCode;
use std::sync::Arc;

use file_registry::FileRegistry;
use micro::conformance::registry::Ends;
use micro::conformance::{Row, Suite};

fn main() -> ExitCode {
    Suite::default().registry(Row::new("file", files)).run()
}

/// Two processes that share a folder.
#[allow(
    clippy::unwrap_used,
    reason = "a line that cannot be checked is broken"
)]
async fn files() -> Ends {
    let folder = tempfile::tempdir().unwrap();
    let registry = || Arc::new(FileRegistry::new(folder.path()));
    Ends::new(registry(), registry()).keeping(folder)
}
