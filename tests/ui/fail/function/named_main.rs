#[micro::message]
struct Text {
    text: String,
}

#[micro::function(name = "greeter")]
async fn main(request: Text) -> micro::Result<Text> {
    Ok(request)
}
