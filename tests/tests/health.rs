//! What a service answers to those who ask whether it lives, and whether it is ready.

use std::sync::Arc;

use micro::prelude::*;
use micro::registry::{Registry, Service as Record, Watcher};
use micro::transport::HttpTransport;
use micro::{Error, Running, Service};
use tests::{System, get, over_http};
use tokio::sync::Mutex;

async fn service() -> Service {
    over_http("work").build().await.unwrap()
}

/// The status and the text of a page.
async fn page(running: &Running, path: &str) -> (u16, String) {
    let answer = get(running.address(), path).await;
    let (head, text) = answer.split_once("\r\n\r\n").unwrap();
    (head[9..12].parse().unwrap(), text.to_owned())
}

/// What the page of readiness says, which is not ready.
async fn failing(running: &Running) -> String {
    let (status, text) = page(running, "/health/ready").await;
    assert_eq!(status, 503, "{text}");
    assert!(text.starts_with(r#"{"status":"failing""#), "{text}");
    text
}

#[tokio::test]
async fn a_service_that_is_registered_lives_and_is_ready() {
    let running = service().await.start().await.unwrap();

    assert_eq!(
        page(&running, "/health/live").await,
        (200, r#"{"status":"ok","checks":[]}"#.to_owned())
    );
    let ready = r#"{"status":"ok","checks":[{"name":"registered","status":"ok"}]}"#;
    for path in ["/health", "/health/ready"] {
        assert_eq!(page(&running, path).await, (200, ready.to_owned()));
    }
}

#[tokio::test]
async fn a_service_is_not_ready_while_a_check_fails_and_lives_all_the_same() {
    let check = async || Err(Error::unavailable("db", "no connection"));
    let running = service().await.check("db", check).start().await.unwrap();

    let text = failing(&running).await;

    let line = r#"{"name":"db","status":"failing","reason":"db: no connection (503 Service Unavailable)"}"#;
    assert!(text.contains(line), "{text}");
    assert_eq!(page(&running, "/health/live").await.0, 200);
}

#[tokio::test]
async fn a_check_that_takes_too_long_is_not_passed() {
    let service = over_http("work")
        .check_timeout(Duration::from_millis(20))
        .build()
        .await
        .unwrap();
    let running = service
        .check("db", std::future::pending)
        .start()
        .await
        .unwrap();

    let text = failing(&running).await;

    assert!(text.contains("not done within 20ms"), "{text}");
}

#[tokio::test]
async fn a_check_that_panics_is_not_passed() {
    let check = || -> std::future::Ready<micro::Result<()>> { panic!("as told") };
    let running = service().await.check("db", check).start().await.unwrap();

    let text = failing(&running).await;

    assert!(text.contains("the check panicked"), "{text}");
}

#[tokio::test]
async fn a_service_is_ready_once_what_it_needs_is_found() {
    let system = System::default();
    let builder = system.builder("work").transport(HttpTransport::default());
    let service = builder.needs("greeter").build().await.unwrap();
    let running = service.start().await.unwrap();

    let text = failing(&running).await;
    let _greeter = system.greeter("a").await;
    let ready = page(&running, "/health/ready").await;

    assert!(
        text.contains(r#""name":"greeter","status":"failing""#),
        "{text}"
    );
    assert_eq!(ready.0, 200, "{}", ready.1);
}

#[tokio::test]
async fn a_service_that_stops_is_not_ready_before_anything_else_happens() {
    let running: Arc<Mutex<Option<String>>> = Arc::default();
    let seen = Arc::new(Mutex::new(String::new()));
    let (address, answer) = (Arc::clone(&running), Arc::clone(&seen));
    let service = service().await.before_stop(async move || {
        let address = address.lock().await.take().unwrap();
        *answer.lock().await = get(&address, "/health/ready").await;
    });
    let started = service.start().await.unwrap();
    *running.lock().await = Some(started.address().to_owned());

    started.stop().await;

    let answer = seen.lock().await;
    assert!(answer.starts_with("HTTP/1.1 503"), "{answer}");
    assert!(answer.contains("starting, or stopping"), "{answer}");
}

#[tokio::test]
async fn a_service_is_not_ready_before_it_is_registered() {
    let probe = Arc::new(Mutex::new(String::new()));
    let registry = Gate(Arc::clone(&probe));
    let service = over_http("work").registry(registry).build().await.unwrap();

    let _running = service.start().await.unwrap();

    assert!(probe.lock().await.starts_with("HTTP/1.1 503"));
}

/// A registry that asks whoever registers whether it is ready.
#[derive(Debug)]
struct Gate(Arc<Mutex<String>>);

#[micro::async_trait]
impl Registry for Gate {
    async fn register(&self, service: &Record, _: Option<Duration>) -> micro::Result<()> {
        let address = &service.nodes[0].address;
        *self.0.lock().await = get(address, "/health/ready").await;
        Ok(())
    }

    async fn deregister(&self, _: &Record) -> micro::Result<()> {
        Ok(())
    }

    async fn get(&self, name: &str) -> micro::Result<Vec<Record>> {
        Err(Error::not_found("gate", name.to_owned()))
    }

    async fn list(&self) -> micro::Result<Vec<Record>> {
        Ok(Vec::new())
    }

    async fn watch(&self, _: Option<&str>) -> micro::Result<Watcher> {
        Ok(stream::pending().boxed())
    }

    fn name(&self) -> &'static str {
        "gate"
    }

    fn describe(&self) -> String {
        "gate".to_owned()
    }
}

#[tokio::test]
async fn pages_are_for_get_and_calls_of_the_same_path_go_to_handlers() {
    let live = unary(async |_: Context, _: Plain<()>| Ok::<_, Error>(Plain("called".to_owned())));
    let service = service().await.endpoint("health.live", live);
    let running = service.start().await.unwrap();

    let answer = post(running.address(), "/health/live").await;

    assert!(answer.ends_with("\r\n\r\n\"called\""), "{answer}");
}

async fn post(address: &str, path: &str) -> String {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    let mut stream = tokio::net::TcpStream::connect(address).await.unwrap();
    let head = format!(
        "POST {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Type: application/json\r\n\
         Content-Length: 4\r\n\r\nnull"
    );
    stream.write_all(head.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    answer
}
