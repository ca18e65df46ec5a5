//! The prefix sum.

use super::sort::{SIZES, words};
use super::{Ground, Size, Stage, Work};
use crate::gpu::scan::Scan;

/// In place. Its time does not depend on the values, so a run goes on with what the last one left.
pub static STAGE: Stage = Stage {
    name: "scan",
    unit: "elements",
    about: "exclusive prefix sums of 32-bit words in place, in GPU memory",
    sizes: &SIZES,
    prepare,
};

fn prepare(ground: &Ground, size: &Size) -> anyhow::Result<Work> {
    let gpu = ground.gpu()?;
    let n = size.count;
    let (scan, data) = (Scan::new(&gpu, n)?, gpu.upload(&words(n))?);
    Ok(Work::new(n as f64, move |_| {
        let mut recorder = gpu.recorder();
        scan.record(&mut recorder, &data, n)?;
        recorder.submit()?;
        Ok(gpu.wait()?)
    }))
}
