//! Calls `function` once; a second call finds nobody.

#[micro::main]
async fn main(service: micro::Service) -> micro::Result<()> {
    let request = Hello {
        name: "John".into(),
    };
    let call = service
        .client()
        .call("go.micro.fnc.greeter", "Greeter.Hello", &request);
    let reply: Greeting = call.await?;
    println!("{}", reply.greeting);
    Ok(())
}

#[micro::message]
struct Hello {
    name: String,
}

#[micro::message]
struct Greeting {
    greeting: String,
}
