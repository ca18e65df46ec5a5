//! Rules that turn what scores and agents found into a revised prompt; the rules are data (`rules.toml`).

mod evidence;
mod options;

use serde::{Deserialize, Serialize};

pub use evidence::{Evidence, Lacking};
pub use options::{AcceptOptions, KEYS};

use crate::agent::{AgentReport, Violation, What};
use crate::camera::Way;
use crate::hash::sha256_hex;
use crate::score::Scores;

/// Part of the resume key.
pub const VERSION: u32 = 6;

/// The rules' text, part of the resume key.
pub const RULES: &str = include_str!("rules.toml");

/// The kind of violation that needs no depth.
const SEEN: &str = "ObjectPersistence";

/// Longest prompt that is written.
const LONGEST: usize = 32_000;

/// The rules could not be read.
#[derive(Debug, thiserror::Error)]
#[error("revision rules: {0}")]
pub struct RuleError(String);

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Rules {
    rule: Vec<Rule>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Rule {
    id: String,
    violation: Option<String>,
    scenario: Option<String>,
    #[serde(default)]
    what: Vec<What>,
    missing: Option<Lacking>,
    score: Option<String>,
    below: Option<f64>,
    refusal: Option<String>,
    add: String,
    /// Words of the prompt that contradict it, with those that stand in their place.
    #[serde(default)]
    instead: Vec<[String; 2]>,
    because: String,
}

/// What came of a round.
#[derive(Clone, Copy, Debug)]
pub enum Found<'a> {
    /// A world that agents tested.
    Tested {
        /// What they found.
        report: &'a AgentReport,
        /// How well its clip was understood.
        evidence: Evidence,
    },
    /// No world: the reason's name and words.
    Refused {
        /// Such as `not_rigid`.
        reason: &'a str,
        /// In words.
        words: &'a str,
    },
}

/// One phrase that was added, and why.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Change {
    /// The rule's id.
    pub rule: String,
    /// The phrase.
    pub added: String,
    /// Why.
    pub because: String,
    /// What fired it: a violation's description, a score, a refusal.
    pub evidence: String,
    /// Words of the prompt that contradicted it, with those that took their place.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub replaced: Vec<[String; 2]>,
}

impl Change {
    fn words(&self) -> String {
        let instead: Vec<String> = self
            .replaced
            .iter()
            .map(|[from, to]| format!(" (\"{to}\" in place of \"{from}\")"))
            .collect();
        format!(
            "\"{}\"{} since {}",
            self.added,
            instead.concat(),
            self.because
        )
    }
}

/// The text with each of the words `from`, in any case, as `to`; `None` where it has none of them. Words are whole: "static
/// cameras" are no "static camera".
fn replaced(text: &str, from: &str, to: &str) -> Option<String> {
    // Of the same length, byte by byte.
    let (lower, from) = (text.to_ascii_lowercase(), from.to_ascii_lowercase());
    let word = |c: Option<char>| c.is_some_and(char::is_alphanumeric);
    let mut out = String::new();
    let mut rest = 0;
    for (at, _) in lower.match_indices(&from) {
        let end = at + from.len();
        let inside = word(text[..at].chars().next_back()) || word(text[end..].chars().next());
        if at < rest || inside {
            continue;
        }
        out.push_str(&text[rest..at]);
        out.push_str(to);
        rest = end;
    }
    (rest > 0).then(|| out + &text[rest..])
}

/// What is said of a round.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    /// The world holds up.
    Accepted,
    /// It has faults.
    Rejected,
    /// Too little was seen, or too badly, to tell.
    Undecided,
    /// There is none.
    Refused,
}

