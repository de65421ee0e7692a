#[micro::message]
struct Text {
    text: String,
}

#[micro::function(name = "greeter")]
async fn hello(&self, request: Text) -> micro::Result<Text> {
    Ok(request)
}
