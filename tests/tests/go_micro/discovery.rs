//! Who is found through go-micro's mDNS.

use futures_util::StreamExt;
use micro::registry::{Action, Event, Registry, Watcher};
use serde_json::Value;
use tests::go::{Go, Peer};
use tokio::time::timeout;

use super::{
    HelloRequest, HelloResponse, SOON, builder, greeter, listed, registry, unique,
    with_every_generation,
};

with_every_generation! {
    a_service_of_go_micro_is_found_and_called
    our_service_is_found_and_called_by_go_micro
    what_go_micro_announces_is_read_as_it_is
    what_we_announce_is_read_by_go_micro_as_it_is
    a_service_of_go_micro_is_listed
    our_service_is_listed_by_go_micro
    a_service_of_go_micro_that_comes_and_goes_is_seen
    our_service_is_seen_by_go_micro_to_come_and_go
}

fn serve(go: Go, name: &str, more: &[&str]) -> Peer {
    let start = ["server", "-registry", "mdns", "-service", name];
    go.start([&start[..], more].concat())
}

async fn next(events: &mut Watcher) -> Event {
    let next = timeout(SOON, events.next()).await;
    next.expect("nothing happened").unwrap().unwrap()
}

async fn a_service_of_go_micro_is_found_and_called(go: Go) {
    let name = unique("greeter");
    let _server = serve(go, name, &[]);
    let caller = builder("caller", go).await.build().await.unwrap();

    let request = HelloRequest {
        name: "Ann".to_owned(),
    };
    let call = caller.client().call(name, "Greeter.Hello", &request);
    let reply: HelloResponse = call.await.unwrap();

    assert_eq!(reply.greeting, "Hello Ann");
}

async fn our_service_is_found_and_called_by_go_micro(go: Go) {
    let name = unique("greeter");
    let service = greeter(name, go).await;
    let _running = service.start().await.unwrap();

    let ann = r#"{"name":"Ann"}"#;
    let outcome = go.run(["client", "-registry", "mdns", "-service", name, ann]);

    let reply = &outcome["replies"][0]["greeting"];
    assert_eq!(reply, "Hello Ann", "{outcome}");
}

async fn what_go_micro_announces_is_read_as_it_is(go: Go) {
    let name = unique("greeter");
    let more = ["-version", "2.0", "-id", "one", "-metadata", "zone=a"];
    let server = serve(go, name, &more);

    let services = registry().get(name).await.unwrap();

    let [service] = &*services else {
        panic!("{services:?}");
    };
    let [node] = &*service.nodes else {
        panic!("{services:?}");
    };
    assert_eq!((&*service.name, &*service.version), (name, "2.0"));
    assert_eq!(
        (&node.id, &node.address),
        (&format!("{name}-one"), &server.said)
    );
    assert_eq!(
        (&*node.metadata["protocol"], &*node.metadata["zone"]),
        ("mucp", "a")
    );
    let mut names = service.endpoints.iter().map(|endpoint| &*endpoint.name);
    assert!(names.any(|name| name == "Greeter.Hello"), "{services:?}");
}

async fn what_we_announce_is_read_by_go_micro_as_it_is(go: Go) {
    let name = unique("greeter");
    let running = greeter(name, go).await.start().await.unwrap();

    let services = go.run(["get", "-registry", "mdns", "-service", name]);

    let [service] = &**services.as_array().unwrap() else {
        panic!("{services}");
    };
    let node = &service["nodes"][0];
    assert_eq!(service["name"], *name);
    assert_eq!(service["version"], "1.2.3");
    assert_eq!(service["endpoints"][0]["name"], "Greeter.Hello");
    assert_eq!(node["address"], *running.address());
    assert_eq!(node["metadata"]["protocol"], "mucp");
    let id = node["id"].as_str().unwrap();
    assert!(id.starts_with(&format!("{name}-")), "{id}");
}

async fn a_service_of_go_micro_is_listed(go: Go) {
    let name = unique("greeter");
    let _server = serve(go, name, &[]);

    let names = listed(&registry()).await;

    assert!(names.iter().any(|one| one == name), "{names:?}");
}

async fn our_service_is_listed_by_go_micro(go: Go) {
    let name = unique("greeter");
    let _running = greeter(name, go).await.start().await.unwrap();

    let services = go.run(["list", "-registry", "mdns"]);

    let mut names = services.as_array().unwrap().iter();
    assert!(names.any(|one| one["name"] == *name), "{services}");
}

async fn a_service_of_go_micro_that_comes_and_goes_is_seen(go: Go) {
    let (name, registry) = (unique("greeter"), registry());
    let mut events = registry.watch(Some(name)).await.unwrap();

    let mut server = serve(go, name, &[]);
    let came = next(&mut events).await;
    server.stop();
    let went = next(&mut events).await;

    assert_eq!((came.action, went.action), (Action::Create, Action::Delete));
    assert_eq!(registry.get(name).await.unwrap_err().code(), 404);
}

async fn our_service_is_seen_by_go_micro_to_come_and_go(go: Go) {
    let name = unique("greeter");
    let mut watcher = go.start(["watch", "-registry", "mdns"]);
    let mut next = async || {
        loop {
            let change = watcher.json();
            if change["Service"]["name"] == *name {
                return change["Action"].clone();
            }
        }
    };

    let running = greeter(name, go).await.start().await.unwrap();
    let came = next().await;
    running.stop().await;
    // It repeats what is announced again.
    let went: Value = loop {
        let change = next().await;
        if change != "create" {
            break change;
        }
    };

    assert_eq!((came, went), ("create".into(), "delete".into()));
}
