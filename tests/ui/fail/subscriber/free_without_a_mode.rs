#[micro::message]
struct Text {
    text: String,
}

#[micro::subscriber(topic = "audit")]
async fn audit(event: Text) -> micro::Result<()> {
    drop(event);
    Ok(())
}

fn main() {}
