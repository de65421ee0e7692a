//! tmp
#![allow(missing_docs)]
#[derive(Clone, Debug, Default)]
pub struct Schema;
#[derive(Clone, Debug, Default)]
pub struct Outline {
    pub name: String,
    pub kind: String,
    pub values: Vec<Outline>,
}
impl Schema {
    pub fn outline(&self, _d: usize) -> Outline {
        Outline::default()
    }
}
