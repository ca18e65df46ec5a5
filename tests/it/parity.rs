//! Every kernel beside its twin on the data of real chains, and whole chains on twins.

use sora_director::kernels::{Take, check};
use std::collections::BTreeSet;

use sora_director::gpu::agree::within;
use sora_director::gpu::shadow::Mode;
use sora_director::gpu::{Call, Kernel, Shadow, Tier, groups_1d};
use sora_director::monitor::Silent;
use sora_director::motion::{MotionOptions, estimate};
use sora_director::video::{DecodeOptions, EncodeOptions, Encoder, decode};

use crate::common::{garbage, gpu};

#[test]
fn every_kernel_is_reached_and_agrees_with_its_twin() {
    let checked = check(&gpu(), &Silent);
    for finding in &checked.kernels {
        let worst = finding.worst.as_ref().map(ToString::to_string);
        eprintln!(
            "{:<22} {:>4} dispatches {:>8} words {:>5} apart, worst {}",
            finding.kernel,
            finding.dispatches,
            finding.words,
            finding.apart,
            worst.as_deref().unwrap_or("the same to the bit")
        );
    }
    eprintln!("{:.1} s", checked.seconds);
    let faults: Vec<String> = checked
        .kernels
        .iter()
        .filter_map(|f| Some(format!("{}: {}", f.kernel, f.fault.as_ref()?.words)))
        .collect();
    assert!(faults.is_empty(), "{}", faults.join("\n"));
    assert!(checked.failures.is_empty(), "{:?}", checked.failures);
    assert!(checked.unreached.is_empty(), "{:?}", checked.unreached);
    assert!(checked.is_good());
    let all: BTreeSet<&str> = sora_director::kernels::all()
        .iter()
        .map(|kernel| kernel.stem)
        .collect();
    assert_eq!(checked.kernels.len() + checked.lacking.len(), all.len());
    let plain = gpu().tier().expect("tier") == Tier::Plain;
    let lacking: &[&str] = match plain {
        true => &[
            "gpu/eights",
            "splat/raster_lanes",
            "splat/raster_back_lanes",
        ],
        false => &[],
    };
    assert_eq!(checked.lacking, lacking);
    let idle: Vec<_> = checked.kernels.iter().filter(|f| f.words == 0).collect();
    assert!(idle.is_empty(), "changed nothing: {idle:?}");
}

