//! Options of this stage.

use std::path::Path;

use toml::Value;

use super::{DepthKind, InputSize, ModelChoice, Place};
use crate::key::{Key, Kind, Own};

/// Options of depth.
#[derive(Clone, Debug, Default, PartialEq, serde::Serialize, serde::Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Options {
    /// The network.
    pub model: ModelChoice,
    /// What its answers mean, where that is known better than by the list or the file's name.
    pub kind: Option<DepthKind>,
    /// The size that the network is fed, where it takes several; without it, a long side of about 518 pixels.
    pub size: Option<InputSize>,
    /// The output that is its depth, by name, where its own names do not tell.
    pub output: Option<String>,
    /// Where it runs.
    pub on: Place,
}

/// `embedded`, a path, a known network's name or a list of these.
static NETWORKS: Own = Own {
    fits: |value| {
        let path = |v: &Value| v.as_str().is_some_and(|t| !t.is_empty());
        path(value) || (value.as_array()).is_some_and(|all| !all.is_empty() && all.iter().all(path))
    },
    wanted: "`embedded`, a path, a name of `director models list`, or a list of these",
    show: |value| value.to_string(),
    rebase: Some(rebase),
};

/// Width and height in pixels of a network's input, or its long side.
static INPUT_SIZE: Own = Own {
    fits: |value| value.clone().try_into::<InputSize>().is_ok(),
    wanted: InputSize::WANTED,
    show: |value| match value.as_array().map(Vec::as_slice) {
        Some([w, h]) => format!("\"{w}x{h}\""),
        _ => value.to_string(),
    },
    rebase: None,
};

/// Paths of networks that start at `folder`; names are none, unless such a file is there.
fn rebase(value: &mut Value, folder: &Path) {
    match value {
        Value::String(text) => {
            let embedded = matches!(text.parse(), Ok(ModelChoice::Embedded));
            let path = folder.join(&text);
            let named = super::models::known_by_name(Path::new(text)).is_some() && !path.exists();
            if !embedded
                && !named
                && !text.is_empty()
                && let Some(joined) = path.to_str()
            {
                *text = joined.to_owned();
            }
        }
        Value::Array(list) => list.iter_mut().for_each(|v| rebase(v, folder)),
        _ => {}
    }
}

/// Keys of these options.
#[rustfmt::skip]
pub static KEYS: &[Key] = &[
    Key::new("model", Kind::Own(&NETWORKS), "ONNX depth network, a folder of them, a name of `director models list`, or several; relative to this file"),
    Key::new("kind", Kind::OneOf(&["metric", "relative_inverse"]), "What the network's answers mean, where its file is not known"),
    Key::new("size", Kind::Own(&INPUT_SIZE), "Size that the network is fed, or its long side, where it takes several"),
    Key::new("output", Kind::Text, "Output of the network that is its depth, where its names do not tell"),
    Key::new("on", Kind::OneOf(&Place::NAMES), "Where the network runs; auto: on the GPU where that is a card"),
];
