//! Every attribute, where `micro` goes by another name.

use rpc::prelude::*;

/// A request and a reply.
#[rpc::message]
pub struct Text {
    /// What is said.
    pub text: String,
}

/// A choice.
#[rpc::message]
pub enum Mood {
    /// The usual one.
    #[default]
    Calm,
    /// The other one.
    Merry,
}

/// One of several.
#[rpc::message]
pub enum Either {
    /// A number.
    Number(u64),
    /// A text.
    Text(Text),
}

/// For serde alone.
#[rpc::message(plain)]
#[derive(Debug)]
pub struct Plain {
    /// Any tuple.
    pub pair: (u8, u8),
}

/// How it fails.
#[rpc::error]
pub enum Failure {
    /// Nothing was said.
    #[error(code = 400)]
    Empty,
    /// Somebody said it.
    #[error(code = 409, detail = "{by} said it")]
    Said {
        /// Who.
        by: String,
    },
}

/// Says things.
#[derive(Debug)]
pub struct Greeter;

#[rpc::service(name = "greeter")]
impl Greeter {
    /// Says it loudly.
    #[rpc::handler(timeout = "2s")]
    pub async fn shout(&self, request: Text) -> Result<Text, Failure> {
        match request.text.as_str() {
            "" => Err(Failure::Empty),
            "hello" => Err(Failure::Said {
                by: "Ann".to_owned(),
            }),
            text => Ok(Text {
                text: text.to_uppercase(),
            }),
        }
    }

    /// Says it letter by letter.
    #[rpc::handler]
    pub async fn spell(
        &self,
        request: Text,
    ) -> rpc::Result<impl Stream<Item = rpc::Result<String>>> {
        let letters: Vec<_> = request
            .text
            .chars()
            .map(|letter| Ok(letter.into()))
            .collect();
        Ok(stream::iter(letters))
    }

    /// Hears what others say.
    #[rpc::subscriber(topic = "said", group = "greeter")]
    pub async fn heard(&self, _event: Text) -> rpc::Result<()> {
        Ok(())
    }
}

/// The contract alone.
#[rpc::service(name = "counter")]
pub trait Counter {
    /// The next number.
    #[rpc::handler]
    async fn next(&self, number: u64) -> rpc::Result<u64>;

    /// All numbers together.
    #[rpc::handler]
    async fn sum(&self, numbers: Streaming<u64>) -> rpc::Result<u64>;
}

/// Doubles.
#[rpc::handler(name = "Math.Double")]
pub async fn double(number: u64) -> rpc::Result<u64> {
    Ok(number * 2)
}

/// Writes it down.
#[rpc::subscriber(topic = "audit", broadcast)]
pub async fn audit(_entry: Text) -> rpc::Result<()> {
    Ok(())
}

/// A program of one call.
pub mod once {
    /// Repeats what it is told.
    #[rpc::function(name = "once")]
    pub async fn echo(text: String) -> rpc::Result<String> {
        Ok(text)
    }
}

/// A program.
pub mod program {
    /// Ends at once.
    #[rpc::main]
    pub async fn main() -> rpc::Result<()> {
        Ok(())
    }
}
