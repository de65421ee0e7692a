//! The numbers that a service counts, and shows to Prometheus.

use std::future::IntoFuture;

use micro::broker::Mode;
use micro::prelude::*;
use micro::telemetry::{Metrics, Series};
use micro::{Builder, Client, Error, Service};
use tests::{System, get, over_http};
use tokio::sync::mpsc;

/// A service whose endpoint fails if it is told to, and waits if it is told to.
fn work(service: Service) -> Service {
    let work = unary(async |_: Context, order: Plain<String>| match &*order.0 {
        "fail" => Err(Error::conflict("work", "as told")),
        "wait" => std::future::pending().await,
        _ => Ok(Plain(())),
    });
    service.endpoint("Work.Do", work)
}

async fn call(client: &Client, endpoint: &'static str, order: &str) -> micro::Result<()> {
    let order = Plain(order.to_owned());
    client
        .call("work", endpoint, &order)
        .await
        .map(|_: Plain<()>| ())
}

async fn build(builder: Builder) -> (Service, Metrics) {
    let service = builder.metrics().build().await.unwrap();
    let metrics = service.metrics().unwrap().clone();
    (service, metrics)
}

fn one(series: Vec<Series>) -> Series {
    assert_eq!(series.len(), 1, "{series:?}");
    series.into_iter().next().unwrap()
}

#[tokio::test(start_paused = true)]
async fn both_ends_count_calls_by_endpoint_and_code() {
    let system = System::default();
    let (service, server) = build(system.builder("work")).await;
    let (client, calls) = build(system.builder("client")).await;
    let _work = work(service).start().await.unwrap();

    call(client.client(), "Work.Do", "work").await.unwrap();
    call(client.client(), "Work.Do", "fail").await.unwrap_err();

    for series in [one(server.snapshot().server), one(calls.snapshot().client)] {
        assert_eq!((&*series.service, &*series.endpoint), ("work", "Work.Do"));
        assert_eq!(series.outcomes, [(200, 1), (409, 1)]);
        assert_eq!((series.latency.count, series.in_flight), (2, 0));
    }
}

#[tokio::test(start_paused = true)]
async fn endpoints_that_are_not_there_are_counted_as_one() {
    let system = System::default();
    let (service, server) = build(system.builder("work")).await;
    let client = system.service("client").await;
    let _work = work(service).start().await.unwrap();

    call(client.client(), "Work.Dont", "work")
        .await
        .unwrap_err();
    call(client.client(), "Work.Wont", "work")
        .await
        .unwrap_err();

    let series = one(server.snapshot().server);
    assert_eq!(
        (&*series.endpoint, &series.outcomes[..]),
        ("other", &[(404, 2)][..])
    );
}

#[tokio::test(start_paused = true)]
async fn a_call_is_in_flight_until_its_caller_leaves() {
    let system = System::default();
    let (service, server) = build(system.builder("work")).await;
    let client = system.service("client").await;
    let _work = work(service).start().await.unwrap();
    let order = Plain("wait".to_owned());
    let waiting = client
        .client()
        .call::<_, Plain<()>>("work", "Work.Do", &order);
    let waiting = tokio::spawn(waiting.into_future());
    while server.snapshot().server.is_empty() {
        tokio::task::yield_now().await;
    }

    assert_eq!(one(server.snapshot().server).in_flight, 1);
    waiting.abort();
    waiting.await.unwrap_err();

    let series = one(server.snapshot().server);
    assert_eq!((series.in_flight, series.outcomes), (0, vec![(499, 1)]));
}

#[tokio::test(start_paused = true)]
async fn publishers_count_messages_by_topic_and_code() {
    let (service, metrics) = build(System::default().builder("shop")).await;
    let publisher = service.client().publisher("sold");

    publisher.publish(&Plain(())).await.unwrap();
    publisher.publish(&Plain(())).await.unwrap();

    let series = one(metrics.snapshot().publishers);
    assert_eq!((&*series.service, &*series.endpoint), ("shop", "sold"));
    assert_eq!((series.outcomes, series.in_flight), (vec![(200, 2)], 0));
}

#[tokio::test(start_paused = true)]
async fn subscribers_count_tries_and_what_is_given_up() {
    let system = System::default();
    let (service, metrics) = build(system.builder("audit")).await;
    let (parked, mut given_up) = mpsc::unbounded_channel();
    let mode = || Mode::Group("audit".into());
    let fail = micro::subscriber("audit", mode(), async |_: Context, _: Plain<()>| {
        Err::<(), _>(Error::conflict("audit", "never"))
    });
    let dead = micro::subscriber(
        "dead.audit.audit",
        mode(),
        move |_: Context, _: Plain<()>| {
            parked.send(()).unwrap();
            std::future::ready(Ok::<_, Error>(()))
        },
    );
    let client = service.client().clone();
    let _audit = service
        .subscriber(fail.retry(2))
        .subscriber(dead)
        .start()
        .await
        .unwrap();

    client.publisher("audit").publish(&Plain(())).await.unwrap();
    given_up.recv().await.unwrap();

    let series = metrics.snapshot().subscribers.remove(0);
    assert_eq!((&*series.endpoint, series.parked), ("audit", 1));
    assert_eq!(series.outcomes, [(409, 2)]);
}

#[tokio::test(start_paused = true)]
async fn what_is_known_of_each_service_called_has_an_age_which_is_zero_while_the_registry_tells() {
    let system = System::default();
    let (client, metrics) = build(system.builder("client")).await;
    let _work = work(system.service("work").await).start().await.unwrap();
    call(client.client(), "Work.Do", "work").await.unwrap();

    tokio::time::advance(Duration::from_secs(7)).await;

    let registry = metrics.snapshot().registry;
    assert_eq!(registry, [("work".to_owned(), Duration::ZERO)]);
}

#[tokio::test(start_paused = true)]
async fn nothing_is_counted_unless_asked_for() {
    let service = System::default().service("work").await;

    assert!(service.metrics().is_none());
}

#[tokio::test]
async fn prometheus_reads_them_from_the_port_of_the_service() {
    let (service, _) = build(over_http("work")).await;
    let client = service.client().clone();
    let work = work(service).start().await.unwrap();
    call(&client, "Work.Do", "work").await.unwrap();

    let page = get(work.address(), "/metrics").await;

    assert!(page.starts_with("HTTP/1.1 200"), "{page}");
    assert!(
        page.contains("content-type: text/plain; version=0.0.4; charset=utf-8\r\n"),
        "{page}"
    );
    let labels = "service=\"work\",endpoint=\"Work.Do\"";
    for line in [
        "# TYPE micro_server_requests_total counter".to_owned(),
        format!("micro_server_requests_total{{{labels},code=\"200\"}} 1"),
        format!("micro_client_requests_total{{{labels},code=\"200\"}} 1"),
        format!("micro_server_requests_in_flight{{{labels}}} 0"),
        format!("micro_server_request_duration_seconds_bucket{{{labels},le=\"+Inf\"}} 1"),
        // That of the client, which is kept, and this one.
        "micro_server_connections 2".to_owned(),
    ] {
        assert!(page.lines().any(|own| own == line), "{line}\n{page}");
    }
}

#[tokio::test]
async fn there_is_no_such_page_unless_asked_for() {
    let service = over_http("work").build().await.unwrap();
    let work = work(service).start().await.unwrap();

    let page = get(work.address(), "/metrics").await;

    assert!(page.starts_with("HTTP/1.1 405"), "{page}");
}
