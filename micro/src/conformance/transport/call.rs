//! Calls of one request and one reply.

use std::time::{Duration, Instant};

use futures_util::future::join_all;

use super::{Ends, Fate, begun, echo, request, waiting};
use crate::conformance::row::{Line, lines};
use crate::conformance::{ID, soon};
use crate::error::{Error, Result};
use crate::message::{Body, Request, Response};
use crate::transport::Facts;

pub(super) fn lines() -> Vec<Line<Ends>> {
    lines![
        a_call_is_carried_there_and_back,
        calls_at_once_each_get_their_own_answer,
        a_body_of_1_mib_is_carried_there_and_back,
        metadata_travels_both_ways,
        an_error_that_the_far_end_answered_is_downstream,
        an_error_is_marked_never_reached_only_if_no_handler_can_have_seen_the_request,
        an_error_that_is_marked_never_reached_arrives_so_marked,
        a_node_that_is_not_there_was_never_reached,
        dropping_the_future_cancels_the_call_at_the_far_end if Ends::cancels,
        closing_a_listener_ends_its_calls if Ends::cancels,
        the_requests_deadline_travels_with_it,
    ]
}

async fn a_call_is_carried_there_and_back(ends: Ends) -> Result<()> {
    let node = ends.node(echo).await?;

    assert_eq!(node.call("\"hello\"").await?, "\"hello\"");
    Ok(())
}

async fn calls_at_once_each_get_their_own_answer(ends: Ends) -> Result<()> {
    let node = ends.node(echo).await?;

    let replies = join_all((0..200).map(|number: u32| node.call(number.to_string()))).await;

    for (number, reply) in replies.into_iter().enumerate() {
        assert_eq!(reply?, number.to_string());
    }
    Ok(())
}

async fn a_body_of_1_mib_is_carried_there_and_back(ends: Ends) -> Result<()> {
    let node = ends.node(echo).await?;
    let large = format!("\"{}\"", "x".repeat((1 << 20) - 2));

    assert!(node.call(large.clone()).await? == large);
    Ok(())
}

async fn metadata_travels_both_ways(ends: Ends) -> Result<()> {
    let answer = async |request: Request| {
        let mut response = Response::new(request.content_type, request.body);
        let question = request.metadata.get("X-Question").unwrap_or_default();
        response.metadata.set("x-answer", question);
        Ok(response)
    };
    let node = ends.node(answer).await?;
    let mut call = request("Greeter.Hello");
    call.metadata.set("x-question", "why?");
    call.body = Body::Bytes("1".into());

    let reply = node.channel.call(call).await?;

    assert_eq!(reply.metadata.get("X-Answer"), Some("why?"));
    Ok(())
}

/// How a call ends whose handler fails by `error`.
async fn refused(ends: &Ends, error: fn() -> Error) -> Result<Error> {
    let node = ends.node(move |_| std::future::ready(Err(error()))).await?;
    let reply = node.call("1").await;
    reply
        .err()
        .ok_or_else(|| Error::internal(ID, "a call came through that was refused"))
}

async fn an_error_that_the_far_end_answered_is_downstream(ends: Ends) -> Result<()> {
    let error = refused(&ends, || Error::conflict("greeter", "taken")).await?;

    assert!(error.is_downstream());
    let said = (error.code(), error.id(), error.detail());
    assert_eq!(said, (409, "greeter", "taken"));
    Ok(())
}

async fn an_error_is_marked_never_reached_only_if_no_handler_can_have_seen_the_request(
    ends: Ends,
) -> Result<()> {
    let error = refused(&ends, || Error::unavailable("greeter", "busy")).await?;

    assert!(!error.is_never_reached());
    Ok(())
}

async fn an_error_that_is_marked_never_reached_arrives_so_marked(ends: Ends) -> Result<()> {
    let stopping = || Error::unavailable("greeter", "stopping").never_reached();
    let error = refused(&ends, stopping).await?;

    assert!(error.is_never_reached());
    Ok(())
}

async fn a_node_that_is_not_there_was_never_reached(ends: Ends) -> Result<()> {
    let node = ends.node(echo).await?;
    let address = node.listener.address().to_owned();
    node.listener.drain().await;
    drop(node);
    let channel = ends.here.dial(&address, &Facts::new())?;

    let called = soon("an answer", channel.call(request("Greeter.Hello"))).await?;

    let is_so = |error: &Error| {
        error.code() == 503 && error.is_never_reached() && error.detail().contains(&address)
    };
    assert!(called.as_ref().is_err_and(is_so), "{called:?}");
    Ok(())
}

async fn dropping_the_future_cancels_the_call_at_the_far_end(ends: Ends) -> Result<()> {
    let (handler, mut told) = waiting();
    let node = ends.node(handler).await?;
    let mut call = Box::pin(node.call("1"));
    begun(&mut call, &mut told).await?;

    drop(call);

    assert_eq!(soon("the end", told.recv()).await?, Some(Fate::Dropped));
    Ok(())
}

async fn closing_a_listener_ends_its_calls(ends: Ends) -> Result<()> {
    let (handler, mut told) = waiting();
    let node = ends.node(handler).await?;
    let mut call = Box::pin(node.call("1"));
    begun(&mut call, &mut told).await?;

    node.listener.close();

    let called = soon("an answer", call).await?;
    let is_so = |error: &Error| !error.is_never_reached() && !error.is_downstream();
    assert!(called.as_ref().is_err_and(is_so), "{called:?}");
    assert_eq!(soon("the end", told.recv()).await?, Some(Fate::Dropped));
    Ok(())
}

async fn the_requests_deadline_travels_with_it(ends: Ends) -> Result<()> {
    let left = async |request: Request| {
        let now = Instant::now();
        let left = request
            .deadline
            .map(|deadline| deadline.saturating_duration_since(now));
        let left = left.unwrap_or_default().as_secs().to_string();
        Ok(Response::new(
            request.content_type,
            Body::Bytes(left.into()),
        ))
    };
    let node = ends.node(left).await?;
    let mut call = request("Greeter.Hello");
    call.deadline = Some(Instant::now() + Duration::from_secs(100));
    call.body = Body::Bytes("1".into());

    let left = node.channel.call(call).await?.body.into_bytes()?;

    // What the way there took is gone.
    assert!(
        (80..100)
            .map(|left: u8| left.to_string())
            .any(|known| left == known),
        "{left:?}"
    );
    Ok(())
}
