//! End-point error and time of the dense flow on mock takes, whose truth is known.
//!
//! `cargo bench --bench flow -- [--side N] [--options JSON] [--dump DIR] [--rounds N] [--profile] TAKE...`; a TAKE is a
//! folder with `take.mp4` and `truth/`. Errors are means over the pixels that are seen in both frames, the truth being the
//! mean over a pixel's area. A round estimates all pairs of neighbours, both ways, pyramids and readback included; the
//! median of the rounds after the first counts. `--dump` leaves what `benches/flow_epe.py` reads.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::Instant;

use anyhow::{Context, ensure};
use sora_director::eval::mock;
use sora_director::gpu::{AdapterChoice, Gpu, profile};
use sora_director::monitor::Silent;
use sora_director::motion::{MotionOptions, Pairs, pairs};
use sora_director::video::{DecodeOptions, decode};

struct Args {
    options: MotionOptions,
    dump: Option<PathBuf>,
    rounds: usize,
    profile: bool,
    takes: Vec<PathBuf>,
}

/// Truth at the motion size: (u, v, 1 where it is known and seen in the next frame else 0).
type Truth = Vec<[f32; 3]>;

fn main() -> anyhow::Result<()> {
    let args = arguments()?;
    if args.takes.is_empty() {
        println!("no takes given: cargo bench --bench flow -- TAKE...");
        return Ok(());
    }
    let gpu = Gpu::open(&AdapterChoice::Auto)?;
    println!("device: {}", gpu.summary().name);
    println!(
        "| take | size | pairs | EPE px | over 1 px % | over 3 px % | |truth| px | consistent % | ms a pair |"
    );
    println!("|---|---|---|---|---|---|---|---|---|");
    let mut total = [0.0; 7];
    for take in &args.takes {
        let row = measure(&gpu, take, &args).with_context(|| take.display().to_string())?;
        total.iter_mut().zip(row).for_each(|(sum, v)| *sum += v);
    }
    let mean = total.map(|v| v / args.takes.len() as f64);
    println!("| mean | | {} |", cells(mean));
    for time in profile::times() {
        println!(
            "{:>9.2} ms {:>7} calls {}",
            time.seconds * 1e3,
            time.calls,
            time.kernel
        );
    }
    Ok(())
}

fn arguments() -> anyhow::Result<Args> {
    let mut args = Args {
        options: MotionOptions::default(),
        dump: None,
        rounds: 3,
        profile: false,
        takes: Vec::new(),
    };
    let mut side = None;
    let mut words = std::env::args().skip(1).filter(|word| word != "--bench");
    while let Some(word) = words.next() {
        let mut value = || {
            words
                .next()
                .with_context(|| format!("{word} wants a value"))
        };
        match word.as_str() {
            "--side" => side = Some(value()?.parse()?),
            "--options" => args.options = serde_json::from_str(&value()?)?,
            "--dump" => args.dump = Some(value()?.into()),
            "--rounds" => args.rounds = value()?.parse()?,
            "--profile" => args.profile = true,
            _ => args.takes.push(word.into()),
        }
    }
    if let Some(side) = side {
        args.options.max_side = side;
    }
    args.options.strides = vec![1];
    Ok(args)
}

/// Prints one take's row and gives its numbers.
fn measure(gpu: &Gpu, take: &Path, args: &Args) -> anyhow::Result<[f64; 7]> {
    let whole = DecodeOptions {
        max_side: 8192,
        ..DecodeOptions::default()
    };
    let frames = decode(gpu, &take.join("take.mp4"), &whole, &Silent)?;
    let mut motion = pairs(gpu, &frames, &args.options, &Silent)?;
    if args.profile {
        profile::enable();
    }
    let mut times = Vec::new();
    for _ in 0..args.rounds {
        let start = Instant::now();
        motion = pairs(gpu, &frames, &args.options, &Silent)?;
        times.push(start.elapsed().as_secs_f64() * 1e3 / motion.pairs.len().max(1) as f64);
    }
    times.sort_by(f64::total_cmp);
    let (from, to) = ([frames.width, frames.height], [motion.width, motion.height]);
    let truth: Vec<Truth> = (0..motion.pairs.len())
        .map(|frame| truth(take, frame, from, to))
        .collect::<anyhow::Result<_>>()?;
    let (mut n, mut sums, mut consistent) = (0.0, [0.0; 4], 0.0);
    for (pair, truth) in motion.pairs.iter().zip(&truth) {
        consistent += 100.0 * f64::from(pair.consistent);
        for (u, t) in pair.forward.iter().zip(truth).filter(|(_, t)| t[2] > 0.0) {
            let error = f64::from((u[0] - t[0]).hypot(u[1] - t[1]));
            let share = |limit: f64| f64::from(u8::from(error > limit)) * 100.0;
            let parts = [error, share(1.0), share(3.0), f64::from(t[0].hypot(t[1]))];
            sums.iter_mut().zip(parts).for_each(|(sum, v)| *sum += v);
            n += 1.0;
        }
    }
    let [epe, one, three, length] = sums.map(|sum| sum / f64::max(n, 1.0));
    let pairs = motion.pairs.len() as f64;
    let time = times.get(times.len() / 2).copied().unwrap_or(f64::NAN);
    let row = [
        pairs,
        epe,
        one,
        three,
        length,
        consistent / pairs.max(1.0),
        time,
    ];
    let name = take.file_name().unwrap_or_default().to_string_lossy();
    println!(
        "| {name} | {}x{} | {} |",
        motion.width,
        motion.height,
        cells(row)
    );
    if let Some(folder) = &args.dump {
        dump(&folder.join(&*name), &motion, &truth)?;
    }
    Ok(row)
}

