//! The registry in etcd.

use std::process::Command;

use micro::registry::{EtcdRegistry, Options, Registry};
use micro::transport::Tls;
use tests::go::Go;
use tests::servers::{Etcd, Server};

use crate::fleet::{self, greeter, record};

fn registry_at(addresses: &[String]) -> EtcdRegistry {
    let mut options = Options::default();
    options.addresses = addresses.to_vec();
    EtcdRegistry::new(&options).unwrap()
}

fn registry(server: &Server<Etcd>) -> EtcdRegistry {
    registry_at(&[server.address()])
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
