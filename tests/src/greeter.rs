//! The service that peers in other languages serve and call, too: `Greeter` of `greeter`.

use std::collections::HashMap;

use micro::Error;
use micro::prelude::*;

#[micro::message]
pub struct Empty {}

#[micro::message]
pub struct HelloRequest {
    pub name: String,
}

#[micro::message]
pub struct HelloResponse {
    pub greeting: String,
}

/// The error that a call of `Fail` ends with.
#[micro::message]
pub struct Failure {
    pub code: i32,
    pub detail: String,
}

#[micro::message]
pub struct Values {
    pub values: HashMap<String, String>,
}

/// Negative where there is none.
#[micro::message]
pub struct Time {
    pub millis: i64,
}

/// Asks for the numbers from 1 to `to`, and for an error after them if `fail` is set.
#[micro::message]
pub struct Range {
    pub to: i64,
    pub fail: bool,
}

/// One of many; `last` says that no other follows, for peers that cannot half-close.
#[micro::message]
pub struct Number {
    pub value: i64,
    pub last: bool,
}

#[micro::message]
pub struct Line {
    pub text: String,
}

#[derive(Clone, Copy, Debug, Default)]
pub struct Greeter;

#[micro::service(name = "greeter", version = "1.0.0")]
impl Greeter {
    /// Greets the caller by name.
    #[micro::handler]
    pub async fn hello(&self, request: HelloRequest) -> micro::Result<HelloResponse> {
        let greeting = format!("Hello {}", request.name);
        Ok(HelloResponse { greeting })
    }

    #[micro::handler]
    pub async fn fail(&self, request: Failure) -> micro::Result<Empty> {
        let code = u16::try_from(request.code).unwrap_or(500);
        Err(Error::new(code, "greeter.fail", request.detail))
    }

    /// All metadata that the handler sees.
    #[micro::handler]
    pub async fn metadata(&self, ctx: &Context, _empty: Empty) -> micro::Result<Values> {
        let pairs = ctx.metadata().iter();
        let values = pairs.map(|(name, value)| (name.to_owned(), value.to_owned()));
        Ok(Values {
            values: values.collect(),
        })
    }

    /// The time left.
    #[micro::handler]
    pub async fn deadline(&self, ctx: &Context, _empty: Empty) -> micro::Result<Time> {
        let left = ctx.time_left().map(|left| left.as_millis());
        let millis = left.and_then(|millis| millis.try_into().ok());
        Ok(Time {
            millis: millis.unwrap_or(-1),
        })
    }

    #[micro::handler]
    pub async fn wait(&self, time: Time) -> micro::Result<Empty> {
        let millis = u64::try_from(time.millis).unwrap_or(0);
        tokio::time::sleep(Duration::from_millis(millis)).await;
        Ok(Empty {})
    }

    #[micro::handler]
    pub async fn count(
        &self,
        range: Range,
    ) -> micro::Result<impl Stream<Item = micro::Result<Number>>> {
        let numbers = (1..=range.to).map(|value| Ok(Number { value, last: false }));
        let failed = range
            .fail
            .then(|| Err(Error::conflict("greeter.count", "asked to fail")));
        Ok(stream::iter(numbers.chain(failed)))
    }

    /// Adds up to the last, or to the end.
    #[micro::handler]
    pub async fn sum(&self, mut numbers: Streaming<Number>) -> micro::Result<Number> {
        let mut sum = Number {
            value: 0,
            last: true,
        };
        while let Some(number) = numbers.next().await {
            let number = number?;
            sum.value += number.value;
            if number.last {
                break;
            }
        }
        Ok(sum)
    }

    #[micro::handler]
    pub async fn echo(
        &self,
        lines: Streaming<Line>,
    ) -> micro::Result<impl Stream<Item = micro::Result<Line>>> {
        Ok(lines)
    }
}
