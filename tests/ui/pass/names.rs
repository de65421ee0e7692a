//! Names that generated code could trip over.

#![deny(warnings)]

use micro::prelude::{Context, Stream, StreamExt as _, Streaming, stream};

pub struct Client;
pub struct ServiceClient;
pub struct Definition;
pub struct Method;

pub trait Extra {
    fn hello(&self, _request: u8) {}
    fn definition(&self) {}
}

impl Extra for Client {}

#[micro::service]
impl Client {
    #[micro::handler]
    async fn clone(&self, request: u8) -> micro::Result<u8> {
        Ok(request)
    }

    #[micro::handler]
    async fn definition(&self, request: u8) -> micro::Result<u8> {
        Ok(request)
    }

    #[micro::handler]
    async fn r#move(&self, r#type: u8) -> micro::Result<u8> {
        Ok(r#type)
    }

    #[micro::handler]
    async fn call(&self, context: u8) -> micro::Result<u8> {
        Ok(context)
    }

    #[micro::handler]
    async fn fmt(&self, this: u8) -> micro::Result<u8> {
        Ok(this)
    }

    #[micro::handler(name = "Client.New")]
    async fn make(&self, client: u8) -> micro::Result<u8> {
        Ok(client)
    }

    #[micro::handler]
    async fn unary(&self, definition: u8) -> micro::Result<u8> {
        Ok(definition)
    }
}

#[micro::service]
impl Method {
    #[micro::handler]
    async fn sum(&self, requests: Streaming<u8>) -> micro::Result<u8> {
        let sum = requests.fold(0, async |sum, number| sum + number.unwrap_or_default());
        Ok(sum.await)
    }

    #[micro::handler]
    async fn echo(&self, replies: u8) -> micro::Result<u8> {
        Ok(replies)
    }
}

#[micro::handler(name = "Free.Request")]
async fn request(service: u8) -> micro::Result<u8> {
    Ok(service)
}

#[micro::handler(name = "Free.Context")]
async fn context(_ctx: &Context, requests: u8) -> micro::Result<impl Stream<Item = micro::Result<u8>> + use<>> {
    Ok(stream::iter([Ok(requests)]))
}

#[micro::handler(name = "Free.Emitter")]
async fn emitter(emitter: u8) -> micro::Result<impl Stream<Item = micro::Result<u8>>> {
    Ok(stream::iter([Ok(emitter)]))
}

#[micro::handler(name = "Free.Requests")]
async fn requests(replies: Streaming<u8>) -> micro::Result<u8> {
    drop(replies);
    Ok(0)
}

#[micro::subscriber(topic = "free", broadcast)]
async fn format(service: u8) -> micro::Result<()> {
    let _ = service;
    Ok(())
}

#[micro::main]
async fn main() -> micro::Result<()> {
    let client = ClientClient::local(Client);
    let sum = client.clone(1).await? + client.definition(2).await? + client.r#move(3).await? + client.call(4).await?;
    assert_eq!(sum + client.fmt(5).await? + client.make(6).await? + client.unary(7).await?, 28);
    let method = MethodClient::local(Method);
    assert_eq!(method.sum(stream::iter([1, 2])).await? + method.echo(3).await?, 6);
    Ok(())
}
