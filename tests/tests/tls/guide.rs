//! The guide prints what is said, word for word.

const GUIDE: &str = include_str!("../../../micro/src/docs/tls.md");

/// Where each message is asserted.
const TESTS: [&str; 3] = [
    include_str!("refusals.rs"),
    include_str!("start.rs"),
    include_str!("../../../micro/src/tls/secured/mod.rs"),
];

/// The messages that the guide prints.
fn rows() -> impl Iterator<Item = &'static str> {
    let said = GUIDE.split("\n# What is said").nth(1).unwrap();
    said.lines()
        .filter_map(|line| line.strip_suffix("` |")?.split(" | `").nth(1))
}

/// `text` without its numbers, which are others each time.
fn masked(text: &str) -> String {
    let pieces: Vec<&str> = text.split(|c: char| c.is_ascii_digit()).collect();
    let mut masked = pieces.join("#");
    while masked.contains("##") {
        masked = masked.replace("##", "#");
    }
    masked
}

/// Asserts that `said`, but for the call that it is said of, is what the guide prints as `row`.
pub fn assert_printed(said: &str, row: &str) {
    assert!(rows().any(|own| own == row), "not in the guide: {row}");
    let said = masked(said).replace(&masked("127.0.0.1:1"), "ADDRESS");
    let said = said
        .rsplit_once("attempt #: ")
        .map_or(&*said, |(_, why)| why);
    assert_eq!(said, masked(row));
}

#[test]
fn each_message_that_the_guide_prints_is_asserted_by_a_test() {
    let mut lost: Vec<_> = rows().collect();
    assert!(lost.len() > 15, "{lost:?}");

    lost.retain(|row| {
        let quoted = format!("{:?}", row.trim_start_matches("ADDRESS "));
        !TESTS.iter().any(|test| test.contains(&quoted[1..]))
    });

    assert_eq!(lost, [""; 0]);
}
