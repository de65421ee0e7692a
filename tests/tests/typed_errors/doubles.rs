//! Without a service: the contract's implementation itself, and clients that lead to it.

use micro::client::Method;
use micro::prelude::*;
use micro::{Error, Message, ServiceClient};

use super::rooms::{
    Ask, Door, DoorClient, Refusing, Rooms, RoomsClient, assert_is_refusal, assert_is_the_doors,
    last, refusal,
};

const TAKEN: Ask = Ask { variant: 1 };

fn client() -> RoomsClient {
    RoomsClient::local(Refusing)
}

/// The door, whose rooms are a double.
fn door() -> DoorClient {
    DoorClient::local(Door(client()))
}

#[tokio::test]
async fn an_implementation_that_is_called_itself_answers_with_the_variant() {
    let error = Refusing.enter(TAKEN).await.unwrap_err();

    assert_eq!(error, refusal(TAKEN));
}

#[tokio::test]
async fn a_stream_of_an_implementation_that_is_called_itself_ends_with_the_variant() {
    let mut visits = Box::pin(Refusing.visits(TAKEN).await.unwrap());

    assert_eq!(visits.next().await, Some(Ok(TAKEN)));
    assert_eq!(visits.next().await, Some(Err(refusal(TAKEN))));
}

#[tokio::test]
async fn a_double_answers_as_the_service_would() {
    for variant in 0..3 {
        let ask = Ask { variant };

        let error = client().enter(ask).await.unwrap_err();

        assert_is_refusal(&error, ask);
        assert!(error.is_downstream());
    }
}

#[tokio::test]
async fn what_refuses_a_stream_of_a_double_arrives_with_its_fields() {
    let error = client().guests(TAKEN).await.unwrap_err();

    assert_is_refusal(&error, TAKEN);
}

#[tokio::test]
async fn what_ends_a_stream_of_a_double_arrives_with_its_fields_behind_what_came_before() {
    let visits = client().visits(TAKEN).await.unwrap();

    assert_is_refusal(&last(visits).await, TAKEN);
}

#[tokio::test]
async fn what_answers_a_stream_to_a_double_arrives_with_its_fields() {
    let error = client().book(stream::iter([TAKEN])).await.unwrap_err();

    assert_is_refusal(&error, TAKEN);
}

#[tokio::test]
async fn what_ends_a_stream_both_ways_of_a_double_arrives_with_its_fields() {
    let talk = client().talk(stream::iter([TAKEN])).await.unwrap();

    assert_is_refusal(&last(talk).await, TAKEN);
}

#[tokio::test]
async fn a_bare_question_mark_does_not_hand_on_what_a_double_said() {
    let error = door().enter(TAKEN).await.unwrap_err();

    assert_is_the_doors(&error);
}

#[tokio::test]
async fn a_bare_question_mark_does_not_hand_on_what_refused_a_stream_of_a_double() {
    let error = door().guests(TAKEN).await.unwrap_err();

    assert_is_the_doors(&error);
}

#[tokio::test]
async fn a_bare_question_mark_in_a_stream_does_not_hand_on_what_ended_that_of_a_double() {
    let visits = door().visits(TAKEN).await.unwrap();

    assert_is_the_doors(&last(visits).await);
}

#[tokio::test]
async fn a_bare_question_mark_in_a_handler_does_not_hand_on_what_ended_a_stream_of_a_double() {
    let error = door().last(TAKEN).await.unwrap_err();

    assert_is_the_doors(&error);
}

/// What answers with texts where the door expects numbers.
fn texts() -> ServiceClient {
    fn text() -> Plain<String> {
        Plain("eve of the rooms".to_owned())
    }
    let one = unary(async |_: Context, _: Plain<()>| Ok::<_, Error>(text()));
    let many = server_streaming(async |_: Context, _: Plain<()>| {
        Ok::<_, Error>(stream::iter([Ok::<_, Error>(text())]))
    });
    let texts = Definition::new("rooms").endpoint("Rooms.One", one);
    ServiceClient::local(texts.endpoint("Rooms.Many", many))
}

/// The only answer of a door that counts texts by nothing but `?`.
async fn counted(many: bool) -> Error {
    let texts = texts();
    let (unit, number) = (Plain::<()>::format(), Plain::<u32>::format());
    let count = unary(move |_: Context, nothing: Plain<()>| {
        let texts = texts.clone();
        async move {
            if many {
                let method = Method::new("Rooms.Many");
                let mut items = texts
                    .server_streaming(&method, unit, number, nothing)
                    .await?;
                return Ok::<_, Error>(items.next().await.unwrap()?);
            }
            Ok(texts
                .unary(&Method::new("Rooms.One"), unit, number, nothing)
                .await?)
        }
    });
    let door = ServiceClient::local(Definition::new("door").endpoint("Door.Count", count));
    let call = door.unary(&Method::new("Door.Count"), unit, number, Plain(()));
    call.await.unwrap_err()
}

#[tokio::test]
async fn a_bare_question_mark_does_not_hand_on_that_a_reply_cannot_be_read() {
    assert_is_the_doors(&counted(false).await);
}

#[tokio::test]
async fn a_bare_question_mark_does_not_hand_on_that_an_item_cannot_be_read() {
    assert_is_the_doors(&counted(true).await);
}
