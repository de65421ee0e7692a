#[micro::message]
struct Text {
    text: String,
}

#[micro::function(name = "greeter")]
async fn hello(request: Text) -> Text {
    request
}
