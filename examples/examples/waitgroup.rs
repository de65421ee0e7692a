//! Work that goes on behind an answer: a stopping service waits for it.

use std::sync::Arc;

use micro::prelude::*;
use micro::tokio::sync::Notify;

/// Sends letters after it has said that it would.
#[derive(Default)]
pub struct Post {
    leave: Arc<Notify>,
}

#[micro::service(name = "post")]
impl Post {
    /// Answers at once; the letter is sent later.
    #[micro::handler]
    async fn send(&self, ctx: &Context, to: String) -> micro::Result<String> {
        let (answer, leave) = (format!("to {to}: taken"), Arc::clone(&self.leave));
        // Tracked: it carries the context, and the service does not end before it has.
        ctx.spawn(async move {
            leave.notified().await;
            println!("to {to}: sent");
        });
        Ok(answer)
    }
}

#[micro::main]
async fn main(service: micro::Service) -> micro::Result<()> {
    let (post, client) = (Post::default(), PostClient::new(&service));
    let leave = Arc::clone(&post.leave);
    let service = service
        .handle(post)
        .before_stop(async move || leave.notify_one());
    let running = service.start().await?;

    println!("{}", client.send("Ann".to_owned()).await?);
    running.stop().await;
    println!("stopped");
    Ok(())
}