fn cells([pairs, epe, one, three, length, consistent, time]: [f64; 7]) -> String {
    format!(
        "{pairs:.0} | {epe:.3} | {one:.2} | {three:.2} | {length:.2} | {consistent:.1} | {time:.1}"
    )
}

/// The truth from `frame` to the next, averaged over the area of each pixel of the motion size.
fn truth(take: &Path, frame: usize, from: [u32; 2], to: [u32; 2]) -> anyhow::Result<Truth> {
    let (flow, hidden) = (
        mock::flow(take, frame)?,
        mock::bytes(take, "hidden", frame)?,
    );
    let pixels = from[0] as usize * from[1] as usize;
    ensure!(
        flow.len() == pixels && hidden.len() == pixels,
        "the truth of frame {frame} has another size than the take"
    );
    let scale = [0, 1].map(|c| f64::from(to[c]) / f64::from(from[c]));
    let mut out = Vec::with_capacity(to[0] as usize * to[1] as usize);
    for y in 0..to[1] {
        for x in 0..to[0] {
            let (mut sum, mut seen, mut area) = ([0.0; 2], 0.0, 0.0);
            for (j, wy) in cover(y, scale[1], from[1]) {
                for (i, wx) in cover(x, scale[0], from[0]) {
                    let at = j * from[0] as usize + i;
                    area += wx * wy;
                    if let Some(u) = flow[at].filter(|_| hidden[at] == 0) {
                        sum = [sum[0] + wx * wy * u.x, sum[1] + wx * wy * u.y];
                        seen += wx * wy;
                    }
                }
            }
            let known = seen > 0.5 * area;
            let mean = [0, 1].map(|c| if known { sum[c] / seen * scale[c] } else { 0.0 });
            out.push([mean[0] as f32, mean[1] as f32, f32::from(u8::from(known))]);
        }
    }
    Ok(out)
}

/// Pixels of a side of `len` under pixel `at` of one `scale` times as long, with the share of each.
fn cover(at: u32, scale: f64, len: u32) -> impl Iterator<Item = (usize, f64)> + Clone {
    let (start, end) = (f64::from(at) / scale, f64::from(at + 1) / scale);
    (start as usize..(end.ceil() as usize).min(len as usize)).map(move |i| {
        let share = end.min(i as f64 + 1.0) - start.max(i as f64);
        (i, share.max(0.0))
    })
}

/// Luma, truth and both flows as `.npy` files.
fn dump(folder: &Path, motion: &Pairs, truth: &[Truth]) -> anyhow::Result<()> {
    std::fs::create_dir_all(folder)?;
    let size = [motion.height as usize, motion.width as usize];
    let shape = |count: usize, depth: usize| [count, size[0], size[1], depth];
    let (frames, pairs) = (motion.luma.len(), motion.pairs.len());
    npy(
        &folder.join("luma.npy"),
        shape(frames, 1),
        motion.luma.concat().as_slice(),
    )?;
    npy(
        &folder.join("truth.npy"),
        shape(pairs, 3),
        truth.concat().as_flattened(),
    )?;
    for (name, field) in [("forward.npy", 0), ("backward.npy", 1)] {
        let flows: Vec<[f32; 2]> = motion
            .pairs
            .iter()
            .flat_map(|p| [&p.forward, &p.backward][field])
            .copied()
            .collect();
        npy(&folder.join(name), shape(pairs, 2), flows.as_flattened())?;
    }
    Ok(())
}

/// Writes an array of 32-bit floats in NumPy's format, version 1.0.
fn npy(path: &Path, shape: [usize; 4], data: &[f32]) -> anyhow::Result<()> {
    let [a, b, c, d] = shape;
    let text =
        format!("{{'descr': '<f4', 'fortran_order': False, 'shape': ({a}, {b}, {c}, {d}), }}");
    // Magic, version and length take 10 bytes; all of it a multiple of 64, ended by a newline.
    let len = (10 + text.len() + 1).next_multiple_of(64) - 10;
    let mut file = std::io::BufWriter::new(std::fs::File::create(path)?);
    file.write_all(b"\x93NUMPY\x01\x00")?;
    file.write_all(&(len as u16).to_le_bytes())?;
    file.write_all(format!("{text:<width$}\n", width = len - 1).as_bytes())?;
    for v in data {
        file.write_all(&v.to_le_bytes())?;
    }
    Ok(file.flush()?)
}
