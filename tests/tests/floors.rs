//! The modules of the runtime stand in floors: each uses itself and what is below, and never what is above or beside.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

/// Lowest first. What stands on one line may be used by the lines below it, and none of one line by another of it.
const FLOORS: [&[&str]; 16] = [
    &[
        "error", "metadata", "id", "limits", "peer", "phase", "trace",
    ],
    &["address", "context", "tls"],
    &["message", "listener", "dial"],
    &["http", "amqp", "nats"],
    &["codec", "registry"],
    &["wire"],
    &["wrapper"],
    &["transport"],
    &["broker"],
    &["selector", "telemetry"],
    // The two ends never meet.
    &["client", "server"],
    &["settings"],
    &["flags"],
    &["service"],
    &["program"],
    &["prelude", "__private", "__fuzz", "conformance"],
];

fn floor(module: &str) -> Option<usize> {
    FLOORS.iter().position(|modules| modules.contains(&module))
}

/// The files of the runtime and the top module that each belongs to.
fn files() -> Vec<(String, PathBuf)> {
    fn walk(directory: &Path, found: &mut Vec<PathBuf>) {
        for entry in fs::read_dir(directory).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                walk(&path, found);
            } else if path.extension().is_some_and(|kind| kind == "rs") {
                found.push(path);
            }
        }
    }
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("../micro/src");
    let mut found = Vec::new();
    walk(&source, &mut found);
    let module = |path: &PathBuf| {
        let inside = path.strip_prefix(&source).unwrap();
        let first = inside
            .components()
            .next()
            .unwrap()
            .as_os_str()
            .to_string_lossy();
        first.trim_end_matches(".rs").to_owned()
    };
    found
        .into_iter()
        .map(|path| (module(&path), path))
        .collect()
}

/// The top modules that the code of `text` names by a path from the crate's root; comments and tests do not count.
fn used(text: &str) -> Vec<(usize, String)> {
    let code = text.split("#[cfg(test)]\nmod tests").next().unwrap();
    let mut found = Vec::new();
    for (number, line) in code.lines().enumerate() {
        let line = line.split("//").next().unwrap();
        for rest in line.split("crate::").skip(1) {
            let name: String = rest
                .chars()
                .take_while(|c| c.is_alphanumeric() || *c == '_')
                .collect();
            if name.starts_with(char::is_lowercase) || name.starts_with('_') {
                found.push((number + 1, name));
            }
        }
    }
    found
}

#[test]
fn every_module_stands_on_a_floor() {
    let lost: Vec<String> = files()
        .into_iter()
        .map(|(module, _)| module)
        .filter(|module| module != "lib" && floor(module).is_none())
        .collect();

    assert_eq!(lost, Vec::<String>::new());
}

#[test]
fn no_module_uses_what_is_above_or_beside_it() {
    let mut wrong = Vec::new();
    for (module, path) in files() {
        let Some(own) = floor(&module) else { continue };
        for (line, other) in used(&fs::read_to_string(&path).unwrap()) {
            let Some(theirs) = floor(&other) else {
                continue;
            };
            if other != module && theirs >= own {
                wrong.push(format!("{}:{line} uses {other}", path.display()));
            }
        }
    }

    assert_eq!(wrong, Vec::<String>::new());
}

#[test]
fn no_file_is_longer_than_400_lines() {
    let long: BTreeMap<PathBuf, usize> = files()
        .into_iter()
        .map(|(_, path)| {
            (
                path.clone(),
                fs::read_to_string(path).unwrap().lines().count(),
            )
        })
        .filter(|(_, lines)| *lines > 400)
        .collect();

    assert_eq!(long, BTreeMap::new());
}
