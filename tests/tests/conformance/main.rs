//! The contracts of the seams over every implementation: what holds is printed as a table.

mod brokers;
#[cfg(feature = "live")]
mod consul;
#[cfg(feature = "live")]
mod dns;
#[cfg(feature = "live")]
mod etcd;
#[cfg(feature = "live")]
mod nats;
#[cfg(feature = "live")]
mod rabbitmq;
mod registries;
#[cfg(feature = "live")]
mod shared;
mod transports;

use std::process::ExitCode;

use micro::conformance::Suite;
use micro::inventory;

/// Adds what one file has.
struct Rows(fn(Suite) -> Suite);

inventory::collect!(Rows);

fn main() -> ExitCode {
    let rows = inventory::iter::<Rows>.into_iter();
    rows.fold(Suite::default(), |suite, Rows(add)| add(suite))
        .run()
}
