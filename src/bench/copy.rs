//! Copies between two buffers of the device: the rate that other work is compared with.

use super::{Ground, Size, Stage, Work};

/// Copies of one run, so that what a submission costs does not count.
const COPIES: usize = 16;

const fn size(name: &'static str, mib: usize) -> Size {
    Size::new(name, mib << 20, [0; 2], mib as f64)
}

/// Bytes are those read and those written. A card's cache may hold the smaller buffers; the largest counts.
pub static STAGE: Stage = Stage {
    name: "copy",
    unit: "bytes",
    about: "copies from buffer to buffer on the device, bytes read and bytes written",
    sizes: &[size("16 MiB", 16), size("64 MiB", 64), size("256 MiB", 256)],
    prepare,
};

fn prepare(ground: &Ground, size: &Size) -> anyhow::Result<Work> {
    let gpu = ground.gpu()?;
    let words = size.count / 4;
    let (from, to) = (gpu.alloc::<u32>(words)?, gpu.alloc::<u32>(words)?);
    let bytes = 2 * COPIES * size.count;
    Ok(Work::new(bytes as f64, move |_| {
        let mut recorder = gpu.recorder();
        for _ in 0..COPIES {
            recorder.copy(&from, 0, &to, 0, words)?;
        }
        recorder.submit()?;
        Ok(gpu.wait()?)
    }))
}
