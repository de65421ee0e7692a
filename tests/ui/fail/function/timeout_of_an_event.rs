#[micro::message]
struct Text {
    text: String,
}

#[micro::function(name = "greeter", topic = "hello", broadcast, timeout = "2s")]
async fn hello(event: Text) -> micro::Result<()> {
    drop(event);
    Ok(())
}
