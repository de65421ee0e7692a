//! What a registry is told of requests and replies.

use micro::prelude::*;
use micro::registry::{Endpoint, Registry, Value};
use micro::{Error, Message};
use serde::{Deserialize, Serialize};
use tests::System;

use crate::values::{Keyed, Narrow, Numbers, Shape, Tree};

/// The record of an endpoint that takes and gives a `T`.
async fn announced(handler: micro::Handler) -> Endpoint {
    let system = System::default();
    let service = system.service("greeter").await;
    let _running = service
        .endpoint("Greeter.Hello", handler)
        .start()
        .await
        .unwrap();

    let found = system.registry.get("greeter").await.unwrap();

    let endpoint = found[0]
        .endpoints
        .iter()
        .find(|own| own.name == "Greeter.Hello");
    endpoint.unwrap().clone()
}

async fn echoed<T: Message + Sync>() -> Value {
    let endpoint = announced(unary(async |_: Context, own: T| Ok::<_, Error>(own))).await;

    assert_eq!(endpoint.request, endpoint.response);
    endpoint.request.unwrap()
}

fn value(name: &str, kind: &str, values: Vec<Value>) -> Value {
    Value {
        name: name.to_owned(),
        kind: kind.to_owned(),
        values,
    }
}

#[tokio::test(start_paused = true)]
async fn the_fields_of_a_message_are_announced_with_their_types() {
    let found = echoed::<Narrow>().await;

    let fields = vec![
        value("byte", "uint32", vec![]),
        value("short", "uint32", vec![]),
        value("signed_byte", "int32", vec![]),
        value("signed_short", "int32", vec![]),
        value("signed_bytes", "[]int32", vec![]),
        value("maybe", "uint32", vec![]),
    ];
    assert_eq!(found, value("Narrow", "Narrow", fields));
}

#[tokio::test(start_paused = true)]
async fn types_are_announced_by_their_names_in_go() {
    let found = echoed::<Numbers>().await;

    let kinds: Vec<_> = found.values.iter().map(|field| &*field.kind).collect();
    assert_eq!(
        kinds,
        [
            "float64", "float32", "int32", "int64", "uint32", "uint64", "bool", "string", "[]uint8"
        ]
    );
    let keyed = echoed::<Keyed>().await;
    assert_eq!(keyed.values[2].kind, "map[uint32]string");
}

#[tokio::test(start_paused = true)]
async fn three_levels_of_fields_are_announced() {
    let found = echoed::<Tree>().await;

    let left = &found.values[1].values[1];
    assert_eq!((&*left.name, &*left.kind), ("left", "Tree"));
    assert_eq!(left.values.len(), 4);
    assert!(left.values.iter().all(|field| field.values.is_empty()));
}

#[tokio::test(start_paused = true)]
async fn the_variants_of_an_enum_with_data_are_announced_as_its_fields() {
    let found = echoed::<Shape>().await;

    let names: Vec<_> = found.values.iter().map(|field| &*field.name).collect();
    assert_eq!(
        names,
        [
            "circle", "name", "blob", "part", "choice", "square", "nothing"
        ]
    );
    assert_eq!(
        found.values[5].values[1],
        value("corners", "[]int32", vec![])
    );
}

#[tokio::test(start_paused = true)]
async fn of_a_plain_type_its_name_and_those_of_its_fields_are_announced() {
    #[derive(Serialize, Deserialize)]
    #[allow(dead_code)]
    struct Order {
        id: u64,
        #[serde(rename = "lines")]
        items: Vec<String>,
    }

    let found = echoed::<Plain<Order>>().await;

    let fields = vec![value("id", "", vec![]), value("lines", "", vec![])];
    assert_eq!(found, value("Order", "Order", fields));
}

#[tokio::test(start_paused = true)]
async fn a_plain_number_or_text_is_announced_by_its_type() {
    assert_eq!(
        echoed::<Plain<String>>().await,
        value("string", "string", vec![])
    );
    assert_eq!(
        echoed::<Plain<Vec<i64>>>().await,
        value("[]int64", "[]int64", vec![])
    );
}

#[tokio::test(start_paused = true)]
async fn of_what_says_nothing_of_itself_nothing_is_announced() {
    type Any = Plain<serde_json::Value>;

    let endpoint = announced(unary(async |_: Context, own: Any| Ok::<_, Error>(own))).await;

    assert_eq!((endpoint.request, endpoint.response), (None, None));
}
