//! Plain serde types as messages: JSON and MessagePack, no protobuf, nothing else to write.

#[micro::message(plain)]
pub struct Order {
    pub items: Vec<(String, u32)>,
}

#[micro::message(plain)]
pub struct Receipt {
    pub pieces: u32,
}

pub struct Shop;

#[micro::service(name = "noproto")]
impl Shop {
    #[micro::handler]
    async fn buy(&self, order: Order) -> micro::Result<Receipt> {
        Ok(Receipt {
            pieces: order.items.iter().map(|(_, pieces)| pieces).sum(),
        })
    }
}

#[micro::main]
async fn main(service: micro::Service) -> micro::Result<()> {
    let shop = ShopClient::new(&service);
    let running = service.handle(Shop).start().await?;

    let items = vec![("apple".into(), 3), ("pear".into(), 4)];
    println!("{} pieces", shop.buy(Order { items }).await?.pieces);

    running.stop().await;
    Ok(())
}
