//! Programs of real go-micro: what `tests/go` builds, see its README.
//!
//! They block: a test that serves them itself calls them from a thread, as `tokio::task::spawn_blocking` has.

use std::ffi::OsStr;
use std::io::{BufRead, BufReader, Read};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{self, Receiver};
use std::thread;
use std::time::Duration;

use serde_json::Value;

/// What a peer prints comes much sooner, or the test fails.
const SOON: Duration = Duration::from_secs(20);

/// A generation of go-micro.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Go {
    V1,
    V5,
}

impl Go {
    /// All that there are.
    pub const ALL: [Self; 2] = [Self::V1, Self::V5];

    /// Where its program is.
    ///
    /// # Panics
    ///
    /// If it was not built.
    pub fn program(self) -> String {
        let variable = match self {
            Self::V1 => "MICRO_GO_V1",
            Self::V5 => "MICRO_GO_V5",
        };
        let built = std::env::var(variable);
        built.unwrap_or_else(|_| panic!("{variable} is not set: run tests/live"))
    }

    /// Starts `command` with its arguments; it has printed its first line.
    pub fn start<S: AsRef<OsStr>>(self, command: impl IntoIterator<Item = S>) -> Peer {
        let mut process = Command::new(self.program());
        process.args(command);
        Peer::start(&mut process)
    }

    /// Runs `command` to its end; the last line it prints, as JSON.
    pub fn run<S: AsRef<OsStr>>(self, command: impl IntoIterator<Item = S>) -> Value {
        let mut process = Command::new(self.program());
        process.args(command);
        run(&mut process)
    }
}

/// Runs a peer's command to its end; the last line it prints, as JSON.
///
/// # Panics
///
/// If it fails.
pub fn run(command: &mut Command) -> Value {
    let output = command.stdin(Stdio::null()).output().unwrap();
    let wrong = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command:?}: {wrong}");
    let printed = String::from_utf8(output.stdout).unwrap();
    serde_json::from_str(printed.lines().last().unwrap_or_default()).unwrap()
}

/// A process that runs until it is stopped, or killed when this is dropped.
#[derive(Debug)]
pub struct Peer {
    process: Child,
    lines: Receiver<String>,
    /// The first line: a server's address.
    pub said: String,
}

impl Peer {
    /// Starts it; it has printed its first line.
    ///
    /// # Panics
    ///
    /// If it does not.
    pub fn start(command: &mut Command) -> Self {
        let piped = command.stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut process = piped.stderr(Stdio::piped()).spawn().unwrap();
        let printed = BufReader::new(process.stdout.take().unwrap());
        let mut log = process.stderr.take().unwrap();
        let (sender, lines) = mpsc::channel();
        thread::spawn(move || {
            let mut printed = printed.lines().map_while(Result::ok);
            printed.try_for_each(|line| sender.send(line))
        });
        let Ok(said) = lines.recv_timeout(SOON) else {
            process.kill().ok();
            let mut wrong = String::new();
            log.read_to_string(&mut wrong).ok();
            panic!("{command:?}: {wrong}");
        };
        // A log that nobody reads would stop it when the pipe is full.
        thread::spawn(move || std::io::copy(&mut log, &mut std::io::sink()));
        Self {
            process,
            lines,
            said,
        }
    }

    /// The next line it prints.
    ///
    /// # Panics
    ///
    /// If there is none.
    pub fn line(&mut self) -> String {
        self.lines
            .recv_timeout(SOON)
            .expect("the peer says nothing")
    }

    /// The next line it prints, as JSON.
    ///
    /// # Panics
    ///
    /// If it is not.
    pub fn json(&mut self) -> Value {
        serde_json::from_str(&self.line()).unwrap()
    }

    /// Lets it end in order.
    ///
    /// # Panics
    ///
    /// If it fails.
    pub fn stop(&mut self) {
        drop(self.process.stdin.take());
        let status = self.process.wait().unwrap();
        assert!(status.success(), "{status}");
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        self.process.kill().ok();
        self.process.wait().ok();
    }
}
