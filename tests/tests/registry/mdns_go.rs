//! What the registry in go-micro's form of mDNS promises beyond that.

use micro::registry::{MdnsGoRegistry, Options, Registry};

use super::greeter;

fn registry() -> MdnsGoRegistry {
    let mut options = Options::default();
    options.namespace = micro::id::random();
    MdnsGoRegistry::new(&options).unwrap()
}

#[tokio::test]
async fn a_node_whose_address_has_no_port_is_refused() {
    let mut service = greeter(&["one"]);
    service.nodes[0].address = "greeter.example".to_owned();

    let error = registry().register(&service, None).await.unwrap_err();

    assert_eq!(error.code(), 400);
    assert!(error.detail().contains("greeter.example"), "{error}");
}

#[tokio::test]
async fn a_name_that_dns_has_no_room_for_is_not_found() {
    let name = "a".repeat(300);

    let error = registry().get(&name).await.unwrap_err();

    assert_eq!(error.code(), 404);
}

#[tokio::test]
async fn nodes_of_a_registry_that_is_dropped_are_gone() {
    let mut options = Options::default();
    options.namespace = micro::id::random();
    let here = MdnsGoRegistry::new(&options).unwrap();
    let there = MdnsGoRegistry::new(&options).unwrap();
    here.register(&greeter(&["one"]), None).await.unwrap();
    there.get("greeter").await.unwrap();

    drop(here);

    let error = there.get("greeter").await.unwrap_err();
    assert_eq!(error.code(), 404);
}
