//! A host of its own: a network namespace with loopback up, and what runs in it.

use std::process::{Child, Command, Stdio};

use tests::go::Go;

use super::line;

/// Taken away with everything in it when it is dropped.
pub struct Host {
    name: String,
    /// Which services of a test see each other; one test, one fleet.
    fleet: String,
}

impl Host {
    pub fn new() -> Self {
        let name = format!("micro-{}", &micro::id::random()[..8]);
        run(Command::new("ip").args(["netns", "add", &name]));
        let thread = std::thread::current();
        let host = Self {
            name,
            fleet: format!("{:?}-{}", thread.id(), std::process::id()),
        };
        host.ip(&["link", "set", "lo", "up"]);
        host
    }

    /// What `ip` prints with these arguments in the namespace.
    pub fn ip(&self, arguments: &[&str]) -> String {
        run(Command::new("ip").args(["-n", &self.name]).args(arguments))
    }

    /// A process that serves `greeter`, once it does.
    pub fn serve(&self, interfaces: &str, more: &[(&str, &str)]) -> Server {
        let mut command = self.command("serve", interfaces);
        command.envs(more.iter().copied()).stdin(Stdio::piped());
        let mut process = command.spawn().unwrap();
        let said = line(&mut process, "serving at ");
        Server { process, said }
    }

    /// A process that runs this test of the program until its input ends, once it has said `word`.
    pub fn start(&self, test: &str, interfaces: &str, word: &str) -> Server {
        let mut process = self.command(test, interfaces);
        let mut process = process.stdin(Stdio::piped()).spawn().unwrap();
        let said = line(&mut process, word);
        Server { process, said }
    }

    /// A program of go-micro on this host.
    pub fn go(&self, go: Go, arguments: &[&str]) -> Command {
        let mut command = Command::new("ip");
        command.args(["netns", "exec", &self.name]);
        command.arg(go.program()).args(arguments);
        command
    }

    /// What a process is answered that calls `greeter`.
    pub fn call(&self, interfaces: &str) -> String {
        let mut process = self.command("call", interfaces).spawn().unwrap();
        let answer = line(&mut process, "answer: ");
        assert!(process.wait().unwrap().success());
        answer
    }

    /// This test program, to run the one test of that name.
    fn command(&self, test: &str, interfaces: &str) -> Command {
        let mut command = Command::new("ip");
        command.args(["netns", "exec", &self.name]);
        command.arg(std::env::current_exe().unwrap());
        command.args(["--exact", test, "--nocapture"]);
        command
            .env("FLEET", &self.fleet)
            .env("INTERFACES", interfaces);
        command.stdout(Stdio::piped());
        command
    }
}

impl Drop for Host {
    fn drop(&mut self) {
        // Nothing can be done if it fails, and the test may be failing already.
        let _ = Command::new("ip")
            .args(["netns", "del", &self.name])
            .status();
    }
}

/// A process that is ended when this is dropped.
pub struct Server {
    process: Child,
    /// Where it says that it listens.
    pub said: String,
}

impl Server {
    /// Lets it end in order.
    pub fn stop(&mut self) {
        drop(self.process.stdin.take());
        assert!(self.process.wait().unwrap().success());
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.process.kill().ok();
        self.process.wait().ok();
    }
}

/// A cable between two hosts: an interface called `lan` on each, 10.9.9.1 and 10.9.9.2. It goes with either host.
pub struct Link;

impl Link {
    pub fn between(here: &Host, there: &Host) -> Self {
        let peer = ["type", "veth", "peer", "name", "lan", "netns", &there.name];
        here.ip(&[&["link", "add", "lan"], &peer[..]].concat());
        for (host, address) in [(here, "10.9.9.1/24"), (there, "10.9.9.2/24")] {
            host.ip(&["addr", "add", address, "dev", "lan"]);
            host.ip(&["link", "set", "lan", "up"]);
        }
        // The kernel says so some time after both ends are set up.
        for host in [here, there] {
            while !host.ip(&["link", "show", "lan"]).contains("state UP") {}
        }
        Self
    }
}

fn run(command: &mut Command) -> String {
    let output = command.output().expect("iproute2 is needed");
    let wrong = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command:?}: {wrong}");
    String::from_utf8_lossy(&output.stdout).into_owned()
}
