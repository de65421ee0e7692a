//! A subscriber: events of its group, tries, what is parked, and a wrapper. `pubsub-publisher` publishes.

use micro::broker::ATTEMPTS;
use micro::prelude::*;
use micro::{Error, wrapper};

#[micro::message]
pub struct Event {
    pub text: String,
}

pub struct Mail;

#[micro::service(name = "pubsub")]
impl Mail {
    /// `Ok` acks; an error has the event handed out again.
    #[micro::subscriber(topic = "events", group = "mail", retry = 2)]
    async fn send(&self, ctx: &Context, event: Event) -> micro::Result<()> {
        println!("try {}: {}", ctx.attempt(), event.text);
        match &*event.text {
            "poison" => Err(Error::conflict("pubsub", "it cannot be sent")),
            _ => Ok(()),
        }
    }
}

/// What `mail` could not handle. After a repair, `service.client().replay("events", "mail")` hands it out again.
#[micro::subscriber(topic = "dead.events.mail", group = "undertaker")]
async fn parked(ctx: &Context, event: Event) -> micro::Result<()> {
    let tries = ctx.metadata().get(ATTEMPTS).unwrap_or_default();
    println!("parked after {tries} tries: {}", event.text);
    Ok(())
}

/// Sees each event as a request whose endpoint is the topic.
async fn log(ctx: Context, request: Request, next: Next) -> micro::Result<Response> {
    if let Some(user) = ctx.metadata().get("x-user") {
        println!("{} from {user}", request.endpoint);
    }
    next.run(request).await
}

#[micro::main]
async fn main(service: micro::Service) -> micro::Result<()> {
    let service = service.wrap_subscriber(wrapper::from_fn(log));
    service.handle(Mail).run().await
}
