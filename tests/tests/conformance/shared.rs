//! Rows on real servers.

use std::sync::Arc;

use micro::conformance::Row;
use tests::servers::{Kind, Server};
use tokio::sync::OnceCell;

/// A row whose lines share a server, which ends with the last of them.
pub fn on_one_server<K: Kind, E: 'static>(
    name: &str,
    kind: fn() -> K,
    ends: fn(&Server<K>) -> E,
) -> Row<E> {
    let server = Arc::new(OnceCell::new());
    Row::new(name, move || {
        let server = Arc::clone(&server);
        async move {
            let start = async || Server::start(kind()).await;
            ends(server.get_or_init(start).await)
        }
    })
}
