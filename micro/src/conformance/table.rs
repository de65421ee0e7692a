//! What came of lines, as it is printed: a table for each seam, of implementations by lines.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

/// Where in the tables.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Cell {
    pub(super) seam: &'static str,
    pub(super) row: String,
    /// The line's place among those of its seam.
    pub(super) number: usize,
    pub(super) line: &'static str,
}

impl fmt::Display for Cell {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} over {}: {}",
            self.seam,
            self.row,
            self.line.replace('_', " ")
        )
    }
}

/// What came of a line.
pub(super) enum Outcome {
    Held,
    /// The backend says that it does not keep it.
    NotPromised,
    /// It needs a server, and there is none.
    NoServer,
    /// Why.
    Broken(String),
}

impl Outcome {
    fn mark(&self) -> char {
        match self {
            Self::Held => '+',
            Self::NotPromised => '-',
            Self::NoServer => '.',
            Self::Broken(_) => '!',
        }
    }
}

/// What came of every line.
#[derive(Default)]
pub(super) struct Table(BTreeMap<Cell, Outcome>);

impl Table {
    pub(super) fn add(&mut self, cell: Cell, outcome: Outcome) {
        self.0.insert(cell, outcome);
    }

    pub(super) fn is_broken(&self) -> bool {
        self.count('!') > 0
    }

    fn count(&self, mark: char) -> usize {
        self.0
            .values()
            .filter(|outcome| outcome.mark() == mark)
            .count()
    }

    /// The lines of `seam`, then what came of them, a row for each implementation.
    fn show(&self, seam: &str, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let cells = || self.0.iter().filter(|(cell, _)| cell.seam == seam);
        let lines: BTreeMap<_, _> = cells().map(|(cell, _)| (cell.number, cell.line)).collect();
        let rows: BTreeSet<_> = cells().map(|(cell, _)| &cell.row).collect();
        let width = rows.iter().map(|row| row.len()).max().unwrap_or(0);
        writeln!(f, "\n{seam}")?;
        for (number, line) in &lines {
            writeln!(f, "  {:2}  {}", number + 1, line.replace('_', " "))?;
        }
        write!(f, "  {:width$}", "")?;
        for number in lines.keys() {
            write!(f, " {:2}", number + 1)?;
        }
        for row in rows {
            write!(f, "\n  {row:width$}")?;
            for number in lines.keys() {
                let cell = cells().find(|(cell, _)| cell.row == *row && cell.number == *number);
                let mark = cell.map_or(' ', |(_, outcome)| outcome.mark());
                write!(f, "  {mark}")?;
            }
        }
        writeln!(f)
    }
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seams: BTreeSet<_> = self.0.keys().map(|cell| cell.seam).collect();
        for seam in seams {
            self.show(seam, f)?;
        }
        for (cell, outcome) in &self.0 {
            if let Outcome::Broken(why) = outcome {
                writeln!(f, "\n{cell}: {why}")?;
            }
        }
        let verdict = if self.is_broken() { "FAILED" } else { "ok" };
        write!(
            f,
            "\n+ holds   - is not promised   . needs a server   ! is broken\n\ntest result: {verdict}. {} passed; {} failed; {} not promised; {} without a server",
            self.count('+'),
            self.count('!'),
            self.count('-'),
            self.count('.'),
        )
    }
}
