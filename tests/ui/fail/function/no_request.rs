#[micro::message]
struct Text {
    text: String,
}

#[micro::function(name = "greeter")]
async fn hello() -> micro::Result<Text> {
    Ok(Text::default())
}
