micro::proto!("ui/proto/missing_import.proto");

fn main() {}
