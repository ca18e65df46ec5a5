//! The GPU primitives beside the same work on the CPU, in one run.
//!
//! Timed on the GPU: record, submit and wait, with the data in GPU memory. A scan runs on what the last one left,
//! since its time does not depend on the values; a sort's pairs are copied from a kept original before each run,
//! outside the time; the others do not change their inputs. CPU sorts start from a fresh copy, also outside.
//! `SORA_BENCH_LARGE=1` adds 2^24 elements to scan and sort.

use std::hint::black_box;
use std::time::{Duration, Instant};

use criterion::measurement::WallTime;
use criterion::{BatchSize, BenchmarkGroup, BenchmarkId, Criterion, SamplingMode, Throughput};
use rayon::prelude::*;
use sora_director::gpu::compact::Compact;
use sora_director::gpu::histogram::Histogram;
use sora_director::gpu::image::{Pyramid, ShrinkParams};
use sora_director::gpu::reduce::{Op, Reduce};
use sora_director::gpu::scan::Scan;
use sora_director::gpu::sort::Sort;
use sora_director::gpu::twins as twin;
use sora_director::gpu::{AdapterChoice, Gpu, GpuError, Recorder};

/// Elements a thread takes at a time.
const CHUNK: usize = 1 << 14;

type Group<'a> = BenchmarkGroup<'a, WallTime>;

fn words(n: usize) -> Vec<u32> {
    let mut state = n as u64;
    (0..n)
        .map(|_| {
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1);
            (state >> 32) as u32
        })
        .collect()
}

fn sizes(large: bool) -> Vec<usize> {
    let mut sizes = vec![1 << 16, 1 << 19, 1 << 22];
    if large && std::env::var_os("SORA_BENCH_LARGE").is_some() {
        sizes.push(1 << 24);
    }
    sizes
}

fn group<'a>(criterion: &'a mut Criterion, name: &str) -> Group<'a> {
    let mut group = criterion.benchmark_group(name);
    group
        .sampling_mode(SamplingMode::Flat)
        .sample_size(10)
        .warm_up_time(Duration::from_millis(200))
        .measurement_time(Duration::from_millis(800));
    group
}

/// Times what `record` records; `restore` runs before each time, outside it.
fn on_gpu(
    group: &mut Group<'_>,
    gpu: &Gpu,
    n: usize,
    restore: impl Fn(&mut Recorder) -> Result<(), GpuError>,
    record: impl Fn(&mut Recorder) -> Result<(), GpuError>,
) {
    let once = || {
        let mut recorder = gpu.recorder();
        restore(&mut recorder)?;
        recorder.submit()?;
        gpu.wait()?;
        let start = Instant::now();
        record(&mut recorder)?;
        recorder.submit()?;
        gpu.wait()?;
        Ok::<_, GpuError>(start.elapsed())
    };
    group.throughput(Throughput::Elements(n as u64));
    group.bench_function(BenchmarkId::new("gpu", n), |bencher| {
        bencher.iter_custom(|runs| (0..runs).map(|_| once().expect("a run")).sum());
    });
}

fn on_cpu<T>(group: &mut Group<'_>, name: &str, n: usize, work: impl Fn() -> T) {
    group.bench_function(BenchmarkId::new(name, n), |bencher| {
        bencher.iter(|| black_box(work()));
    });
}

fn serial_scan(data: &mut [u32], mut running: u32) {
    for value in data {
        let here = *value;
        *value = running;
        running = running.wrapping_add(here);
    }
}

fn two_pass_scan(data: &mut [u32]) {
    let total = |chunk: &[u32]| chunk.iter().fold(0u32, |a, b| a.wrapping_add(*b));
    let mut before: Vec<u32> = data.par_chunks(CHUNK).map(total).collect();
    serial_scan(&mut before, 0);
    data.par_chunks_mut(CHUNK)
        .zip(before)
        .for_each(|(chunk, before)| serial_scan(chunk, before));
}

fn scan(criterion: &mut Criterion, gpu: &Gpu) {
    let mut group = group(criterion, "scan");
    for n in sizes(true) {
        let mut host = words(n);
        let data = gpu.upload(&host).expect("upload");
        let scan = Scan::new(gpu, n).expect("scan");
        on_gpu(&mut group, gpu, n, |_| Ok(()), |r| scan.record(r, &data, n));
        group.bench_function(BenchmarkId::new("serial", n), |b| {
            b.iter(|| serial_scan(black_box(&mut host), 0));
        });
        group.bench_function(BenchmarkId::new("rayon", n), |b| {
            b.iter(|| two_pass_scan(black_box(&mut host)));
        });
    }
}

