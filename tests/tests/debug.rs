//! What every node answers about itself.

use micro::client;
use micro::message::ContentType;
use tests::System;

#[micro::message]
struct Asked {
    service: String,
}

#[micro::message]
struct Health {
    status: String,
}

/// In the order of go-micro's numbers.
#[micro::message]
struct Stats {
    timestamp: u64,
    started: u64,
    uptime: u64,
    memory: u64,
    threads: u64,
    gc: u64,
    requests: u64,
    errors: u64,
}

/// What `greeter` answers to a caller that writes all messages as `content_type`.
async fn ask<R: micro::Message>(content_type: ContentType, endpoint: &'static str) -> R {
    let system = System::default();
    let _greeter = system.greeter("a").await;
    let mut options = client::Options::default();
    options.content_type = content_type;
    let client = system
        .builder("client")
        .client(options)
        .build()
        .await
        .unwrap();

    let call = client.client().call("greeter", endpoint, &Asked::default());
    call.await.unwrap()
}

const TYPES: [ContentType; 3] = [
    ContentType::JSON,
    ContentType::MSGPACK,
    ContentType::PROTOBUF,
];

#[tokio::test(start_paused = true)]
async fn a_node_says_that_it_is_well_in_every_form() {
    for content_type in TYPES {
        let health: Health = ask(content_type, "Debug.Health").await;

        assert_eq!(health.status, "ok");
    }
}

#[tokio::test(start_paused = true)]
async fn a_node_counts_its_requests_in_every_form() {
    for content_type in TYPES {
        let stats: Stats = ask(content_type, "Debug.Stats").await;

        assert_eq!((stats.requests, stats.errors), (1, 0));
        assert!(
            stats.started > 0 && stats.memory > 0 && stats.threads > 0,
            "{stats:?}"
        );
    }
}
