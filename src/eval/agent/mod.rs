//! What agents are worth: planted faults found and missed, false alarms, false verdicts, in worlds from the true one to what
//! a run makes of a video.
//!
//! [`case`] chooses mock takes, half of them clean; [`take`] renders and keeps them; [`modes`] makes each take's world in
//! four ways and lets agents test it; [`matching`] holds violations against what was planted and is to be seen
//! ([`seen`]); [`witness`] asks what depth holds of it; [`stats`] sums up.

use std::collections::BTreeMap;
use std::io::Write;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};

use crate::depth::Model;
use crate::eval::kept::{Quiet, lines};
use crate::eval::scores::clips::Half;
use crate::gpu::Gpu;
use crate::monitor::Monitor;
use crate::pipeline::Config;

pub mod alarms;
pub mod case;
pub mod end_to_end;
pub mod fault;
pub mod fit;
pub mod floater;
pub mod lost;
pub mod matching;
pub mod modes;
pub mod network;
pub mod picture;
pub mod record;
pub mod seen;
pub mod share;
pub mod stats;
pub mod take;
pub mod voxels;
pub mod witness;

use case::Case;
use modes::{Mode, Shared, Tools};
use record::{Line, Settings};
use stats::{Summary, summary};
use take::Take;

/// What to evaluate.
#[derive(Clone, Debug)]
pub struct Options {
    /// The half that seeds are taken from.
    pub half: Half,
    /// Takes.
    pub takes: usize,
    /// The first of them.
    pub first: usize,
    /// Width and height in pixels.
    pub size: [u32; 2],
    /// Least and greatest seconds of a take.
    pub seconds: [f64; 2],
    /// Most views of a take.
    pub views: usize,
    /// Modes.
    pub modes: Vec<Mode>,
    /// Least confidence of a violation that counts.
    pub least_confidence: f64,
    /// A second violation on the same fault is a false one.
    pub strict: bool,
    /// Lines that are in the folder already are not made again.
    pub resume: bool,
    /// Draw misses and false alarms.
    pub pictures: bool,
}

/// What came of it.
#[derive(Clone, Debug, serde::Serialize)]
pub struct Outcome {
    /// How often violations are right, by what they say and by how much they stand out.
    pub fit: BTreeMap<String, Vec<fit::Step>>,
    /// Every case in every mode.
    pub lines: Vec<Line>,
    /// By mode.
    pub summaries: Vec<Summary>,
    /// Where faults are lost, by kind.
    pub lost: Vec<lost::Lost>,
}

/// The file of lines in an output folder.
pub const LINES: &str = "cases.jsonl";
/// What says of an output folder that all is done.
const DONE: [&str; 1] = ["summary.json"];
/// The file of violations in an output folder.
pub const VIOLATIONS: &str = "violations.jsonl";

