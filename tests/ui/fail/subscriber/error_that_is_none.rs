#[micro::message]
struct Text {
    text: String,
}

struct Failure;

#[micro::subscriber(topic = "joined", broadcast)]
async fn joined(event: Text) -> Result<(), Failure> {
    drop(event);
    Err(Failure)
}

fn main() {}
