//! Everybody who can call a node of ours, or be called by one, and what holds between the two: a table, of which every
//! cell is tried. A peer is a module that makes rows.

mod called;
mod go;
#[path = "../python/peer.rs"]
#[allow(
    dead_code,
    reason = "shared with the tests of Python, which use all of it"
)]
mod peer;
mod python;
mod table;
mod tonic;
mod web;

use std::process::ExitCode;

use micro::Service;
use micro::message::ContentType;
use micro::registry::MemoryRegistry;
use tests::go::Go;
use tests::greeter::Greeter;

use called::Called;
use table::Row;

const COLUMNS: [&str; 8] = [
    "unary",
    "error",
    "metadata",
    "deadline",
    "server stream",
    "client stream",
    "both ways",
    "half-close",
];

#[tokio::main]
async fn main() -> ExitCode {
    let service = Service::builder("greeter")
        .registry(MemoryRegistry::new())
        .build()
        .await
        .unwrap();
    let node = service.handle(Greeter).start().await.unwrap();
    let mut rows = ours(node.address()).await;
    for go in Go::ALL {
        for form in go::FORMS.iter().chain(&go::OURS) {
            rows.push(go::called(go, form).await);
        }
        for form in &go::FORMS {
            rows.push(go::calls(go, form, node.address()).await);
        }
    }
    for older in ["go-micro v0", "ja-micro"] {
        rows.push(captured(older));
    }
    let scripts = peer::Python::new().await;
    rows.push(tonic::called().await);
    rows.push(tonic::calls(node.address()).await);
    rows.push(python::called(&scripts).await);
    rows.push(python::calls(&scripts, node.address()).await);
    rows.push(web::calls(node.address()).await);
    rows.push(web::calls_json_rpc(node.address()).await);
    rows.push(python::opens_web_sockets(&scripts, node.address()).await);
    match table::print(&COLUMNS, &rows) {
        true => ExitCode::SUCCESS,
        false => ExitCode::FAILURE,
    }
}

/// Our client and our node, in each way that they may speak.
async fn ours(address: &str) -> Vec<Row> {
    let mut rows = Vec::new();
    for (name, facts) in [
        ("frames", [("transport", "frames"), ("protocol", "micro")]),
        ("HTTP", [("transport", "http"), ("protocol", "micro")]),
        ("gRPC", [("transport", "http"), ("protocol", "grpc")]),
    ] {
        let called = Called::new(address, &facts, &ContentType::MSGPACK).await;
        rows.push(called.row(format!("micro over {name}"), None).await);
    }
    rows
}

/// The row of a peer that no program of is here.
fn captured(name: &str) -> Row {
    let mut row = Row::new(name);
    for column in COLUMNS {
        row.forbids(
            column,
            "it is older than what can be built: held to its captured bytes, by the tests `golden`",
        );
    }
    row
}
