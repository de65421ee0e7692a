#[micro::main]
async fn main(service: micro::Service) -> u8 {
    0
}
