//! Weights that lie in files beside the network, as exporters write those that are large.

use std::collections::HashMap;
use std::path::{Component, Path, PathBuf};

use candle_onnx::onnx::tensor_proto::DataLocation;
use candle_onnx::onnx::{GraphProto, ModelProto, TensorProto};

use super::{OnnxError, content};
use crate::hash::sha256_hex;

/// Weights that files may hand out beside their own length: several of them may share bytes, but not many.
const SHARED: usize = 64 << 20;

/// The files that weights were read from, by name.
#[derive(Default)]
struct Files {
    read: HashMap<String, Vec<u8>>,
    given: usize,
}

/// Puts the bytes of every weight that lies in a file of `folder` into the weight itself. Answers the files' names
/// and SHA-256, sorted by name.
///
/// # Errors
/// [`OnnxError::External`].
pub(super) fn inline(
    model: &mut ModelProto,
    folder: Option<&Path>,
) -> Result<Vec<(String, String)>, OnnxError> {
    let mut files = Files::default();
    if let Some(graph) = &mut model.graph {
        tensors(graph, &mut |tensor| files.fill(tensor, folder))?;
    }
    let digest = |(name, bytes): (String, Vec<u8>)| (name, sha256_hex(&bytes));
    let mut used: Vec<(String, String)> = files.read.into_iter().map(digest).collect();
    used.sort();
    Ok(used)
}

/// Calls `f` for each weight of the graph, of its nodes' attributes and of the graphs inside its nodes.
fn tensors(
    graph: &mut GraphProto,
    f: &mut dyn FnMut(&mut TensorProto) -> Result<(), OnnxError>,
) -> Result<(), OnnxError> {
    let external = |t: &TensorProto| {
        t.data_location() == DataLocation::External || !t.external_data.is_empty()
    };
    for weight in graph.initializer.iter_mut().filter(|t| external(t)) {
        f(weight)?;
    }
    for attribute in graph.node.iter_mut().flat_map(|n| &mut n.attribute) {
        if let Some(weight) = attribute.t.as_mut().filter(|t| external(t)) {
            f(weight)?;
        }
        if let Some(graph) = &mut attribute.g {
            tensors(graph, f)?;
        }
    }
    Ok(())
}

impl Files {
    fn fill(&mut self, tensor: &mut TensorProto, folder: Option<&Path>) -> Result<(), OnnxError> {
        let title = tensor.name.clone();
        let refuse = |why: String| OnnxError::External(format!("weight '{title}' {why}"));
        let entry = |key: &str| tensor.external_data.iter().find(|e| e.key == key);
        let Some(name) = entry("location").map(|e| e.value.clone()) else {
            return Err(refuse("lies in a separate file that is not named".into()));
        };
        let number = |key: &str| {
            let text = entry(key).map(|e| e.value.as_str());
            text.map(|t| {
                t.trim()
                    .parse::<usize>()
                    .map_err(|_| refuse(format!("has {key} '{t}'")))
            })
            .transpose()
        };
        let (from, length) = (number("offset")?.unwrap_or(0), number("length")?);
        let Some(folder) = folder else {
            return Err(refuse(format!(
                "lies in a separate file, '{name}': read the network from the folder that has both"
            )));
        };
        let whole = self.load(&name, folder, &refuse)?;
        let to = length.map_or(Some(whole.len()), |n| from.checked_add(n));
        let bytes = to.and_then(|to| whole.get(from..to)).ok_or_else(|| {
            refuse(format!(
                "ends at byte {} of '{name}', which has {}: that file is cut short or another network's; fetch it again",
                from.saturating_add(length.unwrap_or(0)),
                whole.len()
            ))
        })?;
        let bytes = bytes.to_vec();
        self.given = self.given.saturating_add(bytes.len());
        let read: usize = self.read.values().map(Vec::len).sum();
        if self.given > read.saturating_add(SHARED) {
            return Err(refuse(format!(
                "shares bytes of '{name}' with too many others"
            )));
        }
        tensor.raw_data = bytes;
        tensor.external_data.clear();
        tensor.set_data_location(DataLocation::Default);
        Ok(())
    }

    fn load(
        &mut self,
        name: &str,
        folder: &Path,
        refuse: &impl Fn(String) -> OnnxError,
    ) -> Result<&[u8], OnnxError> {
        if !self.read.contains_key(name) {
            let path = beside(folder, name).ok_or_else(|| {
                refuse(format!(
                    "lies in '{name}', which is not below the network's folder"
                ))
            })?;
            let bytes = std::fs::read(&path).map_err(|error| {
                refuse(format!(
                    "lies in '{name}', and {} cannot be read ({error}): fetch that file too and lay it beside the network under this name",
                    path.display()
                ))
            })?;
            // Raw weights may look like anything; only what git leaves in place of a file is told.
            if let Some(what) = content::foreign(&bytes).filter(|w| w.contains("pointer")) {
                return Err(OnnxError::External(format!("{} is {what}", path.display())));
            }
            self.read.insert(name.to_owned(), bytes);
        }
        Ok(self.read.get(name).map_or(&[], Vec::as_slice))
    }
}

/// The path of a file that a network names, if it stays within the network's folder.
fn beside(folder: &Path, name: &str) -> Option<PathBuf> {
    let mut path = folder.to_owned();
    let mut any = false;
    for part in Path::new(name).components() {
        match part {
            Component::Normal(part) => {
                path.push(part);
                any = true;
            }
            Component::CurDir => {}
            _ => return None,
        }
    }
    any.then_some(path)
}
