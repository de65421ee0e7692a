//! What is said of a call that was not done in time: how long it had, where that went, and on which hop.

mod hops;
mod parts;

use micro::prelude::*;
use micro::registry::MemoryRegistry;
use micro::transport::Transport;
use micro::{Error, Service};

/// A service of that name, found in `registry` and called by `transport`.
async fn service<T: Transport + 'static>(
    registry: &MemoryRegistry,
    name: &'static str,
    transport: T,
) -> Service {
    let builder = Service::builder(name)
        .registry(registry.clone())
        .transport(transport);
    builder.linger(Duration::ZERO).build().await.unwrap()
}

/// A handler that is never done.
fn hang() -> micro::Handler {
    unary(async |_: Context, _: Plain<()>| std::future::pending::<micro::Result<Plain<()>>>().await)
}

/// The number of milliseconds before `what` in the detail; none if it does not say.
fn millis(error: &Error, what: &str) -> Option<f64> {
    let (before, _) = error.detail().split_once(&format!(" {what}"))?;
    let time = before.rsplit([' ', ',']).next()?;
    let seconds = time.strip_suffix("ms").is_none();
    let number: f64 = time.trim_end_matches(['m', 's']).parse().ok()?;
    Some(if seconds { number * 1000.0 } else { number })
}
