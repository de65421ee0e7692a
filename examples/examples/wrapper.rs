//! Wrappers round calls, at both ends: an async function, and a layer of tower.

use micro::prelude::*;
use micro::wrapper;

#[micro::message]
pub struct Hello {
    pub name: String,
}

pub struct Greeter;

#[micro::service(name = "wrapper")]
impl Greeter {
    #[micro::handler]
    async fn hello(&self, request: Hello) -> micro::Result<Hello> {
        Ok(Hello {
            name: format!("Hello {}", request.name),
        })
    }
}

async fn log_client(_ctx: Context, request: Request, next: Next) -> micro::Result<Response> {
    println!("[client] calling {}", request.endpoint);
    next.run(request).await
}

async fn log_handler(ctx: Context, mut request: Request, next: Next) -> micro::Result<Response> {
    println!(
        "[server] called by {}",
        ctx.metadata().get("x-user").unwrap_or("somebody")
    );
    request.metadata.set("x-seen", "true");
    next.run(request).await
}

#[micro::main]
async fn main(service: micro::Service) -> micro::Result<()> {
    let service = service
        .wrap_client(wrapper::from_fn(log_client))
        .wrap_handler(wrapper::from_fn(log_handler))
        .wrap_handler(tower::timeout::TimeoutLayer::new(Duration::from_secs(1)));
    let greeter = GreeterClient::new(&service);
    let running = service.handle(Greeter).start().await?;

    let reply = greeter
        .hello(Hello {
            name: "John".into(),
        })
        .metadata("x-user", "ann")
        .await?;
    println!("{}", reply.name);

    running.stop().await;
    Ok(())
}