#[test]
fn a_chain_on_twins_gives_what_the_gpu_gives() {
    let gpu = gpu();
    let shadow = Shadow::new(Mode::Twins);
    let twins = gpu.shadowed(&shadow);
    // The trace on twins: the same picture to two levels, but where rays graze an edge.
    let (take, traced) = (
        Take::film(&gpu).expect("film"),
        Take::film(&twins).expect("film"),
    );
    let pairs = take.shots.iter().zip(&traced.shots);
    let pixels: Vec<(u32, u32)> = pairs
        .flat_map(|(a, b)| a.rgba.iter().copied().zip(b.rgba.iter().copied()))
        .collect();
    let apart = |(a, b): &&(u32, u32)| {
        let (a, b) = (a.to_le_bytes(), b.to_le_bytes());
        (0..4).any(|k| a[k].abs_diff(b[k]) > 2)
    };
    let odd = pixels.iter().filter(apart).count();
    assert!(odd * 50 <= pixels.len(), "{odd} of {} pixels", pixels.len());

    // Flow, its consistency and the camera, from the same frames. Where the search takes another patch flow is elsewhere.
    let options = MotionOptions::default();
    let on_gpu = estimate(&gpu, &take.frames, &options, &Silent).expect("motion");
    let on_twins = estimate(&twins, &take.frames, &options, &Silent).expect("motion");
    let (mut far, mut count) = (0, 0);
    for (a, b) in on_gpu.steps.iter().zip(&on_twins.steps) {
        let (u, v) = (gpu.read(&a.forward), gpu.read(&b.forward));
        for (u, v) in u.expect("read").iter().zip(v.expect("read")) {
            far += usize::from((u[0] - v[0]).hypot(u[1] - v[1]) > 0.05);
            count += 1;
        }
        let (a, b) = (gpu.read(&a.camera), gpu.read(&b.camera));
        for (a, b) in a.expect("read").iter().zip(b.expect("read")).take(2) {
            for (a, b) in a.iter().zip(b) {
                assert!((a - b).abs() < 0.05, "camera: {a} on the GPU, {b} on twins");
            }
        }
    }
    eprintln!("{far} of {count} vectors are over 0.05 px apart");
    assert!(far * 50 <= count, "{far} of {count} vectors");

    // A few steps of a fit end at the same splats.
    let (a, b) = (
        take.fit(&gpu, 4).expect("fit"),
        take.fit(&twins, 4).expect("fit"),
    );
    let off = |a: &[[f32; 3]], b: &[[f32; 3]]| {
        let pairs = a.as_flattened().iter().zip(b.as_flattened());
        pairs.filter(|(a, b)| (*a - *b).abs() > 1e-3).count()
    };
    let (a, b) = (&a.splats, &b.splats);
    assert_eq!(a.len(), b.len());
    for (what, off) in [
        ("positions", off(&a.positions, &b.positions)),
        ("scales", off(&a.log_scales, &b.log_scales)),
        ("colours", off(&a.sh, &b.sh)),
    ] {
        eprintln!("{what}: {off} of {} numbers are off by 1e-3", 3 * a.len());
        // Adam's first steps are as long for a tiny gradient as for a large one: one near 0 may go either way.
        assert!(off * 20 <= 3 * a.len(), "{what}: {off}");
    }
    // All of them were dispatched; that the twin's answer stands is a test of its own.
    let findings = shadow.findings();
    assert!(findings.iter().all(|f| f.worst.is_none() && f.agrees()));
    assert!(
        findings
            .iter()
            .any(|f| f.kernel == "splat/update" && f.words > 0)
    );
}

#[test]
fn what_the_decoder_uploads_is_watched_too() {
    let gpu = gpu();
    let take = Take::film(&gpu).expect("film");
    let folder = tempfile::tempdir().expect("folder");
    let path = folder.path().join("take.mp4");
    let [w, h] = take.scene.clip.size;
    let mut encoder =
        Encoder::create(&path, w, h, 8.0, &EncodeOptions::default()).expect("encoder");
    for shot in &take.shots {
        encoder.push(&shot.rgba).expect("push");
    }
    encoder.finish().expect("finish");
    // At its own size, and smaller.
    for (max_side, kernel) in [(64, "video/convert_420"), (32, "video/shrink_420")] {
        let shadow = Shadow::new(Mode::Check);
        let options = DecodeOptions {
            max_side,
            ..Default::default()
        };
        let watched = decode(&gpu.shadowed(&shadow), &path, &options, &Silent).expect("decode");
        let plain = decode(&gpu, &path, &options, &Silent).expect("decode");
        // Where the card decodes, another kernel splits its chroma first.
        let findings = shadow.findings();
        let found: Vec<_> = findings
            .iter()
            .filter(|f| f.kernel != "video/split")
            .map(|f| (f.kernel, f.dispatches))
            .collect();
        assert_eq!(found, [(kernel, 6)]);
        assert!(
            findings.iter().all(|f| f.agrees() && f.words > 0),
            "{findings:?}"
        );
        for i in 0..6 {
            let (a, b) = (watched.read(&gpu, i), plain.read(&gpu, i));
            assert!(a.expect("read") == b.expect("read"), "frame {i}");
        }
    }
}

sora_director::gpu_struct! {
    /// Params.
    pub struct DoubleParams { pub n: u32, pub pad: u32, pub pad2: [u32; 2] }
}

