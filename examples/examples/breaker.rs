//! A circuit breaker: a service that fails is left alone for a while, tried by one call, and called again.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};

use micro::prelude::*;
use micro::wrapper::Breaker;
use micro::{Error, RetryAfter};

#[derive(Clone, Default)]
pub struct Bank {
    is_open: Arc<AtomicBool>,
    asked: Arc<AtomicU32>,
}

#[micro::service(name = "breaker-bank")]
impl Bank {
    #[micro::handler]
    async fn pay(&self, sum: u32) -> micro::Result<u32> {
        self.asked.fetch_add(1, Ordering::Relaxed);
        match self.is_open.load(Ordering::Relaxed) {
            true => Ok(sum),
            false => Err(Error::unavailable("breaker-bank", "the bank is shut")),
        }
    }
}

#[micro::main]
async fn main(service: micro::Service) -> micro::Result<()> {
    let breaker = Breaker::new()
        .minimum(4)
        .open_for(Duration::from_millis(200));
    let service = service.wrap_client(breaker);
    let client = BankClient::new(&service);
    let bank = Bank::default();
    let running = service.handle(bank.clone()).start().await?;

    for number in 1..=6 {
        match client.pay(100).await {
            Ok(sum) => println!("{number}: paid {sum}"),
            Err(error) => println!("{number}: {} says {}", error.id(), error.code()),
        }
    }
    println!(
        "the bank was asked {} times",
        bank.asked.load(Ordering::Relaxed)
    );

    bank.is_open.store(true, Ordering::Relaxed);
    // It says when it is worth while to try again.
    let refused = client.pay(100).await.err();
    if let Some(RetryAfter(time)) = refused.and_then(|error| error.typed()) {
        micro::tokio::time::sleep(time).await;
    }
    println!("later: paid {}", client.pay(100).await?);

    running.stop().await;
    Ok(())
}
