//! How whole programs begin and end: each fact is one child process.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, ExitCode, ExitStatus, Stdio};
use std::sync::mpsc;
use std::time::Duration;

use micro::__private::{self as micro_main, Program};
use micro::prelude::*;
use micro::registry::{Backend, MemoryRegistry};
use micro::{Error, Service};

const PROGRAM: Program = Program {
    name: "program",
    version: "",
};

micro::inventory::submit! {
    Backend { names: &["acme", "acme3"], open: |_| Ok(std::sync::Arc::new(MemoryRegistry::new())) }
}

/// What a child is.
const ROLE: &str = "ROLE";

fn main() -> ExitCode {
    let Ok(role) = std::env::var(ROLE) else {
        a_thread_that_blocks_does_not_keep_a_program();
        a_variable_that_is_set_to_nothing_is_not_set();
        a_variable_wins_over_code();
        a_flag_wins_over_a_variable();
        a_builder_in_code_reads_neither();
        a_backend_is_chosen_by_any_of_its_names();
        a_name_that_no_backend_has_is_answered_with_one_of_each();
        a_program_shows_its_proto_file_in_place_of_serving();
        for role in ["service", "function"] {
            a_second_signal_ends_at_once(role);
        }
        for transport in ["memory", "frames", "http"] {
            a_second_signal_ends_what_is_under_way_at_once(transport);
            a_program_ends_well_after_the_drain_whatever_is_under_way(transport);
        }
        return ExitCode::SUCCESS;
    };
    match &*role {
        "blocked" => micro_main::main(PROGRAM, async || {
            tokio::task::spawn_blocking(std::thread::park);
        }),
        "idle" => micro_main::main_with_service(PROGRAM, async |_: Service| ()),
        "named" => micro_main::main_with_service(PROGRAM, async |service: Service| {
            println!("{}", service.name());
        }),
        "built" => micro_main::main(PROGRAM, async || {
            let service = Service::builder("code").build().await?;
            println!("{}", service.name());
            Ok::<_, Error>(())
        }),
        "service" => micro_main::main_with_service(PROGRAM, Service::run),
        "busy" => micro_main::main_with_service(PROGRAM, busy),
        _ => {
            let run = unary(async |_: Context, _: Plain<()>| Ok::<_, Error>(Plain(())));
            let definition = Definition::new("").endpoint("Fnc.Run", run);
            micro_main::function(PROGRAM, definition)
        }
    }
}

/// Serves while a call, a stream if the transport has them, and a message of its own are under way that never end.
async fn busy(service: Service) -> micro::Result<()> {
    let hang = unary(async |_: Context, _: Plain<()>| {
        tracing::info!("in a call");
        std::future::pending::<micro::Result<Plain<()>>>().await
    });
    let ticks = server_streaming(async |_: Context, _: Plain<()>| {
        tracing::info!("in a stream");
        Ok::<_, Error>(stream::pending::<micro::Result<Plain<()>>>())
    });
    let heed = subscriber(
        "topic",
        Mode::Broadcast,
        async |_: Context, _: Plain<()>| {
            tracing::info!("in a message");
            std::future::pending::<micro::Result<()>>().await
        },
    );
    let client = service.client().clone();
    let typed = micro::ServiceClient::named("program", &service);
    let under_way = async move || {
        let unit = <Plain<()> as micro::Message>::format();
        let ticks = micro::client::Method::new("Busy.Ticks");
        let ticks = typed.server_streaming(&ticks, unit, unit, Plain(()));
        let hang = client.call::<_, Plain<()>>("program", "Busy.Hang", &Plain(()));
        tokio::spawn(async move { ticks.await?.next().await.transpose() });
        tokio::spawn(hang.into_future());
        client.publisher("topic").publish(&Plain(())).await
    };
    let service = service
        .endpoint("Busy.Hang", hang)
        .endpoint("Busy.Ticks", ticks)
        .subscriber(heed)
        .after_start(under_way);
    service.run().await
}

/// A child in `role`, on a registry of its own.
fn child(role: &str) -> Command {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command
        .env(ROLE, role)
        .env("MICRO_REGISTRY", "memory")
        .stderr(Stdio::piped());
    command
}

/// How the child ended, which it has to within half a minute.
fn ended(mut child: Child) -> ExitStatus {
    let id = child.id();
    let (tell, told) = mpsc::channel();
    std::thread::spawn(move || tell.send(child.wait().unwrap()));
    told.recv_timeout(Duration::from_secs(30))
        .unwrap_or_else(|_| {
            signal(id, "KILL");
            panic!("the program goes on");
        })
}

fn signal(id: u32, name: &str) {
    let mut kill = Command::new("kill");
    kill.args(["-s", name, &id.to_string()]);
    assert!(kill.status().unwrap().success());
}

