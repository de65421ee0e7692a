//! etcd: one server, or a cluster of three.

use std::net::SocketAddr;
use std::path::Path;
use std::process::Command;

use super::{Kind, Server, free};

/// One member.
pub struct Etcd {
    name: String,
    clients: SocketAddr,
    peers: SocketAddr,
    /// All members, as `--initial-cluster` has them.
    cluster: String,
    more: Vec<String>,
}

impl Etcd {
    /// A cluster of one.
    pub fn alone() -> Self {
        Self::cluster(1).remove(0)
    }

    /// The members of one cluster.
    pub fn cluster(size: usize) -> Vec<Self> {
        let mut members: Vec<Self> = (0..size)
            .map(|number| Self {
                name: format!("member{number}"),
                clients: free(),
                peers: free(),
                cluster: String::new(),
                more: Vec::new(),
            })
            .collect();
        let all: Vec<_> = members
            .iter()
            .map(|member| format!("{}=http://{}", member.name, member.peers))
            .collect();
        for member in &mut members {
            member.cluster = all.join(",");
        }
        members
    }

    /// Three servers that answer as one.
    pub async fn three() -> Vec<Server<Self>> {
        let mut members: Vec<_> = Self::cluster(3).into_iter().map(Server::begin).collect();
        for member in &mut members {
            member.answering().await;
        }
        members
    }

    /// Serves clients in TLS, with this certificate and key.
    pub fn secured(mut self, cert_file: &Path, key_file: &Path) -> Self {
        let file = |path: &Path| path.to_str().unwrap().to_owned();
        self.more = vec![
            format!("--cert-file={}", file(cert_file)),
            format!("--key-file={}", file(key_file)),
        ];
        self
    }
}

impl Kind for Etcd {
    fn command(&self, folder: &Path) -> Command {
        let scheme = if self.more.is_empty() {
            "http"
        } else {
            "https"
        };
        let clients = format!("{scheme}://{}", self.clients);
        let peers = format!("http://{}", self.peers);
        let mut command = Command::new("etcd");
        command.arg("--data-dir").arg(folder.join("data"));
        command.args(["--name", &self.name, "--initial-cluster", &self.cluster]);
        command.args([
            "--listen-client-urls",
            &clients,
            "--advertise-client-urls",
            &clients,
        ]);
        command.args([
            "--listen-peer-urls",
            &peers,
            "--initial-advertise-peer-urls",
            &peers,
        ]);
        command.args(["--heartbeat-interval", "50", "--election-timeout", "500"]);
        command.args(&self.more);
        command
    }

    fn address(&self) -> SocketAddr {
        self.clients
    }

    async fn answers(&self) -> bool {
        if !self.more.is_empty() {
            return tokio::net::TcpStream::connect(self.clients).await.is_ok();
        }
        let is_there = tokio::net::TcpStream::connect(self.clients).await.is_ok();
        is_there
            && crate::get(&self.clients.to_string(), "/health")
                .await
                .contains(r#""health":"true""#)
    }
}
