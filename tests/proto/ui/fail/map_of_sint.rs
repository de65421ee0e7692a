micro::proto!("ui/proto/map_of_sint.proto");

fn main() {}
