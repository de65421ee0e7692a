//! Limits: how often callers may come, how many at once, and what tower has for it.

use std::sync::Arc;

use micro::prelude::*;
use micro::registry::MemoryRegistry;
use micro::tokio::sync::Notify;
use micro::wrapper::{ConcurrencyLimit, LoadShed, RateLimit, Wrapper};
use micro::{RetryAfter, Running};
use tower::limit::GlobalConcurrencyLimitLayer;
use tower::load_shed::LoadShedLayer;
use tower::timeout::TimeoutLayer;

/// Cooks when it is told to, so that this program decides what happens first.
#[derive(Clone, Default)]
pub struct Kitchen {
    begun: Arc<Notify>,
    done: Arc<Notify>,
}

#[micro::service(name = "kitchen")]
impl Kitchen {
    #[micro::handler]
    async fn cook(&self, dish: String) -> micro::Result<String> {
        self.begun.notify_one();
        self.done.notified().await;
        Ok(dish)
    }

    #[micro::handler]
    async fn menu(&self, _question: String) -> micro::Result<String> {
        Ok("soup".to_owned())
    }
}

/// A kitchen behind `layer`, and a client of it.
async fn open(layer: impl Wrapper) -> micro::Result<(Running, Kitchen, KitchenClient)> {
    let builder = micro::Service::builder("kitchen").registry(MemoryRegistry::new());
    let service = builder.linger(Duration::ZERO).build().await?;
    let (kitchen, client) = (Kitchen::default(), KitchenClient::new(&service));
    let service = service.wrap_handler(layer).handle(kitchen.clone());
    Ok((service.start().await?, kitchen, client))
}

/// What is said to who asks for the menu while a dish is cooked.
async fn ask_meanwhile(what: &str, layer: impl Wrapper) -> micro::Result<()> {
    let (running, kitchen, client) = open(layer).await?;
    let dish = micro::tokio::spawn(client.cook("soup".to_owned()).into_future());
    kitchen.begun.notified().await;

    let menu = micro::tokio::spawn(client.menu("what is there?".to_owned()).into_future());
    let menu = match what {
        // It is answered once the dish is done.
        "wait" => {
            kitchen.done.notify_one();
            menu.await
        }
        _ => {
            let menu = menu.await;
            kitchen.done.notify_one();
            menu
        }
    };
    match menu.map_err(|error| micro::Error::internal("limits", error.to_string()))? {
        Ok(menu) => println!("{what}: {menu}"),
        Err(error) => println!("{what}: {error}"),
    }
    drop(dish.await);
    running.stop().await;
    Ok(())
}

/// The code, and when to come again.
fn said(error: &micro::Error) -> String {
    let time = error.typed().map(|RetryAfter(time)| time.as_secs_f64());
    format!(
        "{}, again in {:.0}s",
        error.code(),
        time.unwrap_or_default()
    )
}

#[micro::main]
async fn main() -> micro::Result<()> {
    let limit = RateLimit::new(2, Duration::from_secs(60)).per_endpoint();
    let (running, _, client) = open(limit).await?;
    for _ in 0..3 {
        match client.menu("what is there?".to_owned()).await {
            Ok(menu) => println!("rate: {menu}"),
            Err(error) => println!("rate: {}", said(&error)),
        }
    }
    running.stop().await;

    let shed = LoadShed::new(1).target(Duration::ZERO);
    ask_meanwhile("shed", shed).await?;
    ask_meanwhile("wait", ConcurrencyLimit::new(1)).await?;

    // What layers of tower say becomes a code: what is shed was never reached, and what timed out may have run.
    let shed = tower::ServiceBuilder::new()
        .layer(LoadShedLayer::new())
        .layer(GlobalConcurrencyLimitLayer::new(1))
        .into_inner();
    ask_meanwhile("tower's shed", shed).await?;
    let (running, _, client) = open(TimeoutLayer::new(Duration::from_millis(10))).await?;
    if let Err(error) = client.cook("soup".to_owned()).await {
        println!("tower's timeout: {error}");
    }
    running.stop().await;
    Ok(())
}
