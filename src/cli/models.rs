//! `director models`: depth networks that are known, fetched and checked.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, bail};
use comfy_table::{Cell, CellAlignment, Color, Table, presets};
use serde::Serialize;

use super::Globals;
use crate::depth::{self, KnownModel};
use crate::fetch::{self, FetchError};
use crate::monitor::Monitor;
use crate::progress::{Single, tell};
use crate::run::signals;

/// Arguments.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  director models list
  director models pull depth-anything-v2-small
  director models pull depth-anything-v2-small --url https://mirror.example/model.onnx
  director models pull depth-anything-v2-small --file Downloads/model.onnx      without a network
  director models verify
  director run prompts.csv --set depth.model=depth-anything-v2-small
Networks lie in DIRECTOR_MODELS, else in the user's cache (director models path).
Exit codes: 0 good, 1 verify found a file that is not what it should be, 2 could not run, 130 interrupted
(pull goes on where it ended when it is run again).")]
pub struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// List the known networks, and which are here
    List {
        /// One JSON array on standard output
        #[arg(long)]
        json: bool,
    },
    /// Fetch networks, or take them from a file; what was cut off goes on where it ended
    Pull(Pull),
    /// Check the networks that are here against their sums
    Verify {
        /// Names; without any, all that are here
        #[arg(value_name = "NAME")]
        names: Vec<String>,
        /// One JSON array on standard output
        #[arg(long)]
        json: bool,
    },
    /// Print where networks lie, or one of them
    Path {
        /// A name
        #[arg(value_name = "NAME")]
        name: Option<String>,
    },
}

#[derive(Debug, clap::Args)]
struct Pull {
    /// Names, as in `director models list`
    #[arg(value_name = "NAME", required = true)]
    names: Vec<String>,
    /// Take it from this file instead of the web; it must be the same to the last bit
    #[arg(long, value_name = "PATH", conflicts_with = "url")]
    file: Option<PathBuf>,
    /// Take it from this address, such as a mirror's; it must be the same to the last bit
    #[arg(long, value_name = "URL")]
    url: Option<String>,
    /// Do not use the web: fail where a network is not here
    #[arg(long, env = "DIRECTOR_OFFLINE", value_parser = clap::builder::FalseyValueParser::new(), action = clap::ArgAction::SetTrue)]
    offline: bool,
}

/// Whether a known network is here.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
enum State {
    BuiltIn,
    Here,
    NotHere,
    /// Its size or sum is another.
    Wrong,
}

impl State {
    fn words(self) -> &'static str {
        match self {
            Self::BuiltIn => "built in",
            Self::Here => "here",
            Self::NotHere => "-",
            Self::Wrong => "wrong",
        }
    }

    fn colour(self) -> Color {
        match self {
            Self::BuiltIn | Self::Here => Color::Green,
            Self::NotHere => Color::DarkGrey,
            Self::Wrong => Color::Red,
        }
    }
}

#[derive(Serialize)]
struct Listed {
    name: &'static str,
    state: State,
    bytes: u64,
    licence: &'static str,
    non_commercial: bool,
    sha256: &'static str,
    url: Option<&'static str>,
    path: Option<PathBuf>,
    #[serde(skip)]
    pull: String,
}

/// Runs the command.
pub fn run(args: &Args, globals: &Globals) -> anyhow::Result<ExitCode> {
    match &args.command {
        Command::List { json } => list(*json),
        Command::Pull(pull) => self::pull(pull, globals),
        Command::Verify { names, json } => verify(names, *json),
        Command::Path { name } => path(name.as_deref()),
    }
}

fn known(name: &str) -> anyhow::Result<&'static KnownModel> {
    if let Some(model) = depth::known_by_name(Path::new(name)) {
        return Ok(model);
    }
    let names: Vec<&str> = depth::known().iter().map(|m| m.name.as_str()).collect();
    let near = names
        .iter()
        .max_by(|a, b| strsim::jaro(a, name).total_cmp(&strsim::jaro(b, name)))
        .filter(|near| strsim::jaro(near, name) > 0.8);
    let hint = near.map_or_else(String::new, |near| format!("; did you mean '{near}'?"));
    bail!(
        "no network is known as '{name}'{hint} (known: {}); one of your own needs no pull: give its file to --model",
        names.join(", ")
    )
}

