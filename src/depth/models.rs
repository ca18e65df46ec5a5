//! The networks that are known: `models/models.toml`, and the one that is built in.

use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use serde::Deserialize;

use super::{DepthKind, Layout};
use crate::onnx::picture::Prepared;

/// The built-in network's file.
pub const EMBEDDED: &[u8] = include_bytes!("../../models/depth_small.onnx");

/// What is said where fetched networks have no place.
pub const NO_FOLDER: &str = "there is no folder for networks: set DIRECTOR_MODELS (or HOME)";

/// Its name in the list and on the command line.
pub const EMBEDDED_NAME: &str = "depth-small";

/// What is known of one network.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KnownModel {
    /// Name on the command line and in results.
    pub name: String,
    /// Usual file name.
    pub file: String,
    /// Hex digest of the file.
    pub sha256: String,
    /// SPDX expression.
    pub licence: String,
    /// Where it can be had, if anywhere.
    #[serde(default)]
    pub url: Option<String>,
    /// Size of the file in bytes.
    pub bytes: u64,
    /// Order of the image tensor.
    pub layout: Layout,
    /// Input width in pixels; `None` where any (a multiple of 14) will do.
    #[serde(default)]
    pub width: Option<usize>,
    /// Input height in pixels.
    #[serde(default)]
    pub height: Option<usize>,
    /// Subtracted from red, green and blue in [0, 1].
    pub mean: [f32; 3],
    /// Divides what is left.
    pub std: [f32; 3],
    /// What the output means.
    pub kind: DepthKind,
    /// What it learned from, where that is another world than that of most videos.
    #[serde(default)]
    pub trained_on: Option<String>,
}

impl KnownModel {
    /// How pictures are made ready for it.
    pub(super) fn prepared(&self) -> Prepared {
        Prepared {
            layout: self.layout,
            mean: self.mean,
            std: self.std,
        }
    }

    /// Whether its licence forbids to earn money with it.
    pub fn non_commercial(&self) -> bool {
        self.licence.contains("-NC")
    }

    /// What to know of its answers on pictures of another world than it learned from.
    pub fn caution(&self) -> Option<String> {
        self.trained_on.as_ref().map(|scenes| {
            format!(
                "the depth network '{}' was trained on {scenes}: on other videos it is rough; `director models list` shows others",
                self.name
            )
        })
    }

    /// Whether it is part of the program.
    pub fn built_in(&self) -> bool {
        self.name == EMBEDDED_NAME
    }

    /// Where it lies, or would, on this machine: in [`models_folder`]. `None` for the built-in one, and where there is no such folder.
    pub fn place(&self) -> Option<PathBuf> {
        Some(models_folder()?.join(&self.file)).filter(|_| !self.built_in())
    }

    /// The command that fetches it.
    pub fn pull(&self) -> String {
        let from = if self.url.is_some() {
            ""
        } else {
            " --file PATH"
        };
        format!("director models pull {}{from}", self.name)
    }
}

/// The folder of networks that were fetched: `DIRECTOR_MODELS`, else `models` in [`crate::files::cache`]; `None` where there is neither.
pub fn models_folder() -> Option<PathBuf> {
    let named = std::env::var_os("DIRECTOR_MODELS").filter(|f| !f.is_empty());
    let cache = || Some(crate::files::cache()?.join("models"));
    named.map(PathBuf::from).or_else(cache)
}

/// The network that is meant by its name alone.
pub fn known_by_name(path: &Path) -> Option<&'static KnownModel> {
    let name = path.to_str()?;
    known().iter().find(|m| m.name == name)
}

#[derive(Deserialize)]
struct File {
    model: Vec<KnownModel>,
}

/// All networks of `models/models.toml`.
pub fn known() -> &'static [KnownModel] {
    static KNOWN: LazyLock<Vec<KnownModel>> = LazyLock::new(|| {
        let parsed: Result<File, _> = toml::from_str(include_str!("../../models/models.toml"));
        parsed
            .expect("models.toml is part of the program, and a test parses it")
            .model
    });
    &KNOWN
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_list_parses_and_knows_the_embedded_network() {
        let embedded = known().iter().find(|m| m.name == EMBEDDED_NAME);
        assert_eq!(
            embedded.map(|m| m.sha256.as_str()),
            Some(crate::hash::sha256_hex(EMBEDDED).as_str())
        );
        assert!(EMBEDDED.len() <= 4 << 20);
        for model in known() {
            assert_eq!(model.sha256.len(), 64, "{}", model.name);
            assert!(
                !model.non_commercial(),
                "{}: it could be a default",
                model.name
            );
        }
    }
}
