//! The configuration in layers: a preset, `director.toml`, the environment, the command line, each over the last.
//!
//! [`resolve`] merges them key by key and keeps where each value came from. Every fault of every layer is found at
//! once, and names its place: a line of the file, a variable, a flag.

mod file;
mod suggest;
mod text;

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::PathBuf;

use toml::{Table, Value};

use crate::key::{Key, KeyFault, Kind};
use crate::pipeline::{Config, Preset, keys};

/// The file that is read where it lies in the working directory.
pub const FILE: &str = "director.toml";

/// Where a value came from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    /// The preset of this name.
    Preset(Preset),
    /// A place in the configuration file, counted from 1.
    File {
        /// The file as it was named.
        path: PathBuf,
        /// Line.
        line: usize,
        /// Column in characters.
        column: usize,
    },
    /// An environment variable.
    Environment(String),
    /// A flag, such as `--takes`, or `--set takes`.
    Flag(String),
}

impl Origin {
    /// The layer's name: `preset`, `file`, `environment` or `flag`.
    pub fn layer(&self) -> &'static str {
        match self {
            Self::Preset(_) => "preset",
            Self::File { .. } => "file",
            Self::Environment(_) => "environment",
            Self::Flag(_) => "flag",
        }
    }

    /// With the column, as compilers and editors have it.
    fn place(&self) -> String {
        match self {
            Self::File { column, .. } => format!("{self}:{column}"),
            _ => self.to_string(),
        }
    }
}

impl std::fmt::Display for Origin {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Preset(preset) => write!(f, "preset {}", name_of(*preset)),
            Self::File { path, line, .. } => write!(f, "{}:{line}", path.display()),
            Self::Environment(name) | Self::Flag(name) => f.write_str(name),
        }
    }
}

fn name_of(preset: Preset) -> &'static str {
    match preset {
        Preset::Draft => "draft",
        Preset::Standard => "standard",
        Preset::High => "high",
    }
}

/// One value that a layer gives.
#[derive(Clone, Debug)]
pub struct Setting {
    /// The key, dotted.
    pub key: String,
    /// Its value, not yet checked.
    pub value: Value,
    /// Where it stands.
    pub origin: Origin,
}

/// What is wrong, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// Such as `director.toml:3:1` or `DIRECTOR_TAKES`; empty where it is nobody's.
    pub place: String,
    /// In words, with the mend.
    pub message: String,
    /// Layer, line and column, by which faults are sorted.
    order: (u8, usize, usize),
}

impl Fault {
    fn at(origin: &Origin, message: impl Into<String>) -> Self {
        Self {
            place: origin.place(),
            message: message.into(),
            order: match origin {
                Origin::Preset(_) => (0, 0, 0),
                Origin::File { line, column, .. } => (1, *line, *column),
                Origin::Environment(_) => (2, 0, 0),
                Origin::Flag(_) => (3, 0, 0),
            },
        }
    }

    /// Of no line: the whole file's, or nobody's where `place` is empty.
    fn whole(place: String, message: String) -> Self {
        Self {
            place,
            message,
            order: (0, 0, 0),
        }
    }
}

impl std::fmt::Display for Fault {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if !self.place.is_empty() {
            write!(f, "{}: ", self.place)?;
        }
        f.write_str(&self.message)
    }
}

/// All faults of a configuration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfigError(pub Vec<Fault>);

impl std::fmt::Display for ConfigError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if let [one] = self.0.as_slice() {
            return one.fmt(f);
        }
        write!(f, "the configuration has {} faults:", self.0.len())?;
        self.0.iter().try_for_each(|fault| write!(f, "\n  {fault}"))
    }
}

impl std::error::Error for ConfigError {}

/// What the layers over the preset are read from.
#[derive(Clone, Debug, Default)]
pub struct Sources {
    /// The working directory; empty for the process's own.
    pub folder: PathBuf,
    /// The file that was named with `--config`, if one was.
    pub file: Option<PathBuf>,
    /// All environment variables; those that are not `DIRECTOR_*` are left alone.
    pub environment: Vec<(OsString, OsString)>,
    /// Each `--set KEY=VALUE`.
    pub set: Vec<String>,
    /// Flags that have a key, over all other layers.
    pub flags: Vec<Setting>,
}

