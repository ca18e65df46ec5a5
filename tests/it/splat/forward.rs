//! The forward kernels against their twins.

use glam::DVec3;
use sora_director::gpu::{Buffer, Kernel, groups_1d};
use sora_director::splat::records::{
    EMIT, EmitParams, PROJECT, Projected, RANGES, RASTER, RASTER_LANES, RangesParams, RasterParams,
    Splat, TILE, ViewParams,
};
use sora_director::splat::twins::{self as twin, Seen};
use sora_director::splat::{NEAR, Renderer};

use super::{camera, cloud};
use crate::common::{Rng, assert_close, garbage, gpu};

pub fn view(n: usize, degree: u32, width: u32, height: u32) -> ViewParams {
    let mut some = cloud(&mut Rng(1), 1, degree);
    some.sh_degree = degree;
    let renderer = Renderer::new(&gpu(), &some, width, height, 0).expect("renderer");
    let mut view = renderer.view(&camera(DVec3::new(0.4, 0.7, 2.5), width, height));
    view.n = n as u32;
    view
}

fn projected(
    records: &[Splat],
    planes: &[[f32; 4]],
    view: &ViewParams,
) -> (Vec<Projected>, Vec<u32>) {
    let gpu = gpu();
    let splats = gpu.upload(records).expect("upload");
    let sh = gpu.upload(planes).expect("upload");
    let out: Buffer<Projected> = garbage(&gpu, records.len());
    let counts: Buffer<u32> = garbage(&gpu, records.len() + 1);
    let mut recorder = gpu.recorder();
    recorder
        .run(
            &PROJECT,
            view,
            &[&splats, &sh, &out, &counts],
            groups_1d(records.len() + 1, 64),
        )
        .expect("run");
    recorder.submit().expect("submit");
    (
        gpu.read(&out).expect("read"),
        gpu.read(&counts).expect("read"),
    )
}

#[test]
fn project_matches_its_twin() {
    let mut rng = Rng(7);
    for n in [0, 1, 63, 64, 65, 700] {
        for degree in [0, 1, 2, 3] {
            let some = cloud(&mut rng, n, degree);
            let (mut records, mut planes) = (some.to_records(), some.to_planes());
            for (i, r) in records.iter_mut().enumerate() {
                // What must be culled, or be clamped.
                match i % 60 {
                    10 => r.centre[0] = f32::NAN,
                    11 => r.centre[2] = f32::INFINITY,
                    12 => r.rotation = [0.0; 4],
                    13 => r.centre[2] = 2.49,
                    14 => r.centre[2] = 9.0,
                    15 => r.log_scale[0] = f32::INFINITY,
                    16 => r.centre[3] = -6.0,
                    17 => planes[i][1] = f32::NAN,
                    18 => r.centre[0] = 4.0,
                    19 => r.centre[3] = f32::NAN,
                    _ => {}
                }
            }
            let view = view(n, degree, 120, 72);
            let (got, counts) = projected(&records, &planes, &view);
            assert_eq!(counts[n], 0, "the last count is left for the total");
            let mut seen = 0;
            for (i, (g, r)) in got.iter().zip(&records).enumerate() {
                let want = twin::project::project(&twin::flat(&records, &planes, i), &view);
                let tiles = twin::emit::tiles(g, view.size).len() as u32;
                assert_eq!(counts[i], tiles, "count of {i}");
                let Some(want) = want else {
                    assert!(g.conic[3] < 0.0, "{i} is culled: {g:?} {r:?}");
                    continue;
                };
                seen += 1;
                let want = want.to_record();
                assert_close("centre", &g.centre, &want.centre, 1e-3, 1e-5);
                assert_close("conic", &g.conic, &want.conic, 2e-5, 2e-4);
                assert_close("colour", &g.colour, &want.colour, 1e-5, 1e-5);
            }
            assert!(seen * 2 >= n, "{seen} of {n} seen");
        }
    }
}

fn emit_params(n: usize, capacity: usize, size: [u32; 2]) -> EmitParams {
    EmitParams {
        size,
        n: n as u32,
        capacity: capacity as u32,
        near: NEAR,
        depth_bits: 18,
        depth_shift: 10,
        pad: 0,
    }
}

/// Random projected splats.
pub fn seen(rng: &mut Rng, n: usize, size: [u32; 2]) -> Vec<Projected> {
    (0..n)
        .map(|_| {
            let (sx, sy) = (rng.range(0.6, 6.0), rng.range(0.6, 6.0));
            let r = rng.range(-0.8, 0.8);
            let (cxx, cxy, cyy) = (sx * sx, r * sx * sy, sy * sy);
            let det = cxx * cyy - cxy * cxy;
            let opacity = rng.range(0.01, 1.0);
            Projected {
                centre: [
                    rng.range(-4.0, size[0] as f32 + 4.0),
                    rng.range(-4.0, size[1] as f32 + 4.0),
                    rng.range(0.5, 5.0),
                    opacity,
                ],
                conic: [
                    cyy / det,
                    -cxy / det,
                    cxx / det,
                    2.0 * (255.0 * opacity).ln(),
                ],
                colour: [rng.f32(), rng.f32(), rng.f32(), 0.0],
            }
        })
        .collect()
}

