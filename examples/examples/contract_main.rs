//! A program that serves nothing: runtime, flags and logging only.

#[micro::main]
async fn main() {
    println!("nothing is served");
}
