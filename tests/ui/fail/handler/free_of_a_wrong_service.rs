#[micro::message]
struct Text {
    text: String,
}

#[micro::handler(service = "my math")]
async fn double(request: Text) -> micro::Result<Text> {
    Ok(request)
}

fn main() {}
