//! grpcio, called by us and calling us.

use futures_util::FutureExt;
use micro::message::ContentType;

use crate::called::Called;
use crate::peer::{Python, answer};
use crate::table::{Outcome, Row};

/// The functions of `calls.py` under each column.
const FACTS: [(&str, &[&str]); 8] = [
    ("unary", &["unary"]),
    ("error", &["error"]),
    ("metadata", &["metadata"]),
    ("deadline", &["deadline"]),
    (
        "server stream",
        &["server_stream", "server_stream_that_fails"],
    ),
    ("client stream", &["client_stream_that_says_its_last"]),
    ("both ways", &["both_ways"]),
    ("half-close", &["client_stream"]),
];

/// What comes of calling a server of grpcio.
pub async fn called(python: &Python) -> Row {
    let server = python.serve().await;
    let called = Called::new(
        &server.address,
        &[("protocol", "grpc")],
        &ContentType::PROTOBUF,
    )
    .await;
    called
        .row("grpcio called in protobuf".to_owned(), None)
        .await
}

/// What comes of grpcio calling our node at `address`.
pub async fn calls(python: &Python, address: &str) -> Row {
    let mut row = Row::new("grpcio calls in protobuf");
    for (column, facts) in FACTS {
        let hold = hold(python, "calls.py", address, facts).boxed_local();
        row.tries(column, hold).await;
    }
    row
}

/// The functions of `calls_web_socket.py` under each column.
const PAGES: [(&str, &[&str]); 6] = [
    ("unary", &["unary"]),
    ("error", &["error"]),
    ("server stream", &["server_stream"]),
    ("client stream", &["client_stream"]),
    ("both ways", &["both_ways"]),
    ("half-close", &["half_close"]),
];

/// What comes of a WebSocket to our node at `address`.
pub async fn opens_web_sockets(python: &Python, address: &str) -> Row {
    let mut row = Row::new("websockets (Python) calls in JSON");
    for (column, facts) in PAGES {
        let hold = hold(python, "calls_web_socket.py", address, facts).boxed_local();
        row.tries(column, hold).await;
    }
    let why = "a page cannot add headers to a WebSocket";
    row.forbids("metadata", why);
    row.forbids("deadline", why);
    row
}

async fn hold(python: &Python, script: &str, address: &str, facts: &[&str]) -> Outcome {
    for fact in facts {
        answer(python.command(script).args([address, fact])).await?;
    }
    Ok(())
}
