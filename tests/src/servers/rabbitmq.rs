//! RabbitMQ: one server, which is a node of Erlang with a name service of its own.

use std::net::SocketAddr;
use std::path::Path;
use std::process::Command;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::{Kind, free};

/// The name service ends with the server, whose process takes the place of this shell. It is there first: the server would
/// start another one, that stays.
const START: &str = "setpriv --pdeathsig KILL epmd -address 127.0.0.1 >/dev/null 2>&1 & \
    until epmd -names >/dev/null 2>&1; do sleep 0.02; done; \
    exec /usr/lib/rabbitmq/bin/rabbitmq-server";

/// One server, in plaintext or in TLS alone.
pub struct RabbitMq {
    clients: SocketAddr,
    nodes: SocketAddr,
    names: SocketAddr,
    /// What else its configuration says.
    more: Option<String>,
}

impl RabbitMq {
    /// A cluster of one.
    pub fn alone() -> Self {
        Self {
            clients: free(),
            nodes: free(),
            names: free(),
            more: None,
        }
    }

    /// Serves clients in TLS, with this certificate and key.
    pub fn secured(mut self, cert_file: &Path, key_file: &Path) -> Self {
        self.more = Some(format!(
            "listeners.tcp = none\nlisteners.ssl.1 = {}\nssl_options.cacertfile = {cert}\nssl_options.certfile = {cert}\nssl_options.keyfile = {}\n",
            self.clients,
            key_file.display(),
            cert = cert_file.display(),
        ));
        self
    }

    fn node(&self) -> String {
        format!("micro{}@localhost", self.clients.port())
    }
}

impl Kind for RabbitMq {
    fn command(&self, folder: &Path) -> Command {
        let listen = || format!("listeners.tcp.1 = {}\n", self.clients);
        let listen = self.more.clone().unwrap_or_else(listen);
        // Disks of test hosts are small, and their memory is shared.
        let config =
            format!("{listen}disk_free_limit.absolute = 1MB\nlog.console.level = warning\n");
        std::fs::write(folder.join("rabbitmq.conf"), config).unwrap();
        let mut command = Command::new("sh");
        command.args(["-c", START]).env_clear();
        command.env("PATH", std::env::var_os("PATH").unwrap_or_default());
        for (name, value) in [
            ("HOME", folder.to_owned()),
            ("RABBITMQ_MNESIA_BASE", folder.join("data")),
            ("RABBITMQ_LOG_BASE", folder.join("logs")),
            ("RABBITMQ_CONFIG_FILE", folder.join("rabbitmq.conf")),
            ("RABBITMQ_ENABLED_PLUGINS_FILE", folder.join("plugins")),
        ] {
            command.env(name, value);
        }
        for (name, value) in [
            ("RABBITMQ_NODENAME", self.node()),
            ("RABBITMQ_DIST_PORT", self.nodes.port().to_string()),
            ("ERL_EPMD_PORT", self.names.port().to_string()),
            ("ERL_EPMD_ADDRESS", "127.0.0.1".to_owned()),
            ("RABBITMQ_LOGS", "-".to_owned()),
            // Its script is then replaced by the server.
            ("RUNNING_UNDER_SYSTEMD", "true".to_owned()),
            (
                "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS",
                "-kernel inet_dist_use_interface {127,0,0,1} +S 1 +sbwt none".to_owned(),
            ),
        ] {
            command.env(name, value);
        }
        command
    }

    fn address(&self) -> SocketAddr {
        self.clients
    }

    async fn answers(&self) -> bool {
        let Ok(mut stream) = TcpStream::connect(self.clients).await else {
            return false;
        };
        if self.more.is_some() {
            return true;
        }
        let sent = stream.write_all(b"AMQP\x00\x00\x09\x01").await;
        // The first method that a server sends.
        sent.is_ok() && stream.read_u8().await.is_ok_and(|kind| kind == 1)
    }
}
