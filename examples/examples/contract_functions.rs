//! Free functions as endpoints and subscribers, linked into the service that the program runs.

#[micro::message]
pub struct Number {
    pub value: i64,
}

#[micro::message]
pub struct Entry {
    pub text: String,
}

#[micro::handler(name = "Math.Double")] // double::call(&service, n) is its client
async fn double(n: Number) -> micro::Result<Number> {
    Ok(Number { value: n.value * 2 })
}

#[micro::subscriber(topic = "audit", broadcast)] // audit::publish(&service, &entry) is its typed publisher
async fn audit(event: Entry) -> micro::Result<()> {
    println!("audit: {}", event.text);
    Ok(())
}

#[micro::main(name = "math")]
async fn main(service: micro::Service) -> micro::Result<()> {
    let call = double::call(&service, Number { value: 21 });
    let publish = audit::publish(
        &service,
        &Entry {
            text: "doubled".into(),
        },
    );
    let again = service.publisher::<Entry>("audit");
    let running = service.start().await?;

    println!("{}", call.await?.value);
    publish.await?;
    again
        .publish(&Entry {
            text: "again".into(),
        })
        .await?;

    running.stop().await;
    Ok(())
}
