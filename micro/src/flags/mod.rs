//! The command line and the `MICRO_*` variables, laid over what code set.
//!
//! Read by programs that `#[micro::main]` or `#[micro::function]` runs; a builder never reads them by itself. What
//! can be said is in `table`, one row a flag.

#[macro_use]
mod row;
mod table;
mod time;
mod value;

use std::ffi::{OsStr, OsString};
use std::fmt::Write as _;
use std::io::Write as _;

use clap::builder::{PossibleValuesParser, Resettable, ValueParser};
use clap::parser::ValueSource;
use clap::{Arg, ArgAction, ArgMatches, Args, Command};
use tracing::level_filters::LevelFilter;

use self::row::Row;
use self::table::ROWS;
use crate::error::{Error, Result};
use crate::settings::{Origin, Settings};

/// The flag that shows the settings in place of running the program.
const PRINT: &str = "print_config";

/// The end of the help.
const VARIABLES: &str = "\
Each flag with a value has a variable: MICRO_ and the flag's name in upper case, such as MICRO_SERVER_ADDRESS.
Flags win over variables, variables over what the program sets itself, and that over the defaults.";

/// What was said, and where.
#[derive(Clone, Debug, Default)]
pub(crate) struct Flags {
    said: Vec<Said>,
    /// True if the program shows its settings and ends.
    pub(crate) is_print: bool,
}

#[derive(Clone, Debug)]
struct Said {
    row: &'static Row,
    text: String,
    origin: Origin,
}

/// Reads `arguments` into the flags and the program's own `A`.
///
/// # Errors
///
/// clap's: what is wrong and how to write it, or the help or version text that was asked for.
pub(crate) fn parse<A: Args>(
    name: String,
    version: &'static str,
    arguments: impl IntoIterator<Item = OsString>,
) -> Result<(Flags, A), clap::Error> {
    // The program's own come first in the help: they are what its user looks for.
    let command = A::augment_args(Command::new(name).version(version));
    let command = ROWS
        .iter()
        .fold(command, |command, row| command.arg(arg(row)));
    let print = Arg::new(PRINT)
        .long(PRINT)
        .alias("print-config")
        .action(ArgAction::SetTrue)
        .help_heading("Settings")
        .help("Print each setting, its value and where it comes from, and exit");
    // A variable that is set to nothing is not set, as in go-micro.
    let is_empty = |name: &OsStr| std::env::var_os(name).is_some_and(|value| value.is_empty());
    let command = command.mut_args(|arg| match arg.get_env() {
        Some(name) if is_empty(name) => arg.env(Resettable::Reset),
        _ => arg,
    });
    let command = command.after_help(VARIABLES);
    let mut matches = command.arg(print).try_get_matches_from(arguments)?;
    let own = A::from_arg_matches_mut(&mut matches)?;
    let flags = Flags {
        said: ROWS.iter().filter_map(|row| said(row, &matches)).collect(),
        is_print: matches.get_flag(PRINT),
    };
    Ok((flags, own))
}

// The arguments of a program that has none of its own; a doc comment would stand in its help.
#[derive(Args, Clone, Copy, Debug)]
pub(crate) struct NoArgs {}

fn arg(row: &'static Row) -> Arg {
    let arg = Arg::new(row.name)
        .long(row.name)
        .env(row.variable())
        .value_name(row.value)
        .help_heading(row.heading)
        .help(help(row))
        .hide_env(true);
    let arg = if row.name.contains('_') {
        arg.alias(row.name.replace('_', "-"))
    } else {
        arg
    };
    if row.is_switch {
        arg.num_args(0..=1)
            .require_equals(true)
            .default_missing_value("true")
            .value_parser(checked(row))
    } else if row.is_list {
        // Commas part the values of a variable, and may part those of a flag.
        arg.action(ArgAction::Append)
            .value_delimiter(',')
            .value_parser(checked(row))
    } else {
        arg.value_parser(checked(row))
    }
}