/// Evaluates. Files go to `folder`: the takes under `cases/`, a line a case and mode in [`LINES`] and a line a violation in
/// [`VIOLATIONS`] as they come, pictures under `pictures/`. Progress counts cases in modes.
///
/// # Errors
/// Where no case could be evaluated; the device's, files that cannot be written, and an interruption.
pub fn evaluate(
    gpu: &Gpu,
    model: Option<&Model>,
    config: &Config,
    options: &Options,
    folder: &Path,
    monitor: &dyn Monitor,
) -> anyhow::Result<Outcome> {
    let mut cases = case::cases(
        options.first + options.takes,
        options.half,
        options.size,
        options.seconds,
        options.views,
    );
    cases.drain(..options.first);
    std::fs::create_dir_all(folder).with_context(|| folder.display().to_string())?;
    let inner = Quiet(monitor);
    let tools = Tools {
        gpu,
        model,
        config,
        monitor: &inner,
    };
    let settings = |mode| Settings::of(&tools, mode, options.least_confidence);
    let path = folder.join(LINES);
    let mut before: Vec<Line> = lines(&path, options.resume, &DONE, monitor)?;
    // Lines of other cases and modes stay; of those asked for only what would come out the same.
    before.retain(|l| {
        let asked = options.modes.contains(&l.mode) && cases.contains(&l.case);
        !asked || (l.error.is_none() && l.settings == settings(l.mode))
    });
    let mut files = Files::create(folder, &before)?;
    let total = (cases.len() * options.modes.len()) as u64;
    let mut lines: Vec<Line> = Vec::new();
    monitor.progress(0, total);
    for case in &cases {
        let kept = |mode: Mode| before.iter().find(|l| l.case == *case && l.mode == mode);
        let mut made: Option<(Take, Vec<fault::Fault>, Shared)> = None;
        for &mode in &options.modes {
            if let Some(line) = kept(mode) {
                lines.push(line.clone());
                monitor.progress(lines.len() as u64, total);
                continue;
            }
            let place = folder.join("cases").join(&case.name);
            let line = one(&tools, mode, case, &place, options, &mut made, folder);
            let line = match line {
                Ok(line) => line,
                Err(error) => {
                    if monitor.stopped() {
                        bail!(
                            "interrupted after {} of {total} cases; --resume goes on",
                            lines.len()
                        );
                    }
                    gpu.alive()?;
                    monitor.warn(&format!(
                        "{} in mode {} failed: {error:#}",
                        case.name,
                        mode.name()
                    ));
                    Line::failed(case, mode, settings(mode), &error)
                }
            };
            files.append(&line)?;
            lines.push(line);
            monitor.progress(lines.len() as u64, total);
        }
    }
    if lines.iter().all(|l| l.error.is_some()) {
        let first = lines.iter().find_map(|l| l.error.as_deref());
        bail!(
            "no case could be evaluated: {}",
            first.unwrap_or("there are none")
        );
    }
    let summaries = options
        .modes
        .iter()
        .map(|&mode| summary(mode, &lines, options.strict));
    let travelling = lines.iter().filter(|l| !l.case.still());
    Ok(Outcome {
        summaries: summaries.collect(),
        fit: fit::fit(travelling.flat_map(|l| &l.violations)),
        lost: lost::lost(&lines),
        lines,
    })
}

/// One case in one mode. The take is made for the first mode that needs it.
fn one(
    tools: &Tools<'_>,
    mode: Mode,
    case: &Case,
    place: &Path,
    options: &Options,
    made: &mut Option<(Take, Vec<fault::Fault>, Shared)>,
    folder: &Path,
) -> anyhow::Result<Line> {
    let (take, faults, shared) = match made {
        Some(made) => made,
        slot => {
            let take = Take::make(tools.gpu, case, place, tools.monitor)?;
            let faults = seen::faults(&take);
            slot.insert((take, faults, Shared::default()))
        }
    };
    let mut tested = modes::test(tools, mode, take, faults, shared, place)?;
    if let Some(seconds) = take.rendered.take() {
        tested.seconds.insert("take".to_owned(), seconds);
    }
    let settings = Settings::of(tools, mode, options.least_confidence);
    let line = Line::of(
        case,
        mode,
        &take.scene.misfits,
        &tested,
        &tools.config.accept,
        settings,
    )?;
    if options.pictures {
        picture::draw(tools, take, &line, &tested, &folder.join("pictures"))?;
    }
    Ok(line)
}

/// The files that grow case by case.
struct Files {
    lines: (PathBuf, std::fs::File),
    violations: (PathBuf, std::fs::File),
}

impl Files {
    fn create(folder: &Path, before: &[Line]) -> anyhow::Result<Self> {
        let open = |name: &str| -> anyhow::Result<_> {
            let path = folder.join(name);
            let file = std::fs::File::create(&path).with_context(|| path.display().to_string())?;
            Ok((path, file))
        };
        let mut files = Self {
            lines: open(LINES)?,
            violations: open(VIOLATIONS)?,
        };
        for line in before {
            files.append(line)?;
        }
        Ok(files)
    }

    fn append(&mut self, line: &Line) -> anyhow::Result<()> {
        let (path, file) = &mut self.lines;
        let text = serde_json::to_string(line)? + "\n";
        file.write_all(text.as_bytes())
            .with_context(|| path.display().to_string())?;
        let mut text = String::new();
        for judged in &line.violations {
            #[derive(serde::Serialize)]
            struct One<'a> {
                case: &'a str,
                mode: Mode,
                clean: bool,
                still: bool,
                right: bool,
                #[serde(flatten)]
                judged: &'a matching::Judged,
            }
            let one = One {
                case: &line.case.name,
                mode: line.mode,
                clean: line.clean(),
                still: line.case.still(),
                right: judged.truth.right(),
                judged,
            };
            text += &serde_json::to_string(&one)?;
            text.push('\n');
        }
        let (path, file) = &mut self.violations;
        file.write_all(text.as_bytes())
            .with_context(|| path.display().to_string())
    }
}
