//! One case in one mode, as it is kept: a line of JSON.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::case::Case;
use super::fault::Fault;
use super::matching::{Judged, found, judge};
use super::modes::{Mode, Tested, Tools};
use super::witness::Witness;
use crate::agent::{AgentReport, Severity, What};
use crate::hash::sha256_hex;
use crate::revise::{AcceptOptions, Found, Verdict, revise};
use crate::score::Scores;

/// Version of what is measured of a case: lines of another are made again.
pub const VERSION: u32 = 1;

/// What a line hangs on beside its case and mode.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Settings {
    /// Versions of the evaluation itself, the mock world, depth, cameras, splats, world, agents and reviser.
    #[serde(default)]
    pub versions: [u32; 8],
    /// Least confidence of a violation that counts.
    pub least_confidence: f64,
    /// Digest of the depth network, in modes that have one.
    pub network: Option<String>,
    /// Digest of the options of the stages that the mode has.
    pub options: String,
}

impl Settings {
    /// Of a mode with these tools.
    pub fn of(tools: &Tools<'_>, mode: Mode, least_confidence: f64) -> Self {
        let c = tools.config;
        let options = match mode {
            Mode::D => serde_json::json!(c),
            _ => serde_json::json!([c.world, c.agent, c.accept]),
        };
        let reads_depth = matches!(mode, Mode::C | Mode::D);
        let digest = |bytes: &[u8]| sha256_hex(bytes)[..12].to_owned();
        Self {
            versions: [
                VERSION,
                crate::mock::VERSION,
                crate::depth::VERSION,
                crate::camera::VERSION,
                crate::splat::VERSION,
                crate::world::VERSION,
                crate::agent::VERSION,
                crate::revise::VERSION,
            ],
            least_confidence,
            network: tools
                .model
                .filter(|_| reads_depth)
                .map(|m| m.sha256()[..12].to_owned()),
            options: digest(options.to_string().as_bytes()),
        }
    }
}

/// A case in one mode, judged.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Line {
    /// The case.
    pub case: Case,
    /// What the world was made from.
    pub mode: Mode,
    /// What else the line hangs on.
    pub settings: Settings,
    /// Faults that were asked for and did not fit.
    pub misfits: Vec<String>,
    /// Planted faults.
    pub faults: Vec<Fault>,
    /// Whether each was found.
    pub found: Vec<bool>,
    /// What depth holds of them, in modes whose depth is estimated.
    #[serde(default)]
    pub witnesses: Vec<Witness>,
    /// What agents said, doubts last.
    pub violations: Vec<Judged>,
    /// What follows from the violations that count, and from what the report lacks.
    pub verdict: Verdict,
    /// What the product says of it, which also asks for figures.
    pub product: Verdict,
    /// Its reasons.
    pub reasons: Vec<String>,
    /// What a verdict lacks.
    pub missing: Vec<String>,
    /// The report's figures.
    pub metrics: BTreeMap<String, f64>,
    /// The report's notes.
    pub notes: Vec<String>,
    /// Why there is no world.
    pub refused: Option<String>,
    /// What failed.
    pub error: Option<String>,
    /// Seconds by stage.
    pub seconds: BTreeMap<String, f64>,
}

impl Line {
    /// A fault is planted that is to be seen and larger than the agent.
    pub fn faulty(&self) -> bool {
        self.faults
            .iter()
            .any(|f| f.visible && f.larger_than_agent())
    }

    /// Nothing is planted.
    pub fn clean(&self) -> bool {
        self.faults.is_empty()
    }

    /// Judges what came of a case. Violations under the least confidence do not count for the verdict.
    ///
    /// # Errors
    /// Broken rules of the reviser.
    pub fn of(
        case: &Case,
        mode: Mode,
        misfits: &[String],
        tested: &Tested,
        accept: &AcceptOptions,
        settings: Settings,
    ) -> anyhow::Result<Self> {
        let least = settings.least_confidence;
        let mut line = Self {
            case: case.clone(),
            mode,
            settings,
            misfits: misfits.to_vec(),
            faults: tested.faults.clone(),
            found: vec![false; tested.faults.len()],
            witnesses: tested.witnesses.clone(),
            violations: Vec::new(),
            verdict: Verdict::Refused,
            product: Verdict::Refused,
            reasons: Vec::new(),
            missing: Vec::new(),
            metrics: BTreeMap::new(),
            notes: Vec::new(),
            refused: tested.refused.clone(),
            error: None,
            seconds: tested.seconds.clone(),
        };
        let Some(inspected) = &tested.inspected else {
            return Ok(line);
        };
        let report = &inspected.report;
        let to_truth = |p| tested.to_truth.apply(p);
        // Doubts too: confidences are fitted to what they turn out to be.
        let all: Vec<_> = report.violations.iter().chain(&report.doubts).collect();
        line.violations = judge(&line.faults, &all, to_truth, tested.to_truth.scale, least);
        line.found = found(&line.faults, &line.violations);
        let mut told: AgentReport = report.clone();
        told.violations.append(&mut told.doubts);
        (told.violations, told.doubts) = std::mem::take(&mut told.violations)
            .into_iter()
            .partition(|v| v.confidence >= least && v.what != What::BlankEnd);
        let by = Found::Tested {
            report: &told,
            evidence: tested.evidence,
        };
        let revision = revise(&case.prompt, 1, &Scores::default(), by, accept)?;
        let rejected = told
            .violations
            .iter()
            .any(|v| v.severity >= Severity::Medium);
        line.verdict = match (rejected, revision.missing.is_empty()) {
            (true, _) => Verdict::Rejected,
            (false, false) => Verdict::Undecided,
            (false, true) => Verdict::Accepted,
        };
        line.product = revision.verdict;
        (line.reasons, line.missing) = (revision.reasons, revision.missing);
        (line.metrics, line.notes) = (report.metrics.clone(), report.notes.clone());
        Ok(line)
    }

    /// A case that failed.
    pub fn failed(case: &Case, mode: Mode, settings: Settings, error: &anyhow::Error) -> Self {
        Self {
            case: case.clone(),
            mode,
            settings,
            misfits: Vec::new(),
            faults: Vec::new(),
            found: Vec::new(),
            witnesses: Vec::new(),
            violations: Vec::new(),
            verdict: Verdict::Refused,
            product: Verdict::Refused,
            reasons: Vec::new(),
            missing: Vec::new(),
            metrics: BTreeMap::new(),
            notes: Vec::new(),
            refused: None,
            error: Some(format!("{error:#}")),
            seconds: BTreeMap::new(),
        }
    }
}
