micro::proto!("ui/proto/holds_old.proto");

fn main() {}
