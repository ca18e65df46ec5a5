use super::{Access, AdapterChoice, Binding, Gpu, GpuError, Kernel, groups_1d};

crate::gpu_struct! {
    /// Params.
    pub struct AddParams { pub n: u32, pub add: f32, pub pad: [u32; 2] }
}

static ADD: Kernel = Kernel {
    stem: "test/add",
    sources: &["
struct Params { n: u32, add: f32, pad: vec2<u32> }
@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> src: array<f32>;
@group(0) @binding(2) var<storage, read_write> dst: array<f32>;
@compute @workgroup_size(64) fn main(@builtin(workgroup_id) wg: vec3<u32>,
  @builtin(num_workgroups) n: vec3<u32>, @builtin(local_invocation_index) l: u32) {
  let i = (wg.y * n.x + wg.x) * 64u + l;
  if (i < params.n) { dst[i] = src[i] + params.add; }
}"],
    workgroup: [64, 1, 1],
    params_size: 16,
    params_fields: &[],
    bindings: &[
        Binding {
            name: "src",
            access: Access::Read,
            stride: 4,
            fields: &[],
        },
        Binding {
            name: "dst",
            access: Access::ReadWrite,
            stride: 4,
            fields: &[],
        },
    ],
};

#[test]
fn many_dispatches_keep_their_order_and_their_params() {
    let gpu = Gpu::open(&AdapterChoice::Auto).expect("adapter");
    let n = 130;
    let a = gpu
        .upload(&(0..n).map(|i| i as f32).collect::<Vec<_>>())
        .expect("upload");
    let b = gpu.alloc::<f32>(n).expect("alloc");
    let mut recorder = gpu.recorder();
    // More than one arena holds, so that the recorder has to flush in between.
    let rounds = 600u32;
    for round in 0..rounds {
        let params = AddParams {
            n: n as u32,
            add: (round % 3) as f32,
            pad: [0; 2],
        };
        let (src, dst) = if round % 2 == 0 { (&a, &b) } else { (&b, &a) };
        recorder
            .run(&ADD, &params, &[src, dst], groups_1d(n, 64))
            .expect("run");
    }
    recorder.submit().expect("submit");
    let got = gpu.read(&a).expect("read");
    let sum: f32 = (0..rounds).map(|r| (r % 3) as f32).sum();
    assert_eq!(got, (0..n).map(|i| i as f32 + sum).collect::<Vec<_>>());
    assert_eq!(
        gpu.read_range(&a, 3, 2).expect("range"),
        [3.0 + sum, 4.0 + sum]
    );
}

#[test]
fn misuse_is_an_error_and_the_device_lives_on() {
    let gpu = Gpu::open(&AdapterChoice::Auto).expect("adapter");
    let a = gpu.alloc::<f32>(0).expect("empty buffers are allowed");
    let wide = gpu.alloc::<[f32; 4]>(4).expect("alloc");
    let params = AddParams::default();
    let mut recorder = gpu.recorder();
    let stride = recorder.run(&ADD, &params, &[&wide, &a], [1, 1, 1]);
    assert!(
        matches!(stride, Err(GpuError::Validation { .. })),
        "{stride:?}"
    );
    let count = recorder.run(&ADD, &params, &[&a], [1, 1, 1]);
    assert!(
        matches!(count, Err(GpuError::Validation { .. })),
        "{count:?}"
    );
    let same = recorder
        .run(&ADD, &params, &[&a, &a], [1, 1, 1])
        .and_then(|()| recorder.submit());
    assert!(matches!(same, Err(GpuError::Validation { .. })), "{same:?}");
    assert!(matches!(
        gpu.alloc::<f32>(1 << 40),
        Err(GpuError::TooLarge { .. })
    ));
    let b = gpu.upload(&[1.0f32, 2.0]).expect("upload");
    assert_eq!(gpu.read(&b).expect("read"), [1.0, 2.0]);
}

#[test]
fn an_unknown_adapter_names_those_that_exist() {
    let error = Gpu::open(&AdapterChoice::Name("no such card".into())).expect_err("no adapter");
    assert!(error.to_string().contains("no such card"), "{error}");
    assert!(
        super::adapters()
            .iter()
            .all(|a| error.to_string().contains(&a.name)),
        "{error}"
    );
}
