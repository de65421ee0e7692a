//! A stopping service finishes the calls that it has, and takes no new ones.

use std::sync::Arc;

use micro::tokio::sync::Notify;

/// Cooks when it is told to, so that this program decides what happens first.
#[derive(Clone, Default)]
pub struct Kitchen {
    begun: Arc<Notify>,
    done: Arc<Notify>,
}

#[micro::service(name = "kitchen")]
impl Kitchen {
    /// Takes its time.
    #[micro::handler]
    async fn cook(&self, dish: String) -> micro::Result<String> {
        self.begun.notify_one();
        self.done.notified().await;
        Ok(format!("{dish} is served"))
    }
}

#[micro::main]
async fn main(service: micro::Service) -> micro::Result<()> {
    let (kitchen, client) = (Kitchen::default(), KitchenClient::new(&service));
    let done = Arc::clone(&kitchen.done);
    let service = service.handle(kitchen.clone());
    let running = service
        .before_stop(async move || done.notify_one())
        .start()
        .await?;

    let call = micro::tokio::spawn(client.cook("soup".to_owned()).into_future());
    kitchen.begun.notified().await;
    println!("stopping while soup is cooked");
    running.stop().await;

    // The stop has waited for it.
    println!(
        "{}",
        call.await
            .map_err(|error| micro::Error::internal("graceful", error.to_string()))??
    );
    let late = client.cook("cake".to_owned()).await;
    println!(
        "cake is {}",
        if late.is_err() { "refused" } else { "served" }
    );
    Ok(())
}
