#[micro::main]
async fn main(_service: micro::Service) -> u8 {
    0
}
