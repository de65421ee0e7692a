//! Metadata: set by a caller, read by a handler, handed on to what the handler calls.

use micro::prelude::*;

#[micro::message]
pub struct Empty {}

#[micro::message]
pub struct User {
    pub id: String,
}

pub struct Front {
    back: BackClient,
}

#[micro::service(name = "metadata-front")]
impl Front {
    /// Asks the back end, which sees the caller's metadata.
    #[micro::handler]
    async fn who(&self, request: Empty) -> micro::Result<User> {
        self.back.who(request).await
    }
}

pub struct Back;

#[micro::service(name = "metadata-back")]
impl Back {
    #[micro::handler]
    async fn who(&self, ctx: &Context, _request: Empty) -> micro::Result<User> {
        let id = ctx.metadata().get("X-User").unwrap_or("nobody").to_owned();
        // Credentials are not handed on.
        let token = ctx.metadata().get("authorization").unwrap_or("no token");
        Ok(User {
            id: format!("{id}, {token}"),
        })
    }
}

#[micro::main]
async fn main(service: micro::Service) -> micro::Result<()> {
    let front = FrontClient::new(&service);
    let back = BackClient::new(&service);
    let running = service.handle(Front { back }).handle(Back).start().await?;

    let call = front
        .who(Empty {})
        .metadata("x-user", "42")
        .metadata("authorization", "Bearer abc");
    println!("{}", call.await?.id);

    running.stop().await;
    Ok(())
}
