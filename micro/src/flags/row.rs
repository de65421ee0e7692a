//! What a flag is: the setting that it sets, and how that is read and shown.

use std::fmt::Write as _;

use clap::{Arg, ArgAction};

use crate::settings::Settings;

/// One flag, its variable, and the setting that both set.
#[derive(Debug)]
pub(crate) struct Row {
    /// The flag, without its dashes.
    pub(super) name: &'static str,
    pub(super) heading: &'static str,
    pub(super) help: &'static str,
    /// What its value is called in the help.
    pub(super) value: &'static str,
    /// True if it may be said several times, or take several values between commas.
    pub(super) is_list: bool,
    /// True if the flag alone says `true`.
    pub(super) is_switch: bool,
    /// False if the default is not the same in every run.
    pub(super) has_constant_default: bool,
    /// True if what is served may say another, unless a flag or a variable says this one.
    pub(super) yields: bool,
    /// The names that it takes.
    pub(super) names: Option<fn() -> Vec<&'static str>>,
    /// Sets the setting, or says why that is no value for it.
    pub(super) read: fn(&mut Settings, &str) -> Result<(), String>,
    /// The setting in the form that `read` takes; empty if there is none.
    pub(super) show: fn(&Settings) -> String,
}

impl Row {
    /// The variable that says the same as the flag.
    pub(super) fn variable(&self) -> String {
        format!("MICRO_{}", self.name.to_ascii_uppercase())
    }

    /// The flag as the command line has it.
    pub(super) fn arg(&self) -> Arg {
        let arg = Arg::new(self.name)
            .long(self.name)
            .env(self.variable())
            .value_name(self.value)
            .help_heading(self.heading)
            .help(self.text())
            .hide_env(true);
        let arg = if self.name.contains('_') {
            arg.alias(self.name.replace('_', "-"))
        } else {
            arg
        };
        if self.is_switch {
            // A value stands behind `=`, so that what follows is not taken for one.
            arg.num_args(0..=1)
                .require_equals(true)
                .default_missing_value("true")
        } else if self.is_list {
            // Commas part the values of a variable, and may part those of a flag.
            arg.action(ArgAction::Append).value_delimiter(',')
        } else {
            arg
        }
    }

    fn text(&self) -> String {
        let mut text = self.help.to_owned();
        if let Some(names) = self.names {
            let _ = write!(text, ": {}", names().join(", "));
        }
        let default = (self.show)(&Settings::default());
        if !default.is_empty() && self.has_constant_default {
            let _ = write!(text, " [default: {default}]");
        }
        text
    }
}

/// A row whose setting is the place `$place`, read by `$read` and shown by `$show`.
macro_rules! row {
    (
        $name:literal, $heading:ident, $value:literal, $help:literal,
        $($place:ident).+ = $read:expr, $show:expr $(, $key:ident: $more:expr)*
    ) => {
        Row {
            name: $name,
            heading: $heading,
            help: $help,
            value: $value,
            read: |settings, text| {
                settings.$($place).+ = $read(text)?;
                Ok(())
            },
            show: |settings| $show(&settings.$($place).+),
            $($key: $more,)*
            ..PLAIN
        }
    };
}

/// A row that chooses the backend of the seam `$seam` from `$table`.
macro_rules! backend {
    ($name:literal, $value:literal, $help:literal, $seam:ident, $table:ident) => {
        Row {
            name: $name,
            heading: BACKENDS,
            help: $help,
            value: $value,
            names: Some(|| $table().names()),
            read: |settings, text| {
                settings.$seam = some(text)?;
                Ok(())
            },
            show: |settings| match (&settings.$seam, &settings.given.$seam) {
                (Some(name), _) => name.clone(),
                (None, Some(given)) => given.name().to_owned(),
                (None, None) => $table().default_name().to_owned(),
            },
            ..PLAIN
        }
    };
}

pub(super) const PLAIN: Row = Row {
    name: "",
    heading: "",
    help: "",
    value: "",
    is_list: false,
    is_switch: false,
    has_constant_default: true,
    yields: false,
    names: None,
    read: |_, _| Ok(()),
    show: |_| String::new(),
};
