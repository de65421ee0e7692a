struct Greeter;

#[micro::service]
impl Clone for Greeter {
    fn clone(&self) -> Self {
        Self
    }
}

fn main() {}
