//! The radix sort of keys with values.

use super::{Ground, Size, Stage, Work};
use crate::gpu::sort::Sort;
use crate::numeric::Rng;

const SEED: u64 = 3;

const fn size(name: &'static str, log2: u32) -> Size {
    Size::new(name, 1 << log2, [0; 2], (1u64 << log2) as f64)
}

/// Sizes; the scan takes the same.
pub const SIZES: [Size; 4] = [
    size("2^20", 20),
    size("2^22", 22),
    size("2^24", 24),
    size("2^26", 26),
];

/// All bits of the keys.
pub static STAGE: Stage = Stage {
    name: "sort",
    unit: "pairs",
    about: "stable sort of 32-bit keys with 32-bit values, in GPU memory",
    sizes: &SIZES,
    prepare,
};

/// Words of one seed.
pub fn words(count: usize) -> Vec<u32> {
    let mut rng = Rng::new(SEED);
    (0..count).map(|_| (rng.next() >> 32) as u32).collect()
}

fn prepare(ground: &Ground, size: &Size) -> anyhow::Result<Work> {
    let gpu = ground.gpu()?;
    let n = size.count;
    let sort = Sort::new(&gpu, n)?;
    let keys = gpu.upload(&words(n))?;
    let count = gpu.upload(&[n as u32])?;
    let (restoring, into) = (gpu.clone(), sort.clone());
    Ok(Work::restoring(
        n as f64,
        move || {
            let mut recorder = restoring.recorder();
            recorder.copy(&keys, 0, into.keys(), 0, n)?;
            recorder.copy(&keys, 0, into.values(), 0, n)?;
            recorder.submit()?;
            Ok(restoring.wait()?)
        },
        move |_| {
            let mut recorder = gpu.recorder();
            sort.record(&mut recorder, &count, 0, 32)?;
            recorder.submit()?;
            Ok(gpu.wait()?)
        },
    ))
}