/// Takes what the row can read, so that a mistake is told with the flag's name and form.
fn checked(row: &'static Row) -> ValueParser {
    if let Some(choices) = row.choices {
        return PossibleValuesParser::new(choices).into();
    }
    ValueParser::from(move |text: &str| {
        (row.read)(&mut Settings::default(), text).map(|()| text.to_owned())
    })
}

fn help(row: &Row) -> String {
    let mut text = row.help.to_owned();
    if let Some(names) = row.names {
        let _ = write!(text, ": {}", names().join(", "));
    }
    let default = (row.show)(&Settings::default());
    if !default.is_empty() && row.has_constant_default {
        let _ = write!(text, " [default: {default}]");
    }
    text
}

fn said(row: &'static Row, matches: &ArgMatches) -> Option<Said> {
    let origin = match matches.value_source(row.name)? {
        ValueSource::CommandLine => Origin::Flag,
        ValueSource::EnvVariable => Origin::Variable,
        _ => return None,
    };
    let values: Vec<&str> = matches
        .get_many::<String>(row.name)?
        .map(String::as_str)
        .collect();
    let text = values.join(",");
    Some(Said { row, text, origin })
}

impl Flags {
    /// What is logged, which is decided before anything else.
    pub(crate) fn log_level(&self) -> Result<LevelFilter> {
        Ok(self.over(Settings::default())?.log_level)
    }

    /// Lays what was said over what code set.
    ///
    /// # Errors
    ///
    /// `bad_request` for what is said against a setting that the program fixes.
    pub(crate) fn over(&self, mut settings: Settings) -> Result<Settings> {
        for Said { row, text, origin } in &self.said {
            let before = (row.show)(&settings);
            (row.read)(&mut settings, text).map_err(|wrong| refused(row, text, *origin, &wrong))?;
            if settings.is_fixed(row.name) && before != (row.show)(&settings) {
                let why = format!("this program fixes it at {before:?}; leave it out");
                return Err(refused(row, text, *origin, &why));
            }
            settings.note(row.name, *origin);
        }
        Ok(settings)
    }
}

fn refused(row: &Row, text: &str, origin: Origin, why: &str) -> Error {
    let said = match origin {
        Origin::Variable => format!("{}={text}", row.variable()),
        _ => format!("--{}={text}", row.name),
    };
    Error::bad_request("micro.flags", format!("{said} cannot be used: {why}"))
}

/// What `--print_config` does; a program that reads no flags never comes here.
pub(crate) fn print_and_exit(settings: &Settings) -> ! {
    // A closed standard output is the reader's own wish.
    let _ = std::io::stdout().write_all(print(settings).as_bytes());
    std::process::exit(0)
}

