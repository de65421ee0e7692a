//! What our program says of itself, read by the libraries that the standards come with.

use crate::peer::{Python, Server};

/// What a fact of `described.py` says is so.
async fn holds(fact: &str) {
    let (python, service) = (Python::new().await, Server::ours().await);

    python.run("described.py", &[&service.address, fact]).await;
}

#[tokio::test]
async fn reflection_lists_the_services() {
    holds("services").await;
}

#[tokio::test]
async fn reflection_tells_all_four_kinds_of_call() {
    holds("kinds").await;
}

#[tokio::test]
async fn a_call_is_made_from_nothing_but_reflection() {
    holds("call").await;
}

#[tokio::test]
async fn a_service_that_is_ready_is_serving() {
    holds("health").await;
}

#[tokio::test]
async fn the_health_of_what_is_not_there_is_not_found() {
    holds("health_of_nobody").await;
}

#[tokio::test]
async fn who_watches_health_hears_of_it_at_once() {
    holds("health_watched").await;
}

#[tokio::test]
async fn the_page_of_openapi_is_valid() {
    let (python, service) = (Python::new().await, Server::ours().await);

    python.run("openapi.py", &[&service.address]).await;
}
