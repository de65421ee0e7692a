//! Publishes to whoever subscribed to `events`, such as the example `pubsub`.

use micro::prelude::*;
use micro::wrapper;

#[micro::message]
pub struct Event {
    pub text: String,
}

/// Adds to everything that is published.
async fn sign(_ctx: Context, mut request: Request, next: Next) -> micro::Result<Response> {
    if request.endpoint == "events" {
        request.metadata.set("x-publisher", "pubsub-publisher");
    }
    next.run(request).await
}

#[micro::main]
async fn main(service: micro::Service) -> micro::Result<()> {
    let service = service.wrap_publisher(wrapper::from_fn(sign));
    let events = service.publisher::<Event>("events");
    for text in ["hello", "poison"] {
        let event = Event { text: text.into() };
        events.publish(&event).metadata("x-user", "ann").await?;
    }
    println!("published");
    Ok(())
}
