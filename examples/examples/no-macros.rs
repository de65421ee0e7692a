//! The same without attributes: messages, a service, a client, an event, and what runs them, all written out.

use micro::broker::Mode;
use micro::codec::Format;
use micro::prelude::*;
use micro::{Definition, Handle, Message, Service, subscriber};
use serde::{Deserialize, Serialize};

#[derive(Clone, Debug, Serialize, Deserialize)]
struct Number {
    value: i64,
}

/// Any serde type may say so itself, or be wrapped in `Plain`.
impl Message for Number {
    fn format() -> Format<Self> {
        Format::serde()
    }
}

struct Math;

impl Math {
    async fn double(&self, number: Number) -> micro::Result<Number> {
        Ok(Number {
            value: number.value * 2,
        })
    }
}

impl Handle for Math {
    fn definition(self) -> Definition {
        let math = std::sync::Arc::new(self);
        let double = unary(move |_ctx: Context, number: Number| {
            let math = math.clone();
            async move { math.double(number).await }
        });
        Definition::new("no-macros").endpoint("Math.Double", double.idempotent())
    }
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()?;
    Ok(runtime.block_on(run())?)
}

async fn run() -> micro::Result<()> {
    let service = Service::builder("no-macros")
        .version("1.0.0")
        .build()
        .await?;
    let client = service.client().clone();
    let audit = subscriber(
        "audit",
        Mode::Broadcast,
        async |_ctx: Context, entry: Plain<String>| {
            println!("audit: {}", entry.0);
            Ok::<_, micro::Error>(())
        },
    );
    let running = service.handle(Math).subscriber(audit).start().await?;

    let reply: Number = client
        .call("no-macros", "Math.Double", &Number { value: 21 })
        .await?;
    println!("{}", reply.value);
    client
        .publisher::<Plain<String>>("audit")
        .publish(&Plain("doubled".into()))
        .await?;

    running.stop().await;
    Ok(())
}
