//! Other attributes, above and below ours.

#![deny(warnings)]

use micro::{handler, service};

#[derive(Default)]
struct Greeter;

#[allow(clippy::unused_async)]
#[service(name = "greeter")]
#[allow(clippy::pedantic)]
impl Greeter {
    #![allow(clippy::needless_pass_by_value)]

    #[must_use]
    #[handler]
    #[inline]
    async fn first(&self, #[allow(unused)] request: u8) -> micro::Result<u8> {
        Ok(1)
    }

    #[allow(unused_variables)]
    #[::micro::handler(idempotent,)]
    /// Docs below.
    async fn second(&self, request: u8) -> micro::Result<u8> {
        Ok(2)
    }
}

#[micro::error]
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum Below {
    Failed,
}

#[micro::error]
#[derive(Clone, Copy)]
enum Some1 {
    /// The disk is full.
    Full,
}

#[micro::main]
async fn main() -> micro::Result<()> {
    let client = GreeterClient::local(Greeter);
    assert_eq!(client.first(0).await? + client.second(0).await?, 3);
    assert_eq!(Below::Failed.to_string(), "failed");
    assert_eq!(Some1::Full.to_string(), "The disk is full");
    Ok(())
}
