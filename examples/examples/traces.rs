//! Spans for a collector of OpenTelemetry, such as Jaeger's at http://localhost:4318: those of calls, and one that a
//! handler opens itself, in one trace. Where there is none, calls go on, and the log says so once.

use tracing::{Instrument, info_span};

#[derive(Default)]
pub struct Kitchen;

#[micro::service(name = "kitchen", version = "1.0.0")]
impl Kitchen {
    /// Cooks what is ordered.
    #[micro::handler]
    async fn cook(&self, dish: String) -> micro::Result<String> {
        let chop = info_span!("chop", dish);
        async { Ok(format!("{dish} is served")) }
            .instrument(chop)
            .await
    }
}

#[micro::main]
async fn main(builder: micro::Builder) -> micro::Result<()> {
    // `--otlp_endpoint` and MICRO_OTLP_ENDPOINT may say another.
    let builder = builder.otlp_endpoint("http://localhost:4318");
    let service = builder.build().await?;
    let kitchen = KitchenClient::new(&service);
    let running = service.handle(Kitchen).start().await?;

    println!("{}", kitchen.cook("soup".to_owned()).await?);

    // What is left of the trace is sent before the service has stopped.
    running.stop().await;
    Ok(())
}
