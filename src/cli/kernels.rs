//! `director doctor --kernels`: every kernel on this adapter, beside its twin on the CPU.

use std::process::ExitCode;

use comfy_table::{Cell, CellAlignment, Color, Table, presets};
use serde::Serialize;

use super::Globals;
use crate::gpu::AdapterSummary;
use crate::gpu::shadow::Finding;
use crate::kernels::{Checked, check};
use crate::progress::Single;

/// What was found, and where.
#[derive(Debug, Serialize)]
struct Findings {
    version: &'static str,
    adapter: AdapterSummary,
    /// All kernels ran and agree.
    good: bool,
    #[serde(flatten)]
    checked: Checked,
}

/// Checks the kernels on the chosen adapter.
pub(super) fn run(json: bool, globals: &Globals) -> anyhow::Result<ExitCode> {
    let gpu = globals.gpu()?;
    let checked = check(&gpu, &Single::new(globals.quiet));
    let findings = Findings {
        version: env!("CARGO_PKG_VERSION"),
        adapter: gpu.summary().clone(),
        good: checked.is_good(),
        checked,
    };
    if json {
        println!("{}", serde_json::to_string_pretty(&findings)?);
    } else {
        anstream::print!("{}", findings.text());
    }
    Ok(ExitCode::from(u8::from(!findings.good)))
}

impl Findings {
    fn text(&self) -> String {
        let (a, checked) = (&self.adapter, &self.checked);
        let [least, most] = a.subgroup_sizes;
        let mut text = format!(
            "director {}\n{} ({}, {}, {}), subgroups of {least} to {most}\n\n{}\n",
            self.version,
            a.name,
            a.kind,
            a.backend,
            a.driver,
            table(&checked.kernels),
        );
        let mut fault = |words: String| {
            text += &format!("{}: {words}\n", super::error_label());
        };
        for finding in &checked.kernels {
            if let Some(wrong) = &finding.fault {
                fault(format!(
                    "{}, dispatch {}: {}",
                    finding.kernel, wrong.dispatch, wrong.words
                ));
            }
        }
        for failure in &checked.failures {
            fault(failure.clone());
        }
        if !checked.lacking.is_empty() {
            text += &format!(
                "not for this device, which takes others in their place: {}\n",
                checked.lacking.join(", ")
            );
        }
        let mut fault = |words: String| {
            text += &format!("{}: {words}\n", super::error_label());
        };
        if !checked.unreached.is_empty() {
            fault(format!("not dispatched: {}", checked.unreached.join(", ")));
        }
        let wrong = checked.kernels.iter().filter(|f| !f.agrees()).count();
        let ran = checked.kernels.len();
        text += &match self.good {
            true => format!(
                "all {ran} kernels agree with their twins, in {:.1} s\n",
                checked.seconds
            ),
            false => format!("{wrong} of {ran} kernels do not agree with their twins\n"),
        };
        text
    }
}

fn table(kernels: &[Finding]) -> Table {
    let mut table = Table::new();
    table.load_style(presets::NOTHING);
    if !super::colour_on_stdout() {
        table.force_no_tty();
    }
    table.set_header([
        "kernel",
        "dispatches",
        "words",
        "apart",
        "worst",
        "allowed",
        "where",
        "",
    ]);
    for column in 1..6 {
        if let Some(column) = table.column_mut(column) {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    for finding in kernels {
        // The place that tells most: the first that is wrong, else the worst.
        let fault = finding.fault.as_ref().and_then(|f| f.place.as_ref());
        let place = fault.or(finding.worst.as_ref());
        let number = |v: Option<f64>| v.map_or("0".to_owned(), |v| format!("{v:.1e}"));
        table.add_row([
            Cell::new(finding.kernel),
            Cell::new(finding.dispatches),
            Cell::new(finding.words),
            Cell::new(finding.apart),
            Cell::new(number(place.map(|p| p.difference))),
            Cell::new(number(place.map(|p| p.allowed))),
            Cell::new(place.map_or("same to the bit", |p| &p.at)),
            match finding.agrees() {
                true => Cell::new("agrees").fg(Color::Green),
                false => Cell::new("WRONG").fg(Color::Red),
            },
        ]);
    }
    table
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gpu::agree::Place;
    use crate::gpu::shadow::Fault;

    #[test]
    fn what_is_wrong_is_told_with_adapter_kernel_and_place() {
        let place = Place {
            at: "flow[12].y".to_owned(),
            binding: "flow",
            element: 12,
            gpu: "1.5".to_owned(),
            twin: "1.75".to_owned(),
            difference: 0.25,
            allowed: 0.001,
        };
        let finding = |kernel, fault: bool| Finding {
            kernel,
            dispatches: 4,
            words: 100,
            apart: u64::from(fault),
            worst: fault.then(|| place.clone()),
            fault: fault.then(|| Fault {
                dispatch: 2,
                words: place.to_string(),
                place: Some(place.clone()),
            }),
        };
        let findings = Findings {
            version: "1",
            adapter: AdapterSummary {
                name: "a card".to_owned(),
                kind: "discrete",
                backend: "vulkan".to_owned(),
                driver: "driver 5".to_owned(),
                max_binding: 0,
                max_workgroup_memory: 0,
                subgroups: true,
                subgroup_sizes: [32, 32],
                float_atomics: true,
                timestamps: true,
            },
            good: false,
            checked: Checked {
                kernels: vec![
                    finding("motion/compose", true),
                    finding("motion/warp", false),
                ],
                unreached: vec!["splat/update"],
                lacking: vec!["gpu/eights"],
                failures: vec!["take: the device was lost".to_owned()],
                seconds: 1.0,
            },
        };
        let text = findings.text();
        for words in [
            "a card (discrete, vulkan, driver 5)",
            "motion/compose, dispatch 2: flow[12].y: GPU 1.5, twin 1.75",
            "not dispatched: splat/update",
            "not for this device, which takes others in their place: gpu/eights",
            "take: the device was lost",
            "1 of 2 kernels do not agree",
        ] {
            assert!(text.contains(words), "{words}: {text}");
        }
        let json = serde_json::to_value(&findings).expect("json");
        assert_eq!(json["adapter"]["driver"], "driver 5");
        assert_eq!(json["kernels"][0]["fault"]["place"]["element"], 12);
    }
}
