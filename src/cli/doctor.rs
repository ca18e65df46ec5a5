//! `director doctor`: what this machine has, what is missing, and the mend.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use serde::Serialize;

use super::{Globals, settings::Settings};
use crate::depth::{self, KnownModel};
use crate::gpu::{AdapterSummary, Tier, adapters};
use crate::video::{self, CudaFindings, HardwareDevice};

/// Arguments.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  director doctor
  director doctor --out /mnt/big/runs --json
  director doctor --kernels --adapter 0      each kernel beside its twin on the CPU
Exit codes: 0 all that is needed is here, 1 something is missing or a kernel is wrong.")]
pub struct Args {
    /// Folder whose disk is looked at
    #[arg(long, short, value_name = "DIR", default_value = ".")]
    out: PathBuf,
    /// Run every GPU kernel on small data of real chains and compare it with the same computation on the CPU: names the
    /// kernel that this adapter or its driver gets wrong, the element and both values
    #[arg(long)]
    kernels: bool,
    /// One JSON document on standard output
    #[arg(long)]
    json: bool,
}

/// What was found.
#[derive(Debug, Serialize)]
struct Findings {
    version: &'static str,
    adapters: Vec<AdapterSummary>,
    /// Name of the adapter that a run would open.
    chosen: Option<String>,
    /// What its kernels may count on.
    tier: Option<Tier>,
    /// `adapter` or `low`.
    limits: String,
    /// Bytes of the largest binding that they may use.
    binding: Option<u64>,
    ffmpeg: String,
    hardware_devices: Vec<HardwareDevice>,
    /// Decoding on the card, whose frames never visit the host.
    cuda: CudaFindings,
    h264_encoders: Vec<&'static str>,
    decoders: Vec<&'static str>,
    decoders_missing: Vec<&'static str>,
    free_bytes: Option<u64>,
    config_file: Option<PathBuf>,
    /// The settings have faults, which are told.
    #[serde(skip)]
    config_faulty: bool,
    /// What keeps a run from working, each with its mend.
    faults: Vec<String>,
    /// What makes it slower or narrower.
    notes: Vec<String>,
}

/// Bytes under which a night's run may not fit.
const LITTLE_DISK: u64 = 5 << 30;

/// Runs the command.
pub fn run(args: &Args, globals: &Globals) -> anyhow::Result<ExitCode> {
    if args.kernels {
        return super::kernels::run(args.json, globals);
    }
    let findings = find(args, globals);
    if args.json {
        println!("{}", serde_json::to_string_pretty(&findings)?);
    } else {
        anstream::print!("{}", findings.text());
    }
    Ok(ExitCode::from(u8::from(!findings.faults.is_empty())))
}

