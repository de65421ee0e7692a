#[micro::message]
struct Text {
    text: String,
}

#[micro::function]
async fn hello(request: Text) -> micro::Result<Text> {
    Ok(request)
}
