//! NATS: one server with JetStream.

use std::net::SocketAddr;
use std::path::Path;
use std::process::Command;

use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::net::TcpStream;

use super::{Kind, free};

/// One server, which anyone may use.
pub struct Nats {
    clients: SocketAddr,
}

impl Nats {
    /// A cluster of one.
    pub fn alone() -> Self {
        Self { clients: free() }
    }
}

impl Kind for Nats {
    fn command(&self, folder: &Path) -> Command {
        let mut command = Command::new("nats-server");
        // As large as messages may be, in JSON; by default it takes 1 MiB.
        let config = folder.join("nats.conf");
        std::fs::write(&config, "max_payload: 8MB\n").unwrap();
        command.arg("-c").arg(config);
        command.args(["-a", &self.clients.ip().to_string()]);
        command.args(["-p", &self.clients.port().to_string()]);
        command.arg("-js").arg("-sd").arg(folder.join("data"));
        command
    }

    fn address(&self) -> SocketAddr {
        self.clients
    }

    /// It speaks first, and says there whether it has JetStream.
    async fn answers(&self) -> bool {
        let Ok(socket) = TcpStream::connect(self.clients).await else {
            return false;
        };
        let mut greeting = String::new();
        let read = BufReader::new(socket).read_line(&mut greeting).await;
        read.is_ok() && greeting.starts_with("INFO ") && greeting.contains(r#""jetstream":true"#)
    }
}
