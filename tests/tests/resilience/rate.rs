//! How many calls are let through in a time.

use micro::prelude::*;
use micro::wrapper::{self, RateLimit};
use micro::{Error, Peer, RetryAfter, Running};
use tests::{System, over_http};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::advance;

use super::{MS, Seen, buy, in_turn, printed, shop};

const SECOND: Duration = Duration::from_secs(1);

/// A node of `shop` behind `limit`, whose callers say by metadata which peer they are.
async fn limited(system: &System, node: &'static str, limit: RateLimit) -> Running {
    let answer =
        move || unary(async move |_: Context, _: Plain<()>| Ok::<_, Error>(Plain(node.to_owned())));
    let place = wrapper::from_fn(async |ctx: Context, mut request: Request, next: Next| {
        request.peer = ctx.metadata().get("peer").map(|peer| {
            let names = ctx.metadata().get("proven").map(str::to_owned);
            Peer::proven(peer, names.into_iter().collect())
        });
        next.run(request).await
    });
    let service = system.builder("shop").id(node).build().await.unwrap();
    let service = service.wrap_handler(place).wrap_handler(limit);
    let service = service
        .endpoint("Shop.Buy", answer())
        .endpoint("Shop.Sell", answer());
    service.start().await.unwrap()
}

#[tokio::test(start_paused = true)]
async fn what_is_over_the_rate_is_refused_and_told_when_to_come_again() {
    let system = System::default();
    let _shop = limited(&system, "a", RateLimit::new(2, SECOND)).await;
    let client = in_turn(&system).build().await.unwrap();
    buy(&client).await.unwrap();
    buy(&client).await.unwrap();
    advance(250 * MS).await;

    let error = buy(&client).await.unwrap_err();

    assert_eq!(error.typed(), Some(RetryAfter(250 * MS)));
    assert!(error.is_never_reached());
    printed(&error);
    advance(250 * MS).await;
    buy(&client).await.unwrap();
    buy(&client).await.unwrap_err();
}

#[tokio::test(start_paused = true)]
async fn what_was_not_used_may_be_used_at_once_up_to_the_burst() {
    let system = System::default();
    let _shop = limited(&system, "a", RateLimit::new(10, SECOND).burst(3)).await;
    let client = in_turn(&system).build().await.unwrap();
    advance(60 * SECOND).await;

    let mut passed = 0;
    while buy(&client).await.is_ok() {
        passed += 1;
    }

    assert_eq!(passed, 3);
}

#[tokio::test(start_paused = true)]
async fn what_one_node_refuses_another_answers() {
    let system = System::default();
    let _a = limited(&system, "a", RateLimit::new(1, 60 * SECOND)).await;
    let _b = limited(&system, "b", RateLimit::new(100, SECOND)).await;
    let client = in_turn(&system).build().await.unwrap();

    let mut answers = Vec::new();
    for _ in 0..6 {
        answers.push(buy(&client).await.unwrap().0);
    }

    assert_eq!(answers, ["a", "b", "b", "b", "b", "b"]);
}

#[tokio::test(start_paused = true)]
async fn each_endpoint_has_its_own_rate_if_it_is_to() {
    for (limit, passes) in [
        (RateLimit::new(1, SECOND), false),
        (RateLimit::new(1, SECOND).per_endpoint(), true),
    ] {
        let system = System::default();
        let _shop = limited(&system, "a", limit).await;
        let client = in_turn(&system).build().await.unwrap();
        buy(&client).await.unwrap();

        let sell = client.client().call("shop", "Shop.Sell", &Plain(()));
        let sold: micro::Result<Plain<String>> = sell.await;

        assert_eq!(sold.is_ok(), passes);
    }
}

#[tokio::test(start_paused = true)]
async fn each_value_of_metadata_has_its_own_rate_if_it_is_to() {
    let system = System::default();
    let limit = RateLimit::new(1, SECOND).per_metadata("x-user");
    let _shop = limited(&system, "a", limit).await;
    let client = in_turn(&system).build().await.unwrap();

    let mut passed = Vec::new();
    for user in ["ann", "bob", "ann"] {
        passed.push(buy(&client).metadata("x-user", user).await.is_ok());
    }

    assert_eq!(passed, [true, true, false]);
}

#[tokio::test(start_paused = true)]
async fn each_host_has_its_own_rate_if_it_is_to() {
    let system = System::default();
    let _shop = limited(&system, "a", RateLimit::new(1, SECOND).per_peer()).await;
    let client = in_turn(&system).build().await.unwrap();

    let mut passed = Vec::new();
    for peer in ["10.0.0.1:1000", "[::1]:1000", "10.0.0.1:2000", "[::1]:2000"] {
        passed.push(buy(&client).metadata("peer", peer).await.is_ok());
    }

    assert_eq!(passed, [true, true, false, false]);
}

#[tokio::test(start_paused = true)]
async fn a_proven_name_has_one_rate_on_all_its_hosts() {
    let system = System::default();
    let _shop = limited(&system, "a", RateLimit::new(1, SECOND).per_peer()).await;
    let client = in_turn(&system).build().await.unwrap();

    let mut passed = Vec::new();
    for (peer, name) in [
        ("10.0.0.1:1", "ann"),
        ("10.0.0.2:1", "ann"),
        ("10.0.0.2:1", "bob"),
    ] {
        let call = buy(&client).metadata("peer", peer).metadata("proven", name);
        passed.push(call.await.is_ok());
    }

    assert_eq!(passed, [true, false, true]);
}

#[tokio::test(start_paused = true)]
async fn a_client_may_limit_itself() {
    let (system, seen) = (System::default(), Seen::default());
    let _a = shop(&system, "a", MS, None, &seen).await;
    let client = in_turn(&system).build().await.unwrap();
    let client = client.wrap_client(RateLimit::new(2, 60 * SECOND));

    for _ in 0..5 {
        let _ = buy(&client).await;
    }

    assert_eq!(seen.begun(), 2);
}

#[tokio::test]
async fn callers_of_plain_http_are_told_by_a_header() {
    let service = over_http("shop").build().await.unwrap();
    let answer = unary(async |_: Context, _: Plain<u32>| Ok::<_, Error>(Plain(())));
    let service = service.wrap_handler(RateLimit::new(1, 60 * SECOND));
    let running = service.endpoint("Shop.Buy", answer).start().await.unwrap();
    let request = "POST /Shop/Buy HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nConnection: close\r\nContent-Length: 1\r\n\r\n1";

    let mut answer = String::new();
    for _ in 0..2 {
        answer.clear();
        let mut stream = TcpStream::connect(running.address()).await.unwrap();
        stream.write_all(request.as_bytes()).await.unwrap();
        stream.read_to_string(&mut answer).await.unwrap();
    }

    assert!(answer.starts_with("HTTP/1.1 429"), "{answer}");
    assert!(answer.contains("retry-after: 60\r\n"), "{answer}");
}