fn double(call: &mut Call<'_>) {
    let p: DoubleParams = call.params();
    let (src, dst): (&[[f32; 2]], &mut [[f32; 2]]) = (call.read(0), call.write(1));
    for (src, dst) in src.iter().zip(dst).take(p.n as usize) {
        *dst = src.map(|v| 2.0 * v);
    }
}

/// Its twin doubles; at element 70 it does not, and one invocation too many writes.
static DOUBLE: Kernel = Kernel {
    stem: "test/double",
    sources: &["
struct Params { n: u32, pad: u32, pad2: vec2<u32> }
@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> src: array<vec2<f32>>;
@group(0) @binding(2) var<storage, read_write> dst: array<vec2<f32>>;
@compute @workgroup_size(64) fn main(@builtin(global_invocation_id) id: vec3<u32>) {
  let i = id.x;
  if (i > params.n) { return; }
  dst[i] = 2.0 * src[i] + select(vec2<f32>(0.0), vec2<f32>(0.0, 0.25), i == 70u);
}"],
    twin: double,
    needs: sora_director::gpu::Tier::Plain,
    workgroup: [64, 1, 1],
    params_size: 16,
    params_fields: &[],
    bindings: &[
        sora_director::gpu::Binding {
            name: "src",
            access: sora_director::gpu::Access::Read,
            stride: 8,
            fields: &[],
            scalars: <[f32; 2] as sora_director::gpu::GpuType>::SCALARS,
            agrees: within(0.0, 0.0),
        },
        sora_director::gpu::Binding {
            name: "dst",
            access: sora_director::gpu::Access::ReadWrite,
            stride: 8,
            fields: &[],
            scalars: <[f32; 2] as sora_director::gpu::GpuType>::SCALARS,
            agrees: within(1e-6, 1e-6),
        },
    ],
};

#[test]
fn on_twins_the_twins_answer_stands_and_not_the_kernels() {
    let gpu = gpu();
    for (mode, at_70) in [(Mode::Check, 6.25), (Mode::Twins, 6.0)] {
        let shadow = Shadow::new(mode);
        let mut recorder = gpu.shadowed(&shadow).recorder();
        let src: Vec<[f32; 2]> = (0..128).map(|i| [i as f32 + 1.0, 3.0]).collect();
        let src = gpu.upload(&src).expect("upload");
        let dst = garbage::<[f32; 2]>(&gpu, 128);
        let params = DoubleParams {
            n: 100,
            ..Default::default()
        };
        let run = recorder.run(&DOUBLE, &params, &[&src, &dst], [2, 1, 1]);
        run.and_then(|()| recorder.submit()).expect("run");
        let got: Vec<[f32; 2]> = gpu.read(&dst).expect("read");
        assert_eq!(
            (got[70], got[99]),
            ([142.0, at_70], [200.0, 6.0]),
            "{mode:?}"
        );
    }
}

#[test]
fn a_wrong_kernel_is_named_with_the_place() {
    let gpu = gpu();
    for (n, element, part) in [(100u32, 70, ".y"), (60, 60, ".x")] {
        let shadow = Shadow::new(Mode::Check);
        let mut recorder = gpu.shadowed(&shadow).recorder();
        let src: Vec<[f32; 2]> = (0..128).map(|i| [i as f32 + 1.0, 3.0]).collect();
        let src = gpu.upload(&src).expect("upload");
        let dst = garbage::<[f32; 2]>(&gpu, 128);
        let params = DoubleParams {
            n,
            ..Default::default()
        };
        recorder
            .run(&DOUBLE, &params, &[&src, &dst], groups_1d(128, 64))
            .expect("run");
        let findings = shadow.findings();
        let fault = findings[0].fault.as_ref().expect("found out");
        assert_eq!(findings[0].kernel, "test/double");
        let place = fault.place.as_ref().expect("a place");
        assert_eq!(place.at, format!("dst[{element}]{part}"), "{fault:?}");
        if n == 100 {
            assert_eq!((&*place.gpu, &*place.twin), ("6.25", "6"), "{fault:?}");
        }
    }
}
