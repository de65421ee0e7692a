//! Connecting to a node, in the time that there is.

use std::error::Error as StdError;
use std::fmt;
use std::io;
use std::time::{Duration, Instant};

use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::error::{Error, Result};
use crate::limits::Limits;
use crate::tls::{self, Protocol, Stream, Way};

/// Who speaks in the errors of this module.
const ID: &str = "micro.dial";

/// How long a node may not answer before it is taken for dead: the system asks a second time after a second.
const TELLING: Duration = Duration::from_millis(1500);

/// A fresh connection to `address`, begun in the `way` that is known to it, for a call that must be answered by
/// `deadline` and is written in `wanted`.
///
/// # Errors
///
/// Marked as never reached: `unavailable` if the node cannot be connected to, `bad_gateway` if it cannot be trusted,
/// `timeout` if there was too little time to tell.
pub(crate) async fn dial(
    address: &str,
    limits: &Limits,
    deadline: Option<Instant>,
    way: &Way,
    wanted: Protocol,
) -> Result<Stream> {
    let most = limits.connect_timeout;
    let limit = half_of(deadline, most);
    let stream = match timeout(limit, TcpStream::connect(address)).await {
        Ok(Ok(stream)) => stream,
        Ok(Err(source)) => return Err(unreachable(address, &source).with_source(source)),
        Err(_) if limit < most.min(TELLING) => {
            let detail =
                format!("{address} was not connected to within {limit:.0?}, half of the time left");
            return Err(Error::timeout(ID, detail).late().never_reached());
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
    let most = limits.head_timeout;
    let limit = half_of(deadline, most);
    match timeout(limit, way.begin(stream, wanted)).await {
        Ok(begun) => begun.map_err(|source| untrusted(address, way, source)),
        Err(_) if limit < most => {
            let detail = format!(
                "{address} did not finish the TLS handshake within {limit:.0?}, half of the time left"
            );
            Err(Error::timeout(ID, detail).late().never_reached())
        }
        Err(_) => {
            let detail = format!(
                "{address} did not finish the TLS handshake within {limit:.0?} (head_timeout)"
            );
            Err(Error::bad_gateway(ID, detail).never_reached())
        }
    }
}

/// At most half of the time left. What takes longer leaves no time for the call itself; another node may be nearer.
fn half_of(deadline: Option<Instant>, most: Duration) -> Duration {
    let half = deadline.map(|at| at.saturating_duration_since(Instant::now()) / 2);
    half.map_or(most, |half| half.min(most))
}

fn untrusted(address: &str, way: &Way, source: io::Error) -> Error {
    let why = tls::words(&source, way.name().unwrap_or_default());
    let detail = format!("{address} {why}");
    Error::bad_gateway(ID, detail)
        .with_source(source)
        .never_reached()
}

/// What `address` answered to this end's certificate, if that is what broke a connection to it; nothing was reached.
pub(crate) fn refused(address: &str, error: &(dyn StdError + 'static)) -> Option<Error> {
    let why = tls::refusal(error)?;
    Some(Error::bad_gateway(ID, format!("{address} {why}")).never_reached())
}

/// That `address` cannot be connected to, and why.
pub(crate) fn unreachable(address: &str, why: impl fmt::Display) -> Error {
    let detail = format!("{address} cannot be connected to: {why}");
    Error::unavailable(ID, detail).never_reached()
}
