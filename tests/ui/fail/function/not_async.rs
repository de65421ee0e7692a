#[micro::message]
struct Text {
    text: String,
}

#[micro::function(name = "greeter")]
fn hello(request: Text) -> micro::Result<Text> {
    Ok(request)
}
