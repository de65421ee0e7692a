//! Our program, called by grpcio.

use crate::peer::{Python, Server};

/// What a fact of `calls.py` says is so.
async fn holds(fact: &str) {
    let (python, service) = (Python::new().await, Server::ours().await);

    python.run("calls.py", &[&service.address, fact]).await;
}

#[tokio::test]
async fn a_call_is_answered() {
    holds("unary").await;
}

#[tokio::test]
async fn a_server_stream_ends_well() {
    holds("server_stream").await;
}

#[tokio::test]
async fn a_server_stream_comes_up_to_its_error() {
    holds("server_stream_that_fails").await;
}

#[tokio::test]
async fn a_client_stream_is_answered_once() {
    holds("client_stream").await;
}

#[tokio::test]
async fn both_sides_of_a_stream_go_on_together() {
    holds("both_ways").await;
}

#[tokio::test]
async fn an_error_is_a_status_with_its_detail() {
    holds("error").await;
}

#[tokio::test]
async fn what_is_not_there_is_unimplemented() {
    holds("unknown_method").await;
}

#[tokio::test]
async fn metadata_is_the_handlers() {
    holds("metadata").await;
}

#[tokio::test]
async fn the_deadline_is_the_handlers() {
    holds("deadline").await;
}

#[tokio::test]
async fn a_deadline_that_passes_is_a_status() {
    holds("deadline_that_passes").await;
}

#[tokio::test]
async fn a_compressed_request_is_read() {
    holds("gzip").await;
}
