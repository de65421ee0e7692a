//! Everybody who can call a node of ours, or be called by one, and what holds between the two: a table, of which every
//! cell is tried. A peer is a module that makes rows.

mod go;
mod greeter;
mod table;

use std::process::ExitCode;

use micro::Service;
use micro::registry::MemoryRegistry;
use tests::go::Go;

use greeter::Greeter;

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
    let mut rows = Vec::new();
    for go in Go::ALL {
        for form in go::FORMS.iter().chain(&go::OURS) {
            rows.push(go::called(go, form).await);
        }
        for form in &go::FORMS {
            rows.push(go::calls(go, form, node.address()).await);
        }
    }
    match table::print(&COLUMNS, &rows) {
        true => ExitCode::SUCCESS,
        false => ExitCode::FAILURE,
    }
}
