//! What a service tells of itself at `GET /openapi.json`.

use std::collections::{BTreeMap, BTreeSet};

use micro::Service;
use micro::prelude::*;
use serde_json::{Value, json};
use tests::{get, over_http};

#[micro::message]
pub struct Order {
    pub name: String,
    pub seal: Vec<u8>,
    pub paid: bool,
    pub price: f64,
    pub count: i32,
    pub cents: i64,
    pub weight: u32,
    pub id: u64,
    pub note: Option<String>,
    pub tags: Vec<String>,
    pub stock: BTreeMap<String, Item>,
    pub state: State,
    pub shape: Option<Shape>,
}

#[micro::message]
pub struct Item {
    pub of: Option<Box<Item>>,
}

#[micro::message]
pub enum State {
    #[default]
    Open,
    Closed,
}

#[micro::message]
pub enum Shape {
    #[tag = 1]
    Round(Item),
    #[tag = 2]
    Flat(String),
}

#[derive(Clone, PartialEq, prost::Message)]
pub struct Foreign {}

pub struct Shop;

#[micro::service(name = "shop")]
impl Shop {
    /// Takes an order.
    #[micro::handler]
    async fn buy(&self, order: Order) -> micro::Result<Item> {
        let _ = order;
        Ok(Item::default())
    }

    #[micro::handler]
    async fn all(
        &self,
        orders: Streaming<Order>,
    ) -> micro::Result<impl Stream<Item = micro::Result<Item>>> {
        Ok(orders.map(|order| order.map(|_| Item::default())))
    }

    #[micro::handler]
    async fn any(&self, Plain(order): Plain<Vec<u8>>) -> micro::Result<Plain<usize>> {
        Ok(Plain(order.len()))
    }

    #[micro::handler]
    async fn foreign(&self, order: Foreign) -> micro::Result<Foreign> {
        Ok(order)
    }
}

async fn show(service: Service) -> Value {
    let running = service.start().await.unwrap();
    let answer = get(running.address(), "/openapi.json").await;
    let (head, text) = answer.split_once("\r\n\r\n").unwrap();
    assert!(head.starts_with("HTTP/1.1 200"), "{answer}");
    serde_json::from_str(text).unwrap()
}

async fn shop() -> Value {
    let service = over_http("shop").version("1.2.0").build().await.unwrap();
    show(service.handle(Shop)).await
}

fn operation(document: &Value, endpoint: &str) -> Value {
    document["paths"][format!("/shop/{endpoint}")]["post"].clone()
}

fn body(schema: &Value, content_types: &[&str]) -> Value {
    let content = content_types.iter();
    content
        .map(|own| ((*own).to_owned(), json!({ "schema": schema })))
        .collect()
}

fn message(name: &str) -> Value {
    json!({ "$ref": format!("#/components/schemas/shop.{name}") })
}

#[tokio::test]
async fn the_title_and_the_version_are_those_of_the_service() {
    let document = shop().await;

    assert_eq!(document["openapi"], "3.1.0");
    assert_eq!(
        document["info"],
        json!({ "title": "shop", "version": "1.2.0" })
    );
}

#[tokio::test]
async fn an_endpoint_takes_its_request_and_answers_its_reply_as_json() {
    let buy = operation(&shop().await, "Shop.Buy");

    let json = &["application/json"];
    assert_eq!(buy["requestBody"]["content"], body(&message("Order"), json));
    assert_eq!(
        buy["responses"]["200"]["content"],
        body(&message("Item"), json)
    );
}

#[tokio::test]
async fn the_docs_of_an_endpoint_are_its_description() {
    let buy = operation(&shop().await, "Shop.Buy");

    assert_eq!(buy["description"], "Takes an order.");
}

#[tokio::test]
async fn streams_take_lines_and_answer_lines_or_events() {
    let all = operation(&shop().await, "Shop.All");

    assert_eq!(
        all["requestBody"]["content"],
        body(
            &message("Order"),
            &["application/json", "application/x-ndjson"]
        )
    );
    assert_eq!(
        all["responses"]["200"]["content"],
        body(
            &message("Item"),
            &["application/x-ndjson", "text/event-stream"]
        )
    );
}

