//! Names that generated code could trip over.

#![deny(warnings)]

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

#[micro::main]
async fn main() -> micro::Result<()> {
    let client = ClientClient::local(Client);
    let sum = client.clone(1).await? + client.definition(2).await? + client.r#move(3).await? + client.call(4).await?;
    assert_eq!(sum + client.fmt(5).await? + client.make(6).await? + client.unary(7).await?, 28);
    Ok(())
}
