//! `director models`: depth networks that are known, fetched and checked.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anstyle::{AnsiColor, Style};
use anyhow::{Context, bail};
use comfy_table::{CellAlignment, Table, presets};
use serde::Serialize;

use super::Globals;
use crate::depth::{self, EMBEDDED_NAME, KnownModel};
use crate::fetch;
use crate::progress::{Single, tell};

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
Exit codes: 0 good, 1 a file is not what it should be, 2 could not run.")]
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

    fn colour(self) -> AnsiColor {
        match self {
            Self::BuiltIn | Self::Here => AnsiColor::Green,
            Self::NotHere => AnsiColor::BrightBlack,
            Self::Wrong => AnsiColor::Red,
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
    if let Some(model) = depth::named(Path::new(name)) {
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
fn glance(model: &KnownModel) -> State {
    let Some(place) = model.place() else {
        return State::BuiltIn;
    };
    match std::fs::metadata(place) {
        Ok(found) if found.len() == model.bytes => State::Here,
        Ok(_) => State::Wrong,
        Err(_) => State::NotHere,
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
    }
}

fn show(all: &[Listed], json: bool) -> anyhow::Result<()> {
    if json {
        println!("{}", serde_json::to_string_pretty(all)?);
        return Ok(());
    }
    let mut table = Table::new();
    table.load_style(presets::NOTHING);
    table.set_header(["network", "here", "size", "licence", "from"]);
    for one in all {
        let style = Style::new().fg_color(Some(one.state.colour().into()));
        let licence = match one.non_commercial {
            true => format!("{} (not for commerce)", one.licence),
            false => one.licence.to_owned(),
        };
        let from = match (one.url, one.state) {
            (_, State::BuiltIn) => "",
            (Some(_), _) => "director models pull",
            (None, _) => "director models pull --file",
        };
        table.add_row([
            one.name.to_owned(),
            format!("{style}{}{style:#}", one.state.words()),
            size(one.bytes),
            licence,
            from.to_owned(),
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
        .map(|model| listed(model, glance(model)))
        .collect();
    show(&all, json)?;
    Ok(ExitCode::SUCCESS)
}

fn verify(names: &[String], json: bool) -> anyhow::Result<ExitCode> {
    let asked: Vec<&KnownModel> = match names {
        [] => depth::known()
            .iter()
            .filter(|model| matches!(glance(model), State::Here | State::Wrong))
            .collect(),
        names => names
            .iter()
            .map(|name| known(name))
            .collect::<Result<_, _>>()?,
    };
    let mut all = Vec::new();
    for model in asked {
        let state = match (glance(model), model.place()) {
            (State::Here, Some(place)) => match fetch::is(&wanted(model, None), &place)? {
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
            depth::folder().display()
        ));
        return Ok(ExitCode::SUCCESS);
    }
    show(&all, json)?;
    let bad = |one: &&Listed| matches!(one.state, State::Wrong | State::NotHere);
    for one in all.iter().filter(bad) {
        tell(&format!(
            "{}: {}; director models pull {}",
            one.name,
            match one.state {
                State::Wrong => "its file is not what it should be",
                _ => "it is not here",
            },
            one.name
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
    for model in models {
        let Some(place) = model.place() else {
            tell(&format!("{EMBEDDED_NAME} is built in"));
            continue;
        };
        let wanted = wanted(model, args.url.as_deref());
        if let Some(file) = &args.file {
            taken(model, file, &wanted, &place)?;
        } else if !fetch::is(&wanted, &place)? {
            from_web(model, &wanted, &place, args.offline, globals.quiet)?;
        }
        println!("{}", place.display());
    }
    Ok(ExitCode::SUCCESS)
}

fn from_web(
    model: &KnownModel,
    wanted: &fetch::Wanted,
    place: &Path,
    offline: bool,
    quiet: bool,
) -> anyhow::Result<()> {
    let name = &model.name;
    if offline {
        bail!(
            "{name} is not in {}, and the web is not to be used (--offline or DIRECTOR_OFFLINE); fetch it elsewhere and give --file",
            depth::folder().display()
        );
    }
    if wanted.url.is_empty() {
        bail!(
            "no address is known of {name}; give its file with --file, or an address with --url (its sha256 is {})",
            model.sha256
        );
    }
    if model.non_commercial() && !quiet {
        tell(&format!(
            "note: the licence of {name} is {}: not for commerce",
            model.licence
        ));
    }
    let got = fetch::fetch(wanted, place, &Single::new(quiet)).with_context(|| {
        format!(
            "{name} was not fetched (with a file of it: director models pull {name} --file PATH)"
        )
    })?;
    if let Some(host) = got.host.filter(|_| !quiet) {
        tell(&format!("{} of {name} from {host}", size(model.bytes)));
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
    let found = std::fs::metadata(file).with_context(|| format!("{shown}"))?;
    if found.len() != wanted.bytes || !fetch::is(wanted, file)? {
        bail!(
            "{shown} is not {}: {} bytes with sha256 {} are due, it has {} bytes; to use a network of your own, give its file to --model",
            model.name,
            wanted.bytes,
            wanted.sha256,
            found.len()
        );
    }
    let folder = place.parent().unwrap_or(Path::new("."));
    std::fs::create_dir_all(folder).with_context(|| format!("{}", folder.display()))?;
    if std::fs::canonicalize(file).ok() == std::fs::canonicalize(place).ok() {
        return Ok(());
    }
    let bytes = std::fs::read(file).with_context(|| format!("{shown}"))?;
    crate::files::write_shared(place, &bytes).with_context(|| format!("{}", place.display()))
}

fn path(name: Option<&str>) -> anyhow::Result<ExitCode> {
    let Some(name) = name else {
        println!("{}", depth::folder().display());
        return Ok(ExitCode::SUCCESS);
    };
    match known(name)?.place() {
        Some(place) => println!("{}", place.display()),
        None => bail!("{name} is built in: it has no file"),
    }
    Ok(ExitCode::SUCCESS)
}