fn find(args: &Args, globals: &Globals) -> Findings {
    let mut faults: Vec<String> = Vec::new();
    let mut notes: Vec<String> = Vec::new();
    let opened = globals.gpu();
    match &opened {
        Err(error) => faults.push(error.to_string()),
        Ok(gpu) => {
            let summary = gpu.summary();
            match gpu.tier() {
                Err(error) => faults.push(error.to_string()),
                Ok(Tier::Plain) => notes.push(
                    "no eight lanes give one another values here: splats take kernels without that, which are slower"
                        .into(),
                ),
                Ok(Tier::Eight) => {}
            }
            if summary.kind == "software" {
                notes.push("only a software adapter is used: the same results, slowly".into());
            }
        }
    }
    let h264_encoders = video::h264_encoders();
    if h264_encoders.is_empty() {
        faults.push(
            "FFmpeg has no H.264 encoder, so the mock provider cannot write takes; install one (Debian: libx264, with its FFmpeg)"
                .into(),
        );
    }
    let (decoders, missing): (Vec<_>, Vec<_>) = video::decoders().into_iter().partition(|d| d.1);
    let names = |list: Vec<(&'static str, bool)>| list.into_iter().map(|d| d.0).collect();
    let decoders_missing: Vec<&str> = names(missing);
    if !decoders_missing.is_empty() {
        notes.push(format!(
            "this FFmpeg does not decode {}; videos in these need another build of it",
            decoders_missing.join(", ")
        ));
    }
    let free_bytes = free_bytes(&args.out);
    match free_bytes {
        Ok(free) if free < LITTLE_DISK => faults.push(format!(
            "under 5 GiB of disk are free at {}; point --out of a run to a larger disk, or clean old runs (director clean)",
            args.out.display()
        )),
        Ok(_) => {}
        Err(ref error) => faults.push(format!("{}: {error}; name a folder that is there", args.out.display())),
    }
    let config = Settings::default().resolved(globals);
    if let Err(error) = &config {
        faults.push(error.to_string());
    }
    let fetched = |model: &KnownModel| model.place().is_some_and(|place| place.exists());
    if !depth::known().iter().any(fetched) {
        notes.push(
            "no depth network was fetched; the built-in one was trained on synthetic scenes: for other videos see director models list"
                .into(),
        );
    }
    let cuda = video::cuda_findings(opened.as_ref().ok());
    if cuda.built
        && let Some(fault) = &cuda.fault
    {
        notes.push(format!(
            "videos are decoded in software, not by the card: {fault}"
        ));
    }
    Findings {
        version: env!("CARGO_PKG_VERSION"),
        adapters: adapters(),
        limits: globals.limits.to_string(),
        binding: opened.as_ref().ok().map(|gpu| gpu.caps().binding),
        chosen: opened.as_ref().ok().map(|gpu| gpu.summary().name.clone()),
        tier: opened.ok().and_then(|gpu| gpu.tier().ok()),
        ffmpeg: video::versions(),
        hardware_devices: video::hardware_devices(),
        cuda,
        h264_encoders,
        decoders: names(decoders),
        decoders_missing,
        free_bytes: free_bytes.ok(),
        config_faulty: config.is_err(),
        config_file: Settings::default().file(globals),
        faults,
        notes,
    }
}

impl Findings {
    fn text(&self) -> String {
        let mut lines = vec![format!("director     {}", self.version)];
        let mut say = |name: &str, words: String| lines.push(format!("{name:<12} {words}"));
        let yes = |b: bool| if b { "yes" } else { "no" };
        if self.adapters.is_empty() {
            say("adapters", "none".into());
        }
        for (index, a) in self.adapters.iter().enumerate() {
            let name = if index == 0 { "adapters" } else { "" };
            let mark = match self.chosen.as_ref() == Some(&a.name) {
                true => "*",
                false => " ",
            };
            say(
                name,
                format!(
                    "{mark} {index}: {} ({}, {}, {})",
                    a.name, a.kind, a.backend, a.driver
                ),
            );
            let [least, most] = a.subgroup_sizes;
            let subgroups = match (a.subgroups, least == most) {
                (false, _) => "no".to_owned(),
                (true, true) => format!("of {least}"),
                (true, false) => format!("of {least} to {most}"),
            };
            say(
                "",
                format!(
                    "     subgroups {subgroups}, f32 atomics {}, timestamps {}, largest binding {} MiB, workgroup memory {} KiB",
                    yes(a.float_atomics),
                    yes(a.timestamps),
                    a.max_binding >> 20,
                    a.max_workgroup_memory >> 10
                ),
            );
        }
        if let (Some(binding), Some(tier)) = (self.binding, self.tier) {
            say(
                "uses",
                format!(
                    "limits {}: bindings of up to {} MiB, kernels of tier {tier}",
                    self.limits,
                    binding >> 20
                ),
            );
        }
        say("FFmpeg", self.ffmpeg.clone());
        let (open, closed): (Vec<&HardwareDevice>, Vec<_>) = self
            .hardware_devices
            .iter()
            .partition(|d| d.fault.is_none());
        let kinds = |devices: &[&HardwareDevice]| {
            list(&devices.iter().map(|d| d.kind.as_str()).collect::<Vec<_>>())
        };
        say(
            "hardware",
            format!("{} (no device for {})", kinds(&open), kinds(&closed)),
        );
        say("cuda", self.cuda.to_string());
        say("H.264 out", list(&self.h264_encoders));
        say("decodes", list(&self.decoders));
        if let Some(free) = self.free_bytes {
            say("disk free", indicatif::BinaryBytes(free).to_string());
        }
        let config = match (&self.config_file, self.config_faulty) {
            (Some(file), false) => file.display().to_string(),
            (Some(file), true) => {
                format!("{}, with faults in the settings: see below", file.display())
            }
            (None, false) => "no director.toml here: the preset's values".to_owned(),
            (None, true) => {
                "no director.toml here, and faults in the other settings: see below".to_owned()
            }
        };
        say("settings", config);
        for note in &self.notes {
            say("note", note.clone());
        }
        for fault in &self.faults {
            lines.push(format!("{}: {fault}", super::error_label()));
        }
        if self.faults.is_empty() {
            lines.push("all that is needed is here".to_owned());
        }
        lines.join("\n") + "\n"
    }
}

fn list<T: AsRef<str>>(items: &[T]) -> String {
    match items {
        [] => "none".to_owned(),
        items => items
            .iter()
            .map(AsRef::as_ref)
            .collect::<Vec<_>>()
            .join(", "),
    }
}

/// Bytes that this user may still write on the disk of a folder.
fn free_bytes(path: &Path) -> std::io::Result<u64> {
    let disk = rustix::fs::statvfs(path)?;
    Ok(disk.f_bavail * disk.f_frsize)
}
