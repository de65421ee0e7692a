//! What fits in a record, and what is not read from one.

use mdns_sd::{IfKind, ServiceDaemon, ServiceInfo, TxtProperty};
use micro::registry::{Endpoint, PARTIAL, Registry, Service, Value};

use super::{next, registry, service};

fn with_endpoints(count: usize, fields: usize) -> Service {
    let value = Value {
        name: "HelloRequest".to_owned(),
        kind: "HelloRequest".to_owned(),
        values: vec![
            Value {
                name: "name".to_owned(),
                kind: "string".to_owned(),
                values: vec![]
            };
            fields
        ],
    };
    let endpoint = |n| Endpoint {
        name: format!("Greeter.Method{n}"),
        request: (fields > 0).then(|| value.clone()),
        response: (fields > 0).then(|| value.clone()),
        metadata: [("idempotent".to_owned(), "true".to_owned())].into(),
    };
    let mut service = service("greeter");
    service.endpoints = (0..count).map(endpoint).collect();
    service
}

async fn announced(service: &Service) -> Service {
    let fleet = micro::id::random();
    let (here, there) = (registry(&fleet), registry(&fleet));
    let mut events = there.watch(Some("greeter")).await.unwrap();
    here.register(service, None).await.unwrap();
    next(&mut events).await.service
}

#[tokio::test]
async fn sixty_endpoints_fit_in_a_record() {
    let greeter = with_endpoints(60, 0);

    // Not by assert_eq, which would print both.
    assert!(announced(&greeter).await == greeter);
}

#[tokio::test]
async fn a_record_that_is_too_large_for_its_types_goes_without_and_says_so() {
    let greeter = with_endpoints(60, 20);

    let found = announced(&greeter).await;

    assert_eq!(found.endpoints.len(), 60);
    assert!(
        found
            .endpoints
            .iter()
            .all(|endpoint| endpoint.request.is_none())
    );
    assert!(found.nodes[0].metadata.contains_key(PARTIAL));
}

#[tokio::test]
async fn a_record_that_is_too_large_for_its_endpoints_is_still_found() {
    let found = announced(&with_endpoints(2000, 20)).await;

    assert!((50..500).contains(&found.endpoints.len()));
    assert!(found.nodes[0].metadata.contains_key(PARTIAL));
}

#[tokio::test]
async fn metadata_that_does_not_fit_is_refused() {
    let mut greeter = service("greeter");
    greeter
        .metadata
        .insert("novel".to_owned(), "x".repeat(10_000));

    let error = registry("").register(&greeter, None).await.unwrap_err();

    assert_eq!(error.code(), 400);
    assert!(
        error.detail().contains("does not fit in an mDNS record"),
        "{error}"
    );
}

#[tokio::test]
async fn records_of_others_and_broken_ones_are_ignored() {
    let fleet = micro::id::random();
    let (here, there) = (registry(&fleet), registry(&fleet));
    let mut events = there.watch(None).await.unwrap();
    let stranger = ServiceDaemon::new().unwrap();
    stranger.disable_interface(IfKind::All).unwrap();
    stranger.enable_interface(IfKind::LoopbackV4).unwrap();
    let good = [
        ("micro", "1"),
        ("ns", &fleet),
        ("name", "evil"),
        ("id", "evil-1"),
        ("addr", "127.0.0.1:1"),
        ("life", "10"),
        ("beat", "1"),
        ("c00", "{}"),
    ];
    let broken = [
        ("micro", "2"),
        ("name", ""),
        ("name", "a\nb"),
        ("id", ""),
        ("addr", ""),
        ("life", "0"),
        ("life", "1000000"),
        ("beat", "-1"),
        ("c00", "{\"e\":7}"),
        ("c00", "[["),
    ];
    for (n, (key, value)) in broken.into_iter().enumerate() {
        let fields = good.map(|(known, text)| (known, if known == key { value } else { text }));
        announce(
            &stranger,
            &format!("broken-{n}"),
            fields.map(TxtProperty::from).to_vec(),
        );
    }
    announce(&stranger, "empty", Vec::new());

    announce(&stranger, "good", good.map(TxtProperty::from).to_vec());
    here.register(&service("greeter"), None).await.unwrap();

    let mut names =
        [next(&mut events).await, next(&mut events).await].map(|event| event.service.name);
    names.sort();
    assert_eq!(names, ["evil", "greeter"]);
    assert_eq!(there.list().await.unwrap().len(), 2);
}

fn announce(daemon: &ServiceDaemon, instance: &str, fields: Vec<TxtProperty>) {
    let instance = format!("{instance}-{}", micro::id::random());
    let host = format!("{instance}.local.");
    let mut info = ServiceInfo::new(
        "_micro._tcp.local.",
        &instance,
        &host,
        "127.0.0.1",
        1,
        fields,
    )
    .unwrap();
    info.set_requires_probe(false);
    daemon.register(info).unwrap();
}
