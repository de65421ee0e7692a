//! What TLS promises: who is trusted, who is refused and in which words, and what happens when files change.

mod alpn;
mod authority;
mod broker;
mod guide;
mod peer;
mod refusals;
mod reload;
mod start;

use micro::broker::MemoryBroker;
use micro::prelude::*;
use micro::registry::{MemoryRegistry, Registry};
use micro::transport::{Limits, Options, Tls, WebSocketTransport};
use micro::{Builder, Error, Running, Service};

use authority::Authority;

/// A fleet of one registry and one authority.
pub(crate) struct Fleet {
    pub(crate) registry: MemoryRegistry,
    pub(crate) authority: Authority,
}

impl Fleet {
    pub(crate) fn new() -> Self {
        Self {
            registry: MemoryRegistry::default(),
            authority: Authority::new("fleet"),
        }
    }

    pub fn builder(&self, name: &'static str) -> Builder {
        Service::builder(name)
            .registry(self.registry.clone())
            .broker(MemoryBroker::default())
            .linger(Duration::ZERO)
    }

    /// What a member with a certificate for `names` is given.
    pub fn member(&self, names: &[&str]) -> Tls {
        let (cert, key) = self.authority.signs(names);
        Tls::with_ca(self.authority.file()).certificate(cert, key)
    }

    /// What a caller without a certificate is given.
    pub fn caller(&self) -> Tls {
        Tls::with_ca(self.authority.file())
    }

    /// A node of `name`, which greets.
    pub async fn serve(&self, name: &'static str, tls: Tls) -> Running {
        start(self.builder(name).tls(tls)).await
    }

    /// What `greeter` answers to a client with `tls`.
    pub async fn ask(&self, tls: Tls) -> micro::Result<String> {
        let client = self.builder("client").tls(tls).build().await?;
        ask(&client, "greeter").await
    }

    /// What is told whom `client` calls at the address of `greeter`, of which it has no record.
    pub async fn ask_there(&self, client: Builder) -> Error {
        let client = client.build().await.unwrap();
        let name = Plain("ann".to_owned());
        let call = client
            .client()
            .call::<_, Plain<String>>("greeter", "Greeter.Hello", &name);
        call.address(self.address("greeter").await)
            .await
            .unwrap_err()
    }

    pub async fn address(&self, name: &str) -> String {
        let found = self.registry.get(name).await.unwrap();
        found[0].nodes[0].address.clone()
    }
}

#[derive(Default)]
pub struct Counter;

#[micro::service(name = "counter")]
impl Counter {
    #[micro::handler]
    async fn count(
        &self,
        to: Plain<u32>,
    ) -> micro::Result<impl Stream<Item = micro::Result<Plain<u32>>>> {
        Ok(stream::iter((1..=to.0).map(|number| Ok(Plain(number)))))
    }
}

pub async fn start(builder: Builder) -> Running {
    let hello = unary(|_: Context, name: Plain<String>| async move {
        Ok::<_, Error>(Plain(format!("Hello {}", name.0)))
    });
    let service = builder.build().await.unwrap();
    service
        .endpoint("Greeter.Hello", hello)
        .start()
        .await
        .unwrap()
}

pub async fn ask(client: &Service, service: &'static str) -> micro::Result<String> {
    let name = Plain("ann".to_owned());
    let reply: Plain<String> = client
        .client()
        .call(service, "Greeter.Hello", &name)
        .await?;
    Ok(reply.0)
}

pub fn quick() -> Limits {
    let mut limits = Limits::default();
    limits.head_timeout = Duration::from_millis(100);
    limits
}

#[tokio::test]
async fn members_of_one_authority_call_each_other() {
    let fleet = Fleet::new();
    let member = fleet.member(&["greeter"]).client_ca(fleet.authority.file());
    let _greeter = fleet.serve("greeter", member).await;

    let reply = fleet.ask(fleet.member(&["client"])).await;

    assert_eq!(reply.unwrap(), "Hello ann");
}

#[tokio::test]
async fn streams_are_carried_too() {
    let fleet = Fleet::new();
    let node = fleet.builder("counter").tls(fleet.member(&["counter"]));
    let node = node.build().await.unwrap().handle(Counter);
    let _counter = node.start().await.unwrap();
    let client = fleet.builder("client").tls(fleet.caller());
    let client = client.build().await.unwrap();

    let counted = CounterClient::new(&client)
        .count(Plain(1000))
        .await
        .unwrap();

    let numbers: Vec<u32> = counted.map(|number| number.unwrap().0).collect().await;
    assert_eq!(numbers, (1..=1000).collect::<Vec<_>>());
}

#[tokio::test]
async fn frames_in_a_websocket_are_secured_too() {
    let fleet = Fleet::new();
    let node = fleet.builder("counter").tls(fleet.member(&["counter"]));
    let node = node.build().await.unwrap().handle(Counter);
    let _counter = node.start().await.unwrap();
    let mut options = Options::default();
    options.tls = fleet.caller();
    let transport = WebSocketTransport::open(&options).unwrap();
    let client = fleet.builder("client").transport(transport);
    let client = client.build().await.unwrap();

    let counted = CounterClient::new(&client).count(Plain(3)).await.unwrap();

    let numbers: Vec<u32> = counted.map(|number| number.unwrap().0).collect().await;
    assert_eq!(numbers, [1, 2, 3]);
}

#[tokio::test]
async fn a_node_says_in_its_record_that_it_takes_tls_only() {
    let fleet = Fleet::new();

    let _greeter = fleet.serve("greeter", fleet.member(&["greeter"])).await;

    let found = fleet.registry.get("greeter").await.unwrap();
    assert_eq!(found[0].nodes[0].metadata["secure"], "true");
}

#[tokio::test]
async fn a_connection_that_proved_one_service_carries_no_calls_of_another() {
    let fleet = Fleet::new();
    let _greeter = fleet.serve("greeter", fleet.member(&["greeter"])).await;
    let client = fleet.builder("client").tls(fleet.caller());
    let client = client.build().await.unwrap();
    ask(&client, "greeter").await.unwrap();

    // What a registry that lies would say.
    let mut lie = fleet.registry.get("greeter").await.unwrap().remove(0);
    lie.name = "bank".to_owned();
    fleet.registry.register(&lie, None).await.unwrap();
    let error = ask(&client, "bank").await.unwrap_err();

    assert!(
        error
            .detail()
            .contains("has a certificate for greeter, and not for bank"),
        "{error}"
    );
}

#[tokio::test]
async fn one_node_may_prove_several_services() {
    let fleet = Fleet::new();
    let member = fleet.member(&["greeter", "other"]);
    let _greeter = fleet.serve("greeter", member.clone()).await;
    let _other = fleet.serve("other", member).await;
    let client = fleet.builder("client").tls(fleet.caller());
    let client = client.build().await.unwrap();

    let replies = (ask(&client, "greeter").await, ask(&client, "other").await);

    assert_eq!(replies.0.unwrap(), "Hello ann");
    assert_eq!(replies.1.unwrap(), "Hello ann");
}

#[tokio::test]
async fn the_name_that_is_expected_can_be_said() {
    let fleet = Fleet::new();
    let _greeter = fleet
        .serve("greeter", fleet.member(&["all.example.org"]))
        .await;

    let reply = fleet
        .ask(fleet.caller().server_name("all.example.org"))
        .await;

    assert_eq!(reply.unwrap(), "Hello ann");
}
