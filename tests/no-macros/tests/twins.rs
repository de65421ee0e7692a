//! The hand-written twin of each program that attributes write.

use std::sync::Arc;

use micro::broker::MemoryBroker;
use micro::codec::Format;
use micro::prelude::*;
use micro::registry::MemoryRegistry;
use micro::transport::MemoryTransport;
use micro::{Error, Message, Service, ServiceClient, TypedError};
use serde::{Deserialize, Serialize};

/// The twin of a message.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Number {
    value: i64,
}

impl Message for Number {
    fn format() -> Format<Self> {
        Format::serde()
    }
}

/// The twin of an error.
#[derive(Debug, PartialEq)]
struct Odd;

impl From<Odd> for Error {
    fn from(_: Odd) -> Self {
        Error::conflict("", "the number is odd").with_reason("Odd", Default::default())
    }
}

impl TypedError for Odd {
    fn from_reason(reason: &str, _: &micro::__private::FieldMap) -> Option<Self> {
        (reason == "Odd").then_some(Self)
    }
}

/// The twin of a service.
struct Math;

impl Math {
    async fn half(&self, number: Number) -> Result<Number, Odd> {
        if number.value % 2 == 0 {
            Ok(Number {
                value: number.value / 2,
            })
        } else {
            Err(Odd)
        }
    }
}

impl Handle for Math {
    fn definition(self) -> Definition {
        let math = Arc::new(self);
        let half = unary(move |_: Context, number: Number| {
            let math = Arc::clone(&math);
            async move { math.half(number).await }
        });
        Definition::new("math").endpoint("Math.Half", half)
    }
}

async fn service() -> Service {
    let builder = Service::builder("math")
        .registry(MemoryRegistry::new())
        .transport(MemoryTransport::new());
    builder
        .broker(MemoryBroker::new())
        .linger(Duration::ZERO)
        .build()
        .await
        .unwrap()
}

#[tokio::test(start_paused = true)]
async fn a_service_by_hand_answers() {
    let service = service().await;
    let client = service.client().clone();
    let _running = service.handle(Math).start().await.unwrap();

    let reply: Number = client
        .call("math", "Math.Half", &Number { value: 42 })
        .await
        .unwrap();

    assert_eq!(reply.value, 21);
}

#[tokio::test(start_paused = true)]
async fn a_typed_error_by_hand_arrives_as_itself() {
    let service = service().await;
    let client = service.client().clone();
    let _running = service.handle(Math).start().await.unwrap();

    let error = client
        .call::<_, Number>("math", "Math.Half", &Number { value: 1 })
        .await
        .unwrap_err();

    assert_eq!(error.typed::<Odd>(), Some(Odd));
}

#[tokio::test(start_paused = true)]
async fn a_client_by_hand_takes_a_local_implementation() {
    let client = ServiceClient::local(Math);
    let (method, format) = (micro::client::Method::new("Math.Half"), Number::format());

    let reply = client
        .unary(&method, format, format, Number { value: 8 })
        .await
        .unwrap();

    assert_eq!(reply.value, 4);
}

#[tokio::test(start_paused = true)]
async fn a_function_by_hand_answers_once() {
    let service = service().await;
    let client = service.client().clone();
    let function = tokio::spawn(service.handle(Math).run_once());

    let reply: Number = client
        .call("math", "Math.Half", &Number { value: 2 })
        .await
        .unwrap();

    assert_eq!(reply.value, 1);
    function.await.unwrap().unwrap();
}
