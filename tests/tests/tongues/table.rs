//! Who can call whom, and how: rows of cells, which must all hold.

use std::fmt::Write as _;
use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::LocalBoxFuture;

/// What comes of one try.
pub type Outcome = Result<(), String>;

/// Holds if what was found is what was expected.
pub fn same<T: PartialEq + std::fmt::Debug>(found: T, wanted: T) -> Outcome {
    match found == wanted {
        true => Ok(()),
        false => Err(format!("found {found:?}, expected {wanted:?}")),
    }
}

/// How long a try may take.
const PATIENCE: Duration = Duration::from_secs(20);

enum Cell {
    Holds,
    /// It was tried, and should have held.
    Fails(String),
    /// Not tried: a fault or a gap of the peer's own.
    Forbidden(&'static str),
}

/// What one peer does in one direction and one form, column by column.
pub struct Row {
    name: String,
    cells: Vec<(&'static str, Cell)>,
}

impl Row {
    pub fn new(name: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            cells: Vec::new(),
        }
    }

    /// Tries what belongs under `column`.
    pub async fn tries(&mut self, column: &'static str, outcome: LocalBoxFuture<'_, Outcome>) {
        let outcome = std::panic::AssertUnwindSafe(outcome).catch_unwind();
        let cell = match tokio::time::timeout(PATIENCE, outcome).await {
            Ok(Ok(Ok(()))) => Cell::Holds,
            Ok(Ok(Err(why))) => Cell::Fails(why),
            Ok(Err(_)) => Cell::Fails("it panicked".to_owned()),
            Err(_) => Cell::Fails(format!("nothing after {PATIENCE:?}")),
        };
        self.cells.push((column, cell));
    }

    /// Says why `column` is not tried.
    pub fn forbids(&mut self, column: &'static str, why: &'static str) {
        self.cells.push((column, Cell::Forbidden(why)));
    }
}

/// The rows under their columns, and below what did not hold, or could not; true if all held.
pub fn print(columns: &[&'static str], rows: &[Row]) -> bool {
    let width = rows.iter().map(|row| row.name.len()).max().unwrap_or(0);
    let (mut text, mut notes, mut holds) = (String::new(), Vec::new(), true);
    let _ = write!(text, "{:width$}", "");
    for column in columns {
        let _ = write!(text, "  {column}");
    }
    text.push('\n');
    for row in rows {
        let _ = write!(text, "{:width$}", row.name);
        for column in columns {
            let cell = row.cells.iter().find(|(name, _)| name == column);
            let mark = match cell.map(|(_, cell)| cell) {
                Some(Cell::Holds) => "yes".to_owned(),
                Some(Cell::Forbidden(why)) => {
                    let known = notes.iter().position(|note| note == why);
                    let number = known.unwrap_or_else(|| {
                        notes.push((*why).to_owned());
                        notes.len() - 1
                    });
                    format!("-({})", number + 1)
                }
                Some(Cell::Fails(why)) => {
                    holds = false;
                    notes.push(format!("FAILS: {}, {column}: {why}", row.name));
                    format!("NO({})", notes.len())
                }
                None => String::new(),
            };
            let _ = write!(text, "  {mark:<width$}", width = column.len());
        }
        text.push('\n');
    }
    for (at, note) in notes.iter().enumerate() {
        let _ = writeln!(text, "({}) {note}", at + 1);
    }
    println!("{text}");
    holds
}
