//! DNS: dnsmasq, which answers for `fleet.example`.

use std::net::SocketAddr;
use std::path::Path;
use std::process::Command;

use super::{Kind, Server, free};

/// One name server.
pub struct Dns {
    clients: SocketAddr,
    domain: &'static str,
    more: Vec<String>,
}

impl Dns {
    /// One that knows nothing yet.
    pub fn empty() -> Self {
        Self {
            clients: free(),
            domain: "fleet.example",
            more: Vec::new(),
        }
    }

    /// The same, with an SRV record: the name, the target, its port and its priority.
    pub fn srv(mut self, record: &str) -> Self {
        self.more.push(format!("--srv-host={record}"));
        self
    }

    /// The same of another domain: of `fleet.example` it says that it cannot tell.
    pub fn elsewhere(mut self) -> Self {
        self.domain = "elsewhere.example";
        self
    }
}

impl Kind for Dns {
    fn command(&self, folder: &Path) -> Command {
        let hosts = folder.join("hosts");
        if !hosts.exists() {
            std::fs::write(&hosts, "").unwrap();
        }
        let mut command = Command::new("dnsmasq");
        command.args(["--keep-in-foreground", "--conf-file=/dev/null"]);
        command.args(["--no-resolv", "--no-hosts", "--user=root", "--local-ttl=1"]);
        command.args(["--listen-address=127.0.0.1", "--bind-interfaces"]);
        command.arg(format!("--port={}", self.clients.port()));
        command.arg(format!("--pid-file={}", folder.join("pid").display()));
        command.arg(format!("--addn-hosts={}", hosts.display()));
        command.arg(format!("--local=/{}/", self.domain));
        command.args(&self.more);
        command
    }

    fn address(&self) -> SocketAddr {
        self.clients
    }

    async fn answers(&self) -> bool {
        tokio::net::TcpStream::connect(self.clients).await.is_ok()
    }
}

impl Server<Dns> {
    /// From now on these addresses have these names, and no others do: `10.0.0.1 greeter.fleet.example`, one a line.
    pub fn says(&self, hosts: &str) {
        std::fs::write(self.folder.path().join("hosts"), hosts).unwrap();
        self.signal("HUP");
    }
}
