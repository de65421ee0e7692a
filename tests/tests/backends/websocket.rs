//! Calls that pass through a proxy of HTTP, which nginx is.

use micro::prelude::*;
use micro::registry::{Options, StaticRegistry};
use micro::transport::WebSocketTransport;
use micro::{Error, Running, Service};
use tests::servers::{Nginx, Server};
use tests::{System, over_http};
use tokio_stream::wrappers::ReceiverStream;

async fn greeter() -> Running {
    let hello = unary(|_: Context, name: Plain<String>| async move {
        Ok::<_, Error>(Plain(format!("Hello {}", name.0)))
    });
    let service = over_http("greeter").build().await.unwrap();
    let service = service.endpoint("Greeter.Hello", hello);
    service.handle(Talker).start().await.unwrap()
}

#[derive(Default)]
struct Talker;

#[micro::service(name = "greeter")]
impl Talker {
    #[micro::handler]
    async fn talk(
        &self,
        lines: Streaming<Plain<String>>,
    ) -> micro::Result<impl Stream<Item = micro::Result<Plain<String>>>> {
        Ok(lines)
    }
}

/// Who finds `greeter` at the proxy.
async fn caller(proxy: &Server<Nginx>) -> Service {
    let mut options = Options::default();
    options.addresses = vec![format!("greeter={}", proxy.address())];
    System::default()
        .builder("caller")
        .registry(StaticRegistry::new(&options).unwrap())
        .transport(WebSocketTransport::default())
        .build()
        .await
        .unwrap()
}

async fn hello(caller: &Service) -> micro::Result<String> {
    let name = Plain("ann".to_owned());
    let reply: Plain<String> = caller
        .client()
        .call("greeter", "Greeter.Hello", &name)
        .await?;
    Ok(reply.0)
}

#[tokio::test]
async fn streams_pass_through_nginx_both_ways_at_once() {
    let node = greeter().await;
    let proxy = Server::start(Nginx::before(node.address())).await;
    let caller = caller(&proxy).await;
    let (lines, read) = tokio::sync::mpsc::channel(1);

    let mut echoes = TalkerClient::new(&caller)
        .talk(ReceiverStream::new(read))
        .await
        .unwrap();
    lines.send(Plain("one".to_owned())).await.unwrap();
    let one = echoes.next().await.unwrap().unwrap();
    lines.send(Plain("two".to_owned())).await.unwrap();
    let two = echoes.next().await.unwrap().unwrap();

    assert_eq!((&*one.0, &*two.0), ("one", "two"));
}

#[tokio::test]
async fn calls_go_on_by_http_where_nginx_lets_no_websocket_pass_and_streams_are_refused() {
    let node = greeter().await;
    let proxy = Nginx::before(node.address()).without_upgrades();
    let proxy = Server::start(proxy).await;
    let caller = caller(&proxy).await;

    let reply = hello(&caller).await.unwrap();
    let refused = TalkerClient::new(&caller).talk(stream::pending()).await;

    assert_eq!(reply, "Hello ann");
    assert!(refused.err().unwrap().detail().contains("proxy"));
}

#[tokio::test]
async fn a_proxy_that_was_started_again_passes_calls_again() {
    let node = greeter().await;
    let mut proxy = Server::start(Nginx::before(node.address())).await;
    let caller = caller(&proxy).await;
    hello(&caller).await.unwrap();
    proxy.stop();
    let away = hello(&caller).await;

    proxy.restart().await;

    assert_eq!(away.unwrap_err().code(), 503);
    assert_eq!(hello(&caller).await.unwrap(), "Hello ann");
}
