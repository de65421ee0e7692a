//! What attributes write finds `micro` by the name that the package gives it.

use renamed::{Counter, CounterClient, Either, Failure, Greeter, GreeterClient, Mood, Plain, Text};
use rpc::prelude::StreamExt as _;

struct Steps;

impl Counter for Steps {
    async fn next(&self, number: u64) -> rpc::Result<u64> {
        Ok(number + 1)
    }

    async fn sum(&self, numbers: rpc::Streaming<u64>) -> rpc::Result<u64> {
        Ok(numbers
            .map(Result::unwrap)
            .fold(0, async |sum, number| sum + number)
            .await)
    }
}

fn text(text: &str) -> Text {
    Text {
        text: text.to_owned(),
    }
}

#[tokio::test]
async fn a_block_is_called_by_its_client() {
    let greeter = GreeterClient::local(Greeter);

    let reply = greeter.shout(text("hi")).await.unwrap();

    assert_eq!(reply, text("HI"));
}

#[tokio::test]
async fn a_stream_is_called_by_its_client() {
    let greeter = GreeterClient::local(Greeter);

    let letters = greeter.spell(text("hi")).await.unwrap().count().await;

    assert_eq!(letters, 2);
}

#[tokio::test]
async fn an_error_arrives_as_itself() {
    let greeter = GreeterClient::local(Greeter);

    let error = greeter.shout(text("hello")).await.unwrap_err();

    let by = "Ann".to_owned();
    assert_eq!(error.typed(), Some(Failure::Said { by }));
}

#[tokio::test]
async fn a_contract_is_called_by_its_client() {
    let counter = CounterClient::local(Steps);

    let sum = counter
        .sum(rpc::prelude::stream::iter([1, 2]))
        .await
        .unwrap();

    assert_eq!((counter.next(1).await.unwrap(), sum), (2, 3));
}

#[tokio::test]
async fn a_free_function_is_still_a_function() {
    let doubled = renamed::double(2).await.unwrap();

    assert_eq!(doubled, 4);
}

#[test]
fn messages_of_every_shape_have_defaults() {
    let messages = (Text::default(), Mood::default(), Either::default());

    assert_eq!(messages, (text(""), Mood::Calm, Either::Number(0)));
    assert_eq!(Plain { pair: (0, 0) }.pair, (0, 0));
}
