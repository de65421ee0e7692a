//! What each mistake prints, and what must compile.

use std::fs;
use std::path::{Path, PathBuf};

// Apart from each other: mistakes alone are checked all at once, and nothing is linked for them.

#[test]
fn mistakes_are_explained() {
    trybuild::TestCases::new().compile_fail("ui/fail/*/*.rs");
}

#[test]
fn the_rest_compiles_and_runs() {
    trybuild::TestCases::new().pass("ui/pass/*.rs");
}

#[test]
fn one_mistake_gives_one_message() {
    // Two hold several mistakes; of the third, the compiler says on its own what it says of the future and of the type.
    const SEVERAL: [&str; 3] = [
        "message/many_mistakes.stderr",
        "service/every_mistake_is_reported.stderr",
        "contract/implementation_that_cannot_be_shared.stderr",
    ];
    let cases = Path::new(env!("CARGO_MANIFEST_DIR")).join("ui/fail");

    let mut others = Vec::new();
    for attribute in fs::read_dir(cases).unwrap() {
        for case in fs::read_dir(attribute.unwrap().path()).unwrap() {
            let path = case.unwrap().path();
            let is_output = path.extension().is_some_and(|kind| kind == "stderr");
            if !is_output || SEVERAL.iter().any(|several| path.ends_with(several)) {
                continue;
            }
            let printed = fs::read_to_string(&path).unwrap();
            let is_message = |line: &&str| line.starts_with("error") || line.starts_with("warning");
            if printed.lines().filter(is_message).count() != 1 {
                others.push(path);
            }
        }
    }

    assert_eq!(others, Vec::<PathBuf>::new());
}
