//! What each mistake prints, and what must compile.

// Apart from each other: mistakes alone are checked all at once, and nothing is linked for them.

#[test]
fn mistakes_are_explained() {
    trybuild::TestCases::new().compile_fail("ui/fail/*/*.rs");
}

#[test]
fn the_rest_compiles_and_runs() {
    trybuild::TestCases::new().pass("ui/pass/*.rs");
}
