//! Results by other names, and a `Result` that is not the standard one.

#![deny(warnings)]
#![allow(dead_code)]

use micro::prelude::*;

#[derive(Debug)]
pub struct Failure;

impl From<Failure> for micro::Error {
    fn from(_: Failure) -> Self {
        Self::internal("aliases", "failed")
    }
}

type Result<T> = std::result::Result<T, Failure>;
type Answer<T> = std::result::Result<T, Failure>;
type Pinged = micro::Result<u8>;
type Ticks = micro::Result<std::pin::Pin<Box<dyn Stream<Item = micro::Result<u8>> + Send>>>;

mod other {
    pub type Result<T, E = micro::Error> = core::result::Result<T, E>;
}

// None of these is meant by generated code.
struct Option;
struct String;
struct Vec;
struct Context2;
struct Client;
struct Arc;
struct Duration;
struct Future;
struct Some;
struct Ok2;
trait Send2 {}
trait Into {}
trait From2 {}
trait Clone2 {}

struct Aliases(u8);

#[micro::service(name = "aliases")]
impl Aliases {
    #[micro::handler(timeout = "5s")]
    async fn shadowed(&self, request: u8) -> Result<u8> {
        Ok(request)
    }

    #[micro::handler]
    async fn aliased(&self, request: u8) -> Answer<u8> {
        Err(Failure).or(Ok(request))
    }

    #[micro::handler]
    async fn whole(&self, request: u8) -> Pinged {
        Ok(request)
    }

    #[micro::handler]
    async fn module(&self, request: u8) -> other::Result<u8> {
        Ok(request)
    }

    #[micro::handler(stream)]
    async fn ticks(&self, request: u8) -> Ticks {
        Ok(Box::pin(stream::iter([Ok(request)])))
    }


    #[micro::handler]
    async fn items(&self, request: u8) -> Answer2<impl Stream<Item = Answer<u8>>> {
        Ok(stream::iter([Ok(request)]))
    }

    #[micro::subscriber(topic = "a", broadcast)]
    async fn heard(&self, _event: u8) -> Answer<()> {
        Ok(())
    }
}

use std::result::Result as Answer2Base;
type Answer2<T> = Answer2Base<T, Failure>;

#[micro::main]
async fn main() -> micro::Result<()> {
    let client = AliasesClient::local(Aliases(1));
    let sum = client.shadowed(1).await? + client.aliased(2).await? + client.whole(3).await? + client.module(4).await?;
    assert_eq!(sum, 10);
    assert_eq!(client.items(5).await?.count().await, 1);
    assert_eq!(client.ticks(5).await?.count().await, 1);
    Ok(())
}
