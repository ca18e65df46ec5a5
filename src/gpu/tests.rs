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

#[test]
fn a_lost_device_is_an_error_and_a_fresh_one_opens() {
    let gpu = Gpu::open(&AdapterChoice::Auto).expect("adapter");
    let a = gpu.upload(&[1.0f32; 64]).expect("upload");
    let b = gpu.alloc::<f32>(64).expect("alloc");
    let mut recorder = gpu.recorder();
    let params = AddParams {
        n: 64,
        add: 1.0,
        pad: [0; 2],
    };
    recorder
        .run(&ADD, &params, &[&a, &b], [1, 1, 1])
        .expect("run");
    gpu.device().destroy();
    let lost = |what: &str, result: Result<(), GpuError>| match result {
        Err(GpuError::Lost(_)) => {}
        other => panic!("{what}: {other:?}"),
    };
    // A submission alone need not notice; whoever waits does.
    let _ = recorder.submit();
    lost("read", gpu.read(&b).map(|_| ()));
    lost("upload", gpu.upload(&[1u32]).map(|_| ()));
    lost("scratch", gpu.scratch::<u32>(9).map(|_| ()));
    lost("wait", gpu.wait());
    let mut ring = gpu.upload_ring(2);
    let filled = ring.fill(&mut gpu.recorder(), 64, |_| {});
    lost("upload ring", filled.map(|_| ()));
    let run = gpu.recorder().run(&ADD, &params, &[&a, &b], [1, 1, 1]);
    lost("run", run);
    let fresh = Gpu::open(&AdapterChoice::Auto).expect("a fresh device");
    let a = fresh.upload(&[1.0f32; 64]).expect("upload");
    assert_eq!(fresh.read(&a).expect("read"), [1.0; 64]);
}

#[test]
fn scratch_memory_is_handed_out_again() {
    let gpu = Gpu::open(&AdapterChoice::Auto).expect("adapter");
    let first = gpu.scratch::<u32>(1000).expect("scratch");
    gpu.write(&first, 0, &[7; 1000]).expect("write");
    let clone = first.clone();
    drop(first);
    assert_eq!(gpu.idle_bytes(), 0, "a clone still holds it");
    let view = clone.cast::<[u32; 4]>();
    assert_eq!(view.len(), 250);
    drop(clone);
    assert_eq!(gpu.read(&view).expect("read"), [[7; 4]; 250]);
    drop(view);
    assert_eq!(gpu.idle_bytes(), 4000);
    let other = gpu.scratch::<u32>(999).expect("scratch");
    assert_eq!(gpu.idle_bytes(), 4000, "another size");
    let again = gpu.scratch::<f32>(1000).expect("scratch");
    assert_eq!(gpu.idle_bytes(), 0);
    drop((other, again));
    assert_eq!(gpu.idle_bytes(), 4000 + 3996);
    gpu.trim();
    assert_eq!(gpu.idle_bytes(), 0);
}

#[test]
fn scratch_memory_that_recorded_work_names_is_not_handed_out() {
    let gpu = Gpu::open(&AdapterChoice::Auto).expect("adapter");
    let src = gpu.scratch::<f32>(100).expect("scratch");
    gpu.write(&src, 0, &[1.0; 100]).expect("write");
    let dst = gpu.alloc::<f32>(100).expect("alloc");
    let params = AddParams {
        n: 100,
        add: 1.0,
        pad: [0; 2],
    };
    let mut recorder = gpu.recorder();
    recorder
        .run(&ADD, &params, &[&src, &dst], groups_1d(100, 64))
        .expect("run");
    drop(src);
    let other = gpu.scratch::<f32>(100).expect("scratch");
    gpu.write(&other, 0, &[7.0; 100]).expect("write");
    recorder.submit().expect("submit");
    assert_eq!(gpu.read(&dst).expect("read"), [2.0; 100]);
    assert_eq!(gpu.idle_bytes(), 400, "given back once submitted");
}

