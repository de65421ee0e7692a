//! The programs of the examples, built once with every backend, run on each of them by flags alone, and by variables alone.
//!
//! Run by `tests/live`, which builds them; it prints what was chosen, and what came of it.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;

use tests::servers::{Consul, Dns, Etcd, Kind, Nats, RabbitMq, Server, free};
use tokio::io::{AsyncBufReadExt as _, AsyncRead, BufReader, Lines};
use tokio::process::{Child, ChildStderr, ChildStdout, Command};
use tokio::time::timeout;

/// What is waited for comes much sooner, or the test fails.
const SOON: Duration = Duration::from_secs(60);

/// What programs log once they serve.
const READY: [&str; 2] = ["Registering node", "announces nothing"];

/// How a program is told what was chosen.
#[derive(Clone, Copy)]
enum By {
    Flags,
    Variables,
}

/// What is chosen, as flags have it: names and values.
type Chosen<'a> = &'a [(&'a str, &'a str)];

/// An example, that finds others of this test and nobody else.
fn program(name: &str, by: By, namespace: &str, chosen: Chosen<'_>) -> Command {
    let programs = std::env::var("MICRO_EXAMPLES");
    let programs = programs.expect("MICRO_EXAMPLES is not set: run tests/live");
    let mut command = Command::new(PathBuf::from(programs).join(name));
    command
        .env("MICRO_REGISTRY_NAMESPACE", namespace)
        .env("MICRO_STOP_LINGER", "0s")
        .env("MICRO_LOG_LEVEL", "info")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true);
    for (flag, value) in chosen {
        match by {
            By::Flags => command.arg(format!("--{flag}={value}")),
            By::Variables => command.env(format!("MICRO_{}", flag.to_uppercase()), value),
        };
    }
    command
}

/// A program that goes on.
struct Running {
    printed: Lines<BufReader<ChildStdout>>,
    process: Child,
    _logged: Lines<BufReader<ChildStderr>>,
}

impl Running {
    /// Starts it; it has logged that it is ready.
    async fn start(mut command: Command) -> Self {
        let mut process = command.spawn().unwrap();
        let printed = lines(process.stdout.take().unwrap());
        let mut logged = lines(process.stderr.take().unwrap());
        let mut log = String::new();
        let said = timeout(SOON, async {
            while let Some(line) = logged.next_line().await.unwrap() {
                log += &format!("{line}\n");
                if READY.iter().any(|ready| line.contains(ready)) {
                    return true;
                }
            }
            false
        });
        let said = said.await.unwrap_or(false);
        assert!(said, "{command:?} is never ready:\n{log}");
        Self {
            printed,
            process,
            _logged: logged,
        }
    }

    /// The next line that it prints and begins with one of `words`.
    async fn prints(&mut self, words: &[&str]) -> String {
        loop {
            let line = timeout(SOON, self.printed.next_line()).await;
            let line = line.expect("it prints nothing").unwrap().unwrap();
            if words.iter().any(|word| line.starts_with(word)) {
                return line;
            }
        }
    }

    /// Ends it, and has waited until its addresses are free.
    async fn kill(mut self) {
        self.process.kill().await.unwrap();
    }
}

fn lines<S: AsyncRead + Unpin>(stream: S) -> Lines<BufReader<S>> {
    BufReader::new(stream).lines()
}

/// Runs a program to its end; what it prints.
async fn runs(mut command: Command) -> String {
    let output = timeout(SOON, command.output()).await;
    let output = output.expect("it does not end").unwrap();
    let log = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command:?}: {log}");
    String::from_utf8_lossy(&output.stdout)
        .trim_end()
        .to_owned()
}

/// `greeter` is served and called, with these choices at both ends, and more at each.
async fn greets(chosen: Chosen<'_>, serving: Chosen<'_>, calling: Chosen<'_>) {
    for by in [By::Flags, By::Variables] {
        let namespace = micro::id::random();
        let serving = [chosen, serving].concat();
        let served = program("greeter", by, &namespace, &serving);
        let served = Running::start(served).await;
        let calling = [chosen, calling].concat();

        let said = runs(program("greeter-client", by, &namespace, &calling)).await;

        let shown = chosen.iter().chain(&calling[chosen.len()..]);
        let shown: Vec<_> = shown.map(|(flag, value)| told(by, flag, value)).collect();
        println!("{}: {said}", shown.join(" "));
        assert_eq!(said, "Hello John");
        served.kill().await;
    }
}

