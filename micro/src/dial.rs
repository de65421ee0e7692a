//! Connecting to a node, in the time that there is.

use std::fmt;
use std::time::{Duration, Instant};

use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::error::{Error, Result};
use crate::limits::Limits;

/// Who speaks in the errors of this module.
const ID: &str = "micro.dial";

/// How long a node may not answer before it is taken for dead: the system asks a second time after a second.
const TELLING: Duration = Duration::from_millis(1500);

/// A fresh connection to `address`, for a call that must be answered by `deadline`.
///
/// # Errors
///
/// Marked as never reached: `unavailable` if the node cannot be connected to, `timeout` if there was too little time to
/// tell.
pub(crate) async fn dial(
    address: &str,
    limits: &Limits,
    deadline: Option<Instant>,
) -> Result<TcpStream> {
    // What takes longer than that leaves no time for the call itself; another node may be nearer.
    let half = deadline.map(|at| at.saturating_duration_since(Instant::now()) / 2);
    let most = limits.connect_timeout;
    let limit = half.map_or(most, |half| half.min(most));
    let stream = match timeout(limit, TcpStream::connect(address)).await {
        Ok(Ok(stream)) => stream,
        Ok(Err(source)) => return Err(unreachable(address, &source).with_source(source)),
        Err(_) if limit < most.min(TELLING) => {
            let detail =
                format!("{address} was not connected to within {limit:.0?}, half of the time left");
            return Err(Error::timeout(ID, detail).never_reached());
        }
        Err(_) => {
            let why = format_args!(
                "no answer within {limit:.0?} (connect_timeout, or half of the call's time)"
            );
            return Err(unreachable(address, why));
        }
    };
    // A small call must not wait for the acknowledgement of the last one. Without, it only goes out later.
    let _ = stream.set_nodelay(true);
    Ok(stream)
}

/// That `address` cannot be connected to, and why.
pub(crate) fn unreachable(address: &str, why: impl fmt::Display) -> Error {
    let detail = format!("{address} cannot be connected to: {why}");
    Error::unavailable(ID, detail).never_reached()
}