/// Without reading all of it: by its size.
fn glance(model: &KnownModel) -> anyhow::Result<State> {
    if model.built_in() {
        return Ok(State::BuiltIn);
    }
    let Some(place) = model.place() else {
        return Ok(State::NotHere);
    };
    match std::fs::metadata(&place) {
        Ok(found) if found.is_file() && found.len() == model.bytes => Ok(State::Here),
        Ok(_) => Ok(State::Wrong),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(State::NotHere),
        Err(error) => Err(error).with_context(|| format!("{}", place.display())),
    }
}

fn listed(model: &'static KnownModel, state: State) -> Listed {
    Listed {
        name: &model.name,
        state,
        bytes: model.bytes,
        licence: &model.licence,
        non_commercial: model.non_commercial(),
        sha256: &model.sha256,
        url: model.url.as_deref(),
        path: model.place(),
        pull: model.pull(),
    }
}

fn show(all: &[Listed], json: bool) -> anyhow::Result<()> {
    if json {
        println!("{}", serde_json::to_string_pretty(all)?);
        return Ok(());
    }
    let mut table = Table::new();
    table.load_style(presets::NOTHING);
    if !super::colour_on_stdout() {
        table.force_no_tty();
    }
    table.set_header(["network", "here", "size", "licence", "from"]);
    for one in all {
        let licence = match one.non_commercial {
            true => format!("{} (not for commerce)", one.licence),
            false => one.licence.to_owned(),
        };
        let from = match one.state {
            State::BuiltIn => String::new(),
            _ => one.pull.clone(),
        };
        table.add_row([
            Cell::new(one.name),
            Cell::new(one.state.words()).fg(one.state.colour()),
            Cell::new(size(one.bytes)),
            Cell::new(licence),
            Cell::new(from),
        ]);
    }
    if let Some(column) = table.column_mut(2) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    anstream::println!("{}", table.trim_fmt());
    Ok(())
}

fn size(bytes: u64) -> String {
    indicatif::HumanBytes(bytes).to_string()
}

fn list(json: bool) -> anyhow::Result<ExitCode> {
    let all: Vec<Listed> = depth::known()
        .iter()
        .map(|model| Ok(listed(model, glance(model)?)))
        .collect::<anyhow::Result<_>>()?;
    show(&all, json)?;
    Ok(ExitCode::SUCCESS)
}

fn verify(names: &[String], json: bool) -> anyhow::Result<ExitCode> {
    let asked: Vec<&KnownModel> = match names {
        [] => {
            let mut here = Vec::new();
            for model in depth::known() {
                if matches!(glance(model)?, State::Here | State::Wrong) {
                    here.push(model);
                }
            }
            here
        }
        names => names
            .iter()
            .map(|name| known(name))
            .collect::<Result<_, _>>()?,
    };
    let mut all = Vec::new();
    for model in asked {
        let state = match (glance(model)?, model.place()) {
            (State::Here, Some(place)) => match fetch::matches(&wanted(model, None), &place)? {
                true => State::Here,
                false => State::Wrong,
            },
            (state, _) => state,
        };
        all.push(listed(model, state));
    }
    if all.is_empty() && !json {
        tell(&format!(
            "no network is in {}: director models pull NAME",
            folder()?.display()
        ));
        return Ok(ExitCode::SUCCESS);
    }
    show(&all, json)?;
    let bad = |one: &&Listed| matches!(one.state, State::Wrong | State::NotHere);
    for one in all.iter().filter(bad) {
        tell(&format!(
            "{}: {}; {}",
            one.name,
            match one.state {
                State::Wrong => "its file is not what it should be",
                _ => "it is not here",
            },
            one.pull
        ));
    }
    Ok(ExitCode::from(u8::from(all.iter().any(|one| bad(&one)))))
}

fn wanted(model: &KnownModel, mirror: Option<&str>) -> fetch::Wanted {
    fetch::Wanted {
        url: mirror
            .or(model.url.as_deref())
            .unwrap_or_default()
            .to_owned(),
        bytes: model.bytes,
        sha256: model.sha256.clone(),
    }
}

