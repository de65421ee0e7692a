//! What mistakes in a proto file, and in naming one, print.

use std::fs;
use std::path::{Path, PathBuf};

/// Puts the proto files where programs under test look for them: beside the `Cargo.toml` that is made for these.
fn lay_out() {
    let test = std::env::current_exe().unwrap();
    let target = test.ancestors().nth(3).unwrap();
    let project = target.join("tests/trybuild").join(env!("CARGO_PKG_NAME"));
    for folder in ["proto", "ui/proto"] {
        copy(Path::new(folder), &project.join(folder));
    }
}

fn copy(from: &Path, to: &PathBuf) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let path = entry.unwrap().path();
        let copied = to.join(path.file_name().unwrap());
        if path.is_dir() {
            copy(&path, &copied);
        } else {
            fs::copy(path, copied).unwrap();
        }
    }
}

#[test]
fn mistakes_are_explained_and_a_program_without_any_runs() {
    lay_out();

    let cases = trybuild::TestCases::new();

    cases.compile_fail("ui/fail/*.rs");
    cases.pass("ui/pass/*.rs");
}