fn a_thread_that_blocks_does_not_keep_a_program() {
    let status = ended(child("blocked").spawn().unwrap());

    assert!(status.success(), "{status}");
}

fn a_variable_that_is_set_to_nothing_is_not_set() {
    let mut idle = child("idle");
    for name in [
        "MICRO_REGISTRY",
        "MICRO_CLIENT_RETRIES",
        "MICRO_SERVER_METADATA",
    ] {
        idle.env(name, "");
    }

    let status = ended(idle.spawn().unwrap());

    assert!(status.success(), "{status}");
}

/// The name of the service in a child that a variable and a flag name.
fn named(role: &str, variable: &str, flags: &[&str]) -> String {
    let mut child = child(role);
    let printed = child
        .env("MICRO_SERVER_NAME", variable)
        .args(flags)
        .output();
    String::from_utf8(printed.unwrap().stdout).unwrap()
}

fn a_variable_wins_over_code() {
    assert_eq!(named("named", "variable", &[]), "variable\n");
}

fn a_flag_wins_over_a_variable() {
    let name = named("named", "variable", &["--server_name=flag"]);

    assert_eq!(name, "flag\n");
}

fn a_builder_in_code_reads_neither() {
    let name = named("built", "variable", &["--server_name=flag"]);

    assert_eq!(name, "code\n");
}

fn a_backend_is_chosen_by_any_of_its_names() {
    for name in ["acme", "acme3"] {
        let idle = child("idle").env("MICRO_REGISTRY", name).spawn();

        let status = ended(idle.unwrap());

        assert!(status.success(), "{name}: {status}");
    }
}

fn a_name_that_no_backend_has_is_answered_with_one_of_each() {
    let output = child("idle").env("MICRO_REGISTRY", "acme2").output();

    let said = String::from_utf8(output.unwrap().stderr).unwrap();

    let expected = r#"no registry "acme2" in this program: choose one of acme, mdns, mdns-go, memory, multi, static;"#;
    assert!(said.contains(expected), "{said}");
}

fn a_program_shows_its_proto_file_in_place_of_serving() {
    for flag in ["--print_proto", "--print-proto"] {
        let output = child("function").arg(flag).output().unwrap();

        let printed = String::from_utf8(output.stdout).unwrap();
        let head = "// program.proto\nsyntax = \"proto3\";\n\npackage program;\n\nservice Fnc {\n";
        assert!(
            output.status.success() && printed.starts_with(head),
            "{printed}"
        );
    }
}

fn a_second_signal_ends_at_once(role: &str) {
    let mut child = child(role).env("MICRO_STOP_LINGER", "1h").spawn().unwrap();
    let mut log = BufReader::new(child.stderr.take().unwrap()).lines();
    let mut wait_for = |word: &str| log.any(|line| line.unwrap().contains(word));

    assert!(wait_for("Registering node"));
    signal(child.id(), "TERM");
    assert!(wait_for("a second signal ends at once"));
    signal(child.id(), "TERM");

    assert!(ended(child).success(), "{role}");
}

/// A child that has said that all is under way, and the rest of its log.
fn busy_child(transport: &str, drain: &str) -> (Child, impl Iterator<Item = String> + use<>) {
    let mut busy = child("busy");
    let busy = busy
        .env("MICRO_TRANSPORT", transport)
        .env("MICRO_BROKER", "memory")
        .env("MICRO_STOP_LINGER", "0s")
        .env("MICRO_STOP_DRAIN", drain);
    let mut busy = busy.spawn().unwrap();
    let log = BufReader::new(busy.stderr.take().unwrap()).lines();
    let mut log = log.map(Result::unwrap);
    let mut awaited = vec!["in a call", "in a message"];
    if transport != "http" {
        awaited.push("in a stream");
    }
    while !awaited.is_empty() {
        let line = log.next().expect("it ended");
        awaited.retain(|word| !line.contains(word));
    }
    (busy, log)
}

fn a_second_signal_ends_what_is_under_way_at_once(transport: &str) {
    let (busy, mut log) = busy_child(transport, "1h");

    signal(busy.id(), "TERM");
    assert!(log.any(|line| line.contains("a second signal ends at once")));
    signal(busy.id(), "INT");

    assert_eq!(ended(busy).code(), Some(0), "{transport}");
    assert!(log.any(|line| line.contains("interrupt again: ended without waiting")));
}

fn a_program_ends_well_after_the_drain_whatever_is_under_way(transport: &str) {
    let (busy, mut log) = busy_child(transport, "100ms");

    signal(busy.id(), "TERM");

    assert_eq!(ended(busy).code(), Some(0), "{transport}");
    assert!(log.any(|line| line.contains("still running after 100ms: ended")));
    assert!(log.any(|line| line.contains("stopped")));
}
