#![deny(missing_docs, unreachable_pub, warnings)]

//! A service and its client in one module, of a file without comments.

micro::proto!("proto/greeter.proto");

struct English;

impl Greeter for English {
    async fn hello(&self, request: HelloRequest) -> micro::Result<HelloReply> {
        let greeting = format!("Hello {}", request.name);
        Ok(HelloReply { greeting })
    }

    async fn count(
        &self,
        request: HelloRequest,
    ) -> micro::Result<impl micro::prelude::Stream<Item = micro::Result<HelloReply>> + Send> {
        let greeting = request.name;
        Ok(micro::prelude::stream::iter([Ok(HelloReply { greeting })]))
    }

    async fn join(&self, _: micro::Streaming<HelloRequest>) -> micro::Result<HelloReply> {
        Ok(HelloReply::default())
    }
}

fn main() {
    let runtime = micro::tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        let greeter = GreeterClient::local(English);

        let reply = greeter.hello(HelloRequest { name: "Ann".to_owned() }).await.unwrap();

        assert_eq!(reply.greeting, "Hello Ann");
    });
}
