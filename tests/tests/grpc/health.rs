//! gRPC's own service of health, asked by tonic's client.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use micro::Running;
use micro::registry::{MemoryRegistry, Registry as _};
use tonic::transport::Channel;
use tonic::{Code, Status, Streaming};
use tonic_health::pb::health_check_response::ServingStatus;
use tonic_health::pb::health_client::HealthClient;
use tonic_health::pb::{HealthCheckRequest, HealthCheckResponse};

use crate::peer::connect;
use crate::{Greeter, builder, greeter};

async fn client(running: &Running) -> HealthClient<Channel> {
    HealthClient::new(connect(running.address()).await)
}

fn about(service: &str) -> HealthCheckRequest {
    HealthCheckRequest {
        service: service.to_owned(),
    }
}

async fn check(running: &Running, service: &str) -> Result<ServingStatus, Status> {
    let reply = client(running).await.check(about(service)).await?;
    Ok(reply.into_inner().status())
}

async fn watch(running: &Running, service: &str) -> Streaming<HealthCheckResponse> {
    let reply = client(running).await.watch(about(service)).await;
    reply.unwrap().into_inner()
}

async fn next(states: &mut Streaming<HealthCheckResponse>) -> ServingStatus {
    let state = tokio::time::timeout(Duration::from_secs(10), states.message());
    state.await.unwrap().unwrap().unwrap().status()
}

/// A service whose readiness is the flag.
async fn switched(is_well: &Arc<AtomicBool>) -> Running {
    let is_well = Arc::clone(is_well);
    let check = move || {
        let is_well = is_well.load(Ordering::SeqCst);
        async move {
            match is_well {
                true => Ok(()),
                false => Err(micro::Error::unavailable("db", "no connection")),
            }
        }
    };
    let service = builder().build().await.unwrap().check("db", check);
    service.handle(Greeter).start().await.unwrap()
}

#[tokio::test]
async fn a_server_that_is_ready_serves_by_every_name_of_its() {
    let running = greeter().await;

    for name in ["", "hello.world", "hello.world.Greeter"] {
        let state = check(&running, name).await.unwrap();

        assert_eq!(state, ServingStatus::Serving, "{name}");
    }
}

#[tokio::test]
async fn a_server_that_is_not_ready_does_not_serve() {
    let running = switched(&Arc::default()).await;

    let state = check(&running, "hello.world").await.unwrap();

    assert_eq!(state, ServingStatus::NotServing);
}

#[tokio::test]
async fn a_check_of_what_is_not_there_is_not_found() {
    let running = greeter().await;

    let status = check(&running, "nobody").await.unwrap_err();

    assert_eq!(status.code(), Code::NotFound);
    assert_eq!(status.message(), r#"there is no "nobody" here"#);
}

#[tokio::test]
async fn a_watcher_hears_of_each_change() {
    let is_well = Arc::new(AtomicBool::new(true));
    let running = switched(&is_well).await;
    let mut states = watch(&running, "").await;
    let before = next(&mut states).await;

    is_well.store(false, Ordering::SeqCst);
    tokio::time::pause();
    tokio::time::advance(Duration::from_secs(1)).await;
    tokio::time::resume();
    let after = next(&mut states).await;

    assert_eq!(
        (before, after),
        (ServingStatus::Serving, ServingStatus::NotServing)
    );
}

#[tokio::test]
async fn a_watcher_of_what_is_not_there_is_told_so() {
    let running = greeter().await;

    let mut states = watch(&running, "nobody").await;

    assert_eq!(next(&mut states).await, ServingStatus::ServiceUnknown);
}

#[tokio::test]
async fn watching_ends_well_when_the_server_stops() {
    let running = greeter().await;
    let mut states = watch(&running, "").await;
    next(&mut states).await;

    running.stop().await;

    while states.message().await.unwrap().is_some() {}
}

#[tokio::test]
async fn services_of_grpc_are_not_announced() {
    let registry = MemoryRegistry::default();
    let service = builder().registry(registry.clone()).build().await.unwrap();
    let _running = service.handle(Greeter).start().await.unwrap();

    let records = registry.list().await.unwrap();

    let names: Vec<&str> = records.iter().map(|own| &*own.name).collect();
    assert_eq!(names, ["hello.world"]);
}