/// Every setting on a line of its own: the flag's name, the value, and where it comes from.
fn print(settings: &Settings) -> String {
    let shown: Vec<_> = ROWS.iter().map(|row| (row, (row.show)(settings))).collect();
    let width = |length: &dyn Fn(&(&Row, String)) -> usize| shown.iter().map(length).max();
    let name = width(&|(row, _)| row.name.len()).unwrap_or(0);
    // A long list need not push the last column out of sight.
    let value = width(&|(_, value)| value.chars().count())
        .unwrap_or(0)
        .min(40);
    let mut text = String::new();
    for (row, shown) in &shown {
        let origin = match settings.origin(row.name) {
            Origin::Default => "default".to_owned(),
            Origin::Code => "code".to_owned(),
            Origin::Variable => row.variable(),
            Origin::Flag => format!("--{}", row.name),
        };
        let fixed = if settings.is_fixed(row.name) {
            ", fixed"
        } else {
            ""
        };
        let _ = writeln!(text, "{:name$}  {shown:value$}  {origin}{fixed}", row.name);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::{Flags, NoArgs, ROWS, parse, print};
    use crate::settings::{Origin, Settings};

    fn flags(arguments: &[&str]) -> Flags {
        let arguments = std::iter::once("test")
            .chain(arguments.iter().copied())
            .map(Into::into);
        parse::<NoArgs>("test".to_owned(), "1.0.0", arguments)
            .unwrap()
            .0
    }

    fn over(arguments: &[&str], settings: Settings) -> Settings {
        flags(arguments).over(settings).unwrap()
    }

    #[test]
    fn dashes_and_underscores_name_the_same_flag() {
        let dashes = over(&["--server-address=:80"], Settings::default());
        let underscores = over(&["--server_address=:80"], Settings::default());

        assert_eq!(dashes.server.address, ":80");
        assert_eq!(underscores.server.address, ":80");
    }

    #[test]
    fn a_switch_needs_no_value() {
        let on = over(&["--tls", "--tls_ca_file=ca.pem"], Settings::default());
        let off = over(&["--tls=false"], Settings::default());

        assert!(on.transport_options.tls.is_on);
        assert!(!off.transport_options.tls.is_on);
    }

    #[test]
    fn a_flag_is_laid_over_what_code_set() {
        let mut settings = Settings::default();
        settings.server.version = "1.0.0".to_owned();

        let laid = over(&["--server_version=2.0.0"], settings);

        assert_eq!(laid.server.version, "2.0.0");
    }

    #[test]
    fn what_no_flag_names_stays_as_code_set_it() {
        let mut settings = Settings::default();
        settings.server.version = "1.0.0".to_owned();

        assert_eq!(over(&[], settings).server.version, "1.0.0");
    }

    #[test]
    fn metadata_is_given_as_pairs_and_added_to_what_code_set() {
        let mut settings = Settings::default();
        settings
            .server
            .metadata
            .insert("c".to_owned(), "3".to_owned());

        let laid = over(
            &["--server_metadata=a=1", "--server_metadata=b=2"],
            settings,
        );

        assert_eq!(laid.server.metadata["a"], "1");
        assert_eq!(laid.server.metadata["b"], "2");
        assert_eq!(laid.server.metadata["c"], "3");
    }

    #[test]
    fn what_a_row_shows_is_read_back_as_the_same() {
        for row in ROWS {
            let shown = (row.show)(&Settings::default());
            let mut settings = Settings::default();

            if !shown.is_empty() {
                (row.read)(&mut settings, &shown).unwrap();
            }

            assert_eq!((row.show)(&settings), shown, "{}", row.name);
        }
    }

    #[test]
    fn a_flag_against_a_fixed_setting_is_refused_by_name() {
        let mut settings = Settings::default();
        settings.server.address = ":8080".to_owned();
        settings.note("server_address", Origin::Code);
        settings.fix("server_address");

        let error = flags(&["--server_address=:80"]).over(settings).unwrap_err();

        let said = error.to_string();
        assert!(said.contains("--server_address=:80"), "{said}");
        assert!(said.contains("fixes it at \":8080\""), "{said}");
    }

    #[test]
    fn a_flag_that_says_what_is_fixed_already_is_taken() {
        let mut settings = Settings::default();
        settings.server.address = ":8080".to_owned();
        settings.fix("server_address");

        assert!(flags(&["--server_address=:8080"]).over(settings).is_ok());
    }

    #[test]
    fn the_settings_are_printed_with_their_origin() {
        let mut settings = Settings::default();
        settings.server.version = "1.0.0".to_owned();
        settings.note("server_version", Origin::Code);

        let printed = print(&over(&["--server_address=:80"], settings));

        let line = |name: &str| {
            let line = printed.lines().find(|line| line.starts_with(name)).unwrap();
            line.split_whitespace().collect::<Vec<_>>().join(" ")
        };
        assert_eq!(
            line("server_address"),
            "server_address :80 --server_address"
        );
        assert_eq!(line("server_version"), "server_version 1.0.0 code");
        assert_eq!(line("register_ttl"), "register_ttl 90s default");
    }
}