fn radix_sort(mut pairs: Vec<(u32, u32)>) -> Vec<(u32, u32)> {
    let mut other = vec![(0, 0); pairs.len()];
    for shift in [0, 8, 16, 24] {
        let mut places = [0u32; 256];
        for pair in &pairs {
            places[(pair.0 >> shift) as usize & 255] += 1;
        }
        serial_scan(&mut places, 0);
        for pair in &pairs {
            let place = &mut places[(pair.0 >> shift) as usize & 255];
            other[*place as usize] = *pair;
            *place += 1;
        }
        std::mem::swap(&mut pairs, &mut other);
    }
    pairs
}

fn sort(criterion: &mut Criterion, gpu: &Gpu) {
    let mut group = group(criterion, "sort");
    for n in sizes(true) {
        let host = words(n);
        let pairs: Vec<(u32, u32)> = host.iter().copied().zip(0..).collect();
        let keys = gpu.upload(&host).expect("upload");
        let sort = Sort::new(gpu, n).expect("sort");
        let count = gpu.upload(&[n as u32]).expect("upload");
        on_gpu(
            &mut group,
            gpu,
            n,
            |r| {
                r.copy(&keys, 0, sort.keys(), 0, n)?;
                r.copy(&keys, 0, sort.values(), 0, n)
            },
            |r| sort.record(r, &count, 0, 32).map(|_| ()),
        );
        group.bench_function(BenchmarkId::new("serial radix", n), |b| {
            b.iter_batched(|| pairs.clone(), radix_sort, BatchSize::PerIteration);
        });
        group.bench_function(BenchmarkId::new("rayon", n), |b| {
            let work = |mut pairs: Vec<(u32, u32)>| {
                pairs.par_sort_unstable_by_key(|pair| pair.0);
                pairs
            };
            b.iter_batched(|| pairs.clone(), work, BatchSize::PerIteration);
        });
    }
}

fn reduce(criterion: &mut Criterion, gpu: &Gpu) {
    let mut group = group(criterion, "segmented reduce");
    for n in sizes(false) {
        let host: Vec<f32> = words(n).iter().map(|w| *w as f32 * 1e-9).collect();
        // Half of the values in segments of 0 to 31, the rest in one.
        let mut offsets = vec![0u32];
        for word in words(n) {
            let next = offsets[offsets.len() - 1] + word % 32;
            if next as usize > n / 2 {
                break;
            }
            offsets.push(next);
        }
        offsets.push(n as u32);
        let segments = offsets.len() - 1;
        let values = gpu.upload(&host).expect("upload");
        let on = gpu.upload(&offsets).expect("upload");
        let sums = gpu.alloc::<f32>(segments).expect("alloc");
        let reduce = Reduce::new(gpu, n).expect("reduce");
        on_gpu(
            &mut group,
            gpu,
            n,
            |_| Ok(()),
            |r| reduce.record(r, Op::SumF32, &values, n, &on, segments, &sums),
        );
        let sum = |ends: &[u32]| host[ends[0] as usize..ends[1] as usize].iter().sum::<f32>();
        on_cpu(&mut group, "serial", n, || {
            offsets.windows(2).map(sum).collect::<Vec<_>>()
        });
        on_cpu(&mut group, "rayon", n, || {
            offsets.par_windows(2).map(sum).collect::<Vec<_>>()
        });
    }
}

fn histogram(criterion: &mut Criterion, gpu: &Gpu) {
    let mut group = group(criterion, "histogram of 256 bins");
    for n in sizes(false) {
        let host = words(n);
        let keys = gpu.upload(&host).expect("upload");
        let bins = gpu.alloc::<u32>(256).expect("alloc");
        let histogram = Histogram::new(gpu).expect("histogram");
        on_gpu(
            &mut group,
            gpu,
            n,
            |_| Ok(()),
            |r| histogram.record(r, &keys, n, 24, 8, &bins),
        );
        let count = |keys: &[u32]| {
            let mut bins = vec![0u32; 256];
            twin::histogram::histogram(keys, 24, 255, &mut bins);
            bins
        };
        on_cpu(&mut group, "serial", n, || count(&host));
        on_cpu(&mut group, "rayon", n, || {
            host.par_chunks(CHUNK).map(count).reduce_with(|mut a, b| {
                a.iter_mut().zip(b).for_each(|(a, b)| *a += b);
                a
            })
        });
    }
}

