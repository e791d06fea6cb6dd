//! The flags that set fields of the resource, generated from [`RESOURCE_FLAGS`].

use clap::builder::PossibleValuesParser;
use clap::{Arg, ArgAction, ArgMatches, Args, Command, FromArgMatches};

use crate::cli::args;
use crate::resource::{FlagSyntax, FlagValue, Overrides, RESOURCE_FLAGS, ResourceFlag};

/// The heading of these flags in `--help`.
pub(super) const HEADING: &str = "Resource";

impl Args for Overrides {
    fn augment_args(command: Command) -> Command {
        command.args(RESOURCE_FLAGS.iter().map(arg))
    }

    fn augment_args_for_update(command: Command) -> Command {
        Self::augment_args(command)
    }
}

impl FromArgMatches for Overrides {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, clap::Error> {
        let given = |flag| Some((flag, value(flag, matches)?));
        Ok(RESOURCE_FLAGS.iter().filter_map(given).collect())
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
        *self = Self::from_arg_matches(matches)?;
        Ok(())
    }
}

fn arg(flag: &ResourceFlag) -> Arg {
    let arg =
        Arg::new(flag.name).long(flag.name).value_name(flag.value_name).help(flag.help).help_heading(HEADING);
    match flag.syntax {
        FlagSyntax::Text => arg,
        FlagSyntax::OneOf(words) => arg.value_parser(PossibleValuesParser::new(words)),
        FlagSyntax::Integer => arg.value_parser(integer).allow_negative_numbers(true),
        FlagSyntax::Labels => arg.value_parser(args::key_value).action(ArgAction::Append),
    }
}

fn integer(text: &str) -> Result<i64, &'static str> {
    text.parse().map_err(|_| "expected an integer")
}

fn value(flag: &ResourceFlag, matches: &ArgMatches) -> Option<FlagValue> {
    match flag.syntax {
        FlagSyntax::Text | FlagSyntax::OneOf(_) => {
            matches.get_one::<String>(flag.name).cloned().map(FlagValue::Text)
        }
        FlagSyntax::Integer => matches.get_one::<i64>(flag.name).copied().map(FlagValue::Integer),
        FlagSyntax::Labels => {
            matches.get_many(flag.name).map(|labels| FlagValue::Labels(labels.cloned().collect()))
        }
    }
}

/// The flags and their values as command line arguments.
pub(super) fn words(overrides: &Overrides) -> impl Iterator<Item = String> {
    overrides.iter().flat_map(|(flag, value)| {
        let values = match value {
            FlagValue::Text(text) => vec![text.clone()],
            FlagValue::Integer(number) => vec![number.to_string()],
            FlagValue::Labels(labels) => labels.iter().map(|(key, value)| format!("{key}={value}")).collect(),
        };
        values.into_iter().flat_map(|value| [format!("--{}", flag.name), value])
    })
}
