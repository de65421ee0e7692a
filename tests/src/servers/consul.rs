//! Consul: one server, or a cluster of three.

use std::net::SocketAddr;
use std::path::Path;
use std::process::Command;

use super::{Kind, Server, free};

/// One server, which is an agent, too.
pub struct Consul {
    clients: SocketAddr,
    servers: SocketAddr,
    gossip: SocketAddr,
    /// Where all members gossip.
    cluster: Vec<SocketAddr>,
    /// What it takes as configuration, in JSON.
    more: String,
}

impl Consul {
    /// A cluster of one.
    pub fn alone() -> Self {
        Self::cluster(1).remove(0)
    }

    fn cluster(size: usize) -> Vec<Self> {
        let mut members: Vec<Self> = (0..size)
            .map(|_| Self {
                clients: free(),
                servers: free(),
                gossip: free(),
                cluster: Vec::new(),
                more: String::new(),
            })
            .collect();
        let all: Vec<_> = members.iter().map(|member| member.gossip).collect();
        for member in &mut members {
            member.cluster.clone_from(&all);
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

    /// Answers only who sends this token.
    pub fn with_token(mut self, token: &str) -> Self {
        self.more = format!(
            r#", "acl": {{"enabled": true, "default_policy": "deny", "tokens": {{"master": "{token}", "agent": "{token}"}}}}"#
        );
        self
    }
}

impl Kind for Consul {
    fn command(&self, folder: &Path) -> Command {
        let ports = format!(
            r#"{{"http": {}, "server": {}, "serf_lan": {}, "serf_wan": -1, "dns": -1, "grpc": -1}}"#,
            self.clients.port(),
            self.servers.port(),
            self.gossip.port()
        );
        let name = self.gossip.port();
        let config = format!(
            r#"{{"node_name": "member{name}", "ports": {ports}, "performance": {{"raft_multiplier": 1}}, "retry_interval": "500ms", "disable_update_check": true{}}}"#,
            self.more
        );
        std::fs::write(folder.join("config.json"), config).unwrap();
        let program =
            std::env::var("MICRO_CONSUL").expect("MICRO_CONSUL is not set: run tests/live");
        let mut command = Command::new(program);
        command.args([
            "agent",
            "-server",
            "-bind=127.0.0.1",
            "-client=127.0.0.1",
            "-log-level=warn",
        ]);
        command.arg(format!("-bootstrap-expect={}", self.cluster.len()));
        command.arg(format!("-data-dir={}", folder.join("data").display()));
        command.arg(format!(
            "-config-file={}",
            folder.join("config.json").display()
        ));
        for other in self.cluster.iter().filter(|other| **other != self.gossip) {
            command.arg(format!("-retry-join={other}"));
        }
        command
    }

    fn address(&self) -> SocketAddr {
        self.clients
    }

    async fn answers(&self) -> bool {
        let is_there = tokio::net::TcpStream::connect(self.clients).await.is_ok();
        is_there
            && crate::get(&self.clients.to_string(), "/v1/status/leader")
                .await
                .contains("\"127.0.0.1:")
    }
}
