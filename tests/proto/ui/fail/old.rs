micro::proto!("ui/proto/old.proto");

fn main() {}
