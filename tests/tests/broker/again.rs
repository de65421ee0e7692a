//! Redelivery from the memory of the process that took a message.

use micro::broker::{Broker, MemoryBroker};
use micro::conformance::broker::Seen;

use super::ends::{Network, group, message};

#[tokio::test(start_paused = true)]
async fn a_message_that_failed_is_tried_again_before_those_behind_it() {
    in_order(&MemoryBroker::new()).await;
}

#[tokio::test]
async fn a_message_over_http_that_failed_is_tried_again_before_those_behind_it() {
    in_order(&Network::new().broker(&[])).await;
}

async fn in_order(broker: &dyn Broker) {
    let mut seen = Seen::new();
    let consumer = seen.failing("a", |delivery| delivery.attempt < 2);
    let _a = broker.subscribe("t", group("g"), consumer).await.unwrap();

    broker.publish("t", message("1")).await.unwrap();
    broker.publish("t", message("2")).await.unwrap();

    for due in [("1", 1), ("1", 2), ("2", 1), ("2", 2)] {
        let one = seen.next().await.unwrap();
        assert_eq!((&*one.body(), one.delivery.attempt), due);
    }
}