#[tokio::test]
async fn an_endpoint_of_plain_types_takes_any_json() {
    let any = operation(&shop().await, "Shop.Any");

    assert_eq!(
        any["requestBody"]["content"],
        body(&json!({}), &["application/json"])
    );
}

#[tokio::test]
async fn an_endpoint_without_json_is_not_told_of() {
    let document = shop().await;

    let paths: Vec<&String> = document["paths"].as_object().unwrap().keys().collect();
    assert_eq!(
        paths,
        ["/shop/Shop.All", "/shop/Shop.Any", "/shop/Shop.Buy"]
    );
}

#[tokio::test]
async fn fields_are_of_the_kinds_that_they_are_in_json() {
    let document = shop().await;

    let order = &document["components"]["schemas"]["shop.Order"];
    let expected = json!({
        "name": { "type": "string" },
        "seal": { "type": "string", "contentEncoding": "base64" },
        "paid": { "type": "boolean" },
        "price": { "type": "number", "format": "double" },
        "count": { "type": "integer", "format": "int32" },
        "cents": { "type": "integer", "format": "int64" },
        "weight": { "type": "integer", "format": "uint32", "minimum": 0 },
        "id": { "type": "integer", "format": "uint64", "minimum": 0 },
        "note": { "type": "string" },
        "tags": { "type": "array", "items": { "type": "string" } },
        "stock": { "type": "object", "additionalProperties": message("Item") },
        "state": message("State"),
        "shape": message("Shape"),
    });
    assert_eq!(
        *order,
        json!({ "type": "object", "properties": expected }),
        "nothing is required"
    );
}

#[tokio::test]
async fn an_enum_is_one_of_its_numbers() {
    let document = shop().await;

    let state = &document["components"]["schemas"]["shop.State"];
    assert_eq!(state["type"], "integer");
    assert_eq!(state["enum"], json!([0, 1]));
}

#[tokio::test]
async fn of_the_fields_of_a_oneof_one_is_there() {
    let document = shop().await;

    let shape = &document["components"]["schemas"]["shop.Shape"];
    assert_eq!(
        shape["oneOf"],
        json!([{ "required": ["round"] }, { "required": ["flat"] }])
    );
}

#[tokio::test]
async fn a_failure_has_the_four_keys_of_an_error() {
    let document = shop().await;

    let buy = operation(&document, "Shop.Buy");
    let default = buy["responses"]["default"]["$ref"].as_str().unwrap();
    let failure = document.pointer(&default[1..]).unwrap();
    let schema = &failure["content"]["application/json"]["schema"];
    assert_eq!(
        schema["required"],
        json!(["id", "code", "detail", "status"])
    );
}

/// All values of `$ref` in the document.
fn references<'a>(value: &'a Value, found: &mut BTreeSet<&'a str>) {
    match value {
        Value::Object(fields) => {
            found.extend(fields.get("$ref").and_then(Value::as_str));
            fields.values().for_each(|own| references(own, found));
        }
        Value::Array(items) => items.iter().for_each(|own| references(own, found)),
        _ => {}
    }
}

#[tokio::test]
async fn all_that_is_referred_to_is_there() {
    let document = shop().await;
    let mut found = BTreeSet::new();

    references(&document, &mut found);

    assert_eq!(found.len(), 5, "{found:?}");
    for reference in found {
        assert!(document.pointer(&reference[1..]).is_some(), "{reference}");
    }
}

#[tokio::test]
async fn the_services_of_one_server_are_told_of_together() {
    let other = unary(async |_: Context, _: Plain<()>| Ok::<_, micro::Error>(Plain(())));
    let other = Definition::new("bank").endpoint("Bank.Pay", other);
    let service = over_http("shop").build().await.unwrap();

    let document = show(service.handle(Shop).handle(other)).await;

    assert_eq!(document["info"]["title"], "bank, shop");
    assert!(document["paths"]["/bank/Bank.Pay"].is_object());
    assert!(document["paths"]["/shop/Shop.Buy"].is_object());
}
