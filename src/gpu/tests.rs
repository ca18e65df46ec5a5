use super::agree::{EXACT, Scalar, within};
use super::caps::Tier;
use super::shadow::Mode;
use super::{Access, AdapterChoice, Binding, Call, Gpu, GpuError, Kernel, Shadow, groups_1d};

crate::gpu_struct! {
    /// Params.
    pub struct AddParams { pub n: u32, pub add: f32, pub pad: [u32; 2] }
}

/// What the kernel does, and `more` to the last element.
fn add(call: &mut Call<'_>, more: f32) {
    let p: AddParams = call.params();
    let (src, dst): (&[f32], &mut [f32]) = (call.read(0), call.write(1));
    for (i, (src, dst)) in src.iter().zip(dst).enumerate().take(p.n as usize) {
        *dst = src + p.add + if i + 1 == p.n as usize { more } else { 0.0 };
    }
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
    twin: |call| add(call, 0.0),
    needs: Tier::Plain,
    workgroup: [64, 1, 1],
    params_size: 16,
    params_fields: &[],
    bindings: &[
        Binding {
            name: "src",
            access: Access::Read,
            stride: 4,
            fields: &[],
            scalars: &[(Scalar::F32, 1)],
            agrees: EXACT,
        },
        Binding {
            name: "dst",
            access: Access::ReadWrite,
            stride: 4,
            fields: &[],
            scalars: &[(Scalar::F32, 1)],
            agrees: EXACT,
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
        time.map_or((0, 0.0, 0), |t| (t.calls, t.seconds, t.bytes))
    };
    let before = calls();
    let earlier = super::profile::times();
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
    // Two buffers of 64 floats each.
    assert!(
        after.2 - before.2 >= 1500 * 512,
        "{before:?} {after:?}: other tests add, none takes away"
    );
    let since = super::profile::since(&earlier);
    let time = since.iter().find(|t| t.kernel == "test/add").expect("ran");
    // Other tests run it too, with buffers of other sizes.
    assert!(time.calls >= 1500 && time.bytes >= 1500 * 512, "{time:?}");
    assert!(time.seconds > 0.0 && time.seconds <= after.1 - before.1 + 1e-9);
}

/// One test, since its parts would count each other's buffers; those of the other tests are small beside them.
#[test]
fn bytes_that_are_moved_and_bytes_that_are_alive_are_counted() {
    use super::memory::{alive, peak, reset_peak};
    use super::profile::bytes;
    let gpu = Gpu::open(&AdapterChoice::Auto).expect("adapter");
    let (large, slack) = (64u64 << 20, 24u64 << 20);
    let words = large as usize / 4;
    let about = |got: u64, want: u64| got + slack >= want && got < want + slack;

    reset_peak();
    let before = alive();
    let a = gpu.alloc::<f32>(words).expect("alloc");
    let b = gpu.alloc::<f32>(words).expect("alloc");
    assert!(about(alive(), before + 2 * large));
    let cast = a.cast::<u32>();
    assert_eq!(super::recorder::bound(&[&a, &cast, &b]), 2 * large);

    let moved = bytes();
    let mut recorder = gpu.recorder();
    recorder
        .run(&ADD, &AddParams::default(), &[&a, &b], [1, 1, 1])
        .expect("run");
    assert!(about(bytes() - moved, 2 * large));
    let moved = bytes();
    recorder.copy(&a, 0, &b, 0, words).expect("copy");
    assert!(about(bytes() - moved, 2 * large), "read and written");
    recorder.clear(&b).expect("clear");
    assert!(about(bytes() - moved, 3 * large), "written");
    drop(recorder);

    drop((a, b));
    assert!(about(alive(), before + large), "a cast keeps it alive");
    drop(cast);
    assert!(about(alive(), before));
    assert!(about(peak(), before + 2 * large));
    reset_peak();
    assert!(about(peak(), before));
    // What lies idle in the pool is still taken.
    drop(gpu.scratch::<u32>(words).expect("scratch"));
    assert!(about(alive(), before + large));
    gpu.trim();
    assert!(about(alive(), before));
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

#[test]
fn a_shadow_names_the_place_where_kernel_and_twin_are_apart() {
    static WRONG: Kernel = Kernel {
        stem: "test/wrong",
        twin: |call| add(call, 0.5),
        ..ADD
    };
    let gpu = Gpu::open(&AdapterChoice::Auto).expect("adapter");
    let shadow = Shadow::new(Mode::Check);
    let watched = gpu.shadowed(&shadow);
    let a = gpu.upload(&[1.0f32, 2.0, 3.0, 7.0]).expect("upload");
    let b = gpu.upload(&[0.0f32, 0.0, 0.0, 9.0]).expect("upload");
    let params = AddParams {
        n: 3,
        add: 2.0,
        pad: [0; 2],
    };
    let mut recorder = watched.recorder();
    for kernel in [&ADD, &WRONG, &WRONG] {
        recorder
            .run(kernel, &params, &[&a, &b], [1, 1, 1])
            .expect("run");
    }
    recorder.submit().expect("submit");
    let findings = shadow.findings();
    let [good, bad] = &findings[..] else {
        panic!("{findings:?}")
    };
    assert!(good.agrees() && good.worst.is_none() && good.dispatches == 1);
    assert_eq!(good.words, 3, "what lies behind is not changed");
    assert_eq!(
        (bad.kernel, bad.dispatches, bad.apart),
        ("test/wrong", 2, 2)
    );
    let fault = bad.fault.as_ref().expect("a fault");
    let place = fault.place.as_ref().expect("a place");
    assert_eq!(
        (fault.dispatch, place.element, place.binding),
        (1, 2, "dst")
    );
    assert_eq!((&*place.gpu, &*place.twin), ("5", "5.5"));
    assert!(fault.words.contains("dst[2]: GPU 5, twin 5.5"), "{fault:?}");
    // The GPU's answer goes on.
    assert_eq!(gpu.read(&b).expect("read"), [3.0, 4.0, 5.0, 9.0]);

    // Twins in the kernels' place: the last element is theirs.
    let shadow = Shadow::new(Mode::Twins);
    let mut recorder = gpu.shadowed(&shadow).recorder();
    recorder
        .run(&WRONG, &params, &[&a, &b], [1, 1, 1])
        .expect("run");
    recorder.submit().expect("submit");
    assert_eq!(gpu.read(&b).expect("read"), [3.0, 4.0, 5.5, 9.0]);
    assert_eq!(shadow.findings()[0].words, 1);
}

#[test]
fn agreement_knows_what_words_hold() {
    let binding = |agrees, scalars, stride| Binding {
        name: "b",
        access: Access::ReadWrite,
        stride,
        fields: &[],
        scalars,
        agrees,
    };
    let floats: &[(Scalar, usize)] = &[(Scalar::F32, 1)];
    let numbers: &[(Scalar, usize)] = &[(Scalar::U32, 1)];
    let faults = |binding: &Binding, gpu: &[u32], twin: &[u32]| {
        let before = vec![0xdead_beef; gpu.len()];
        binding.compare(&before, gpu, twin).fault.is_some()
    };
    let f = |v: f32| v.to_bits();
    let near = binding(within(0.1, 0.01), floats, 4);
    for (gpu, twin, apart) in [
        (1.0, 1.1, false),
        (1.0, 1.2, true),
        (100.0, 101.0, false),
        (f32::NAN, f32::NAN, false),
        (f32::NAN, 1.0, true),
        (f32::INFINITY, f32::INFINITY, false),
        (3.0, f32::INFINITY, true),
        (0.0, -0.0, false),
    ] {
        let found = faults(&near, &[f(gpu)], &[f(twin)]);
        assert_eq!(found, apart, "{gpu} {twin}");
    }
    // A share may be apart, of what was changed only; by no more than is said.
    let some = binding(within(0.1, 0.0).but(0.25, 0).at_most(2.0, 0.0), floats, 4);
    let one = [f(1.0); 4];
    assert!(!faults(&some, &[f(1.0), f(1.0), f(1.0), f(2.0)], &one));
    assert!(faults(&some, &[f(1.0), f(1.0), f(2.0), f(2.0)], &one));
    assert!(faults(&some, &[f(1.0), f(1.0), f(1.0), f(4.0)], &one));
    // Integers have no relative share, colours are levels, halves are halves, and the others do not look alike.
    use super::agree::{BITS, colours, halves, levels};
    let million = binding(within(0.5, 1.0), numbers, 4);
    assert!(faults(&million, &[1_000_000], &[1_000_001]));
    let colour = binding(colours(1), numbers, 4);
    assert!(!faults(&colour, &[0xff01_0203], &[0xff02_0102]));
    assert!(faults(&colour, &[0xff01_0203], &[0xfe01_0203]));
    assert!(!faults(
        &binding(levels(1), numbers, 4),
        &[0xff01_0203],
        &[0xfe01_0203]
    ));
    assert!(!faults(
        &binding(halves(1), numbers, 4),
        &[0x0001_ffff],
        &[0x0002_fffe]
    ));
    assert!(faults(
        &binding(halves(1), numbers, 4),
        &[0x0001_ffff],
        &[0x0003_ffff]
    ));
    assert!(!faults(
        &binding(BITS, numbers, 4),
        &[0x7fc0_0000],
        &[0xffc0_0001]
    ));
    assert!(faults(&binding(BITS, numbers, 4), &[0], &[0x8000_0000]));
    // One word of an element is a float though the type says not; another has its own limits.
    let pair: &[(Scalar, usize)] = &[(Scalar::U32, 2)];
    let mixed = binding(within(0.1, 0.0).float_at(1), pair, 8);
    assert!(!faults(&mixed, &[3, f(1.0)], &[3, f(1.05)]));
    assert!(faults(&mixed, &[3, f(1.0)], &[4, f(1.0)]));
    let pair: &[(Scalar, usize)] = &[(Scalar::F32, 2)];
    let finer = binding(within(0.1, 0.0).from(&[(1, 0.001, 0.0)]), pair, 8);
    assert!(!faults(&finer, &[f(1.0), f(1.0)], &[f(1.05), f(1.0)]));
    assert!(faults(&finer, &[f(1.0), f(1.0)], &[f(1.0), f(1.05)]));
}
