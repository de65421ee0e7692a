#[micro::message]
#[serde(rename_all = "camelCase")]
struct Hello {
    #[serde(default)]
    name: String,
}

fn main() {}
