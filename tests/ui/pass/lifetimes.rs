//! Lifetimes that are written out.

#![deny(warnings)]

use std::pin::Pin;

use micro::prelude::*;

type Boxed<'a, T> = Pin<Box<dyn Stream<Item = micro::Result<T>> + Send + 'a>>;

struct Borrowed {
    numbers: Vec<u8>,
}

#[micro::service]
impl Borrowed {
    #[micro::handler]
    async fn aliased<'a>(
        &'a self,
        ctx: &'a Context,
        at: u8,
    ) -> micro::Result<impl Stream<Item = micro::Result<u8>> + use<'a>> {
        let _ = ctx;
        Ok(stream::iter(&self.numbers).filter(move |number| std::future::ready(**number > at)).map(|number| Ok(*number)))
    }

    #[micro::handler(stream)]
    async fn elided(&self, at: u8) -> micro::Result<Boxed<'_, u8>> {
        Ok(Box::pin(stream::iter(&self.numbers).skip(at.into()).map(|number| Ok(*number))))
    }

    #[micro::handler(stream)]
    async fn written<'b>(&'b self, at: u8) -> micro::Result<Boxed<'b, u8>> {
        self.elided(at).await
    }

    #[allow(mismatched_lifetime_syntaxes)]
    #[micro::handler(stream)]
    async fn unwritten(&self, at: u8) -> micro::Result<Boxed<u8>> {
        self.elided(at).await
    }

    #[micro::handler]
    async fn held(&self, at: u8) -> micro::Result<u8> {
        let number = self.numbers.iter().find(|number| **number > at);
        std::future::ready(()).await;
        Ok(number.copied().unwrap_or_default())
    }
}

#[micro::service]
trait Counted {
    #[micro::handler(stream)]
    async fn count(&self, from: u8) -> micro::Result<Boxed<'_, u8>>;
}

impl Counted for Borrowed {
    async fn count(&self, from: u8) -> micro::Result<Boxed<'_, u8>> {
        Ok(Box::pin(stream::iter(&self.numbers).map(move |number| Ok(number + from))))
    }
}

#[micro::handler(name = "Free.Owner", stream)]
async fn owner(ctx: &Context, _at: u8) -> micro::Result<Boxed<'_, String>> {
    Ok(Box::pin(stream::iter(ctx.metadata().get("owner")).map(|owner| Ok(owner.to_owned()))))
}

#[micro::main]
async fn main() -> micro::Result<()> {
    let counted = CountedClient::local(Borrowed { numbers: vec![1, 2] });
    let client = BorrowedClient::local(Borrowed { numbers: vec![1, 2, 3] });
    assert_eq!(client.aliased(1).await?.count().await, 2);
    assert_eq!(client.elided(1).await?.count().await, 2);
    assert_eq!(client.written(2).await?.count().await, 1);
    assert_eq!(client.unwritten(0).await?.count().await, 3);
    assert_eq!(counted.count(1).await?.count().await, 2);
    assert_eq!(client.held(1).await?, 2);
    Ok(())
}
