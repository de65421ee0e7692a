//! All that a block may hold, called through its client.

#![deny(warnings)]

use micro::prelude::*;

#[micro::message]
pub struct Every {
    pub times: u64,
}

#[micro::message]
pub struct Number {
    pub value: u64,
}

#[micro::message]
pub struct Rename {
    pub name: String,
}

#[micro::error]
pub enum ChatError {
    #[error(code = 409, detail = "{by} has that name")]
    Taken { by: String },
}

pub struct Chat {
    base: u64,
}

#[micro::service(name = "chat", version = "1.2.3", metadata("region" = "eu", "zone" = "a"))]
impl Chat {
    #[micro::handler]
    async fn ticks(&self, request: Every) -> micro::Result<impl Stream<Item = micro::Result<Number>>> {
        let base = &self.base;
        Ok(stream::iter(0..request.times).map(move |step| Ok(Number { value: base + step })))
    }

    #[micro::handler]
    async fn sum(&self, mut numbers: Streaming<Number>) -> micro::Result<Number> {
        let mut value = 0;
        while let Some(number) = numbers.next().await {
            value += number?.value;
        }
        Ok(Number { value })
    }

    #[micro::handler]
    async fn talk(
        &self,
        ctx: &Context,
        numbers: Streaming<Number>,
    ) -> micro::Result<impl Stream<Item = micro::Result<Number>>> {
        let _ = ctx.metadata();
        Ok(numbers)
    }

    #[micro::handler(name = "Talk.Rename", timeout = "2s", idempotent)]
    async fn rename(&self, request: Rename) -> Result<Rename, ChatError> {
        match request.name.as_str() {
            "bob" => Err(ChatError::Taken { by: "eve".to_owned() }),
            _ => Ok(request),
        }
    }

    #[micro::handler(blocking)]
    async fn think(&self, _: &Context, Number { value }: Number) -> micro::Result<Number> {
        Ok(Number { value: value * self.helper() })
    }

    #[micro::subscriber(topic = "joined", group = "chat", retry = 4, concurrency = 8)]
    async fn joined(&self, event: Rename) -> micro::Result<()> {
        drop(event);
        Ok(())
    }

    #[micro::subscriber(topic = "left", broadcast)]
    async fn left(&self, _ctx: &Context, _event: Rename) -> Result<(), ChatError> {
        Ok(())
    }

    const FACTOR: u64 = 2;

    fn helper(&self) -> u64 {
        Self::FACTOR
    }
}

/// What a client may be used as.
fn shared<T: Clone + Send + Sync + 'static>(client: T) -> T {
    client.clone()
}

#[micro::main]
async fn main() -> micro::Result<()> {
    let chat = shared(ChatClient::local(Chat { base: 5 }));

    let ticks: Vec<_> = chat.ticks(Every { times: 2 }).await?.map(|tick| tick.map(|tick| tick.value)).collect().await;
    assert!(matches!(ticks.as_slice(), [Ok(5), Ok(6)]), "{ticks:?}");
    let sum = chat.sum(stream::iter([Number { value: 1 }, Number { value: 2 }])).await?;
    assert_eq!(sum.value, 3);
    let echoes: Vec<_> = chat.talk(stream::iter([Number { value: 7 }])).await?.collect().await;
    assert_eq!(echoes.len(), 1);
    assert_eq!(chat.think(Number { value: 4 }).timeout(Duration::from_secs(5)).await?.value, 8);
    let taken = chat.rename(Rename { name: "bob".to_owned() }).await.map(drop).map_err(|error| error.typed());
    assert_eq!(taken, Err(Some(ChatError::Taken { by: "eve".to_owned() })));
    assert!(format!("{chat:?}").starts_with("ChatClient"));
    Ok(())
}
