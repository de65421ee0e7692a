//! Messages that nobody outside can name.

#![deny(warnings)]

mod hidden {
    #[micro::message]
    struct Private {
        text: String,
    }

    #[micro::message]
    pub(crate) struct Reply {
        pub(crate) text: String,
    }

    pub struct Service;

    #[micro::service(name = "hidden")]
    impl Service {
        #[micro::handler]
        async fn whisper(&self, request: Private) -> micro::Result<Reply> {
            Ok(Reply { text: request.text })
        }
    }

    #[micro::handler(service = "hidden")]
    async fn echo(request: Private) -> micro::Result<Reply> {
        Ok(Reply { text: request.text })
    }

    pub async fn ask() -> micro::Result<String> {
        let client = ServiceClient::local(Service);
        Ok(client.whisper(Private { text: "psst".to_owned() }).await?.text)
    }
}

#[micro::main]
async fn main() -> micro::Result<()> {
    assert_eq!(hidden::ask().await?, "psst");
    Ok(())
}
