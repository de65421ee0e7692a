//! Transports that need no server.

use std::sync::Arc;

use micro::conformance::Row;
use micro::conformance::transport::Ends;
use micro::transport::{
    AutoTransport, FramesTransport, HttpTransport, MemoryTransport, Transport, WebSocketTransport,
};

use super::Rows;

micro::inventory::submit! {
    Rows(|suite| {
        let suite = suite.transport(Row::new("memory", memory));
        let suite = suite.transport(row("http", HttpTransport::default));
        let suite = suite.transport(row("frames", FramesTransport::default));
        let suite = suite.transport(row("websocket", WebSocketTransport::default));
        suite.transport(row("auto", AutoTransport::default))
    })
}

async fn memory() -> Ends {
    // Nodes of another are not found.
    let transport = Arc::new(MemoryTransport::new());
    Ends::new(Arc::clone(&transport) as Arc<dyn Transport>, transport)
}

fn row<T: Transport + 'static>(name: &str, open: fn() -> T) -> Row<Ends> {
    Row::new(name, move || async move {
        Ends::new(Arc::new(open()), Arc::new(open()))
    })
}
