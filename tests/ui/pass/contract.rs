//! A contract as a trait, implemented by plain `async fn`s.

#![deny(warnings)]

use micro::prelude::*;

pub mod api {
    use micro::prelude::*;

    #[micro::message]
    pub struct Number {
        pub value: u64,
    }

    pub type Answer<T> = Result<T, micro::Error>;

    /// Counts.
    #[micro::service(name = "counter", version = "2.0.0")]
    pub trait StepCounter: std::fmt::Debug {
        #[micro::handler]
        async fn next(&self, request: Number) -> micro::Result<Number>;

        #[micro::handler(idempotent)]
        async fn aliased(&self, ctx: &Context, request: Number) -> Answer<Number> {
            let _ = ctx;
            Ok(Number { value: request.value + self.step()? })
        }

        #[micro::handler]
        async fn up(&self, request: Number) -> micro::Result<impl Stream<Item = micro::Result<Number>>>;

        #[micro::handler]
        async fn both(
            &self,
            ctx: &Context,
            numbers: Streaming<Number>,
        ) -> micro::Result<impl Stream<Item = micro::Result<Number>> + Send>;

        #[micro::handler]
        async fn sum(&self, numbers: Streaming<Number>) -> micro::Result<Number>;

        #[micro::subscriber(topic = "stepped", group = "counter")]
        async fn stepped(&self, event: Number) -> micro::Result<()>;

        fn step(&self) -> micro::Result<u64> {
            Ok(1)
        }
    }
}

use api::{Number, StepCounter, StepCounterClient, step_counter};

#[derive(Debug)]
pub struct Mine {
    base: u64,
}

impl StepCounter for Mine {
    async fn next(&self, request: Number) -> micro::Result<Number> {
        Ok(Number { value: request.value + 1 })
    }

    async fn up(&self, request: Number) -> micro::Result<impl Stream<Item = micro::Result<Number>>> {
        let base = &self.base;
        Ok(stream::iter(0..request.value).map(move |step| Ok(Number { value: base + step })))
    }

    async fn both(
        &self,
        _ctx: &Context,
        numbers: Streaming<Number>,
    ) -> micro::Result<impl Stream<Item = micro::Result<Number>>> {
        Ok(numbers)
    }

    async fn sum(&self, mut numbers: Streaming<Number>) -> micro::Result<Number> {
        let mut value = 0;
        while let Some(number) = numbers.next().await {
            value += number?.value;
        }
        Ok(Number { value })
    }

    async fn stepped(&self, _event: Number) -> micro::Result<()> {
        Ok(())
    }
}

/// What a contract promises of every implementation: it is shared, and its futures and streams move between threads.
fn run_anywhere<C: StepCounter>(counter: C) -> impl Future<Output = micro::Result<Number>> + Send + 'static {
    let counter = std::sync::Arc::new(counter);
    async move {
        let next = counter.next(Number::default()).await;
        let numbers = counter.up(Number { value: 2 }).await?;
        let mut numbers = std::pin::pin!(numbers);
        while let Some(number) = numbers.next().await {
            drop(number);
            std::future::ready(()).await;
        }
        next
    }
}

#[micro::service(name = "typed")]
trait Typed<T, U: Clone>: Send + Sync + 'static
where
    T: serde::Serialize + serde::de::DeserializeOwned + Send + 'static,
{
    #[micro::handler]
    async fn same(&self, value: T) -> micro::Result<T>;

    fn unused(&self, _value: U) {}
}

struct Same;

impl Typed<u8, ()> for Same {
    async fn same(&self, value: u8) -> micro::Result<u8> {
        Ok(value)
    }
}

#[micro::main]
async fn main() -> micro::Result<()> {
    let ran = micro::tokio::spawn(run_anywhere(Mine { base: 1 })).await;
    assert!(matches!(ran, Ok(Ok(Number { value: 1 }))));
    let counter = StepCounterClient::local(Mine { base: 5 });
    assert_eq!(counter.next(Number { value: 1 }).await?.value, 2);
    assert_eq!(counter.aliased(Number { value: 1 }).await?.value, 2);
    assert_eq!(counter.up(Number { value: 3 }).await?.count().await, 3);
    assert_eq!(counter.both(stream::iter([Number::default()])).await?.count().await, 1);
    assert_eq!(counter.sum(stream::iter([Number { value: 4 }])).await?.value, 4);
    let definition: Definition = step_counter::serve(Mine { base: 1 });
    drop(definition);
    let typed: TypedClient<u8> = TypedClient::local::<()>(Same);
    assert_eq!(typed.same(3).await?, 3);
    Ok(())
}
