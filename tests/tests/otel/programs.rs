//! The programs that send spans: two services, of which one calls the other, and their caller.

use std::io::{BufRead, BufReader, Lines};
use std::process::{Child, ChildStderr, ChildStdout, Command, ExitCode, ExitStatus, Stdio};

use micro::__private::{self as micro_main, Program};
use micro::prelude::*;
use micro::{Client, Service};
use tracing::{Instrument, info_span};

const PROGRAM: Program = Program {
    name: "program",
    version: "1.2.3",
};

/// What a child is.
const ROLE: &str = "ROLE";

/// The trace that a caller belongs to.
const PARENT: &str = "PARENT";

pub const SAMPLED: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
pub const UNSAMPLED: &str = "00-00000000000000000000000000000bad-00f067aa0ba902b7-00";

/// This program as a child, if it is one.
pub fn run() -> Option<ExitCode> {
    let role = std::env::var(ROLE).ok()?;
    Some(match &*role {
        "front" => micro_main::main_with_service(PROGRAM, async |service: Service| {
            let front = Front(service.client().clone());
            service.handle(front).run().await
        }),
        "back" => micro_main::main_with_service(PROGRAM, async |service: Service| {
            service.handle(Back).run().await
        }),
        "caller" => micro_main::main_with_service(PROGRAM, call),
        _ => micro_main::main(PROGRAM, async || {
            info_span!("alone").in_scope(|| tracing::info!("seen"));
        }),
    })
}

struct Front(Client);

#[micro::service(name = "front")]
impl Front {
    /// Opens a span, in which it calls `back` and publishes.
    #[micro::handler]
    async fn serve(&self, number: u32) -> micro::Result<String> {
        let cook = async {
            let seen = self.0.call("back", "Back.Seen", &Plain(number));
            let Plain(seen): Plain<String> = seen.await?;
            let served = self.0.publisher("served");
            served.publish(&Plain(number)).await?;
            Ok(seen)
        };
        cook.instrument(info_span!("cook")).await
    }
}

struct Back;

#[micro::service(name = "back")]
impl Back {
    /// The trace that it was given.
    #[micro::handler]
    async fn seen(&self, ctx: &Context, _number: u32) -> micro::Result<String> {
        let given = ctx.metadata().get("traceparent");
        Ok(given.unwrap_or_default().to_owned())
    }

    #[micro::handler]
    async fn count(&self, to: u32) -> micro::Result<impl Stream<Item = micro::Result<u32>>> {
        let numbers = stream::iter(1..=to);
        Ok(numbers.map(|number| info_span!("tick").in_scope(|| Ok(number))))
    }

    #[micro::subscriber(topic = "served", group = "back")]
    async fn served(&self, _number: u32) -> micro::Result<()> {
        info_span!("wash").in_scope(|| println!("served"));
        Ok(())
    }
}

/// Calls both, and prints what trace `back` was given.
async fn call(service: Service) -> micro::Result<()> {
    let parent = std::env::var(PARENT).unwrap_or_default();
    let serve = FrontClient::new(&service).serve(1);
    let seen = serve.metadata("traceparent", &parent).await?;
    let count = BackClient::new(&service).count(2);
    let mut numbers = count.metadata("traceparent", &parent).await?;
    while let Some(number) = numbers.next().await {
        number?;
    }
    println!("{seen}");
    Ok(())
}

/// A child in `role` that sends its spans to `url`.
pub fn child(role: &str, namespace: &str, url: &str) -> Command {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command
        .arg(format!("--otlp_endpoint={url}"))
        .env(ROLE, role)
        .env("MICRO_REGISTRY_NAMESPACE", namespace)
        .env("MICRO_STOP_LINGER", "0s")
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    command
}

/// A child that serves, until it is told to stop.
pub struct Serving {
    child: Child,
    printed: Lines<BufReader<ChildStdout>>,
    _log: BufReader<ChildStderr>,
}

impl Serving {
    pub fn start(role: &str, namespace: &str, url: &str) -> Self {
        let mut child = child(role, namespace, url).spawn().unwrap();
        let printed = BufReader::new(child.stdout.take().unwrap()).lines();
        let mut log = BufReader::new(child.stderr.take().unwrap());
        let mut line = String::new();
        while !line.contains("Registering node") {
            line.clear();
            assert!(log.read_line(&mut line).unwrap() > 0, "{role} ended");
        }
        Self {
            child,
            printed,
            _log: log,
        }
    }

    /// The next line that it prints.
    pub fn printed(&mut self) -> String {
        self.printed.next().unwrap().unwrap()
    }

    pub fn stop(mut self) -> ExitStatus {
        let mut kill = Command::new("kill");
        kill.args(["-s", "TERM", &self.child.id().to_string()]);
        assert!(kill.status().unwrap().success());
        self.child.wait().unwrap()
    }
}

/// Has a caller in the trace `parent` call, and says what it printed.
pub fn called(namespace: &str, url: &str, parent: &str) -> String {
    let mut caller = child("caller", namespace, url);
    let output = caller.env(PARENT, parent).output().unwrap();
    let log = String::from_utf8(output.stderr).unwrap();
    assert!(output.status.success(), "{log}");
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}
