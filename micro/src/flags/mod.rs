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

use clap::builder::Resettable;
use clap::parser::ValueSource;
use clap::{Arg, ArgAction, ArgMatches, Args, Command};
use tracing::level_filters::LevelFilter;

use self::row::Row;
use self::table::ROWS;
use crate::error::{Error, Result};
use crate::settings::{Origin, Settings};

/// The flag that shows the settings in place of running the program.
const PRINT: &str = "print_config";

/// The flag that shows the contract of what is served, in place of serving it.
const PRINT_PROTO: &str = "print_proto";

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
    /// True if the program shows the proto files of what it serves, and ends.
    pub(crate) is_print_proto: bool,
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
    // A program that says no version has none to show.
    let version = (!version.is_empty()).then_some(version);
    let command = A::augment_args(Command::new(name).version(version));
    let command = ROWS
        .iter()
        .fold(command, |command, row| command.arg(row.arg()));
    let command = command
        .arg(print_arg(
            PRINT,
            "print-config",
            "Print each setting, its value and where it comes from, and exit",
        ))
        .arg(print_arg(
            PRINT_PROTO,
            "print-proto",
            "Print the proto file of each service that the program serves, and exit",
        ));
    // A variable that is set to nothing is not set, as in go-micro.
    let is_empty = |name: &OsStr| std::env::var_os(name).is_some_and(|value| value.is_empty());
    let command = command.mut_args(|arg| match arg.get_env() {
        Some(name) if is_empty(name) => arg.env(Resettable::Reset),
        _ => arg,
    });
    let command = command.after_help(VARIABLES);
    let mut matches = command.try_get_matches_from(arguments)?;
    let own = A::from_arg_matches_mut(&mut matches)?;
    let flags = Flags {
        said: ROWS.iter().filter_map(|row| said(row, &matches)).collect(),
        is_print: matches.get_flag(PRINT),
        is_print_proto: matches.get_flag(PRINT_PROTO),
    };
    Ok((flags, own))
}

/// A flag that shows something in place of running the program.
fn print_arg(name: &'static str, alias: &'static str, help: &'static str) -> Arg {
    let arg = Arg::new(name).long(name).alias(alias).help(help);
    arg.action(ArgAction::SetTrue).help_heading("Settings")
}

// The arguments of a program that has none of its own; a doc comment would stand in its help.
#[derive(Args, Clone, Copy, Debug)]
pub(crate) struct NoArgs {}

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
    /// `bad_request`, naming the flag or the variable, for what is no value for the setting, and for what is said
    /// against one that the program fixes.
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

/// What `--print_config` and `--print_proto` do; a program that reads no flags never comes here.
pub(crate) fn print_and_exit(text: &str) -> ! {
    // A closed standard output is the reader's own wish.
    let _ = std::io::stdout().write_all(text.as_bytes());
    std::process::exit(0)
}

/// Every setting on a line of its own: the flag's name, the value, and where it comes from.
pub(crate) fn print(settings: &Settings) -> String {
    let shown: Vec<_> = ROWS.iter().map(|row| (row, (row.show)(settings))).collect();
    let width = |length: &dyn Fn(&(&Row, String)) -> usize| shown.iter().map(length).max();
    let name = width(&|(row, _)| row.name.len()).unwrap_or(0);
    // A long list need not push the last column out of sight.
    let value = width(&|(_, value)| value.chars().count())
        .unwrap_or(0)
        .min(40);
    let mut text = String::new();
    for (row, shown) in &shown {
        let fixed = if settings.is_fixed(row.name) {
            ", fixed"
        } else {
            ""
        };
        let yields = if row.yields && !settings.is_settled(row.name) {
            ", unless what is served says another"
        } else {
            ""
        };
        let origin = match settings.origin(row.name) {
            Origin::Default => "default".to_owned(),
            Origin::Code => "code".to_owned(),
            Origin::Variable => row.variable(),
            Origin::Flag => format!("--{}", row.name),
        };
        let _ = writeln!(
            text,
            "{:name$}  {shown:value$}  {origin}{fixed}{yields}",
            row.name
        );
    }
    text
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use clap::error::ErrorKind;

    use super::{Flags, NoArgs, ROWS, Said, parse, print};
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

    /// What is printed of one setting.
    fn line(printed: &str, name: &str) -> String {
        let line = printed.lines().find(|line| line.starts_with(name)).unwrap();
        line.split_whitespace().collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn a_program_without_a_version_has_no_flag_that_shows_it() {
        let asked = |version| {
            let arguments = ["test", "--version"].map(Into::into);
            let asked = parse::<NoArgs>("test".to_owned(), version, arguments);
            asked.unwrap_err().kind()
        };

        assert_eq!(asked("1.0.0"), ErrorKind::DisplayVersion);
        assert_eq!(asked(""), ErrorKind::UnknownArgument);
    }

    #[test]
    fn dashes_and_underscores_name_the_same_flag() {
        let dashes = over(&["--server-address=:80"], Settings::default());
        let underscores = over(&["--server_address=:80"], Settings::default());

        assert_eq!(dashes.server.address, ":80");
        assert_eq!(underscores.server.address, ":80");
    }

    #[test]
    fn a_flag_is_laid_over_what_code_set() {
        let mut settings = Settings::default();
        settings.server.version = "1.0.0".to_owned();

        let laid = over(&["--server_version=2.0.0"], settings);

        assert_eq!(laid.server.version, "2.0.0");
    }

    #[test]
    fn a_switch_alone_is_on_and_may_be_said_to_be_off() {
        assert!(over(&["--metrics"], Settings::default()).metrics);

        let on = over(&["--metrics"], Settings::default());
        assert!(!over(&["--metrics=false"], on).metrics);
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
    fn what_is_no_value_is_refused_under_the_name_by_which_it_was_said() {
        let said = |origin| {
            let row = ROWS.iter().find(|row| row.name == "register_ttl").unwrap();
            let text = "soon".to_owned();
            let said = vec![Said { row, text, origin }];
            let flags = Flags {
                said,
                ..Flags::default()
            };
            flags.over(Settings::default()).unwrap_err().to_string()
        };

        assert!(said(Origin::Flag).contains("--register_ttl=soon cannot be used"));
        assert!(said(Origin::Variable).contains("MICRO_REGISTER_TTL=soon cannot be used"));
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
        settings.server.drain = Duration::from_secs(60);
        settings.note("stop_drain", Origin::Code);

        let printed = print(&over(&["--server_address=:80"], settings));

        assert_eq!(
            line(&printed, "server_address"),
            "server_address :80 --server_address"
        );
        assert_eq!(line(&printed, "stop_drain"), "stop_drain 60s code");
        assert_eq!(line(&printed, "register_ttl"), "register_ttl 90s default");
    }

    #[test]
    fn a_version_that_no_flag_says_is_printed_as_one_that_a_service_may_replace() {
        let line = |arguments: &[&str]| {
            let printed = print(&over(arguments, Settings::default()));
            line(&printed, "server_version")
        };

        assert_eq!(
            line(&[]),
            "server_version latest default, unless what is served says another"
        );
        assert_eq!(
            line(&["--server_version=2.0.0"]),
            "server_version 2.0.0 --server_version"
        );
    }
}
