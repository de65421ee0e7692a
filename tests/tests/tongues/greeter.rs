//! The service that all peers serve and call.

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

#[micro::message]
pub struct Failure {
    pub code: i32,
    pub detail: String,
}

#[micro::message]
pub struct Values {
    pub values: HashMap<String, String>,
}

#[micro::message]
pub struct Time {
    pub millis: i64,
}

#[micro::message]
pub struct Range {
    pub to: i64,
    pub fail: bool,
}

#[micro::message]
pub struct Value {
    pub value: i64,
}

#[micro::message]
pub struct Number {
    pub value: i64,
    pub last: bool,
}

#[micro::message]
pub struct Line {
    pub text: String,
}

#[derive(Clone, Copy, Default)]
pub struct Greeter;

#[micro::service(name = "greeter")]
impl Greeter {
    #[micro::handler]
    async fn hello(&self, request: HelloRequest) -> micro::Result<HelloResponse> {
        let greeting = format!("Hello {}", request.name);
        Ok(HelloResponse { greeting })
    }

    #[micro::handler]
    async fn fail(&self, request: Failure) -> micro::Result<Empty> {
        let code = u16::try_from(request.code).unwrap_or(500);
        Err(Error::new(code, "greeter.fail", request.detail))
    }

    #[micro::handler]
    async fn metadata(&self, ctx: &Context, _empty: Empty) -> micro::Result<Values> {
        let pairs = ctx.metadata().iter();
        let values = pairs.map(|(name, value)| (name.to_owned(), value.to_owned()));
        Ok(Values {
            values: values.collect(),
        })
    }

    #[micro::handler]
    async fn deadline(&self, ctx: &Context, _empty: Empty) -> micro::Result<Time> {
        let left = ctx
            .deadline()
            .map(|at| at.saturating_duration_since(std::time::Instant::now()));
        let millis = left.map_or(-1, |left| i64::try_from(left.as_millis()).unwrap());
        Ok(Time { millis })
    }

    #[micro::handler]
    async fn count(&self, range: Range) -> micro::Result<impl Stream<Item = micro::Result<Value>>> {
        let values = stream::iter((1..=range.to).map(|value| Ok(Value { value })));
        let failed = range
            .fail
            .then(|| Err(Error::conflict("greeter.count", "asked to fail")));
        Ok(values.chain(stream::iter(failed)))
    }

    #[micro::handler]
    async fn sum(&self, mut numbers: Streaming<Number>) -> micro::Result<Number> {
        let mut sum = Number::default();
        while let Some(number) = numbers.next().await {
            let number = number?;
            sum.value += number.value;
            if number.last {
                sum.last = true;
                break;
            }
        }
        Ok(sum)
    }

    #[micro::handler]
    async fn echo(
        &self,
        lines: Streaming<Line>,
    ) -> micro::Result<impl Stream<Item = micro::Result<Line>>> {
        Ok(lines)
    }
}
