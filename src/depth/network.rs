//! One loaded network: what it is fed, which of its outputs is taken for what, and running it on a picture.

use std::collections::HashMap;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use super::answer::{self, Choice};
use super::kind::{self, Source};
use super::models::{self, KnownModel};
use super::{DepthError, DepthKind, DepthMap, KindFrom, Options};
use crate::hash::sha256_hex;
use crate::onnx::device::Value;
use crate::onnx::picture::{self, Layout, Picture, PictureNetwork, Try};
use crate::onnx::{OnnxError, Plan};

/// What is taken for what on pictures of one size.
#[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct Reading {
    /// What the answers mean.
    pub kind: DepthKind,
    /// How that is known.
    pub kind_from: KindFrom,
    /// The output that is taken for the depth.
    pub output: String,
    /// Width and height in pixels that the network is fed.
    pub size: [usize; 2],
    /// What a person should know: guesses, and what was concluded from names and the graph.
    pub notes: Vec<String>,
}

/// A [`Reading`] with what running needs.
#[derive(Debug)]
pub(super) struct Settled {
    pub reading: Reading,
    output: usize,
    /// Metres of one unit of the answer; 1 for relative ones.
    unit: f32,
}

/// Sizes at which the answer may be of another aspect than the picture, before that is taken as it is.
const MOST_SKEWED: usize = 3;

#[derive(Debug)]
pub(super) struct Network {
    net: PictureNetwork,
    pub known: KnownModel,
    listed: bool,
    kind: Option<DepthKind>,
    output: Option<String>,
    /// The file's name, or its folders' where the file's says nothing.
    title: (&'static str, String),
    /// By the pictures' width and height.
    settled: Mutex<HashMap<[u32; 2], Arc<Settled>>>,
}

impl Network {
    /// Translates a file's bytes; weights may lie in files beside `path`.
    ///
    /// # Errors
    /// [`DepthError::File`] for what cannot be run, or is fed otherwise than a picture.
    pub fn new(path: &Path, bytes: &[u8], options: &Options) -> Result<Self, DepthError> {
        let refuse = |reason: String| DepthError::file(path, reason);
        let plan = Plan::decode_in(bytes, path.parent().unwrap_or(Path::new("")))
            .map_err(|e| refuse(e.to_string()))?;
        let sha256 = sha256_hex(bytes);
        let listed = models::known().iter().find(|m| m.sha256 == sha256);
        let sha256 = picture::digest(sha256, &plan);
        let prepared = listed.map(KnownModel::prepared);
        let net = PictureNetwork::new(plan, prepared.as_ref(), options.size).map_err(refuse)?;
        let mut known =
            listed.map_or_else(|| unlisted(path, sha256, bytes.len() as u64), Clone::clone);
        known.layout = net.feed.layout;
        known.width = net.sides.own[0].or(known.width);
        known.height = net.sides.own[1].or(known.height);
        let title = title(path);
        let mut network = Self {
            net,
            known,
            listed: listed.is_some(),
            kind: options.kind,
            output: options.output.clone(),
            title,
            settled: Mutex::default(),
        };
        if let Some(name) = &network.output
            && !network.net.plan.outputs().any(|output| output == name)
        {
            let names: Vec<&str> = network.net.plan.outputs().collect();
            return Err(refuse(format!(
                "it has no output '{name}'; its outputs are '{}'",
                names.join("', '")
            )));
        }
        // Which output it is may have to wait for their shapes; what is known before is the better guess.
        let likely = network
            .net
            .plan
            .outputs()
            .next()
            .unwrap_or_default()
            .to_owned();
        network.known.kind = network.kind_of(&likely).kind;
        Ok(network)
    }

    /// Whether the size that was asked for is one that the network takes, as far as its file says.
    pub fn allows_size(&self) -> bool {
        self.net.sides.allows_given()
    }

    /// What results depend on beside the options: the network by its bytes, and the name that tells its kind.
    pub fn identity(&self) -> String {
        format!("{} {}", self.known.sha256, self.title.1)
    }

    /// What was found out on a picture of this size; `None` before the first.
    pub fn settled(&self, width: u32, height: u32) -> Option<Arc<Settled>> {
        let settled = self.settled.lock().unwrap_or_else(PoisonError::into_inner);
        settled.get(&[width, height]).cloned()
    }

    fn fail(&self, reason: impl Into<String>) -> DepthError {
        DepthError::Run {
            model: self.known.name.clone(),
            reason: reason.into(),
        }
    }

    /// A GPU's failure as such, any other in words.
    fn failed(&self, error: OnnxError) -> DepthError {
        match error {
            OnnxError::Gpu(error) => DepthError::Gpu(error),
            error => self.fail(error.to_string()),
        }
    }

