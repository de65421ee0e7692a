//! Streams of messages each way.

use bytes::Bytes;
use futures_util::SinkExt;
use futures_util::stream::{self, StreamExt};

use super::{Ends, Fate, begun, echo, request, waiting};
use crate::conformance::row::{Line, lines};
use crate::conformance::soon;
use crate::error::{Error, Result};
use crate::message::{Body, Request, Response};

pub(super) fn lines() -> Vec<Line<Ends>> {
    lines![
        messages_can_be_written_once_the_stream_is_open if Ends::streams,
        whether_the_far_end_accepts_the_stream_the_incoming_half_says if Ends::streams,
        messages_go_both_ways_and_each_half_ends_by_itself if Ends::streams,
        an_error_of_the_far_ends_stream_arrives_behind_what_came_before if Ends::streams,
        dropping_the_socket_cancels_the_stream_at_the_far_end if Ends::cancels_streams,
        a_transport_that_carries_no_streams_answers_not_implemented if Ends::refuses_streams,
    ]
}

async fn messages_can_be_written_once_the_stream_is_open(ends: Ends) -> Result<()> {
    let node = ends.node(echo).await?;
    let mut socket = node.channel.open(request("Stream.Echo")).await?;

    let written = socket.outgoing.send(Ok("1".into())).await;

    assert!(written.is_ok());
    Ok(())
}

async fn whether_the_far_end_accepts_the_stream_the_incoming_half_says(ends: Ends) -> Result<()> {
    let refuse = async |_| Err(Error::forbidden("greeter", "not you"));
    let node = ends.node(refuse).await?;
    let socket = node.channel.open(request("Stream.Echo")).await?;

    let accepted = soon("an answer", socket.incoming).await?;

    assert!(accepted.is_err_and(|error| error.code() == 403));
    Ok(())
}

async fn messages_go_both_ways_and_each_half_ends_by_itself(ends: Ends) -> Result<()> {
    let node = ends.node(echo).await?;
    let mut socket = node.channel.open(request("Stream.Echo")).await?;
    let incoming = soon("an answer", socket.incoming).await??;
    let mut incoming = incoming.body.into_stream();

    for number in 0..3_u32 {
        let message: Bytes = number.to_string().into();
        assert!(socket.outgoing.send(Ok(message.clone())).await.is_ok());
        let echoed = soon("a message", incoming.next()).await?.transpose()?;
        assert_eq!(echoed, Some(message));
    }
    assert!(socket.outgoing.close().await.is_ok());

    assert!(soon("the end", incoming.next()).await?.is_none());
    Ok(())
}

async fn an_error_of_the_far_ends_stream_arrives_behind_what_came_before(ends: Ends) -> Result<()> {
    let fail = async |request: Request| {
        let taken = Error::conflict("greeter", "taken");
        let body = Body::Stream(stream::iter([Ok(Bytes::from("1")), Err(taken)]).boxed());
        Ok(Response::new(request.content_type, body))
    };
    let node = ends.node(fail).await?;
    let socket = node.channel.open(request("Stream.Echo")).await?;
    let incoming = soon("an answer", socket.incoming).await??;
    let mut incoming = incoming.body.into_stream();

    let first = soon("a message", incoming.next()).await?.transpose()?;
    let second = soon("an error", incoming.next()).await?;

    assert_eq!(first, Some(Bytes::from("1")));
    let is_taken = |error: &Error| error.is_downstream() && error.detail() == "taken";
    assert!(
        matches!(&second, Some(Err(error)) if is_taken(error)),
        "{second:?}"
    );
    assert!(soon("the end", incoming.next()).await?.is_none());
    Ok(())
}

async fn dropping_the_socket_cancels_the_stream_at_the_far_end(ends: Ends) -> Result<()> {
    let (handler, mut told) = waiting();
    let node = ends.node(handler).await?;
    let mut socket = node.channel.open(request("Stream.Echo")).await?;
    begun(&mut socket.incoming, &mut told).await?;

    drop(socket);

    assert_eq!(soon("the end", told.recv()).await?, Some(Fate::Dropped));
    Ok(())
}

async fn a_transport_that_carries_no_streams_answers_not_implemented(ends: Ends) -> Result<()> {
    let node = ends.node(echo).await?;

    let opened = node.channel.open(request("Stream.Echo")).await;

    assert!(opened.is_err_and(|error| error.code() == 501));
    Ok(())
}
