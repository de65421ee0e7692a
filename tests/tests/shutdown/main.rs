//! What becomes of calls, streams and messages that are under way when their server is told to stop.

mod calls;
mod messages;
mod streams;

use std::time::Duration;

use micro::{Builder, Running, Service};
use tokio::task::JoinHandle;
use tokio::time::timeout;

/// What is waited for comes much sooner, or the test fails.
const SOON: Duration = Duration::from_secs(20);

/// How long a server waits that is to give up.
const SHORT: Duration = Duration::from_millis(50);

async fn soon<T>(future: impl Future<Output = T>) -> T {
    timeout(SOON, future).await.expect("it does not happen")
}

/// A service that does not linger, and waits for what runs for so long.
async fn build(builder: Builder, drain: Duration) -> Service {
    let builder = builder.linger(Duration::ZERO).drain(drain);
    builder.build().await.unwrap()
}

/// Has `running` stop, and waits until it takes no more calls.
async fn begin_to_stop(running: Running) -> JoinHandle<()> {
    let stopping = tokio::spawn(running.stop());
    // It comes to its wait for what runs, or the test waits for its end in vain.
    for _ in 0..1000 {
        tokio::task::yield_now().await;
    }
    assert!(!stopping.is_finished(), "it does not wait");
    stopping
}