#[test]
fn uploads_wait_for_their_ring_and_keep_their_order() {
    let gpu = Gpu::open(&AdapterChoice::Auto).expect("adapter");
    let mut ring = gpu.upload_ring(2);
    let params = AddParams {
        n: 100,
        add: 0.5,
        pad: [0; 2],
    };
    let mut results = Vec::new();
    for round in 0..9u32 {
        let n = if round < 5 { 100 } else { 5000 };
        let values = vec![round as f32; n];
        let mut recorder = gpu.recorder();
        let filled = ring
            .fill(&mut recorder, 4 * n, |mapped| {
                mapped
                    .slice(..4 * n)
                    .copy_from_slice(bytemuck::cast_slice(&values));
            })
            .expect("fill");
        let dst = gpu.alloc::<f32>(100).expect("alloc");
        let src = filled.words.cast::<f32>();
        recorder
            .run(&ADD, &params, &[&src, &dst], groups_1d(100, 64))
            .expect("run");
        ring.submit(&mut recorder, filled).expect("submit");
        results.push(dst);
    }
    for (round, dst) in results.iter().enumerate() {
        assert_eq!(gpu.read(dst).expect("read"), [round as f32 + 0.5; 100]);
    }
}

#[test]
fn kernels_are_timed_when_asked() {
    let gpu = Gpu::open(&AdapterChoice::Auto).expect("adapter");
    if !gpu.summary().timestamps {
        eprintln!("skipped: the adapter has no timestamps");
        return;
    }
    super::profile::enable();
    let a = gpu.alloc::<f32>(64).expect("alloc");
    let b = gpu.alloc::<f32>(64).expect("alloc");
    let calls = || {
        let times = super::profile::times();
        let time = times.iter().find(|t| t.kernel == "test/add");
        time.map_or((0, 0.0), |t| (t.calls, t.seconds))
    };
    let before = calls();
    let mut recorder = gpu.recorder();
    // More than one query set holds.
    for _ in 0..1500 {
        recorder
            .run(&ADD, &AddParams::default(), &[&a, &b], [1, 1, 1])
            .expect("run");
    }
    recorder.submit().expect("submit");
    gpu.wait().expect("wait");
    let after = calls();
    assert!(after.0 >= before.0 + 1500, "{before:?} {after:?}");
    assert!(after.1 > before.1, "{before:?} {after:?}");
}

/// Runs alone in a process of its own, whose memory it limits; see the test below.
#[test]
#[ignore = "limits the memory of its process; the next test runs it"]
fn memory_runs_out() {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let gpu = Gpu::open(&AdapterChoice::Auto).expect("adapter");
    if gpu.summary().kind != "software" {
        println!("its memory is not this process's");
        return;
    }
    let a = gpu.upload(&[1.0f32; 64]).expect("upload");
    let b = gpu.alloc::<f32>(64).expect("alloc");
    gpu.prepare(&ADD).expect("kernel");
    let status = std::fs::read_to_string("/proc/self/statm").expect("statm");
    let pages: u64 = status
        .split(' ')
        .next()
        .expect("size")
        .parse()
        .expect("pages");
    let limit = pages * 4096 + (256 << 20);
    let old = getrlimit(Resource::As);
    let limited = Rlimit {
        current: Some(limit),
        maximum: old.maximum,
    };
    setrlimit(Resource::As, limited).expect("limit");
    let mut held = Vec::new();
    let error = loop {
        match gpu.scratch::<u32>(8 << 20) {
            Ok(buffer) => held.push(buffer),
            Err(error) => break error,
        }
        assert!(held.len() < 100, "the limit has no effect");
    };
    assert!(matches!(error, GpuError::OutOfMemory { .. }), "{error:?}");
    assert!(error.to_string().contains("--preset"), "{error}");
    assert!(!held.is_empty());
    // What was dropped lies in the pool, and makes way for another size.
    drop(held);
    assert!(gpu.idle_bytes() > 0);
    let other = gpu.scratch::<u32>((8 << 20) + 4).expect("room again");
    drop(other);
    gpu.trim();
    let params = AddParams {
        n: 64,
        add: 1.0,
        pad: [0; 2],
    };
    let mut recorder = gpu.recorder();
    recorder
        .run(&ADD, &params, &[&a, &b], [1, 1, 1])
        .and_then(|()| recorder.submit())
        .expect("the device lives on");
    assert_eq!(gpu.read(&b).expect("read"), [2.0; 64]);
    println!("memory ran out and came back");
}

#[test]
fn running_out_of_memory_is_an_error_and_the_device_lives_on() {
    let exe = std::env::current_exe().expect("exe");
    let output = std::process::Command::new(exe)
        .args(["gpu::tests::memory_runs_out", "--exact", "--ignored"])
        .arg("--nocapture")
        .output()
        .expect("run");
    let text = String::from_utf8_lossy(&output.stdout).into_owned()
        + &String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{text}");
    let ran = text.contains("memory ran out and came back") || text.contains("not this process's");
    assert!(ran, "{text}");
}
