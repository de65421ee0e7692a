//! What our typed client gets of a node of `Greeter`, whoever serves it.

use std::collections::BTreeMap;

use futures_util::FutureExt;
use micro::Service;
use micro::message::ContentType;
use micro::prelude::*;
use micro::registry::{self, MemoryRegistry, Node, Registry};
use tests::greeter::{Empty, Failure, GreeterClient, HelloRequest, Line, Number, Range};

use crate::table::{Outcome, Row, same};

/// A client of ours, and the node that it calls.
pub struct Called {
    client: GreeterClient,
    _service: Service,
}

impl Called {
    /// Calls the node at `address`, whose record says `facts`, in `content_type`.
    pub async fn new(address: &str, facts: &[(&str, &str)], content_type: &ContentType) -> Self {
        let facts = facts.iter();
        let metadata: BTreeMap<_, _> = facts
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect();
        let own = Node {
            id: "greeter-1".to_owned(),
            address: address.to_owned(),
            metadata,
        };
        let record = registry::Service {
            name: "greeter".to_owned(),
            nodes: vec![own],
            ..registry::Service::default()
        };
        let registry = MemoryRegistry::new();
        registry.register(&record, None).await.unwrap();
        let mut options = micro::client::Options::default();
        options.content_type = content_type.clone();
        let service = Service::builder("caller")
            .registry(registry)
            .client(options)
            .build()
            .await
            .unwrap();
        Self {
            client: GreeterClient::new(&service),
            _service: service,
        }
    }

    /// The row of a node that can do all of it; but of one that cannot end its side of a stream and read on, `why`.
    pub async fn row(&self, name: String, one_end: Option<&'static str>) -> Row {
        let mut row = Row::new(name);
        row.tries("unary", self.unary().boxed_local()).await;
        row.tries("error", self.error().boxed_local()).await;
        row.tries("metadata", self.metadata().boxed_local()).await;
        row.tries("deadline", self.deadline().boxed_local()).await;
        let count = self.server_stream().boxed_local();
        row.tries("server stream", count).await;
        row.tries("client stream", self.sum(true).boxed_local())
            .await;
        row.tries("both ways", self.both_ways().boxed_local()).await;
        match one_end {
            Some(why) => row.forbids("half-close", why),
            None => row.tries("half-close", self.sum(false).boxed_local()).await,
        }
        row
    }

    async fn unary(&self) -> Outcome {
        for name in ["John", "", "Jürgen <&>"] {
            let name = name.to_owned();
            let wanted = format!("Hello {name}");
            let reply = self.client.hello(HelloRequest { name }).await;
            same(reply.map_err(text)?.greeting, wanted)?;
        }
        Ok(())
    }

    async fn error(&self) -> Outcome {
        let request = Failure {
            code: 409,
            detail: "no <room>".to_owned(),
        };
        for _ in 0..2 {
            let error = self.client.fail(request.clone()).await.unwrap_err();
            same((error.code(), error.detail()), (409, "no <room>"))?;
        }
        Ok(())
    }

    async fn metadata(&self) -> Outcome {
        let call = self.client.metadata(Empty {}).metadata("x-user", "42");
        let values = call.await.map_err(text)?.values;
        let mut found = values.iter();
        let found = found.find(|(name, _)| name.eq_ignore_ascii_case("x-user"));
        same(found.map(|(_, value)| &**value), Some("42"))
    }

    async fn deadline(&self) -> Outcome {
        let call = self.client.deadline(Empty {});
        let reply = call.timeout(Duration::from_secs(3)).await;
        let left = reply.map_err(text)?.millis;
        same((2000..=3000).contains(&left), true)
    }

    async fn server_stream(&self) -> Outcome {
        for fail in [false, true] {
            let values = self.client.count(Range { to: 3, fail }).await;
            let mut values = values.map_err(text)?;
            for wanted in 1..=3 {
                let value = values.next().await.ok_or("it ended early")?;
                same(value.map_err(text)?.value, wanted)?;
            }
            let end = values.next().await;
            let end = end.map(|item| item.map_err(|error| error.code()));
            same(end, fail.then_some(Err(409)))?;
        }
        Ok(())
    }

    /// Numbers of which the last says so, or the end of which is that of the stream.
    async fn sum(&self, is_said: bool) -> Outcome {
        let numbers = (1..=3).map(move |value| Number {
            value,
            last: is_said && value == 3,
        });
        let sum = self.client.sum(stream::iter(numbers)).await;
        same(sum.map_err(text)?.value, 6)
    }

    async fn both_ways(&self) -> Outcome {
        let line = |text: &str| Line {
            text: text.to_owned(),
        };
        let (sender, mut lines) = tokio::sync::mpsc::unbounded_channel();
        let lines = stream::poll_fn(move |cx| lines.poll_recv(cx));
        let mut echoes = self.client.echo(lines).await.map_err(text)?;
        for wanted in ["a", "b"] {
            sender.send(line(wanted)).map_err(text)?;
            let echo = echoes.next().await.ok_or("it ended early")?;
            same(&*echo.map_err(text)?.text, wanted)?;
        }
        Ok(())
    }
}

fn text(error: impl ToString) -> String {
    error.to_string()
}