/// The verdict on a round and the next prompt.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Revision {
    /// The world is good enough; no other round is needed.
    pub accepted: bool,
    /// In one word.
    pub verdict: Verdict,
    /// Faults, or why there is no world; empty when it was accepted.
    pub reasons: Vec<String>,
    /// What the verdict lacks; empty when it was accepted.
    #[serde(default)]
    pub missing: Vec<String>,
    /// This round's prompt.
    pub prompt: String,
    /// The next round's prompt; the same as `prompt` when no rule had anything to add.
    pub revised_prompt: String,
    /// What was added.
    pub changes: Vec<Change>,
    /// In one sentence.
    pub explanation: String,
    /// Round, from 1.
    pub iteration: u32,
    /// SHA-256 of `prompt`, first 16 hex digits: the parent in the lineage.
    pub parent: String,
    /// The same of `revised_prompt`.
    pub child: String,
    /// The original design's flag: the round ended as it should.
    pub success: bool,
}

/// Short hash that names a prompt in a lineage.
pub fn prompt_hash(prompt: &str) -> String {
    sha256_hex(prompt.as_bytes())[..16].to_owned()
}

/// The verdict on what was found, its reasons, and what it lacks, in words.
pub fn judge(found: Found<'_>, accept: &AcceptOptions) -> (Verdict, Vec<String>, Vec<String>) {
    let (verdict, reasons, lacking) = weigh(found, accept);
    let missing = lacking.into_iter().map(|(_, words)| words).collect();
    (verdict, reasons, missing)
}

fn weigh(
    found: Found<'_>,
    accept: &AcceptOptions,
) -> (Verdict, Vec<String>, Vec<(Lacking, String)>) {
    let reasons = reasons(found, accept);
    let lacking = match &found {
        Found::Tested { report, evidence } => evidence::lacking(report, evidence, accept),
        Found::Refused { .. } => Vec::new(),
    };
    let verdict = match (found, reasons.is_empty(), lacking.is_empty()) {
        (Found::Refused { .. }, ..) => Verdict::Refused,
        (_, false, _) => Verdict::Rejected,
        (_, true, false) => Verdict::Undecided,
        (_, true, true) => Verdict::Accepted,
    };
    (verdict, reasons, lacking)
}

/// Judges a round and revises its prompt.
///
/// # Errors
/// [`RuleError`] when the embedded rules are broken.
pub fn revise(
    prompt: &str,
    iteration: u32,
    scores: &Scores,
    found: Found<'_>,
    accept: &AcceptOptions,
) -> Result<Revision, RuleError> {
    let rules: Rules = toml::from_str(RULES).map_err(|e| RuleError(e.to_string()))?;
    let (verdict, reasons, lacking) = weigh(found, accept);
    let accepted = verdict == Verdict::Accepted;
    let mut changes: Vec<Change> = Vec::new();
    if !accepted {
        for rule in rules.rule {
            let known = |text: &str| text.to_lowercase().contains(&rule.add.to_lowercase());
            if known(prompt) || changes.iter().any(|c| known(&c.added)) {
                continue;
            }
            if let Some(evidence) = fires(&rule, scores, found, &lacking) {
                changes.push(Change {
                    rule: rule.id,
                    added: rule.add,
                    because: rule.because,
                    evidence,
                    replaced: rule.instead,
                });
            }
        }
    }
    let mut revised = prompt
        .trim_end()
        .trim_end_matches(['.', ',', ';'])
        .to_owned();
    changes.retain_mut(|change| {
        let mut without = revised.clone();
        change
            .replaced
            .retain(|[from, to]| match replaced(&without, from, to) {
                Some(other) => {
                    without = other;
                    true
                }
                None => false,
            });
        let fits = without.chars().count() + 2 + change.added.chars().count() <= LONGEST;
        if fits {
            revised = without;
            if !revised.is_empty() {
                revised.push_str(", ");
            }
            revised.push_str(&change.added);
        }
        fits
    });
    if changes.is_empty() {
        revised = prompt.to_owned();
    }
    let missing: Vec<String> = lacking.into_iter().map(|(_, words)| words).collect();
    let issues = reasons.len() + missing.len();
    let explanation = match (verdict, changes.is_empty()) {
        (Verdict::Accepted, _) => "The world holds up; the prompt stays as it is.".to_owned(),
        (Verdict::Undecided, true) => format!(
            "Too little is known of this world to tell ({}), and no rule has anything to add to this prompt.",
            missing.join("; ")
        ),
        (_, true) => {
            format!("{issues} issue(s) are left, and no rule has anything to add to this prompt.")
        }
        (_, false) => format!(
            "Revised prompt to address {issues} issue(s): {}.",
            changes
                .iter()
                .map(Change::words)
                .collect::<Vec<_>>()
                .join("; ")
        ),
    };
    Ok(Revision {
        accepted,
        verdict,
        reasons,
        missing,
        prompt: prompt.to_owned(),
        parent: prompt_hash(prompt),
        child: prompt_hash(&revised),
        revised_prompt: revised,
        changes,
        explanation,
        iteration,
        success: true,
    })
}

