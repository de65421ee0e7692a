//! gRPC: our services called by tonic's client, and tonic's server called by our clients.

mod called;
mod calling;
mod golden;
mod health;
mod peer;
mod reflection;

use micro::Running;
use micro::prelude::*;
use micro::registry::MemoryRegistry;

#[micro::message]
pub struct Name {
    pub name: String,
}

#[micro::message]
pub struct Greeting {
    pub text: String,
}

#[micro::message]
pub struct Number {
    pub value: i64,
}

#[micro::error]
pub enum Refused {
    #[error(code = 409)]
    Taken { by: String },
}

pub struct Greeter;

#[micro::service(name = "hello.world")]
impl Greeter {
    #[micro::handler]
    async fn hello(&self, request: Name) -> Result<Greeting, Refused> {
        match &*request.name {
            "taken" => Err(Refused::Taken {
                by: "Ann".to_owned(),
            }),
            "panic" => panic!("told to"),
            name => Ok(Greeting {
                text: format!("Hello {name}"),
            }),
        }
    }

    #[micro::handler]
    async fn metadata(&self, ctx: &Context, request: Name) -> micro::Result<Greeting> {
        let text = ctx
            .metadata()
            .get(&request.name)
            .unwrap_or("none")
            .to_owned();
        Ok(Greeting { text })
    }

    #[micro::handler]
    async fn wait(&self, ctx: &Context, _: Name) -> micro::Result<Greeting> {
        ctx.cancelled().await;
        Err(micro::Error::timeout("hello.world", "waited"))
    }

    #[micro::handler]
    async fn left(&self, ctx: &Context, _: Name) -> micro::Result<Number> {
        let left = ctx.time_left().unwrap_or_default().as_millis();
        Ok(Number {
            value: left.try_into().unwrap(),
        })
    }

    #[micro::handler]
    async fn count(&self, to: Number) -> micro::Result<impl Stream<Item = micro::Result<Number>>> {
        Ok(stream::iter(0..to.value).map(|value| match value {
            3 => Err(micro::Error::conflict("hello.world", "three is taken")),
            value => Ok(Number { value }),
        }))
    }

    #[micro::handler]
    async fn sum(&self, mut numbers: Streaming<Number>) -> micro::Result<Number> {
        let mut value = 0;
        while let Some(number) = numbers.next().await {
            value += number?.value;
        }
        Ok(Number { value })
    }

    #[micro::handler]
    async fn double(
        &self,
        numbers: Streaming<Number>,
    ) -> micro::Result<impl Stream<Item = micro::Result<Number>>> {
        Ok(numbers.map(|number| {
            Ok(Number {
                value: number?.value * 2,
            })
        }))
    }
}

/// A running service, on the default transport.
pub async fn greeter() -> Running {
    greeter_at("127.0.0.1:0").await
}

/// A service that is still to be built.
pub fn builder() -> micro::Builder {
    micro::Service::builder("hello.world")
        .registry(MemoryRegistry::default())
        .address("127.0.0.1:0")
        .linger(Duration::ZERO)
}

pub async fn greeter_at(address: &str) -> Running {
    let service = builder().address(address).build().await.unwrap();
    service.handle(Greeter).start().await.unwrap()
}