fn pull(args: &Pull, globals: &Globals) -> anyhow::Result<ExitCode> {
    if args.names.len() > 1 && (args.file.is_some() || args.url.is_some()) {
        bail!("--file and --url are of one network; name one");
    }
    let models: Vec<&KnownModel> = args
        .names
        .iter()
        .map(|name| known(name))
        .collect::<Result<_, _>>()?;
    let stop = signals::install().context("installing the signal handlers")?;
    for model in models {
        if model.built_in() {
            tell(&format!("{} is built in", model.name));
            continue;
        }
        let place = model.place().context(depth::NO_FOLDER)?;
        let wanted = wanted(model, args.url.as_deref());
        let matches = fetch::matches(&wanted, &place)?;
        if let Some(file) = args.file.as_ref().filter(|_| !matches) {
            taken(model, file, &wanted, &place)?;
        } else if !matches {
            let monitor = Single::until(stop.clone(), globals.quiet);
            match from_web(model, &wanted, &place, args, &monitor) {
                Err(error) if matches!(error.downcast_ref(), Some(FetchError::Interrupted)) => {
                    drop(monitor);
                    tell(&error.to_string());
                    return Ok(ExitCode::from(signals::INTERRUPTED));
                }
                done => done?,
            }
        }
        println!("{}", place.display());
    }
    Ok(ExitCode::SUCCESS)
}

fn from_web(
    model: &KnownModel,
    wanted: &fetch::Wanted,
    place: &Path,
    args: &Pull,
    monitor: &Single,
) -> anyhow::Result<()> {
    let name = &model.name;
    if args.offline {
        bail!(
            "{name} is not whole in {}, and the web is not to be used (--offline or DIRECTOR_OFFLINE); fetch it elsewhere and give --file",
            folder()?.display()
        );
    }
    if wanted.url.is_empty() {
        bail!(
            "no address is known of {name}; give its file with --file, or an address with --url (its sha256 is {})",
            model.sha256
        );
    }
    if model.non_commercial() {
        let licence = &model.licence;
        monitor.warn(&format!(
            "the licence of {name} is {licence}: not for commerce"
        ));
    }
    let got = fetch::fetch(wanted, place, monitor).map_err(|error| match error {
        FetchError::Interrupted => error.into(),
        error => anyhow::Error::new(error).context(format!(
            "{name} was not fetched (with a file of it: director models pull {name} --file PATH)"
        )),
    })?;
    if let Some(host) = got.host {
        monitor.warn(&format!("{} of {name} from {host}", size(model.bytes)));
    }
    Ok(())
}

/// Takes a file that somebody fetched.
fn taken(
    model: &KnownModel,
    file: &Path,
    wanted: &fetch::Wanted,
    place: &Path,
) -> anyhow::Result<()> {
    let shown = file.display();
    let bytes = std::fs::read(file).with_context(|| format!("{shown}"))?;
    let sum = crate::hash::sha256_hex(&bytes);
    if sum != wanted.sha256 {
        bail!(
            "{shown} is not {}: {} bytes with sha256 {} are due, it has {} with {sum}; to use a network of your own, give its file to --model",
            model.name,
            wanted.bytes,
            wanted.sha256,
            bytes.len()
        );
    }
    let folder = crate::files::folder_of(place);
    std::fs::create_dir_all(folder).with_context(|| format!("{}", folder.display()))?;
    crate::files::write_shared(place, &bytes).with_context(|| format!("{}", place.display()))
}

fn folder() -> anyhow::Result<PathBuf> {
    depth::models_folder().context(depth::NO_FOLDER)
}

fn path(name: Option<&str>) -> anyhow::Result<ExitCode> {
    let place = match name.map(known).transpose()? {
        None => folder()?,
        Some(model) if model.built_in() => bail!("{} is built in: it has no file", model.name),
        Some(model) => model.place().context(depth::NO_FOLDER)?,
    };
    println!("{}", place.display());
    Ok(ExitCode::SUCCESS)
}
