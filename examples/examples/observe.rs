//! A service that is looked into from outside: readiness and metrics, on the port that it is called at.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use micro::Error;
use micro::tokio::io::{AsyncReadExt, AsyncWriteExt};
use micro::tokio::net::TcpStream;

#[derive(Default)]
pub struct Till;

#[micro::service(name = "till")]
impl Till {
    /// Adds up.
    #[micro::handler]
    async fn sum(&self, prices: Vec<u32>) -> micro::Result<u32> {
        if prices.is_empty() {
            return Err(Error::bad_request("till", "nothing was bought"));
        }
        Ok(prices.iter().sum())
    }
}

/// What a probe, or Prometheus, gets at `path`: the status line, the headers, and the text.
async fn get(address: &str, path: &str) -> std::io::Result<String> {
    let mut stream = TcpStream::connect(address).await?;
    let request = format!("GET {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await?;
    Ok(answer)
}

fn away(source: std::io::Error) -> Error {
    Error::unavailable("observe", "the service does not answer").with_source(source)
}

#[micro::main]
async fn main(builder: micro::Builder) -> micro::Result<()> {
    let service = builder.metrics().build().await?;
    let till = TillClient::new(&service);
    let is_open = Arc::new(AtomicBool::new(false));
    let drawer = Arc::clone(&is_open);
    let service = service.check("drawer", move || {
        let is_open = drawer.load(Ordering::Relaxed);
        async move {
            let shut = || Error::unavailable("till", "the drawer is shut");
            is_open.then_some(()).ok_or_else(shut)
        }
    });
    let running = service.handle(Till).start().await?;

    for open in [false, true] {
        is_open.store(open, Ordering::Relaxed);
        let answer = get(running.address(), "/health/ready").await;
        let answer = answer.map_err(away)?;
        println!("{}", answer.lines().next().unwrap_or_default());
        println!("{}", answer.lines().last().unwrap_or_default());
    }

    till.sum(vec![1, 2]).await?;
    till.sum(vec![3]).await?;
    let _ = till.sum(Vec::new()).await;
    let page = get(running.address(), "/metrics").await.map_err(away)?;
    for line in page.lines() {
        if line.starts_with("micro_server_requests_total{") {
            println!("{line}");
        }
    }
    running.stop().await;
    Ok(())
}
