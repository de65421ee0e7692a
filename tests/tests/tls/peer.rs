//! What a handler knows of who calls it.

use micro::transport::{FramesTransport, HttpTransport, Options, Tls, Transport};
use micro::{Error, Running, prelude::*};

use crate::Fleet;

fn options(tls: Tls) -> Options {
    let mut options = Options::default();
    options.tls = tls;
    options
}

/// A node of `door`, which answers with the names of who calls.
async fn door(fleet: &Fleet, transport: impl Transport + 'static) -> Running {
    let who = unary(async |ctx: Context, _: Plain<()>| {
        let names = ctx.peer().map(|peer| peer.names().to_vec());
        Ok::<_, Error>(Plain(names.unwrap_or_default()))
    });
    let service = fleet.builder("door").transport(transport).build().await;
    let service = service.unwrap().endpoint("Door.Who", who);
    service.start().await.unwrap()
}

async fn knock(fleet: &Fleet, transport: impl Transport + 'static) -> Vec<String> {
    let client = fleet.builder("client").transport(transport).build().await;
    let call =
        client
            .unwrap()
            .client()
            .call::<_, Plain<Vec<String>>>("door", "Door.Who", &Plain(()));
    call.await.unwrap().0
}

#[tokio::test]
async fn the_names_in_the_certificate_of_a_caller_by_frames_are_known() {
    let fleet = Fleet::new();
    let server = fleet.member(&["door"]).client_ca(fleet.authority.file());
    let server = FramesTransport::open(&options(server)).unwrap();
    let _door = door(&fleet, server).await;
    let client = fleet.member(&["shop", "till.shop"]);

    let names = knock(&fleet, FramesTransport::open(&options(client)).unwrap()).await;

    assert_eq!(names, ["shop", "till.shop"]);
}

#[tokio::test]
async fn the_names_in_the_certificate_of_a_caller_by_http_are_known() {
    let fleet = Fleet::new();
    let server = fleet.member(&["door"]).client_ca(fleet.authority.file());
    let _door = door(&fleet, HttpTransport::open(&options(server)).unwrap()).await;
    let client = fleet.member(&["shop"]);

    let names = knock(&fleet, HttpTransport::open(&options(client)).unwrap()).await;

    assert_eq!(names, ["shop"]);
}

#[tokio::test]
async fn a_certificate_that_nobody_verified_proves_no_name() {
    let fleet = Fleet::new();
    let server = fleet.member(&["door"]);
    let _door = door(&fleet, FramesTransport::open(&options(server)).unwrap()).await;
    let client = fleet.member(&["shop"]);

    let names = knock(&fleet, FramesTransport::open(&options(client)).unwrap()).await;

    assert_eq!(names, [""; 0]);
}
