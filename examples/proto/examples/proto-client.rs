//! Orders at `proto-server`, by the client that was made of the same proto file.

use micro::prelude::*;
use proto_example::{KitchenClient, Order, order::Place};

#[micro::main]
async fn main(service: micro::Service) -> micro::Result<()> {
    let kitchen = KitchenClient::new(&service);
    let order = Order {
        dishes: vec!["soup".to_owned(), "cake".to_owned()],
        place: Some(Place::Table(7)),
    };
    let ticket = kitchen.cook(order).await?;
    let wait = ticket.wait.clone().unwrap_or_default().seconds;
    println!("order {} takes {wait} s", ticket.number);
    let mut dishes = kitchen.watch(ticket).await?;
    while let Some(dish) = dishes.next().await {
        let dish = dish?;
        println!("{}: {:?}", dish.name, dish.state);
    }
    let nowhere = kitchen.cook(Order::default()).await;
    println!(
        "{}",
        nowhere.map_or_else(|error| error.to_string(), |_| String::new())
    );
    Ok(())
}
