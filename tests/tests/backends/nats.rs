//! The server of NATS that tests start.

use tests::servers::{Nats, Server};
use tokio::net::TcpStream;

#[tokio::test]
async fn a_server_that_was_stopped_is_back_at_its_address() {
    let mut server = Server::start(Nats::alone()).await;
    let address = server.address();
    server.stop();
    assert!(TcpStream::connect(&address).await.is_err());

    server.restart().await;

    assert_eq!(server.address(), address);
    assert!(TcpStream::connect(&address).await.is_ok());
}