/// What `pubsub` prints of it.
const HEARD: [&str; 4] = [
    "parked after 2 tries: poison",
    "try 1: hello",
    "try 1: poison",
    "try 2: poison",
];

/// What `pubsub-publisher` says is heard by `pubsub`, tried again, and parked.
async fn tells(chosen: Chosen<'_>) {
    for by in [By::Flags, By::Variables] {
        let namespace = micro::id::random();
        let subscriber = program("pubsub", by, &namespace, chosen);
        let mut subscriber = Running::start(subscriber).await;

        runs(program("pubsub-publisher", by, &namespace, chosen)).await;

        // What a killed subscriber had not acked comes again, to the next one, too.
        let mut heard = Vec::new();
        while !HEARD.iter().all(|line| heard.iter().any(|one| one == line)) {
            heard.push(subscriber.prints(&HEARD).await);
        }
        let shown = chosen.iter().map(|(flag, value)| told(by, flag, value));
        let shown: Vec<_> = shown.collect();
        println!("{}: {}", shown.join(" "), heard.join(", "));
        subscriber.kill().await;
    }
}

fn told(by: By, flag: &str, value: &str) -> String {
    match by {
        By::Flags => format!("--{flag}={value}"),
        By::Variables => format!("MICRO_{}={value}", flag.to_uppercase()),
    }
}

/// Where a program serves on loopback.
const ANYWHERE: (&str, &str) = ("server_address", "127.0.0.1:0");

/// A server that lasts as long as the test, and its address.
async fn server<K: Kind>(kind: K) -> (String, Server<K>) {
    let server = Server::start(kind).await;
    (server.address(), server)
}

#[tokio::test]
async fn what_needs_no_server() {
    for registry in ["mdns", "mdns-go"] {
        greets(&[("registry", registry)], &[ANYWHERE], &[]).await;
    }
    for transport in ["auto", "frames", "http", "grpc", "websocket"] {
        greets(&[("transport", transport)], &[ANYWHERE], &[]).await;
    }
    for broker in ["http", "memory"] {
        greets(&[("broker", broker)], &[ANYWHERE], &[]).await;
    }
}

#[tokio::test]
async fn addresses_that_are_written_down() {
    let node: SocketAddr = free();
    let (node, record) = (node.to_string(), format!("greeter={node}"));

    let registry = [("registry", "static"), ("registry_address", &*record)];
    greets(&registry, &[("server_address", &node)], &[]).await;
}

#[tokio::test]
async fn names_in_dns() {
    let dns = Server::start(Dns::empty()).await;
    let node = free();
    dns.says("127.0.0.1 greeter.fleet.example\n");
    let zone = format!("dns://{}/fleet.example?port={}", dns.address(), node.port());

    let registry = [
        ("registry", "dns"),
        ("registry_address", &*zone),
        ("registry_namespace", ""),
    ];
    greets(&registry, &[("server_address", &node.to_string())], &[]).await;
}

#[tokio::test]
async fn consul() {
    let (consul, _consul) = server(Consul::alone()).await;

    let registry = [("registry", "consul"), ("registry_address", &*consul)];
    greets(&registry, &[ANYWHERE], &[]).await;
}

#[tokio::test]
async fn several_registries_at_once() {
    let (etcd, _etcd) = server(Etcd::alone()).await;
    let (consul, _consul) = server(Consul::alone()).await;
    let both = format!("etcd={etcd},consul={consul}");

    let registry = [("registry", "multi"), ("registry_address", &*both)];
    greets(&registry, &[ANYWHERE], &[]).await;
}

#[tokio::test]
async fn nats() {
    let (nats, _nats) = server(Nats::alone()).await;

    tells(&[("broker", "nats"), ("broker_address", &*nats)]).await;
    tells(&[("broker", "jetstream"), ("broker_address", &*nats)]).await;
}

#[tokio::test]
async fn rabbitmq() {
    let (rabbitmq, _rabbitmq) = server(RabbitMq::alone()).await;

    let address = &*rabbitmq;
    tells(&[("broker", "rabbitmq"), ("broker_address", address)]).await;
}
