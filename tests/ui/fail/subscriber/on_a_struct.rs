#[micro::subscriber(topic = "audit", broadcast)]
struct Audit;

fn main() {}
