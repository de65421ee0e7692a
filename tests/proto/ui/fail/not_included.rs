micro::proto!("proto/greeter.proto", include("ui"));

fn main() {}
