//! Brokers on servers of their own.

use std::sync::Arc;

use micro::broker::{Options, RabbitMqBroker};
use tests::servers::{RabbitMq, Server};

use super::ends::Ends;

impl Ends {
    pub async fn rabbitmq() -> (Self, Server<RabbitMq>) {
        let server = Server::start(RabbitMq::alone()).await;
        let mut options = Options::default();
        options.addresses = vec![server.address()];
        let broker = || Arc::new(RabbitMqBroker::new(&options).unwrap());
        let ends = Self {
            here: broker(),
            there: broker(),
        };
        (ends, server)
    }
}

macro_rules! over_rabbitmq {
    ($($behaviour:ident)*) => {
        mod over_rabbitmq {
            $(#[tokio::test]
            async fn $behaviour() {
                let (ends, _server) = super::super::Ends::rabbitmq().await;
                super::super::$behaviour(ends).await;
            })*
        }
    };
}

// All but those of waiting publishers, since the server keeps what a group has yet to handle, and of refused terms.
over_rabbitmq! {
    a_topic_that_nobody_subscribed_to_takes_messages_all_the_same
    a_message_arrives_with_its_content_type_its_metadata_and_its_body
    each_message_goes_to_one_member_of_each_group
    each_message_goes_to_every_broadcast_subscriber
    messages_are_handled_one_at_a_time_and_in_order
    with_a_concurrency_of_n_n_messages_are_handled_at_once
    a_message_that_a_consumer_failed_is_handed_out_again_with_its_attempt_number
    after_the_last_of_its_tries_a_message_is_parked_with_the_reason_and_told_to_dead_topic_group
    a_message_that_fails_for_good_is_parked_at_once
    the_messages_behind_one_that_fails_are_handled_all_the_same
    broadcast_messages_are_not_handed_out_again
    a_subscriber_that_leaves_finishes_what_it_handles_and_the_rest_goes_to_its_group
    a_broadcast_subscriber_that_leaves_handles_all_that_it_took
    the_default_terms_are_never_refused
    what_is_replayed_goes_to_that_group_alone_as_it_was_published
}
