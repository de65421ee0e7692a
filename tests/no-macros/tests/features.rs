//! What a program says of a backend that only a feature adds.

use std::process::{Command, ExitCode};

use micro::__private::{Program, main_with_service};
use micro::Service;

/// Set in the child, which is the whole program.
const ROLE: &str = "ROLE";

fn main() -> ExitCode {
    if std::env::var_os(ROLE).is_none() {
        a_backend_is_there_or_the_feature_that_adds_it_is_named();
        return ExitCode::SUCCESS;
    }
    let program = Program {
        name: "program",
        version: "",
    };
    main_with_service(program, async |_: Service| ())
}

/// It is there only if another package of the same build asks for it.
fn a_backend_is_there_or_the_feature_that_adds_it_is_named() {
    let mut child = Command::new(std::env::current_exe().unwrap());
    child
        .env(ROLE, "")
        .env("MICRO_REGISTRY", "memory")
        .env("MICRO_BROKER", "http");

    let output = child.output().unwrap();

    let said = String::from_utf8(output.stderr).unwrap();
    let expected = "choose one of memory, or build with the feature `broker-http` of micro";
    assert!(output.status.success() || said.contains(expected), "{said}");
}
