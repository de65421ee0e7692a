//! Streams in every direction, a typed error, and events. Run with `--transport=memory`.

use micro::prelude::*;

#[micro::message]
pub struct Every {
    pub millis: u64,
}

#[micro::message]
pub struct Tick {
    pub number: u64,
}

#[micro::message]
pub struct Number {
    pub value: i64,
}

#[micro::message]
pub struct Total {
    pub sum: i64,
}

#[micro::message]
pub struct Line {
    pub text: String,
}

#[micro::message]
pub struct Rename {
    pub to: String,
}

#[micro::message]
pub struct Renamed {}

#[micro::message]
pub struct Joined {
    pub name: String,
}

#[micro::error] // crosses the wire and arrives as itself
pub enum ChatError {
    #[error(code = 409)]
    Taken { by: String },
    #[error(code = 404)]
    NoSuchRoom,
}

pub struct Chat;

#[micro::service(name = "chat")]
impl Chat {
    #[micro::handler] // server streaming: the return type is written impl Stream
    async fn ticks(
        &self,
        request: Every,
    ) -> micro::Result<impl Stream<Item = micro::Result<Tick>>> {
        let pause = Duration::from_millis(request.millis);
        Ok(stream::unfold(1, move |number| async move {
            micro::tokio::time::sleep(pause).await;
            Some((Ok(Tick { number }), number + 1))
        }))
    }

    #[micro::handler] // client streaming
    async fn sum(&self, mut numbers: Streaming<Number>) -> micro::Result<Total> {
        let mut sum = 0;
        while let Some(number) = numbers.next().await {
            sum += number?.value;
        }
        Ok(Total { sum })
    }

    #[micro::handler] // bidirectional; a Context is optional and comes first
    async fn talk(
        &self,
        ctx: &Context,
        lines: Streaming<Line>,
    ) -> micro::Result<impl Stream<Item = micro::Result<Line>>> {
        let user = ctx
            .metadata()
            .get("x-user")
            .unwrap_or("somebody")
            .to_owned();
        Ok(lines.map(move |line| {
            Ok(Line {
                text: format!("{user}: {}", line?.text),
            })
        }))
    }

    #[micro::handler(name = "Chat.Rename", timeout = "2s", idempotent)]
    async fn rename(&self, request: Rename) -> Result<Renamed, ChatError> {
        match &*request.to {
            "bob" => Err(ChatError::Taken { by: "Bob".into() }),
            "" => Err(ChatError::NoSuchRoom),
            _ => Ok(Renamed {}),
        }
    }

    #[micro::subscriber(topic = "joined", group = "chat")] // one member of the group gets each message
    async fn joined(&self, event: Joined) -> micro::Result<()> {
        println!("{} joined", event.name);
        self.helper();
        Ok(()) // Ok acks, Err is redelivered, then dead-lettered
    }

    fn helper(&self) {} // without an attribute: untouched
}

#[micro::main]
async fn main(service: micro::Service) -> micro::Result<()> {
    let chat = ChatClient::new(&service);
    let joined = service.publisher::<Joined>("joined");
    let running = service.handle(Chat).start().await?;

    let mut ticks = chat.ticks(Every { millis: 1 }).await?.take(2);
    while let Some(tick) = ticks.next().await {
        println!("tick {}", tick?.number);
    }
    drop(ticks); // cancels the stream at the far end
    let total = chat
        .sum(stream::iter([Number { value: 1 }, Number { value: 2 }]))
        .await?;
    println!("sum {}", total.sum);
    let lines = stream::iter(["hello", "bye"].map(|text| Line { text: text.into() }));
    let mut echoes = chat.talk(lines).metadata("x-user", "ann").await?;
    while let Some(line) = echoes.next().await {
        println!("{}", line?.text);
    }
    let error = chat.rename(Rename { to: "bob".into() }).await.unwrap_err();
    if let Some(ChatError::Taken { by }) = error.typed::<ChatError>() {
        println!("{}: taken by {by}", error.code());
    }
    joined.publish(&Joined { name: "Ann".into() }).await?;

    running.stop().await; // waits for what is being handled
    Ok(())
}
