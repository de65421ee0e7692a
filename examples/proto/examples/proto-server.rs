//! Serves what a proto file says. Run it in one shell, and `proto-client` in another.

use std::sync::Mutex;

use micro::prelude::*;
use proto_example::google::protobuf::Duration;
use proto_example::{Dish, Kitchen, Order, State, Ticket, kitchen, order::Place};

#[derive(Default)]
struct Cook {
    orders: Mutex<Vec<Order>>,
}

impl Kitchen for Cook {
    async fn cook(&self, order: Order) -> micro::Result<Ticket> {
        let bill = |why| Err(micro::Error::bad_request("kitchen", why));
        match &order.place {
            Some(Place::Table(number)) if *number < 0 => return bill("tables start at 0"),
            None => return bill("where is it brought to?"),
            Some(Place::Table(_) | Place::Address(_)) => {}
        }
        let seconds = order.dishes.len() as i64 * 60;
        let mut orders = self.orders.lock().unwrap_or_else(|held| held.into_inner());
        orders.push(order);
        Ok(Ticket {
            number: orders.len() as u64,
            wait: Some(Duration { seconds, nanos: 0 }),
        })
    }

    async fn watch(
        &self,
        ticket: Ticket,
    ) -> micro::Result<impl Stream<Item = micro::Result<Dish>> + Send> {
        let orders = self.orders.lock().unwrap_or_else(|held| held.into_inner());
        let order = (ticket.number as usize)
            .checked_sub(1)
            .and_then(|at| orders.get(at));
        let Some(order) = order.cloned() else {
            return Err(micro::Error::not_found("kitchen", "no such order"));
        };
        Ok(stream::iter(order.dishes).map(|name| {
            Ok(Dish {
                name,
                state: State::Done,
            })
        }))
    }
}

#[micro::main]
async fn main(service: micro::Service) -> micro::Result<()> {
    service.handle(kitchen::serve(Cook::default())).run().await
}