/// What counts against the world: all that was found, but where the camera stays in one place, and nothing but a network tells depth,
/// only what is seen in the pictures themselves.
fn counting<'a>(
    report: &'a AgentReport,
    evidence: &Evidence,
) -> impl Iterator<Item = &'a Violation> {
    let all = evidence.way == Way::Travels;
    let counts = move |v: &&Violation| all || v.kind == SEEN;
    report.violations.iter().filter(counts)
}

fn reasons(found: Found<'_>, accept: &AcceptOptions) -> Vec<String> {
    let (report, evidence) = match found {
        Found::Refused { words, .. } => return vec![words.to_owned()],
        Found::Tested { report, evidence } => (report, evidence),
    };
    counting(report, &evidence)
        .filter(|v| v.severity >= accept.reject_severity)
        .map(|v| format!("{}: {}", v.kind, v.description))
        .collect()
}

fn score_value(scores: &Scores, name: &str) -> Option<f64> {
    match name {
        "overall" => Some(scores.overall),
        _ => scores.metrics.get(name).copied(),
    }
}

fn fires(
    rule: &Rule,
    scores: &Scores,
    found: Found<'_>,
    lacking: &[(Lacking, String)],
) -> Option<String> {
    if let Some(missing) = rule.missing {
        let lack = lacking.iter().find(|(what, _)| *what == missing);
        return lack.map(|(_, words)| words.clone());
    }
    if let (Some(name), Some(below)) = (&rule.score, rule.below) {
        let value = score_value(scores, name)?;
        return (value < below).then(|| format!("{name} is {value:.2}, below {below}"));
    }
    match found {
        Found::Refused { reason, words } => {
            (rule.refusal.as_deref() == Some(reason)).then(|| words.to_owned())
        }
        Found::Tested { report, evidence } => {
            let kind = rule.violation.as_deref()?;
            counting(report, &evidence)
                .find(|v| {
                    v.kind == kind
                        && rule.scenario.as_ref().is_none_or(|s| *s == v.scenario)
                        && (rule.what.is_empty() || rule.what.contains(&v.what))
                })
                .map(|v| v.description.clone())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::agent::{Location, Severity, Violation};
    use crate::camera::LengthUnit;

    fn report(violations: Vec<Violation>, path: f64) -> AgentReport {
        let metrics = [
            ("path_completion", path),
            ("physics_score", 0.95),
            ("collision_rate", 0.0),
            ("floor_found", 1.0),
            ("walkable_area", 6.0),
            ("path_pairs", 30.0),
            ("path_pairs_unknown", 2.0),
        ];
        AgentReport {
            doubts: Vec::new(),
            violations,
            metrics: metrics
                .into_iter()
                .map(|(k, v)| (k.to_owned(), v))
                .collect(),
            unit: LengthUnit::Metres,
            notes: vec![],
        }
    }

    fn hole() -> Violation {
        Violation {
            kind: "PhysicsViolation".into(),
            what: What::Hole,
            description: "a hole in the floor, 0.6 m wide".into(),
            severity: Severity::High,
            location: Location {
                x: 1.0,
                y: 0.0,
                z: 2.0,
            },
            timestamp: 1.5,
            scenario: "physics_stability".into(),
            size: [0.6, 0.0, 0.6],
            confidence: 1.0,
            evidence: Default::default(),
        }
    }

    fn tested(report: &AgentReport) -> Found<'_> {
        let evidence = Evidence {
            registered: 1.0,
            way: Way::Travels,
            held_out_psnr: Some(24.0),
        };
        Found::Tested { report, evidence }
    }

    fn good() -> Scores {
        Scores {
            metrics: crate::score::METRICS
                .iter()
                .map(|m| (m.name.to_owned(), 0.8))
                .collect(),
            overall: 0.8,
            ..Scores::default()
        }
    }

    #[test]
    fn a_clean_world_is_accepted_and_its_prompt_kept() {
        let report = report(vec![], 1.0);
        let r = revise(
            "a room.",
            1,
            &good(),
            tested(&report),
            &AcceptOptions::default(),
        )
        .expect("rules");
        assert!(r.accepted && r.changes.is_empty());
        assert_eq!(r.revised_prompt, "a room.");
        assert_eq!(r.parent, r.child);
    }

    #[test]
    fn a_hole_asks_for_a_solid_floor_once() {
        let report = report(vec![hole(), hole()], 1.0);
        let accept = AcceptOptions::default();
        let r = revise("a room.", 1, &good(), tested(&report), &accept).expect("rules");
        assert!(!r.accepted);
        assert_eq!(
            r.revised_prompt
                .matches("continuous solid floor without gaps or holes")
                .count(),
            1
        );
        assert!(
            r.revised_prompt.starts_with("a room, "),
            "{}",
            r.revised_prompt
        );
        assert!(
            r.explanation
                .starts_with("Revised prompt to address 2 issue(s)"),
            "{}",
            r.explanation
        );
        assert_ne!(r.parent, r.child);
        let again = revise(&r.revised_prompt, 2, &good(), tested(&report), &accept).expect("rules");
        assert!(again.changes.is_empty() && !again.accepted);
        assert_eq!(again.revised_prompt, r.revised_prompt);
    }

    #[test]
    fn low_scores_and_refusals_fire_their_rules() {
        let mut scores = good();
        scores.metrics.insert("temporal_coherence".to_owned(), 0.1);
        let found = Found::Refused {
            reason: "not_rigid",
            words: "the poses do not explain the flow",
        };
        let r = revise("a street", 1, &scores, found, &AcceptOptions::default()).expect("rules");
        let fired: Vec<_> = r.changes.iter().map(|c| c.rule.as_str()).collect();
        assert_eq!(fired, ["steady-light", "rigid-scene"]);
    }

    #[test]
    fn words_that_contradict_what_is_added_are_replaced() {
        let of = |text: &str| replaced(text, "static camera", "moving camera");
        assert_eq!(
            of("A Static camera, a STATIC CAMERA.").as_deref(),
            Some("A moving camera, a moving camera.")
        );
        assert_eq!(
            of("static cameras; ecstatic camera; caf\u{e9}static camera"),
            None
        );
        assert_eq!(
            of("\u{e9} static camera \u{e9}").as_deref(),
            Some("\u{e9} moving camera \u{e9}")
        );
        let report = report(vec![], 1.0);
        let evidence = Evidence {
            registered: 1.0,
            way: Way::Stands,
            held_out_psnr: Some(24.0),
        };
        let report = &report;
        let found = Found::Tested { report, evidence };
        let accept = AcceptOptions::default();
        let prompt = "A static camera in a hall, still shot.";
        let r = revise(prompt, 1, &good(), found, &accept).expect("rules");
        let added = "the camera moves slowly sideways through the scene";
        assert_eq!(
            r.revised_prompt,
            format!("A moving camera in a hall, tracking shot, {added}")
        );
        let words = [
            ["static camera", "moving camera"],
            ["still shot", "tracking shot"],
        ];
        assert_eq!(r.changes.len(), 1);
        assert_eq!(r.changes[0].replaced, words.map(|w| w.map(str::to_owned)));
        let told = "(\"moving camera\" in place of \"static camera\")";
        assert!(r.explanation.contains(told), "{}", r.explanation);
        let rules: Rules = toml::from_str(RULES).expect("rules");
        for rule in rules.rule {
            for [from, to] in rule.instead {
                // What stands in its place is not replaced again.
                assert!(!to.contains(&from), "{}: {from}", rule.id);
            }
        }
    }

    #[test]
    fn a_world_from_one_place_is_undecided_and_asks_for_a_camera_that_moves() {
        let verdict = |violations: Vec<Violation>, way| {
            let report = report(violations, 1.0);
            let evidence = Evidence {
                registered: 1.0,
                way,
                held_out_psnr: Some(24.0),
            };
            let report = &report;
            let found = Found::Tested { report, evidence };
            let accept = AcceptOptions::default();
            let r = revise("a room", 1, &good(), found, &accept).expect("rules");
            let rules: Vec<String> = r.changes.into_iter().map(|c| c.rule).collect();
            (r.verdict, rules)
        };
        let moves = || vec!["move-camera".to_owned()];
        for way in [Way::Turns, Way::Stands] {
            assert_eq!(verdict(vec![], way), (Verdict::Undecided, moves()));
            // A hole in depth that nothing tells but a network.
            assert_eq!(verdict(vec![hole()], way), (Verdict::Undecided, moves()));
        }
        let gone = Violation {
            kind: "ObjectPersistence".into(),
            what: What::Vanished,
            scenario: "object_persistence".into(),
            ..hole()
        };
        let (found, rules) = verdict(vec![gone], Way::Stands);
        assert_eq!(found, Verdict::Rejected);
        assert_eq!(rules, ["persistence", "move-camera"]);
    }

    #[test]
    fn a_world_that_was_hardly_seen_is_undecided_and_not_accepted() {
        let accept = AcceptOptions::default();
        let clean = || report(vec![], 1.0);
        let verdict = |report: &AgentReport, registered, held_out_psnr| {
            let evidence = Evidence {
                registered,
                way: Way::Travels,
                held_out_psnr,
            };
            let found = Found::Tested { report, evidence };
            revise("x", 1, &good(), found, &accept).expect("rules")
        };
        let fine = verdict(&clean(), 1.0, Some(24.0));
        assert_eq!((fine.verdict, fine.missing.len()), (Verdict::Accepted, 0));
        let lacks = |r: Revision, words: &str| {
            assert_eq!(r.verdict, Verdict::Undecided, "{words}");
            assert!(!r.accepted && r.reasons.is_empty());
            assert_eq!(r.missing.len(), 1, "{:?}", r.missing);
            assert!(r.missing[0].contains(words), "{:?}", r.missing);
            let figure = words == "no frame was held out";
            assert_eq!(r.changes.is_empty(), figure, "{words}");
        };
        lacks(verdict(&clean(), 0.4, Some(24.0)), "40% of the frames");
        lacks(verdict(&clean(), f64::NAN, Some(24.0)), "of the frames");
        lacks(verdict(&clean(), 1.0, Some(8.4)), "8.4 dB");
        lacks(verdict(&clean(), 1.0, None), "no frame was held out");
        let with = |name: &str, value: f64| {
            let mut report = clean();
            report.metrics.insert(name.into(), value);
            report
        };
        lacks(
            verdict(&with("floor_found", 0.0), 1.0, Some(24.0)),
            "no floor",
        );
        lacks(
            verdict(&with("walkable_area", 0.03), 1.0, Some(24.0)),
            "0.03 square",
        );
        lacks(
            verdict(&with("path_pairs_unknown", 270.0), 1.0, Some(24.0)),
            "10% of the ways",
        );
        assert_eq!(
            verdict(&with("hit_spread", 0.45), 1.0, Some(24.0)).verdict,
            Verdict::Accepted
        );
        lacks(
            verdict(&with("hit_spread", 0.46), 1.0, Some(24.0)),
            "holes, open ends, panes and what goes or moves could be told only where it is less",
        );
        let mut tall = with("agent_height", 3.0);
        tall.metrics.insert("world_height".to_owned(), 2.0);
        lacks(
            verdict(&tall, 1.0, Some(24.0)),
            "the world ends 2.00 above the floor",
        );
        tall.metrics.insert("world_height".to_owned(), 2.5);
        assert_eq!(verdict(&tall, 1.0, Some(24.0)).verdict, Verdict::Accepted);
        let mut plain = clean();
        plain.doubts.push(Violation {
            what: What::BlankEnd,
            description: "the floor ends before what shows nothing".into(),
            confidence: 0.45,
            ..hole()
        });
        lacks(verdict(&plain, 1.0, Some(24.0)), "shows nothing");
        // A hole of the pictures alone that most views tell of; fewer say nothing, and depth that says little is a doubt as any.
        let mut pictured = hole();
        (pictured.confidence, pictured.evidence.pictures) = (0.45, Some(6.0));
        let with_doubt = |doubt: &Violation| {
            let mut report = clean();
            report.doubts.push(doubt.clone());
            verdict(&report, 1.0, Some(24.0))
        };
        lacks(with_doubt(&pictured), "a hole in the floor");
        let why = with_doubt(&pictured).explanation;
        assert!(why.contains("that depth does not show"), "{why}");
        pictured.confidence = 0.05;
        assert_eq!(with_doubt(&pictured).verdict, Verdict::Accepted);
        (pictured.confidence, pictured.evidence.sigmas) = (0.25, Some(8.0));
        assert_eq!(with_doubt(&pictured).verdict, Verdict::Accepted);
        // A fault that was seen stays a fault.
        let mut bad = with("walkable_area", 0.03);
        bad.violations.push(hole());
        let bad = verdict(&bad, 1.0, Some(24.0));
        assert_eq!((bad.verdict, bad.missing.len()), (Verdict::Rejected, 1));
    }

    #[test]
    fn a_metric_that_is_missing_is_not_accepted() {
        let mut report = report(vec![], 1.0);
        report.metrics.retain(|name, _| {
            !["path_completion", "physics_score", "collision_rate"].contains(&name.as_str())
        });
        let r = revise("x", 1, &good(), tested(&report), &AcceptOptions::default()).expect("rules");
        assert_eq!((r.verdict, r.missing.len()), (Verdict::Undecided, 3));
    }

    #[test]
    fn every_rule_has_one_condition_and_its_own_phrase() {
        let rules: Rules = toml::from_str(RULES).expect("rules");
        let mut phrases = std::collections::BTreeSet::new();
        for rule in &rules.rule {
            let conditions = [
                rule.violation.is_some(),
                rule.score.is_some(),
                rule.refusal.is_some(),
                rule.missing.is_some(),
            ];
            assert_eq!(conditions.iter().filter(|c| **c).count(), 1, "{}", rule.id);
            assert_eq!(rule.score.is_some(), rule.below.is_some(), "{}", rule.id);
            if let Some(score) = &rule.score {
                assert!(
                    score_value(&good(), score).is_some(),
                    "{}: no score '{score}'",
                    rule.id
                );
            }
            assert!(
                phrases.insert(rule.add.to_lowercase()),
                "{}: phrase used twice",
                rule.id
            );
        }
    }
}
