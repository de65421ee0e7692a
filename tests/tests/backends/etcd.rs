//! The registry in etcd.

use std::process::Command;
use std::time::{Duration, Instant};

use micro::registry::{Cache, EtcdRegistry, Node, Options, Registry, Service};
use micro::transport::Tls;
use tests::go::Go;
use tests::servers::{Etcd, Server};

use crate::fleet::{self, Caller, HEARTBEAT, SOON, greeter, shared, wait_for};

fn registry_at(addresses: &[String]) -> EtcdRegistry {
    let mut options = Options::default();
    options.addresses = addresses.to_vec();
    EtcdRegistry::new(&options).unwrap()
}

fn registry(server: &Server<Etcd>) -> EtcdRegistry {
    registry_at(&[server.address()])
}

fn node(service: &str, number: usize) -> Node {
    Node {
        id: format!("{service}-{number}"),
        address: format!("10.0.{}.{}:8080", number / 256, number % 256),
        ..Node::default()
    }
}

fn record(name: &str, nodes: usize) -> Service {
    Service {
        name: name.to_owned(),
        version: "1.0.0".to_owned(),
        nodes: (0..nodes).map(|number| node(name, number)).collect(),
        ..Service::default()
    }
}

#[tokio::test]
async fn known_services_are_called_while_etcd_is_away_for_half_a_minute() {
    let mut server = Server::start(Etcd::alone()).await;
    let _node = greeter(registry(&server)).await;
    let caller = Caller::new(registry(&server)).await;
    caller.hello().await.unwrap();

    server.stop();
    let calls = caller.hello_for(Duration::from_secs(30)).await;
    server.restart().await;

    wait_for(&registry(&server), 1).await;
    println!("{calls} calls while etcd was away, none failed");
    caller.hello().await.unwrap();
}

#[tokio::test]
async fn a_cluster_that_comes_back_empty_has_its_nodes_again_with_the_next_heartbeat() {
    let mut server = Server::start(Etcd::alone()).await;
    let _node = greeter(registry(&server)).await;
    let caller = Caller::new(registry(&server)).await;
    caller.hello().await.unwrap();

    server.restart_empty().await;
    let came_back = Instant::now();
    wait_for(&registry(&server), 1).await;

    let late = came_back.elapsed();
    println!("registered again {late:.1?} after etcd came back, at a heartbeat of {HEARTBEAT:?}");
    caller.hello_for(Duration::from_secs(1)).await;
}

#[tokio::test]
async fn one_member_of_three_may_be_lost() {
    let mut members = Etcd::three().await;
    let addresses: Vec<_> = members.iter().map(Server::address).collect();
    let first = greeter(registry_at(&addresses)).await;
    let caller = Caller::new(registry_at(&addresses)).await;
    caller.hello().await.unwrap();

    members[0].stop();
    let _second = greeter(registry_at(&addresses)).await;
    wait_for(&registry_at(&addresses), 2).await;
    first.stop().await;
    wait_for(&registry_at(&addresses), 1).await;

    caller.hello_for(Duration::from_secs(1)).await;
}

#[tokio::test]
async fn a_member_that_is_lost_ends_its_watches() {
    let mut server = Server::start(Etcd::alone()).await;
    let mut events = registry(&server).watch(None).await.unwrap();

    server.stop();

    fleet::end(&mut events).await;
}

#[tokio::test]
async fn a_server_that_hangs_is_unavailable_and_named() {
    let server = Server::start(Etcd::alone()).await;
    let registry = registry(&server);
    registry.list().await.unwrap();

    server.pause();
    let error = tokio::time::timeout(SOON, registry.list())
        .await
        .unwrap()
        .unwrap_err();
    server.resume();

    assert_eq!(error.code(), 503);
    assert!(error.detail().contains(&server.address()), "{error}");
}

#[tokio::test]
async fn a_record_without_a_ttl_is_written_again_where_it_is_gone() {
    let mut server = Server::start(Etcd::alone()).await;
    let registry = registry(&server);
    registry.register(&record("audit", 1), None).await.unwrap();

    server.restart_empty().await;
    registry.register(&record("audit", 1), None).await.unwrap();

    assert_eq!(registry.get("audit").await.unwrap(), [record("audit", 1)]);
}

#[tokio::test]
async fn fleets_of_two_namespaces_do_not_see_each_other() {
    let server = Server::start(Etcd::alone()).await;
    let mut options = Options::default();
    options.addresses = vec![server.address()];
    options.namespace = "blue".to_owned();
    let blue = EtcdRegistry::new(&options).unwrap();
    blue.register(&record("audit", 1), None).await.unwrap();

    let others = registry(&server).list().await.unwrap();

    assert!(others.is_empty(), "{others:?}");
    assert_eq!(blue.list().await.unwrap().len(), 1);
}

/// Users and passwords, by etcd's own program.
fn with_users(server: &Server<Etcd>) {
    for command in [
        "user add root:secret --interactive=false",
        "user grant-role root root",
        "auth enable",
    ] {
        let mut etcdctl = Command::new("etcdctl");
        etcdctl
            .env("ETCDCTL_API", "3")
            .args(["--endpoints", &server.address()]);
        let done = etcdctl
            .args(command.split(' '))
            .output()
            .expect("etcdctl: run tests/live");
        assert!(done.status.success(), "{command}: {done:?}");
    }
}

