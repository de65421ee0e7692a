#[micro::message]
#[derive(Clone, Copy)]
union Either {
    a: u32,
    b: f32,
}

fn main() {}
