//! A contract whose every method refuses with a typed error, and services between it and the caller.

use micro::prelude::*;
use micro::{Error, Result};

/// How a room refuses.
#[micro::error]
pub enum RoomError {
    #[error(code = 404)]
    NoSuchRoom,
    #[error(code = 409)]
    Taken { by: String, seats: Vec<u32> },
    /// Only those who were built today know it.
    #[error(code = 410)]
    Closed { since: u64 },
}

/// The same of those who were built earlier.
pub mod earlier {
    #[micro::error]
    pub enum RoomError {
        #[error(code = 404)]
        NoSuchRoom,
    }
}

#[micro::message]
#[derive(Copy)]
pub struct Ask {
    /// The variant that is answered.
    pub variant: u8,
}

pub fn refusal(ask: Ask) -> RoomError {
    match ask.variant {
        0 => RoomError::NoSuchRoom,
        1 => RoomError::Taken {
            by: "eve".to_owned(),
            seats: vec![1, u32::MAX],
        },
        _ => RoomError::Closed { since: u64::MAX },
    }
}

#[micro::service(name = "rooms")]
pub trait Rooms {
    #[micro::handler]
    async fn enter(&self, ask: Ask) -> Result<Ask, RoomError>;

    /// Never opens.
    #[micro::handler]
    async fn guests(
        &self,
        ask: Ask,
    ) -> Result<impl Stream<Item = Result<Ask, RoomError>>, RoomError>;

    /// Fails behind one item; a variant that is none goes on.
    #[micro::handler]
    async fn visits(&self, ask: Ask) -> Result<impl Stream<Item = Result<Ask, RoomError>>>;

    /// Fails at the first that comes.
    #[micro::handler]
    async fn book(&self, asks: Streaming<Ask>) -> Result<Ask, RoomError>;

    /// Fails behind one item, at the first that comes.
    #[micro::handler]
    async fn talk(
        &self,
        asks: Streaming<Ask>,
    ) -> Result<impl Stream<Item = Result<Ask, RoomError>>>;
}

pub struct Refusing;

impl Rooms for Refusing {
    async fn enter(&self, ask: Ask) -> Result<Ask, RoomError> {
        Err(refusal(ask))
    }

    async fn guests(
        &self,
        ask: Ask,
    ) -> Result<impl Stream<Item = Result<Ask, RoomError>>, RoomError> {
        Err::<stream::Empty<_>, _>(refusal(ask))
    }

    async fn visits(&self, ask: Ask) -> Result<impl Stream<Item = Result<Ask, RoomError>>> {
        let refusal = (ask.variant < 3).then(|| Err(refusal(ask)));
        let visits = stream::iter([Ok(ask)]).chain(stream::iter(refusal));
        Ok(visits.chain(stream::pending()))
    }

    async fn book(&self, mut asks: Streaming<Ask>) -> Result<Ask, RoomError> {
        match asks.next().await {
            Some(Ok(ask)) => Err(refusal(ask)),
            _ => Ok(Ask::default()),
        }
    }

    async fn talk(
        &self,
        asks: Streaming<Ask>,
    ) -> Result<impl Stream<Item = Result<Ask, RoomError>>> {
        let asks = asks.filter_map(async |ask| ask.ok());
        Ok(asks.flat_map(|ask| stream::iter([Ok(ask), Err(refusal(ask))])))
    }
}

/// Asks the rooms, and hands on what they say by nothing but `?`.
pub struct Door(pub RoomsClient);

#[micro::service(name = "door")]
impl Door {
    #[micro::handler]
    async fn enter(&self, ask: Ask) -> Result<Ask> {
        Ok(self.0.enter(ask).await?)
    }

    #[micro::handler]
    async fn guests(&self, ask: Ask) -> Result<impl Stream<Item = Result<Ask>>> {
        Ok(self.0.guests(ask).await?)
    }

    #[micro::handler]
    async fn visits(&self, ask: Ask) -> Result<impl Stream<Item = Result<Ask>>> {
        Ok(self.0.visits(ask).await?.map(|ask| Ok(ask?)))
    }

    /// Reads a stream of the rooms for a reply of its own.
    #[micro::handler]
    async fn last(&self, ask: Ask) -> Result<Ask> {
        let mut visits = self.0.visits(ask).await?;
        let mut last = ask;
        while let Some(ask) = visits.next().await {
            last = ask?;
        }
        Ok(last)
    }

    #[micro::handler]
    async fn book(&self, ask: Ask) -> Result<Ask> {
        Ok(self.0.book(stream::iter([ask])).await?)
    }

    #[micro::handler]
    async fn talk(&self, asks: Streaming<Ask>) -> Result<impl Stream<Item = Result<Ask>>> {
        let asks = asks.filter_map(async |ask| ask.ok());
        self.0.talk(asks).await
    }

    /// What it hands on on purpose.
    #[micro::handler]
    async fn forwarded(&self, ask: Ask) -> Result<impl Stream<Item = Result<Ask>>> {
        let visits = self.0.visits(ask).await.map_err(Error::forward)?;
        Ok(visits.map(|ask| ask.map_err(Error::forward)))
    }
}

/// The error that `items` end with, behind one item.
pub async fn last(mut items: impl Stream<Item = Result<Ask>> + Unpin) -> Error {
    items.next().await.unwrap().unwrap();
    let error = items.next().await.unwrap().unwrap_err();
    assert!(items.next().await.is_none());
    error
}

/// Sees that `error` is what `ask` asks of the rooms, in full.
pub fn assert_is_refusal(error: &Error, ask: Ask) {
    assert_eq!(error.typed(), Some(refusal(ask)), "{error}");
    assert_eq!(error.code(), Error::from(refusal(ask)).code());
    assert_eq!(error.id(), "rooms");
}

/// Sees that `error` is a fault of the door, and says nothing of the rooms.
pub fn assert_is_the_doors(error: &Error) {
    let said = error.to_json();
    assert_eq!(
        (error.code(), error.id(), error.reason()),
        (500, "door", None)
    );
    let words = [
        "eve",
        "rooms",
        "Rooms",
        "Taken",
        "409",
        "seats",
        "127.0.0.1",
        "memory",
    ];
    assert!(!words.iter().any(|word| said.contains(word)), "{said}");
}
