//! `director config`: each resolved setting and where it came from.

use std::fmt::Write;
use std::process::ExitCode;

use anstyle::{AnsiColor, Style};
use serde_json::json;

use super::{Globals, settings::Settings};
use crate::layers::{Entry, Origin, Resolved};

/// Arguments.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  director config                                 every key, its value and where it came from
  director config --preset draft --changed        only what was set over the preset
  director config --toml > director.toml          a commented file to start from
  DIRECTOR_FIT__STEPS=500 director config --set fit.sh_degree=0 --changed
A key is written the same way everywhere: fit.steps in director.toml (or steps under [fit]), DIRECTOR_FIT__STEPS in the
environment, --set fit.steps=500 on the command line. Rising precedence: preset, director.toml, environment, flags.
Exit codes: 0 good, 2 a fault in the configuration.")]
pub struct Args {
    /// One JSON array on standard output, an object a key
    #[arg(long, conflicts_with = "toml")]
    json: bool,
    /// A commented director.toml on standard output; what comes from the preset is commented out
    #[arg(long)]
    toml: bool,
    /// Only what was set over the preset
    #[arg(long)]
    changed: bool,
    #[command(flatten)]
    settings: Settings,
}

/// Runs the command.
pub fn run(args: &Args, globals: &Globals) -> anyhow::Result<ExitCode> {
    let resolved = args.settings.resolved(globals)?;
    let mut entries = resolved.entries()?;
    entries.retain(|e| e.changed() || !args.changed);
    let text = if args.json {
        serde_json::to_string_pretty(&entries.iter().map(object).collect::<Vec<_>>())? + "\n"
    } else if args.toml {
        document(&entries)?
    } else {
        table(&entries, &resolved)?
    };
    anstream::print!("{text}");
    Ok(ExitCode::SUCCESS)
}

fn object(entry: &Entry) -> serde_json::Value {
    // What is shown is parsed again, so that a number of single precision reads as it is written.
    let value = format!("v = {}", entry.show())
        .parse::<toml::Table>()
        .ok()
        .and_then(|mut t| t.remove("v"));
    json!({
        "key": entry.name, "value": value, "origin": entry.origin.to_string(), "layer": entry.origin.layer(),
        "wanted": entry.key.kind.wanted(), "about": entry.key.about,
    })
}

fn table(entries: &[Entry], resolved: &Resolved) -> Result<String, std::fmt::Error> {
    let changed = Style::new().bold().fg_color(Some(AnsiColor::Yellow.into()));
    let dim = Style::new().dimmed();
    let shown: Vec<(&Entry, String)> = entries
        .iter()
        .map(|e| match e.show() {
            none if none.is_empty() => (e, "not set".to_owned()),
            value => (e, value),
        })
        .collect();
    let keys = shown.iter().map(|(e, _)| e.name.len()).max().unwrap_or(0);
    let values = shown
        .iter()
        .map(|(_, v)| v.chars().count())
        .filter(|n| *n <= 40)
        .max()
        .unwrap_or(0);
    let mut text = String::new();
    for (entry, value) in &shown {
        let style = if entry.changed() { changed } else { dim };
        let value_style = if entry.changed() {
            changed
        } else {
            Style::new()
        };
        writeln!(
            text,
            "{:<keys$}  {value_style}{value:<values$}{value_style:#}  {style}{}{style:#}",
            entry.name, entry.origin
        )?;
    }
    if entries.is_empty() {
        let preset = Origin::Preset(resolved.config.preset);
        writeln!(text, "nothing is set over the {preset}")?;
    }
    Ok(text)
}

fn document(entries: &[Entry]) -> Result<String, std::fmt::Error> {
    let mut text = String::from(
        "# Settings of director, as `director config --toml` writes them. What comes from the preset is commented out.\n",
    );
    for entry in entries {
        let kind = entry.key.kind.wanted();
        write!(text, "\n# {}: {kind}\n", entry.key.about)?;
        match (entry.changed(), entry.show()) {
            (true, value) => writeln!(text, "{} = {value}  # {}", entry.name, entry.origin)?,
            (false, none) if none.is_empty() => writeln!(text, "# {} =", entry.name)?,
            (false, value) => writeln!(text, "# {} = {value}", entry.name)?,
        }
    }
    Ok(text)
}
