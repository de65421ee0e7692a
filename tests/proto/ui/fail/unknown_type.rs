micro::proto!("ui/proto/unknown_type.proto");

fn main() {}
