//! What the documentation of the seams promises is what the suites of conformance check, word by word.

use micro::conformance::{broker, registry, transport};

const BROKER: &str = include_str!("../../micro/src/broker/mod.rs");
const REGISTRY: &str = include_str!("../../micro/src/registry/mod.rs");
const TRANSPORT: &str = include_str!("../../micro/src/transport/mod.rs");

/// The lines under every heading `Behavior`, in the form of names, sorted.
fn promised(source: &str) -> Vec<String> {
    let docs = source
        .lines()
        .map(|line| line.trim_start().strip_prefix("/// "));
    let mut found: Vec<String> = Vec::new();
    let (mut is_behavior, mut is_item) = (false, false);
    for line in docs.map(Option::unwrap_or_default) {
        if line.starts_with("# ") || (line.is_empty() && is_item) {
            is_behavior = line == "# Behavior";
            is_item = false;
        } else if let Some(item) = line.strip_prefix("- ").filter(|_| is_behavior) {
            found.push(item.to_owned());
            is_item = true;
        } else if is_item {
            found.last_mut().unwrap().push_str(line);
        }
    }
    let mut names: Vec<_> = found.iter().map(|line| name(line)).collect();
    names.sort();
    names
}

/// The name of a check with these words.
fn name(line: &str) -> String {
    let words = line.to_lowercase().replace('\'', "");
    let words = words.split(|c: char| !c.is_alphanumeric());
    let words: Vec<_> = words.filter(|word| !word.is_empty()).collect();
    words.join("_")
}

/// The names of checks, sorted.
fn checked<E>(lines: &[micro::conformance::Line<E>]) -> Vec<&'static str> {
    let mut names: Vec<_> = lines.iter().map(|line| line.name).collect();
    names.sort_unstable();
    names
}

#[test]
fn every_line_that_registries_promise_has_one_check_and_every_check_its_line() {
    assert_eq!(promised(REGISTRY), checked(&registry::lines()));
}

#[test]
fn every_line_that_brokers_promise_has_one_check_and_every_check_its_line() {
    assert_eq!(promised(BROKER), checked(&broker::lines()));
}

#[test]
fn every_line_that_transports_promise_has_one_check_and_every_check_its_line() {
    assert_eq!(promised(TRANSPORT), checked(&transport::lines()));
}