/// A configuration and where each of its values came from.
#[derive(Clone, Debug)]
pub struct Resolved {
    /// The configuration.
    pub config: Config,
    /// The file that was read, if there is one.
    pub file: Option<PathBuf>,
    origins: BTreeMap<String, Origin>,
}

/// One key of a resolved configuration.
#[derive(Clone, Debug)]
pub struct Entry {
    /// The key, dotted.
    pub name: String,
    /// What it may be, and what it is.
    pub key: &'static Key,
    /// Its value; `None` where it has none.
    pub value: Option<Value>,
    /// Where it came from.
    pub origin: Origin,
}

impl Entry {
    /// Whether the value was set over the preset.
    pub fn changed(&self) -> bool {
        !matches!(self.origin, Origin::Preset(_))
    }

    /// The value as it is written in `director.toml`; empty where it has none.
    pub fn show(&self) -> String {
        self.value
            .as_ref()
            .map_or_else(String::new, |v| self.key.kind.show(v))
    }
}

impl Resolved {
    /// Where the value of a dotted key came from.
    pub fn origin(&self, name: &str) -> Origin {
        self.origins
            .get(name)
            .cloned()
            .unwrap_or(Origin::Preset(self.config.preset))
    }

    /// Every key in the order in which they are shown, without `format`.
    ///
    /// # Errors
    /// When the configuration cannot be written as TOML; never after [`resolve`].
    pub fn entries(&self) -> Result<Vec<Entry>, toml::ser::Error> {
        let table = Value::try_from(&self.config)?;
        Ok(keys::all()
            .filter(|(name, _)| name != "format")
            .map(|(name, key)| Entry {
                value: name
                    .split('.')
                    .try_fold(&table, |t, part| t.get(part))
                    .cloned(),
                origin: self.origin(&name),
                name,
                key,
            })
            .collect())
    }
}

/// Merges the layers.
///
/// # Errors
/// Every fault of every layer: a file that cannot be read, unknown keys, values of the wrong type or out of range.
pub fn resolve(sources: &Sources) -> Result<Resolved, ConfigError> {
    with_file(sources, named_file(sources))
}

/// As [`resolve`], but a preset with `--set` over it and nothing else: what is measured must not hang on a file or on variables
/// that lie about.
///
/// # Errors
/// As [`resolve`].
pub fn bare(preset: Preset, set: &[String]) -> Result<Config, ConfigError> {
    let flag = toml::Value::try_from(preset).ok().map(|value| Setting {
        key: "preset".to_owned(),
        value,
        origin: Origin::Flag("--preset".to_owned()),
    });
    let sources = Sources {
        folder: PathBuf::new(),
        file: None,
        environment: Vec::new(),
        set: set.to_vec(),
        flags: flag.into_iter().collect(),
    };
    with_file(&sources, None).map(|resolved| resolved.config)
}

fn with_file(sources: &Sources, file: Option<(PathBuf, String)>) -> Result<Resolved, ConfigError> {
    let mut faults = Vec::new();
    let mut settings = Vec::new();
    if let Some((path, named_by)) = &file {
        file::read(&sources.folder, path, named_by, &mut settings, &mut faults);
    }
    text::environment(&sources.environment, &mut settings, &mut faults);
    text::set(&sources.set, &mut settings, &mut faults);
    settings.extend(sources.flags.iter().cloned());
    settings.retain_mut(|setting| {
        normalise(setting);
        match keys::find(&setting.key) {
            Some(key) if key.kind.fits(&setting.value) => true,
            Some(key) => {
                let fault = KeyFault::new(&setting.key, key, &setting.value);
                faults.push(Fault::at(&setting.origin, fault.message));
                false
            }
            None => {
                faults.push(suggest::unknown(&setting.key, &setting.origin, false));
                false
            }
        }
    });
    let preset = settings
        .iter()
        .rev()
        .filter(|s| s.key == "preset")
        .find_map(|s| s.value.clone().try_into().ok())
        .unwrap_or_default();
    let merged = merge(preset, &settings, &mut faults);
    match merged {
        Some((mut config, origins)) if faults.is_empty() => {
            config.depth.model.absolute(&sources.folder);
            config.score.absolute(&sources.folder);
            Ok(Resolved {
                config,
                file: file.map(|(path, _)| path),
                origins,
            })
        }
        _ => {
            faults.sort_by_key(|f| f.order);
            Err(ConfigError(faults))
        }
    }
}

