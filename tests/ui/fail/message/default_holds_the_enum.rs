#[micro::message]
enum Expression {
    Number(f64),
    #[default]
    Not(Box<Expression>),
}

fn main() {}
