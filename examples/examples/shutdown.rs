//! A service that ends by a word of its own, as well as by a signal.

use micro::tokio::sync::mpsc;

#[micro::message]
pub struct Order {
    pub word: String,
}

/// Tells the program when it has heard enough.
pub struct Bell {
    stop: mpsc::Sender<()>,
}

#[micro::service(name = "bell")]
impl Bell {
    /// `stop` ends the service; everything else is only said again.
    #[micro::handler]
    async fn ring(&self, order: Order) -> micro::Result<Order> {
        if order.word == "stop" {
            // There is room for one, and one is enough.
            let _ = self.stop.try_send(());
        }
        Ok(order)
    }
}

#[micro::main]
async fn main(service: micro::Service) -> micro::Result<()> {
    let bell = BellClient::new(&service);
    let (stop, mut stopped) = mpsc::channel(1);
    let ring = async move |word: &str| {
        let word = word.to_owned();
        bell.ring(Order { word }).await
    };

    service
        .handle(Bell { stop })
        .after_start(async move || {
            println!("heard {}", ring("hello").await?.word);
            println!("heard {}", ring("stop").await?.word);
            Ok(())
        })
        .after_stop(async || println!("stopped"))
        .run_until(async move {
            let _ = stopped.recv().await;
        })
        .await
}