#[test]
fn the_tile_test_never_misses_a_pixel_and_rarely_takes_an_empty_tile() {
    let size = [90u32, 70];
    let across = size[0].div_ceil(TILE);
    let (mut taken, mut empty) = (0, 0);
    for p in seen(&mut Rng(3), 300, size) {
        let s = Seen::from_record(&p);
        let tiles = twin::emit::tiles(&p, size);
        let mut touched = vec![false; (across * size[1].div_ceil(TILE)) as usize];
        for y in 0..size[1] {
            for x in 0..size[0] {
                if twin::raster::alpha(&s, f64::from(x) + 0.5, f64::from(y) + 0.5).is_some() {
                    let tile = y / TILE * across + x / TILE;
                    assert!(tiles.contains(&tile), "pixel {x},{y} of {p:?}");
                    touched[tile as usize] = true;
                }
            }
        }
        taken += tiles.len();
        empty += tiles.iter().filter(|t| !touched[**t as usize]).count();
    }
    assert!(empty * 20 < taken, "{empty} of {taken} tiles hold no pixel");
}

#[test]
fn emit_and_ranges_match_their_twins() {
    let gpu = gpu();
    let mut rng = Rng(11);
    for (n, capacity) in [
        (0, 10),
        (1, 100),
        (63, 4000),
        (65, 4000),
        (400, 9000),
        (400, 1500),
    ] {
        let size = [100u32, 60];
        let records = seen(&mut rng, n, size);
        let params = emit_params(n, capacity, size);
        let mut offsets = vec![0u32];
        for p in &records {
            offsets.push(offsets[offsets.len() - 1] + twin::emit::tiles(p, size).len() as u32);
        }
        let (keys, values, owners) = (
            garbage::<u32>(&gpu, capacity),
            garbage::<u32>(&gpu, capacity),
            garbage::<u32>(&gpu, capacity),
        );
        let (p, o) = (
            gpu.upload(&records).expect("p"),
            gpu.upload(&offsets).expect("o"),
        );
        let most = gpu.upload(&[5u32]).expect("most");
        let mut recorder = gpu.recorder();
        recorder
            .run(
                &EMIT,
                &params,
                &[&p, &o, &keys, &values, &owners, &most],
                groups_1d(n.max(1), 64),
            )
            .expect("run");
        recorder.submit().expect("submit");
        let want = twin::emit::emit(&records, &params);
        let count = want.0.len();
        assert_eq!(gpu.read_range(&keys, 0, count).expect("keys"), want.0);
        assert_eq!(gpu.read_range(&values, 0, count).expect("values"), want.1);
        assert_eq!(gpu.read_range(&owners, 0, count).expect("owners"), want.2);
        assert_eq!(gpu.read(&most).expect("most"), [offsets[n].max(5)]);

        let mut sorted = want.0;
        sorted.sort_unstable();
        let tiles = (size[0].div_ceil(TILE) * size[1].div_ceil(TILE)) as usize;
        let sorted_keys: Buffer<u32> = garbage(&gpu, capacity);
        gpu.write(&sorted_keys, 0, &sorted).expect("write");
        let found: Buffer<[u32; 2]> = garbage(&gpu, tiles);
        let params = RangesParams {
            capacity: capacity as u32,
            count_at: n as u32,
            depth_bits: 18,
            pad: 0,
        };
        let mut recorder = gpu.recorder();
        recorder.clear(&found).expect("clear");
        recorder
            .run(
                &RANGES,
                &params,
                &[&o, &sorted_keys, &found],
                groups_1d(capacity, 64),
            )
            .expect("run");
        recorder.submit().expect("submit");
        assert_eq!(
            gpu.read(&found).expect("ranges"),
            twin::ranges::ranges(&sorted, 18, tiles)
        );
    }
}

/// Tile lists of projected splats: ranges, sorted slots, owners.
pub fn lists(records: &[Projected], size: [u32; 2]) -> (Vec<[u32; 2]>, Vec<u32>, Vec<u32>) {
    let params = emit_params(records.len(), 1 << 20, size);
    let (keys, slots, owners) = twin::emit::emit(records, &params);
    let mut pairs: Vec<_> = keys.into_iter().zip(slots).collect();
    pairs.sort();
    let (keys, values): (Vec<_>, Vec<_>) = pairs.into_iter().unzip();
    let tiles = (size[0].div_ceil(TILE) * size[1].div_ceil(TILE)) as usize;
    (twin::ranges::ranges(&keys, 18, tiles), values, owners)
}

#[test]
fn raster_matches_its_twin() {
    for kernel in at_hand([&RASTER, &RASTER_LANES]) {
        raster_matches(kernel);
    }
}

