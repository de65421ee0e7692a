//! nginx, between a node and its callers.

use std::net::SocketAddr;
use std::path::Path;
use std::process::Command;

use super::{Kind, free};

/// A proxy of HTTP.
pub struct Nginx {
    clients: SocketAddr,
    /// Where it hands requests on to.
    node: String,
    /// What it is told beside that.
    upgrades: &'static str,
}

impl Nginx {
    /// Before `node`, letting WebSockets pass.
    pub fn before(node: &str) -> Self {
        Self {
            clients: free(),
            node: node.to_owned(),
            upgrades: "proxy_set_header Upgrade $http_upgrade; proxy_set_header Connection upgrade;",
        }
    }

    /// As nginx is by default: no WebSocket passes.
    pub fn without_upgrades(mut self) -> Self {
        self.upgrades = "";
        self
    }
}

impl Kind for Nginx {
    fn command(&self, folder: &Path) -> Command {
        let Self {
            clients,
            node,
            upgrades,
        } = self;
        let kept: String = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
            .map(|kind| format!("{kind}_temp_path {kind};\n"))
            .concat();
        let config = format!(
            "daemon off; master_process off; pid pid; events {{}}
            http {{
              access_log off; {kept}
              server {{
                listen {clients};
                location / {{ proxy_pass http://{node}; proxy_http_version 1.1; {upgrades} }}
              }}
            }}"
        );
        std::fs::write(folder.join("nginx.conf"), config).unwrap();
        let mut command = Command::new("nginx");
        command.arg("-p").arg(folder);
        command.args(["-c", "nginx.conf", "-e", "stderr"]);
        command
    }

    fn address(&self) -> SocketAddr {
        self.clients
    }

    async fn answers(&self) -> bool {
        tokio::net::TcpStream::connect(self.clients).await.is_ok()
    }
}