/// The configuration file that [`resolve`] reads, where there is one.
pub fn file_of(sources: &Sources) -> Option<PathBuf> {
    named_file(sources).map(|(path, _)| path)
}

/// The configuration file and who named it; `None` where nobody did and none lies in the working directory.
fn named_file(sources: &Sources) -> Option<(PathBuf, String)> {
    if let Some(path) = &sources.file {
        return Some((path.clone(), "--config".to_owned()));
    }
    let variable = sources
        .environment
        .iter()
        .find(|(name, value)| name == "DIRECTOR_CONFIG" && !value.is_empty());
    if let Some((_, path)) = variable {
        return Some((path.into(), "DIRECTOR_CONFIG".to_owned()));
    }
    // A link that leads nowhere is there too: it is a fault, not silence.
    let there = sources.folder.join(FILE).symlink_metadata().is_ok();
    there.then(|| (FILE.into(), String::new()))
}

/// A size that was written as text becomes two numbers.
fn normalise(setting: &mut Setting) {
    let size = keys::find(&setting.key).is_some_and(|k| matches!(k.kind, Kind::Size));
    if let (true, Some(text)) = (size, setting.value.as_str())
        && let Ok(sides) = crate::manifest::parse_size(text)
    {
        setting.value = Value::Array(sides.map(|s| Value::Integer(s.into())).to_vec());
    }
}

type Merged = (Config, BTreeMap<String, Origin>);

/// Lays the settings over the preset, the last one of a key on top.
fn merge(preset: Preset, settings: &[Setting], faults: &mut Vec<Fault>) -> Option<Merged> {
    let mut table = match Value::try_from(Config::preset(preset)) {
        Ok(table) => table,
        Err(error) => {
            let message = format!("the preset cannot be written as TOML: {error}");
            faults.push(Fault::whole(String::new(), message));
            return None;
        }
    };
    let mut origins = BTreeMap::new();
    for setting in settings {
        insert(&mut table, &setting.key, setting.value.clone());
        origins.insert(setting.key.clone(), setting.origin.clone());
    }
    let mut fault = |key: &str, message: String| {
        // A missing part is nobody's: the fault is told at the first value beside it.
        let origin = origins.get(key).or_else(|| {
            origins
                .iter()
                .find(|(k, _)| k.starts_with(key))
                .map(|f| f.1)
        });
        faults.push(match origin {
            Some(origin) => Fault::at(origin, message),
            None => Fault::whole(String::new(), message),
        });
    };
    let config: Config = match serde_path_to_error::deserialize(table) {
        Ok(config) => config,
        Err(error) => {
            let key = error.path().to_string();
            fault(&key, format!("{key}: {}", error.inner().message()));
            return None;
        }
    };
    for found in config.validate() {
        fault(&found.key, found.message);
    }
    Some((config, origins))
}

/// Sets a dotted key, making the tables on the way.
fn insert(table: &mut Value, name: &str, value: Value) {
    let mut at = table;
    for part in name.split('.') {
        if !at.is_table() {
            *at = Value::Table(Table::new());
        }
        let Some(inside) = at.as_table_mut() else {
            return;
        };
        at = inside
            .entry(part)
            .or_insert_with(|| Value::Table(Table::new()));
    }
    *at = value;
}