/// Those of the variants that the tests' device runs.
pub fn at_hand(kernels: [&'static Kernel; 2]) -> Vec<&'static Kernel> {
    let tier = gpu().tier().expect("tier");
    kernels.into_iter().filter(|k| k.needs <= tier).collect()
}

fn raster_matches(kernel: &'static Kernel) {
    let gpu = gpu();
    let mut rng = Rng(5);
    for (n, size) in [
        (0, [8, 8]),
        (1, [1, 1]),
        (40, [7, 9]),
        (300, [33, 17]),
        (900, [64, 40]),
    ] {
        let mut records = seen(&mut rng, n, size);
        if n == 900 {
            // Opaque layers, so that pixels are done early.
            for r in records.iter_mut().take(300) {
                r.conic = [0.002, 0.0, 0.002, 11.0];
                r.centre[3] = 0.97;
            }
        }
        let (ranges, values, owners) = lists(&records, size);
        let pixels = (size[0] * size[1]) as usize;
        let (image, depth): (Buffer<[f32; 4]>, Buffer<f32>) =
            (garbage(&gpu, pixels), garbage(&gpu, pixels));
        let params = RasterParams {
            size,
            tiles: ranges.len() as u32,
            pad: 0,
        };
        let mut recorder = gpu.recorder();
        recorder
            .run(
                kernel,
                &params,
                &[
                    &gpu.upload(&ranges).expect("ranges"),
                    &gpu.upload(&values).expect("values"),
                    &gpu.upload(&owners).expect("owners"),
                    &gpu.upload(&records).expect("projected"),
                    &image,
                    &depth,
                ],
                groups_1d(ranges.len(), 4),
            )
            .expect("run");
        recorder.submit().expect("submit");
        let seen: Vec<_> = records.iter().map(Seen::from_record).collect();
        let want = twin::raster::raster(size, &ranges, &values, &owners, &seen);
        let flat: Vec<f32> = want
            .iter()
            .flat_map(|p| [p.colour[0], p.colour[1], p.colour[2], p.clear].map(|v| v as f32))
            .collect();
        let want_depth: Vec<f32> = want.iter().map(|p| p.depth as f32).collect();
        // A pixel whose q or transmittance lies on a threshold may fall to either side: at most 1/255 of a splat.
        assert_close(
            "image",
            gpu.read(&image).expect("image").as_flattened(),
            &flat,
            5e-3,
            0.0,
        );
        assert_close(
            "depth",
            &gpu.read(&depth).expect("depth"),
            &want_depth,
            2e-2,
            0.0,
        );
        let got = gpu.read(&image).expect("image");
        let far = got
            .as_flattened()
            .iter()
            .zip(&flat)
            .filter(|(g, w)| (*g - *w).abs() > 2e-5)
            .count();
        assert!(
            far * 500 <= flat.len(),
            "{far} of {} off by 2e-5",
            flat.len()
        );
    }
}

#[test]
fn render_matches_the_whole_chain_of_twins() {
    let gpu = gpu();
    let splats = cloud(&mut Rng(21), 500, 3);
    let cam = camera(DVec3::new(0.4, 0.7, 2.5), 70, 50);
    let mut renderer = Renderer::new(&gpu, &splats, 70, 50, 64).expect("renderer");
    let got = renderer.render(&cam, [0.2, 0.4, 0.6]).expect("render");
    assert!(renderer.capacity() > 64, "the buffers grew");
    let view = renderer.view(&cam);
    let (records, planes) = (splats.to_records(), splats.to_planes());
    let mut seen: Vec<_> = (0..splats.len())
        .filter_map(|i| twin::project::project(&twin::flat(&records, &planes, i), &view))
        .collect();
    seen.sort_by(|a, b| a.centre[2].total_cmp(&b.centre[2]));
    let mut off = 0;
    for y in 0..50u32 {
        for x in 0..70u32 {
            let want = twin::raster::blend(seen.iter(), f64::from(x) + 0.5, f64::from(y) + 0.5);
            let i = (y * 70 + x) as usize;
            let alpha = 1.0 - want.clear;
            let depth = if alpha > 0.0 { want.depth / alpha } else { 0.0 };
            for (c, background) in [0.2f64, 0.4, 0.6].into_iter().enumerate() {
                let value = (want.colour[c] + want.clear * background).clamp(0.0, 1.0) * 255.0;
                let byte = f64::from(got.rgba[i] >> (8 * c) & 255);
                off += usize::from((value - byte).abs() > 0.6);
            }
            off += usize::from((f64::from(got.alpha[i]) - alpha).abs() > 1e-4);
            off += usize::from(alpha > 0.1 && (f64::from(got.depth[i]) - depth).abs() > 1e-3);
        }
    }
    // Splats closer in depth than the key resolves may swap.
    assert!(off * 200 < 70 * 50 * 5, "{off} values are off");
}
