//! Services: a trait to implement, a client, and the file that they print again.

use std::collections::BTreeSet;

use micro::prelude::*;
use prost_reflect::DescriptorPool;

use crate::everything::{Order, Orders, OrdersClient, Receipt, Watch, order::Line, orders};
use crate::greeter_file::{Greeter, GreeterClient, HelloReply, HelloRequest, greeter};

struct Shop;

impl Orders for Shop {
    async fn place(&self, order: Order) -> micro::Result<Receipt> {
        Ok(Receipt {
            seal: order.id.into_bytes(),
        })
    }

    async fn watch(
        &self,
        _: Watch,
    ) -> micro::Result<impl Stream<Item = micro::Result<Order>> + Send> {
        Ok(stream::iter([Ok(Order::default()), Ok(Order::default())]))
    }

    async fn add(&self, lines: Streaming<Line>) -> micro::Result<Receipt> {
        let seal = lines.count().await.to_le_bytes().to_vec();
        Ok(Receipt { seal })
    }

    async fn talk(
        &self,
        orders: Streaming<Order>,
    ) -> micro::Result<impl Stream<Item = micro::Result<Order>> + Send> {
        Ok(orders)
    }

    async fn clear(&self, (): ()) -> micro::Result<()> {
        Ok(())
    }

    async fn new_(&self, _: Watch) -> micro::Result<Order> {
        Ok(Order::default())
    }
}

#[tokio::test]
async fn a_service_answers_its_generated_client() {
    let shop = OrdersClient::local(Shop);
    let order = Order {
        id: "7".to_owned(),
        ..Order::default()
    };

    let receipt = shop.place(order).await.unwrap();

    assert_eq!(receipt.seal, b"7");
}

#[tokio::test]
async fn methods_stream_where_the_file_says() {
    let shop = OrdersClient::local(Shop);

    let watched = shop.watch(Watch {}).await.unwrap().count().await;
    let added = shop.add(stream::iter([Line::default()])).await.unwrap();
    let talked = shop.talk(stream::iter([Order::default()])).await.unwrap();

    assert_eq!((watched, added.seal[0], talked.count().await), (2, 1, 1));
}

#[tokio::test]
async fn the_message_without_fields_is_nothing() {
    OrdersClient::local(Shop).clear(()).await.unwrap();
}

/// What is compiled of the file, and what of the text that its service prints.
fn both() -> [DescriptorPool; 2] {
    let mut compiler = protox::Compiler::new(["proto"]).unwrap();
    compiler.open_file("shop/everything.proto").unwrap();
    let printed = orders::serve(Shop).proto_file().to_string();
    let file = protox::file::File::from_source("printed.proto", &printed).unwrap();
    let mut again = DescriptorPool::new();
    again
        .add_file_descriptor_proto(file.file_descriptor_proto().clone())
        .unwrap();
    [compiler.descriptor_pool(), again]
}

#[test]
fn the_service_prints_the_methods_of_its_file() {
    let [read, printed] = both().map(|pool| {
        let service = pool.get_service_by_name("shop.v1.Orders").unwrap();
        let methods = service.methods().map(|own| {
            let messages = [own.input(), own.output()].map(|message| message.name().to_owned());
            let streams = (own.is_client_streaming(), own.is_server_streaming());
            let options = own.method_descriptor_proto().options.clone();
            let level = options.and_then(|own| own.idempotency_level);
            (own.name().to_owned(), messages, streams, level)
        });
        methods.collect::<Vec<_>>()
    });

    assert_eq!(printed, read);
}

#[test]
fn the_service_prints_the_fields_of_its_file() {
    let [read, printed] = both().map(|pool| {
        let order = pool.get_message_by_name("shop.v1.Order").unwrap();
        let fields = order.fields().map(|own| {
            let kind = own.field_descriptor_proto().r#type();
            let one_of = own.containing_oneof().filter(|own| !own.is_synthetic());
            let one_of = one_of.map(|own| own.name().to_owned());
            // The printed name is that in JSON, where the file says two.
            let name = own.name().replace("renamed", "otherName");
            (
                own.number(),
                name,
                kind,
                one_of,
                own.is_list(),
                own.is_map(),
            )
        });
        fields.collect::<BTreeSet<_>>()
    });

    assert_eq!(printed, read);
}

struct English;

impl Greeter for English {
    async fn hello(&self, request: HelloRequest) -> micro::Result<HelloReply> {
        let greeting = format!("Hello {}", request.name);
        Ok(HelloReply { greeting })
    }

    async fn count(
        &self,
        _: HelloRequest,
    ) -> micro::Result<impl Stream<Item = micro::Result<HelloReply>> + Send> {
        Ok(stream::empty())
    }

    async fn join(&self, _: Streaming<HelloRequest>) -> micro::Result<HelloReply> {
        Ok(HelloReply::default())
    }
}

#[tokio::test]
async fn a_service_is_found_under_the_name_that_the_macro_says() {
    let memory = micro::registry::MemoryRegistry::new();
    let carrier = micro::transport::MemoryTransport::new();
    let builder = |name: &'static str| {
        let builder = micro::Service::builder(name).registry(memory.clone());
        builder.transport(carrier.clone()).build()
    };
    let running = builder("server")
        .await
        .unwrap()
        .handle(greeter::serve(English));
    let running = running.start().await.unwrap();
    let caller = builder("caller").await.unwrap();
    let request = || HelloRequest {
        name: "Ann".to_owned(),
    };

    let typed = GreeterClient::new(&caller).hello(request()).await.unwrap();
    let by_name: HelloReply = caller
        .client()
        .call("proto-greeter", "Greeter.Hello", &request())
        .await
        .unwrap();

    assert_eq!(
        (&*typed.greeting, &*by_name.greeting),
        ("Hello Ann", "Hello Ann")
    );
    running.stop().await;
}
