//! Hosts that find each other over mDNS, or do not: each host is a network namespace that the test makes itself.
//!
//! Needs root and iproute2; run by `tests/live`.

mod go_micro;
mod host;

use std::io::{BufRead, BufReader, Read, stdin};
use std::process::Child;

use micro::prelude::*;
use micro::registry::{MdnsRegistry, Options};
use micro::{Builder, Error, Service};

use host::{Host, Link};

/// The service of one process, on the interfaces that the environment names.
fn builder(name: &'static str) -> Builder {
    let mut options = Options::default();
    options.namespace = std::env::var("FLEET").unwrap();
    let interfaces = std::env::var("INTERFACES").unwrap_or_default();
    options.addresses = interfaces
        .split(',')
        .filter(|one| !one.is_empty())
        .map(str::to_owned)
        .collect();
    let registry = MdnsRegistry::new(&options).unwrap();
    Service::builder(name)
        .registry(registry)
        .linger(Duration::ZERO)
}

/// What [`Host::serve`] runs: serves until its input ends.
#[tokio::test]
async fn serve() {
    if std::env::var("FLEET").is_err() {
        return;
    }
    let hello = unary(async |_: Context, name: Plain<String>| {
        Ok::<_, Error>(Plain(format!("Hello {}", name.0)))
    });
    let service = builder("greeter").build().await.unwrap();
    let mut service = service.endpoint("Greeter.Hello", hello);
    for number in 1..endpoints() {
        let echo = unary(async |_: Context, text: Plain<String>| Ok::<_, Error>(text));
        service = service.endpoint(format!("Greeter.Echo{number}"), echo);
    }
    let running = service.start().await.unwrap();
    println!("\nserving at {}", running.address());
    tokio::task::spawn_blocking(|| stdin().read_to_end(&mut Vec::new()))
        .await
        .unwrap()
        .unwrap();
    running.stop().await;
}

fn endpoints() -> usize {
    std::env::var("ENDPOINTS").map_or(1, |number| number.parse().unwrap())
}

/// What [`Host::call`] runs: says what a call was answered, and by whom.
#[tokio::test]
async fn call() {
    if std::env::var("FLEET").is_err() {
        return;
    }
    let service = builder("caller").build().await.unwrap();
    let call = service.client().call::<_, Plain<String>>(
        "greeter",
        "Greeter.Hello",
        &Plain("Ann".to_owned()),
    );
    match call.await {
        Ok(reply) => println!("\nanswer: {}", reply.0),
        Err(error) => println!("\nanswer: {error}"),
    }
}

/// What follows `word` in a line of the process's output.
fn line(process: &mut Child, word: &str) -> String {
    let lines = BufReader::new(process.stdout.as_mut().unwrap()).lines();
    let mut found = lines
        .map_while(Result::ok)
        .filter_map(|line| line.strip_prefix(word).map(str::to_owned));
    found.next().expect("the process said nothing of it")
}

#[test]
fn two_processes_on_a_host_with_loopback_alone_find_each_other() {
    let host = Host::new();

    let _server = host.serve("", &[]);

    assert_eq!(host.call(""), "Hello Ann");
}

#[test]
fn two_processes_find_each_other_beside_an_interface_that_refuses_multicast() {
    let (host, other) = (Host::new(), Host::new());
    let _link = Link::between(&host, &other);
    host.ip(&["link", "set", "lan", "multicast", "off"]);

    let _server = host.serve("", &[]);

    assert_eq!(host.call(""), "Hello Ann");
    assert_eq!(host.call("lan"), "Hello Ann");
}

#[test]
fn hosts_on_one_lan_find_each_other_if_they_are_asked_to() {
    let (here, there) = (Host::new(), Host::new());
    let _link = Link::between(&here, &there);

    let mut server = here.serve("lan", &[]);

    // Every interface is bound, without a word.
    assert!(server.said.starts_with("0.0.0.0:"), "{}", server.said);
    assert_eq!(there.call("lan"), "Hello Ann");
    server.stop();
}

#[test]
fn a_record_of_sixty_endpoints_crosses_a_lan() {
    let (here, there) = (Host::new(), Host::new());
    let _link = Link::between(&here, &there);

    let _server = here.serve("lan", &[("ENDPOINTS", "60")]);

    assert_eq!(there.call("lan"), "Hello Ann");
}

#[test]
fn a_node_on_loopback_is_not_handed_to_other_hosts() {
    let (here, there) = (Host::new(), Host::new());
    let _link = Link::between(&here, &there);

    let _server = here.serve("", &[]);

    let error = there.call("lan");
    assert!(
        error.contains("nothing announced a service called `greeter`"),
        "{error}"
    );
}

#[test]
fn who_does_not_ask_for_the_lan_hears_nothing_of_it() {
    let (here, there) = (Host::new(), Host::new());
    let _link = Link::between(&here, &there);

    let _server = here.serve("lan", &[]);

    let error = there.call("");
    assert!(error.contains("mdns on loopback (127.0.0.1)"), "{error}");
}
