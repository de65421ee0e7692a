//! Lifetimes that are written out.

#![deny(warnings)]

use micro::prelude::*;

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

    #[micro::handler]
    async fn held(&self, at: u8) -> micro::Result<u8> {
        let number = self.numbers.iter().find(|number| **number > at);
        std::future::ready(()).await;
        Ok(number.copied().unwrap_or_default())
    }
}

#[micro::main]
async fn main() -> micro::Result<()> {
    let client = BorrowedClient::local(Borrowed { numbers: vec![1, 2, 3] });
    assert_eq!(client.aliased(1).await?.count().await, 2);
    assert_eq!(client.held(1).await?, 2);
    Ok(())
}
