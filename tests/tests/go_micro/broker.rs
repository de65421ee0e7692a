//! Messages over go-micro's HTTP broker, whose subscribers are found through its mDNS.

use micro::prelude::*;
use micro::{Error, Running};
use tests::go::{Go, Peer};
use tokio::sync::mpsc;
use tokio::time::timeout;

use super::{HelloRequest, SOON, builder, unique, with_every_generation};

with_every_generation! {
    what_go_micro_publishes_comes_to_our_subscriber
    what_we_publish_comes_to_a_subscriber_of_go_micro
    one_member_of_a_queue_gets_each_message_whoever_published_it
}

fn named(name: impl Into<String>) -> HelloRequest {
    HelloRequest { name: name.into() }
}

/// A subscriber of ours.
async fn subscribe(go: Go, topic: &'static str, mode: Mode, seen: mpsc::Sender<String>) -> Running {
    let handler = subscriber(topic, mode, move |_: Context, message: HelloRequest| {
        let seen = seen.clone();
        async move {
            seen.send(message.name).await.unwrap();
            Ok::<_, Error>(())
        }
    });
    let service = builder(unique("listener"), go).await.build().await;
    let service = service.unwrap().subscriber(handler);
    service.start().await.unwrap()
}

/// A subscriber of go-micro's.
fn go_subscriber(go: Go, topic: &str, more: &[&str]) -> Peer {
    let name = unique("subscriber");
    let start = ["subscriber", "-registry", "mdns", "-service", name];
    go.start([&start[..], &["-topic", topic][..], more].concat())
}

/// A publisher of go-micro's, that has published.
fn go_publisher(go: Go, topic: &str, messages: &[String]) -> Peer {
    let start = ["publisher", "-registry", "mdns", "-topic", topic];
    let messages: Vec<_> = messages.iter().map(String::as_str).collect();
    go.start([&start[..], &messages].concat())
}

async fn what_go_micro_publishes_comes_to_our_subscriber(go: Go) {
    let (topic, (seen, mut names)) = (unique("topic"), mpsc::channel(8));
    let _running = subscribe(go, topic, Mode::Broadcast, seen).await;

    let _publisher = go_publisher(go, topic, &[r#"{"name":"Ann"}"#.to_owned()]);

    let name = timeout(SOON, names.recv()).await.expect("nothing came");
    assert_eq!(name.unwrap(), "Ann");
}

async fn what_we_publish_comes_to_a_subscriber_of_go_micro(go: Go) {
    let topic = unique("topic");
    let mut subscriber = go_subscriber(go, topic, &[]);
    let service = builder("publisher", go).await.build().await.unwrap();

    let publisher = service.publisher::<HelloRequest>(topic);
    publisher.publish(&named("Ann")).await.unwrap();

    let event = subscriber.json();
    assert_eq!(event["message"]["name"], "Ann", "{event}");
}

async fn one_member_of_a_queue_gets_each_message_whoever_published_it(go: Go) {
    let (topic, (seen, mut names)) = (unique("topic"), mpsc::channel(64));
    let _running = subscribe(go, topic, Mode::group("q"), seen.clone()).await;
    let mut subscriber = go_subscriber(go, topic, &["-queue", "q"]);
    std::thread::spawn(move || {
        // Until it is stopped.
        loop {
            let event = subscriber.json();
            let name = event["message"]["name"].as_str().unwrap();
            if seen.blocking_send(name.to_owned()).is_err() {
                return;
            }
        }
    });

    let theirs: Vec<_> = (0..10).map(|n| format!(r#"{{"name":"{n}"}}"#)).collect();
    let _publisher = go_publisher(go, topic, &theirs);
    let service = builder("publisher", go).await.build().await.unwrap();
    let publisher = service.publisher::<HelloRequest>(topic);
    for n in 10..20 {
        publisher.publish(&named(n.to_string())).await.unwrap();
    }

    let mut got = Vec::new();
    while got.len() < 20
        && let Ok(Some(name)) = timeout(SOON, names.recv()).await
    {
        got.push(name.parse::<u32>().unwrap());
    }
    got.sort_unstable();
    assert_eq!(got, (0..20).collect::<Vec<_>>());
}
