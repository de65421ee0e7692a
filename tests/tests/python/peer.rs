//! Our program and scripts in Python, as processes that end with the test.

use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::process::{Child, Command};
use tokio::time::timeout;

/// What a process is asked for comes much sooner, or the test fails.
const SOON: Duration = Duration::from_secs(60);

/// A process that says where it serves, killed when this is dropped.
pub struct Server {
    pub address: String,
    _process: Child,
}

impl Server {
    async fn start(mut command: Command) -> Self {
        command.stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut process = command.kill_on_drop(true).spawn().unwrap();
        let mut lines = BufReader::new(process.stdout.take().unwrap()).lines();
        let said = timeout(SOON, lines.next_line()).await;
        let said = said.unwrap_or_else(|_| panic!("{command:?} says nothing"));
        let address = said.unwrap();
        Self {
            address: address.unwrap_or_else(|| panic!("{command:?} says nothing")),
            _process: process,
        }
    }

    /// Our program, with its default components.
    pub async fn ours() -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_greeter"));
        command.arg("--server_address=127.0.0.1:0");
        command
            .env("MICRO_REGISTRY_NAMESPACE", micro::id::random())
            .env("MICRO_LOG_LEVEL", "warn");
        Self::start(command).await
    }
}

/// The proto file that our program prints, and scripts that are given nothing else of it.
pub struct Python {
    contract: TempDir,
}

impl Python {
    pub async fn new() -> Self {
        let contract = tempfile::tempdir().unwrap();
        let mut command = Command::new(env!("CARGO_BIN_EXE_greeter"));
        let printed = output(command.arg("--print_proto")).await;
        std::fs::write(contract.path().join("greeter.proto"), printed).unwrap();
        Self { contract }
    }

    /// Runs a script to its end; what it prints.
    pub async fn run(&self, script: &str, arguments: &[&str]) -> String {
        output(self.command(script).args(arguments)).await
    }

    /// A service of grpcio.
    pub async fn serve(&self) -> Server {
        Server::start(self.command("server.py")).await
    }

    pub fn command(&self, script: &str) -> Command {
        let python = std::env::var("MICRO_PYTHON");
        let python = python.expect("MICRO_PYTHON is not set: run tests/live");
        let scripts = Path::new(env!("CARGO_MANIFEST_DIR")).join("python");
        let mut command = Command::new(python);
        command
            .arg(scripts.join(script))
            .env("PYTHONPATH", self.contract.path())
            .env("PYTHONDONTWRITEBYTECODE", "1");
        command
    }
}

/// Runs a command to its end; what it prints.
async fn output(command: &mut Command) -> String {
    answer(command)
        .await
        .unwrap_or_else(|wrong| panic!("{wrong}"))
}

/// Runs a command to its end; what it prints, or what it says is wrong.
pub async fn answer(command: &mut Command) -> Result<String, String> {
    let ended = command.stdin(Stdio::null()).kill_on_drop(true).output();
    let output = timeout(SOON, ended)
        .await
        .map_err(|_| format!("{command:?} does not end"))?
        .map_err(|error| format!("{command:?}: {error}"))?;
    if !output.status.success() {
        let wrong = String::from_utf8_lossy(&output.stderr);
        return Err(format!("{command:?}: {}: {wrong}", output.status));
    }
    let printed = String::from_utf8_lossy(&output.stdout);
    Ok(printed.trim_end().to_owned())
}
