//! Generic services: the client is generic over what its messages mention, and over nothing else.

#![deny(warnings)]

use std::collections::HashMap;
use std::fmt::Debug;
use std::hash::Hash;
use std::sync::Mutex;

use serde::Serialize;
use serde::de::DeserializeOwned;

#[micro::message]
pub struct Key {
    pub key: String,
}

#[micro::message]
pub struct Found {
    pub value: String,
}

pub trait Store: Send + Sync + 'static {
    fn get(&self, key: &str) -> String;
}

struct Echo;

impl Store for Echo {
    fn get(&self, key: &str) -> String {
        key.to_owned()
    }
}

struct Cache<S> {
    store: S,
}

#[micro::service(name = "cache")]
impl<S: Store> Cache<S> {
    #[micro::handler]
    async fn get(&self, request: Key) -> micro::Result<Found> {
        Ok(Found { value: self.store.get(&request.key) })
    }
}

struct Table<K, V, S, const N: usize> {
    rows: Mutex<HashMap<K, V>>,
    store: S,
}

#[micro::service(name = "table")]
impl<K, V: From<S>, S, const N: usize> Table<K, V, S, N>
where
    K: Serialize + DeserializeOwned + Eq + Hash + Send + 'static,
    V: Serialize + DeserializeOwned + Clone + Debug + Send + 'static,
    S: Into<V> + Copy + Send + Sync + 'static,
{
    #[micro::handler]
    async fn get(&self, key: K) -> micro::Result<V> {
        let Ok(rows) = self.rows.lock() else { return Ok(self.store.into()) };
        Ok(rows.get(&key).cloned().unwrap_or_else(|| V::from(self.store)))
    }
}

struct Sized8<const N: usize>;

#[micro::service]
impl<const N: usize> Sized8<N> {
    #[micro::handler]
    async fn size(&self, _request: Key) -> micro::Result<u64> {
        Ok(N as u64)
    }
}

struct Borrowing<'a> {
    text: &'a str,
}

#[micro::service]
impl<'a> Borrowing<'a> {
    #[micro::handler]
    async fn text(&self, _request: Key) -> micro::Result<String> {
        Ok(self.text.to_owned())
    }
}

#[micro::main]
async fn main() -> micro::Result<()> {
    let cache: CacheClient = CacheClient::local(Cache { store: Echo });
    assert_eq!(cache.get(Key { key: "a".to_owned() }).await?.value, "a");

    let table: TableClient<String, u32> =
        TableClient::local(Table::<_, _, _, 3> { rows: Mutex::default(), store: 7_u32 });
    assert_eq!(table.clone().get("a".to_owned()).await?, 7);

    assert_eq!(Sized8Client::local(Sized8::<4>).size(Key::default()).await?, 4);
    assert_eq!(BorrowingClient::local(Borrowing { text: "b" }).text(Key::default()).await?, "b");
    Ok(())
}