fn registry_of(user: &str, server: &Server<Etcd>) -> EtcdRegistry {
    registry_at(&[format!("http://{user}@{}", server.address())])
}

#[tokio::test]
async fn a_user_logs_in_and_again_when_the_server_forgot() {
    let mut server = Server::start(Etcd::alone()).await;
    with_users(&server);
    let registry = registry_of("root:secret", &server);
    registry.register(&record("audit", 1), None).await.unwrap();

    // It keeps tokens in memory alone.
    server.restart().await;

    assert_eq!(registry.list().await.unwrap().len(), 1);
}

#[tokio::test]
async fn who_is_not_known_is_refused_and_the_password_not_shown() {
    let server = Server::start(Etcd::alone()).await;
    with_users(&server);

    let wrong = registry_of("root:hidden", &server)
        .list()
        .await
        .unwrap_err();
    let nobody = registry(&server).list().await.unwrap_err();

    assert_eq!(wrong.code(), 401, "{wrong}");
    assert!(!format!("{wrong:?}").contains("hidden"), "{wrong:?}");
    assert!([400, 401].contains(&nobody.code()), "{nobody}");
}

#[tokio::test]
async fn a_server_in_tls_is_trusted_by_its_name() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    let certified = rcgen::generate_simple_self_signed(["127.0.0.1".to_owned()]).unwrap();
    std::fs::write(path("cert.pem"), certified.cert.pem()).unwrap();
    std::fs::write(path("key.pem"), certified.signing_key.serialize_pem()).unwrap();
    let kind = Etcd::alone().secured(&path("cert.pem"), &path("key.pem"));
    let server = Server::start(kind).await;
    let mut options = Options::default();
    options.addresses = vec![format!("https://{}", server.address())];
    options.tls = Tls::with_ca(path("cert.pem").to_str().unwrap());
    let registry = EtcdRegistry::new(&options).unwrap();

    registry.register(&record("audit", 1), None).await.unwrap();

    assert_eq!(registry.list().await.unwrap(), [record("audit", 1)]);
}

// The programs of go-micro block the thread that runs them.
#[tokio::test(flavor = "multi_thread")]
async fn go_micro_and_ours_list_find_and_call_each_other() {
    let server = Server::start(Etcd::alone()).await;
    let at = format!("--registry=etcd={}", server.address());
    let _go = Go::V1.start(["server", "--service=their-greeter", &at]);
    let _ours = greeter(registry(&server)).await;

    let listed = Go::V1.run(["list", &at]);
    let called = Go::V1.run(["client", "--service=greeter", &at, r#"{"name":"Ann"}"#]);
    let names = registry(&server).list().await.unwrap();
    let caller = fleet::service("caller", registry(&server)).await;
    let request = fleet::HelloRequest {
        name: "Bob".to_owned(),
    };
    let call = caller
        .client()
        .call("their-greeter", "Greeter.Hello", &request);
    let reply: fleet::HelloResponse = call.await.unwrap();

    let listed = listed.to_string();
    assert!(
        listed.contains("their-greeter") && listed.contains(r#""name":"greeter""#),
        "{listed}"
    );
    assert_eq!(called["replies"][0]["greeting"], "Hello Ann", "{called}");
    for name in ["greeter", "their-greeter"] {
        assert!(
            names.iter().any(|service| service.name == name),
            "{names:?}"
        );
    }
    assert_eq!(reply.greeting, "Hello Bob");
}

#[tokio::test]
async fn a_thousand_services_of_ten_nodes_are_looked_up_in_memory_and_changes_come_at_once() {
    const SERVICES: usize = 1000;
    let mut server = Server::start(Etcd::alone()).await;
    let writer = registry(&server);
    let name = |number: usize| format!("service-{number:04}");
    for number in 0..SERVICES {
        writer
            .register(&record(&name(number), 10), None)
            .await
            .unwrap();
    }
    let before = fleet::resident();
    let cache = Cache::new(shared(registry(&server)));
    for number in 0..SERVICES {
        let found = cache.snapshot(&name(number), SOON).await.unwrap();
        assert_eq!(found.candidates.len(), 10);
    }
    let memory = fleet::resident().saturating_sub(before);

    let changed = Instant::now();
    writer.register(&record(&name(7), 11), None).await.unwrap();
    while cache
        .snapshot(&name(7), SOON)
        .await
        .unwrap()
        .candidates
        .len()
        < 11
    {
        tokio::task::yield_now().await;
        assert!(changed.elapsed() < SOON, "the change never came");
    }
    let seen = changed.elapsed();
    server.stop();
    for number in 0..SERVICES {
        assert!(cache.snapshot(&name(number), SOON).await.is_ok());
    }

    println!("10,000 nodes of 1,000 services: {memory} KiB, a change seen after {seen:.0?}");
    assert!(seen < Duration::from_secs(1), "{seen:?}");
}
