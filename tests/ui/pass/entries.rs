//! Every form of `main`, and programs of one function.

#![allow(dead_code)]

use micro::prelude::*;

mod with_service {
    /// Docs stay where they are.
    #[allow(unused_variables)]
    #[micro::main(name = "greeter", version = "1.0.0")]
    pub async fn main(service: micro::Service) -> micro::Result<()> {
        Ok(())
    }
}

mod with_arguments {
    use micro::clap;

    #[derive(clap::Args)]
    struct Args {
        #[arg(long)]
        loud: bool,
    }

    #[micro::main]
    async fn main(_service: micro::Service, Args { loud }: Args) -> Result<(), micro::Error> {
        assert!(!loud);
        Ok(())
    }
}

mod with_a_builder {
    #[micro::main]
    async fn main(builder: micro::Builder) -> micro::Result<()> {
        builder.version("2.0.0").fixed().build().await?.run().await
    }
}

mod with_a_builder_and_arguments {
    use micro::clap;

    #[derive(clap::Args)]
    struct Args {
        #[arg(long)]
        port: u16,
    }

    #[micro::main]
    async fn main(builder: micro::Builder, args: Args) -> micro::Result<()> {
        let builder = builder.address(format!("127.0.0.1:{}", args.port));
        builder.build().await?.run().await
    }
}

mod one_call {
    #[micro::message]
    struct Text {
        text: String,
    }

    #[micro::function(name = "go.micro.greeter", version = "1.0.0", timeout = "2s")]
    async fn hello(request: Text) -> micro::Result<Text> {
        Ok(request)
    }
}

mod one_stream {
    use super::*;

    #[micro::function(name = "counter", endpoint = "Step.Count")]
    async fn count(_ctx: &Context, _request: u8) -> micro::Result<impl Stream<Item = micro::Result<u8>>> {
        Ok(stream::iter([Ok(1)]))
    }
}

mod one_event {
    use super::*;

    #[micro::function(name = "mailer", topic = "mail", group = "mailers", durable)]
    async fn send(_ctx: &Context, _mail: u8) -> micro::Result<()> {
        Ok(())
    }
}

#[micro::main]
async fn main() {
    if std::env::args().count() > 5 {
        return;
    }
}
