//! Which network to use and where it runs, as it is typed and as files have it.

use std::convert::Infallible;
use std::path::{Path, PathBuf};

use super::EMBEDDED_NAME;

/// Which network to use. Written as `embedded`, a path, a known network's name, or a list of these.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(from = "Written", into = "Written")]
pub enum ModelChoice {
    /// The small one that is built in.
    #[default]
    Embedded,
    /// An ONNX file, a folder of them, or the name of a known network.
    Path(PathBuf),
    /// Several files or folders: the one whose input fits the clip's aspect best is used.
    AnyOf(Vec<PathBuf>),
}

/// A [`ModelChoice`] as files have it.
#[derive(serde::Serialize, serde::Deserialize)]
#[serde(untagged)]
enum Written {
    One(PathBuf),
    Several(Vec<PathBuf>),
}

impl From<Written> for ModelChoice {
    fn from(written: Written) -> Self {
        let one = |path: &Path| match path.to_str() {
            Some(text) => text
                .parse()
                .unwrap_or_else(|never: Infallible| match never {}),
            None => Self::Path(path.to_owned()),
        };
        match written {
            Written::One(path) => one(&path),
            Written::Several(paths) => {
                Self::from_args(&paths.iter().map(|p| one(p)).collect::<Vec<_>>())
            }
        }
    }
}

impl From<ModelChoice> for Written {
    fn from(choice: ModelChoice) -> Self {
        match choice {
            ModelChoice::Embedded => Self::One("embedded".into()),
            ModelChoice::Path(path) => Self::One(path),
            ModelChoice::AnyOf(paths) => Self::Several(paths),
        }
    }
}

impl std::str::FromStr for ModelChoice {
    type Err = Infallible;
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Ok(match text {
            "embedded" | EMBEDDED_NAME => Self::Embedded,
            path => Self::Path(path.into()),
        })
    }
}

impl ModelChoice {
    /// Makes its paths hold wherever the choice is read from; relative ones start at `folder`. Names of known networks stay, unless such a
    /// file is there.
    pub fn absolute(&mut self, folder: &Path) {
        let paths = match self {
            Self::Embedded => &mut [][..],
            Self::Path(path) => std::slice::from_mut(path),
            Self::AnyOf(paths) => paths,
        };
        for path in paths {
            if let Ok(whole) = std::path::absolute(folder.join(&path))
                && (whole.exists() || super::models::known_by_name(path).is_none())
            {
                *path = whole;
            }
        }
    }

    /// From the values of a repeated `--model`; none means the built-in network.
    pub fn from_args(args: &[Self]) -> Self {
        match args {
            [] => Self::Embedded,
            [one] => one.clone(),
            more => {
                let paths: Vec<PathBuf> = more
                    .iter()
                    .flat_map(|choice| match choice {
                        Self::Embedded => Vec::new(),
                        Self::Path(path) => vec![path.clone()],
                        Self::AnyOf(paths) => paths.clone(),
                    })
                    .collect();
                if paths.is_empty() {
                    Self::Embedded
                } else {
                    Self::AnyOf(paths)
                }
            }
        }
    }
}

/// Where a network runs. What comes is the same within rounding.
#[derive(
    Clone,
    Copy,
    Debug,
    Default,
    PartialEq,
    Eq,
    clap::ValueEnum,
    serde::Serialize,
    serde::Deserialize,
)]
#[serde(rename_all = "lowercase")]
pub enum Place {
    /// On the GPU where that is a card, else on the CPU; also where the GPU cannot hold it
    #[default]
    Auto,
    /// On the CPU
    Cpu,
    /// On the GPU, also where that is software
    Gpu,
}

impl Place {
    /// The names, as flags and keys have them.
    pub const NAMES: [&'static str; 3] = ["auto", "cpu", "gpu"];
}
