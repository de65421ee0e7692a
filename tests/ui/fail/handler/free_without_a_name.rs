#[micro::message]
struct Text {
    text: String,
}

#[micro::handler]
async fn double(request: Text) -> micro::Result<Text> {
    Ok(request)
}

// Its client is there all the same.
async fn call(service: &micro::Service) -> micro::Result<Text> {
    double::call(service, Text::default()).await
}

fn main() {}