fn compact(criterion: &mut Criterion, gpu: &Gpu) {
    let mut group = group(criterion, "compaction of half");
    for n in sizes(false) {
        let host: Vec<u32> = words(n).iter().map(|w| w & 1).collect();
        let flags = gpu.upload(&host).expect("upload");
        let kept = gpu.alloc::<u32>(n).expect("alloc");
        let count = gpu.alloc::<u32>(1).expect("alloc");
        let compact = Compact::new(gpu, n).expect("compact");
        on_gpu(
            &mut group,
            gpu,
            n,
            |_| Ok(()),
            |r| compact.record(r, &flags, None, n, &kept, (&count, 0)),
        );
        let set = |i: &u32| host[*i as usize] != 0;
        on_cpu(&mut group, "serial", n, || {
            (0..n as u32).filter(set).collect::<Vec<_>>()
        });
        on_cpu(&mut group, "rayon", n, || {
            (0..n as u32)
                .into_par_iter()
                .filter(set)
                .collect::<Vec<_>>()
        });
    }
}

/// One pyramid step, rows in parallel: [1 3 3 1]/8 both ways.
fn shrink(p: &ShrinkParams, src: &[f32]) -> Vec<f32> {
    let mut out = vec![0.0; p.width as usize * p.height as usize];
    let rows = out.par_chunks_mut(p.width as usize).enumerate();
    rows.for_each(|(y, row)| {
        let near =
            |i: usize, k: usize, end: u32| (2 * i + k).saturating_sub(1).min(end as usize - 1);
        for (x, to) in row.iter_mut().enumerate() {
            *to = (0..16)
                .map(|tap| {
                    let (i, j) = (tap % 4, tap / 4);
                    let weights = [0.125, 0.375, 0.375, 0.125];
                    let at =
                        near(y, j, p.src_height) * p.src_width as usize + near(x, i, p.src_width);
                    weights[i] * weights[j] * src[at]
                })
                .sum();
        }
    });
    out
}

fn pyramid(criterion: &mut Criterion, gpu: &Gpu) {
    let mut group = group(criterion, "pyramid");
    for n in sizes(false) {
        let height = 1 << (n.ilog2() / 2);
        let width = n as u32 / height;
        let host: Vec<f32> = words(n).iter().map(|w| (w >> 24) as f32).collect();
        let base = gpu.upload(&host).expect("upload");
        let pyramid = Pyramid::new(gpu, base, (width, height), 8).expect("pyramid");
        on_gpu(&mut group, gpu, n, |_| Ok(()), |r| pyramid.record(r));
        let sizes = Pyramid::sizes(width, height, 8);
        let levels = |step: fn(&ShrinkParams, &[f32]) -> Vec<f32>| {
            let mut image = host.clone();
            for pair in sizes.windows(2) {
                let params = ShrinkParams {
                    src_width: pair[0].0,
                    src_height: pair[0].1,
                    width: pair[1].0,
                    height: pair[1].1,
                };
                image = step(&params, &image);
            }
            image
        };
        on_cpu(&mut group, "serial", n, || levels(twin::shrink::shrink));
        on_cpu(&mut group, "rayon", n, || levels(shrink));
    }
}

fn main() {
    let gpu = Gpu::open(&AdapterChoice::Auto).expect("a GPU, or a software Vulkan driver");
    let adapter = gpu.summary();
    println!(
        "device: {} ({}, {})",
        adapter.name, adapter.kind, adapter.driver
    );
    let mut criterion = Criterion::default().without_plots().configure_from_args();
    scan(&mut criterion, &gpu);
    sort(&mut criterion, &gpu);
    reduce(&mut criterion, &gpu);
    histogram(&mut criterion, &gpu);
    compact(&mut criterion, &gpu);
    pyramid(&mut criterion, &gpu);
    criterion.final_summary();
}
