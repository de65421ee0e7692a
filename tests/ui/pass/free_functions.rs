//! Free functions, served by the service that the program runs.

#![deny(warnings)]

use micro::prelude::*;

mod functions {
    use micro::prelude::*;

    #[micro::message]
    pub struct Number {
        pub value: i64,
    }

    /// Doubles.
    #[micro::handler(name = "Math.Double")]
    pub async fn double(n: Number) -> micro::Result<Number> {
        Ok(Number { value: n.value * 2 })
    }

    #[micro::handler(service = "go.micro.math", timeout = "1m")]
    pub(super) async fn count(
        _ctx: &Context,
        n: Number,
    ) -> micro::Result<impl Stream<Item = micro::Result<Number>> + use<>> {
        Ok(stream::iter(0..n.value).map(|value| Ok(Number { value })))
    }

    #[micro::subscriber(topic = "audit", broadcast)]
    pub async fn audit(event: Number) -> micro::Result<()> {
        let _ = event;
        Ok(())
    }
}

use functions::{Number, audit, count, double};

#[allow(dead_code)]
async fn calls(service: &micro::Service) -> micro::Result<()> {
    let doubled: Number = double::call(service, Number { value: 1 }).await?;
    count::call(service, doubled.clone()).timeout(Duration::from_secs(1)).await?.count().await;
    audit::publish(service, &doubled).await
}

#[micro::main]
async fn main() {
    assert!(matches!(double(Number { value: 1 }).await, Ok(Number { value: 2 })));
    assert!(audit(Number::default()).await.is_ok());
    let _ = count(&Context::default(), Number::default()).await.is_ok();
}
