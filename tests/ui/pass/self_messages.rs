//! A service that is a message itself.

#![deny(warnings)]

#[derive(serde::Serialize, serde::Deserialize)]
pub struct Counter {
    value: u8,
}

#[micro::service]
impl Counter {
    #[micro::handler]
    async fn merge(&self, other: Self) -> micro::Result<Self> {
        Ok(Self { value: self.value + other.value })
    }

    #[micro::handler]
    async fn all(&self, others: Vec<Self>) -> Result<Vec<Option<Self>>, micro::Error> {
        Ok(others.into_iter().map(Some).collect())
    }
}

#[micro::main]
async fn main() -> micro::Result<()> {
    let client = CounterClient::local(Counter { value: 1 });
    assert_eq!(client.merge(Counter { value: 2 }).await?.value, 3);
    assert_eq!(client.all(vec![Counter { value: 2 }]).await?.len(), 1);
    Ok(())
}
