//! A method that is not compiled leaves no trace, and two may share a name.

#![deny(warnings)]
#![allow(unexpected_cfgs)]

#[micro::message]
pub struct Text {
    pub text: String,
}

struct Platform;

#[micro::service]
impl Platform {
    #[cfg(unix)]
    #[micro::handler]
    async fn name(&self, _request: Text) -> micro::Result<Text> {
        Ok(Text { text: "unix".to_owned() })
    }

    #[micro::handler]
    #[cfg(not(unix))]
    async fn name(&self, _request: Text) -> micro::Result<Text> {
        Ok(Text { text: "other".to_owned() })
    }

    #[cfg(never)]
    #[micro::handler]
    async fn never(&self, request: Missing) -> micro::Result<Missing> {
        Ok(request)
    }

    #[cfg(never)]
    #[micro::subscriber(topic = "a", broadcast)]
    async fn never_heard(&self, event: Missing) -> micro::Result<()> {
        Ok(())
    }

    #[micro::handler]
    #[deprecated = "say name"]
    async fn old(&self, request: Text) -> micro::Result<Text> {
        Ok(request)
    }
}

#[cfg(never)]
#[micro::handler(name = "Free.Never")]
async fn never(request: Missing) -> micro::Result<Missing> {
    Ok(request)
}

#[micro::service]
trait Contract {
    #[cfg(never)]
    #[micro::handler]
    async fn never(&self, request: Missing) -> micro::Result<Missing>;

    #[cfg(unix)]
    #[micro::handler]
    async fn name(&self, request: Text) -> micro::Result<Text>;
}

impl Contract for Platform {
    #[cfg(unix)]
    async fn name(&self, request: Text) -> micro::Result<Text> {
        Ok(request)
    }
}

#[micro::error]
enum Failure {
    #[cfg(never)]
    Never(Missing),
    Known {
        #[cfg(never)]
        missing: Missing,
        there: u8,
    },
}

#[micro::main]
#[cfg(unix)]
async fn main() -> micro::Result<()> {
    let client = PlatformClient::local(Platform);
    assert_eq!(client.name(Text::default()).await?.text, "unix");
    let contract = ContractClient::local(Platform);
    assert_eq!(contract.name(Text::default()).await?, Text::default());
    assert_eq!(micro::Error::from(Failure::Known { there: 1 }).typed(), Some(Failure::Known { there: 1 }));
    Ok(())
}

#[cfg(not(unix))]
fn main() {}