    /// Depth of one picture.
    ///
    /// # Errors
    /// [`DepthError::Run`], [`DepthError::Gpu`].
    pub fn infer(
        &self,
        picture: &Picture<'_>,
        width: u32,
        height: u32,
    ) -> Result<DepthMap, DepthError> {
        let pixels = picture.pixels();
        if pixels == 0 || pixels != width as usize * height as usize {
            return Err(self.fail(format!("{pixels} pixels for {width}x{height}")));
        }
        let sides = [width as usize, height as usize];
        let (settled, answer) = match self.settled(width, height) {
            Some(settled) => {
                let mut answers = self
                    .net
                    .run(picture, sides, settled.reading.size)
                    .map_err(|e| self.failed(e))?;
                let answer = answers.swap_remove(settled.output);
                (settled, answer)
            }
            None => {
                let (settled, answer) = self.settle(picture, sides)?;
                let settled = Arc::new(settled);
                self.settled
                    .lock()
                    .unwrap_or_else(PoisonError::into_inner)
                    .insert([width, height], settled.clone());
                (settled, answer)
            }
        };
        let Some([rows, columns]) = answer::plane(answer.dims()) else {
            return Err(self.fail(format!(
                "its output has shape {:?} this time, not one value a pixel",
                answer.dims()
            )));
        };
        let values = self.net.floats(picture, &answer);
        let mut values = values.map_err(|e| self.failed(e))?;
        if settled.unit != 1.0 {
            values.iter_mut().for_each(|v| *v *= settled.unit);
        }
        Ok(DepthMap {
            width: columns as u32,
            height: rows as u32,
            values,
        })
    }

    /// What a person should know of its runs on a GPU; `None` where all of it ran there.
    pub fn slowed(&self) -> Option<String> {
        let names = self.net.on_host();
        (!names.is_empty()).then(|| {
            format!(
                "'{}' is slower on the GPU than it need be: {} of it run on the host",
                self.known.name,
                names.join(", ")
            )
        })
    }

    /// Lets go of what it has on a GPU.
    pub fn forget(&self) {
        self.net.forget();
    }

    /// Finds a size that the network takes and the output that is its depth: sizes are tried in order, anew for each
    /// size of pictures, so that what comes does not depend on what was fed before.
    fn settle(
        &self,
        picture: &Picture<'_>,
        sides: [usize; 2],
    ) -> Result<(Settled, Value), DepthError> {
        let tries = self.net.sides.tries(sides[0], sides[1]);
        let mut failed: Vec<(Try, String)> = Vec::new();
        let mut skewed = None;
        let mut others = 0;
        for &attempt in &tries {
            let mut answers = match self.net.run(picture, sides, attempt.size) {
                Ok(answers) => answers,
                Err(OnnxError::Gpu(error)) => return Err(DepthError::Gpu(error)),
                Err(error) => {
                    failed.push((attempt, error.to_string()));
                    continue;
                }
            };
            let shapes: Vec<(&str, &[usize])> = self
                .net
                .plan
                .outputs()
                .zip(&answers)
                .map(|(name, answer)| (name, answer.dims()))
                .collect();
            let given = self.output.as_deref();
            let choice = answer::choose(&self.known.name, &shapes, attempt.size, given)
                .map_err(|reason| self.fail(reason))?;
            let answer = answers.swap_remove(choice.index);
            let found = (attempt, choice, answer);
            if !found.1.skewed || tries.len() == 1 {
                return Ok(self.reading(found, &failed));
            }
            // Sides that are no multiple may be cut off without a word: another multiple is better.
            failed.push((attempt, format!("its answer is {:?}", found.2.dims())));
            skewed.get_or_insert(found);
            others += 1;
            if others == MOST_SKEWED {
                break;
            }
        }
        match skewed {
            Some(found) => Ok(self.reading(found, &[])),
            None => Err(self.untaken(&failed)),
        }
    }

    fn untaken(&self, failed: &[(Try, String)]) -> DepthError {
        let first = failed.first().map_or("", |(_, why)| why.as_str());
        if self.known.width.is_some() && self.known.height.is_some() {
            return self.fail(first);
        }
        let sizes: Vec<String> = failed.iter().map(|(size, _)| size.to_string()).collect();
        self.fail(format!(
            "it failed at {}: {first}; give the size that it was exported for with --size WxH (in a run: depth.size)",
            sizes.join(", ")
        ))
    }

