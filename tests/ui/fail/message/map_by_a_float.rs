use std::collections::BTreeMap;

#[micro::message]
struct Prices {
    by_weight: BTreeMap<f64, String>,
}

fn main() {}
