//! The registry in Consul.

use micro::registry::{ConsulRegistry, Options, Registry};
use tests::servers::{Consul, Server};

use crate::fleet::record;

fn registry(address: String) -> ConsulRegistry {
    let mut options = Options::default();
    options.addresses = vec![address];
    ConsulRegistry::new(&options).unwrap()
}

#[tokio::test]
async fn who_has_the_token_is_answered() {
    let server = Server::start(Consul::alone().with_token("8d0b4a2e-secret")).await;
    let known = registry(format!("http://8d0b4a2e-secret@{}", server.address()));

    known.register(&record("audit", 1), None).await.unwrap();

    assert_eq!(known.get("audit").await.unwrap(), [record("audit", 1)]);
}

#[tokio::test]
async fn who_has_another_token_is_refused_and_it_is_not_shown() {
    let server = Server::start(Consul::alone().with_token("8d0b4a2e-secret")).await;
    let stranger = registry(format!("http://another-one@{}", server.address()));

    let error = stranger
        .register(&record("audit", 1), None)
        .await
        .unwrap_err();

    assert_eq!(error.code(), 403, "{error}");
    assert!(!format!("{error:?}").contains("another-one"), "{error:?}");
}