    fn reading(
        &self,
        (size, choice, answer): (Try, Choice, Value),
        failed: &[(Try, String)],
    ) -> (Settled, Value) {
        let output = self
            .net
            .plan
            .outputs()
            .nth(choice.index)
            .unwrap_or_default();
        let kind = self.kind_of(output);
        let name = &self.known.name;
        let mut notes = kind.notes;
        notes.extend(choice.note);
        notes.extend(
            self.net
                .feed
                .note
                .as_ref()
                .map(|note| format!("'{name}' {note}")),
        );
        if let Some((first, why)) = failed.first() {
            notes.push(format!(
                "'{name}' does not take {first} ({why}): fed {size}; --size gives another (in a run: depth.size)"
            ));
        }
        if choice.skewed {
            let [w, h] = size.size;
            notes.push(format!(
                "'{name}' answers {:?} for {w}x{h}, which is another aspect: taken to cover the whole picture; \
                 --size gives another size (in a run: depth.size)",
                answer.dims()
            ));
        }
        let unit = match kind.kind {
            DepthKind::Metric => kind::unit(output).unwrap_or(1.0),
            DepthKind::RelativeInverse => 1.0,
        };
        if unit != 1.0 {
            notes.push(format!(
                "'{name}': output '{output}' is taken to be in units of {unit} m, by its name"
            ));
        }
        let settled = Settled {
            reading: Reading {
                kind: kind.kind,
                kind_from: kind.from,
                output: output.to_owned(),
                size: size.size,
                notes,
            },
            output: choice.index,
            unit,
        };
        (settled, answer)
    }

    /// What an output's answers mean.
    fn kind_of(&self, output: &str) -> kind::Reading {
        let sure = |kind, from| kind::Reading {
            kind,
            from,
            notes: Vec::new(),
        };
        if let Some(kind) = self.kind {
            return sure(kind, KindFrom::Given);
        }
        if self.listed {
            return sure(self.known.kind, KindFrom::Listed);
        }
        let about = self.net.plan.about();
        let metadata: Vec<String> = about
            .metadata
            .iter()
            .filter(|(_, value)| value.len() < 256)
            .map(|(key, value)| format!("{key} {value}"))
            .collect();
        let metadata = metadata.join("\n");
        let ports = self.net.plan.inputs().iter();
        let inputs: Vec<&str> = ports.map(|p| p.name.as_str()).collect();
        let source = |place, text| Source {
            place,
            text,
            is_output: false,
        };
        kind::read(
            &self.known.name,
            &[
                Source {
                    is_output: true,
                    ..source("its output's name", output)
                },
                source("its metadata", metadata.as_str()),
                source("its graph's name", about.graph.as_str()),
                source("its file's description", head(&about.description)),
                source(
                    "its input's name",
                    inputs.first().copied().unwrap_or_default(),
                ),
                source(self.title.0, self.title.1.as_str()),
            ],
        )
    }
}

/// The beginning of a text that may be long.
fn head(text: &str) -> &str {
    let mut end = text.len().min(1000);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    &text[..end]
}

/// What to assume of a file that is not listed; its kind and sides are found out.
fn unlisted(path: &Path, sha256: String, bytes: u64) -> KnownModel {
    let part = |part: Option<&std::ffi::OsStr>| {
        part.map(|n| n.to_string_lossy().into_owned())
            .unwrap_or_default()
    };
    KnownModel {
        name: part(path.file_stem()),
        sha256,
        bytes,
        licence: "unknown".to_owned(),
        url: None,
        layout: Layout::Nchw,
        width: None,
        height: None,
        mean: picture::MEAN,
        std: picture::STD,
        kind: DepthKind::RelativeInverse,
        trained_on: None,
        file: part(path.file_name()),
    }
}

/// Words of file names that say nothing of the network: its folder is named for it then.
const PLAIN: [&str; 28] = [
    "model",
    "models",
    "onnx",
    "network",
    "net",
    "export",
    "exported",
    "weights",
    "fp",
    "float",
    "half",
    "quantized",
    "uint",
    "int",
    "q",
    "bnb",
    "opt",
    "optimized",
    "sim",
    "simplified",
    "slim",
    "dynamic",
    "static",
    "dyn",
    "final",
    "best",
    "last",
    "f",
];

/// What the file is called: its own name, or its folders' where that is only `model.onnx`.
fn title(path: &Path) -> (&'static str, String) {
    let stem = path.file_stem().unwrap_or_default().to_string_lossy();
    let plain = |name: &str| {
        super::words::words(name)
            .iter()
            .all(|w| PLAIN.contains(&w.as_str()))
    };
    if !plain(&stem) {
        return ("its file's name", stem.into_owned());
    }
    // A folder that is named by a commit or as plainly does not count.
    let folders = path.ancestors().skip(1).filter_map(Path::file_name);
    let named = folders.take(4).map(|f| f.to_string_lossy()).find(|f| {
        let commit = f.len() >= 32 && f.chars().all(|c| c.is_ascii_hexdigit());
        !commit && !plain(f) && f != "snapshots"
    });
    ("its folder's name", named.unwrap_or_default().into_owned())
}
