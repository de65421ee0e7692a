//! Our program, called by grpcio: what the table of `tongues` has no column for.

use crate::peer::{Python, Server};

/// What a fact of `calls.py` says is so.
async fn holds(fact: &str) {
    let (python, service) = (Python::new().await, Server::ours().await);

    python.run("calls.py", &[&service.address, fact]).await;
}

#[tokio::test]
async fn what_is_not_there_is_unimplemented() {
    holds("unknown_method").await;
}

#[tokio::test]
async fn a_deadline_that_passes_is_a_status() {
    holds("deadline_that_passes").await;
}

#[tokio::test]
async fn a_compressed_request_is_read() {
    holds("gzip").await;
}
