//! What tests share: one GPU, seeded numbers, garbage-filled buffers, comparisons, and the optional real data.
#![allow(
    dead_code,
    clippy::allow_attributes,
    reason = "each stage uses a part of it"
)]

pub mod parity;
pub mod pictures;

use std::path::PathBuf;
use std::sync::OnceLock;

use sora_director::gpu::{AdapterChoice, Buffer, Gpu, GpuType};
use sora_director::numeric;

/// The GPU of this test process; opened once.
pub fn gpu() -> Gpu {
    static GPU: OnceLock<Gpu> = OnceLock::new();
    GPU.get_or_init(|| Gpu::open(&AdapterChoice::Auto).expect("a Vulkan driver; see scripts/setup"))
        .clone()
}

/// A file or folder of the optional real data; `None`, saying so, where it is absent.
pub fn shared(path: &str) -> Option<PathBuf> {
    let full = PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("../shared")
        .join(path);
    if full.exists() {
        return Some(full);
    }
    eprintln!("skipped: {path} is not here");
    None
}

/// SplitMix64.
pub struct Rng(pub u64);

impl Rng {
    pub fn next_u64(&mut self) -> u64 {
        let bits = numeric::Rng::new(self.0).next();
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        bits
    }
    pub fn u32(&mut self) -> u32 {
        (self.next_u64() >> 32) as u32
    }
    /// Uniform in [0, 1).
    pub fn f32(&mut self) -> f32 {
        (self.next_u64() >> 40) as f32 / (1u64 << 24) as f32
    }
    /// Uniform in [low, high).
    pub fn range(&mut self, low: f32, high: f32) -> f32 {
        low + (high - low) * self.f32()
    }
    /// Standard normal.
    pub fn normal(&mut self) -> f32 {
        let (a, b) = (self.f32().max(1e-7), self.f32());
        (-2.0 * a.ln()).sqrt() * (std::f32::consts::TAU * b).cos()
    }
}

/// A buffer whose bytes are garbage, so that a kernel that reads before it writes is found out.
pub fn garbage<T: GpuType>(gpu: &Gpu, len: usize) -> Buffer<T> {
    let mut rng = Rng(0xBAD5_EED0 ^ len as u64);
    let bytes: Vec<u8> = (0..len.max(1) * size_of::<T>())
        .map(|_| rng.next_u64() as u8)
        .collect();
    let data: Vec<T> = bytes
        .chunks_exact(size_of::<T>())
        .map(bytemuck::pod_read_unaligned)
        .collect();
    let buffer = gpu.alloc(len).expect("alloc");
    gpu.write(&buffer, 0, &data[..len]).expect("write");
    buffer
}

/// Floats agree to `abs + rel * |want|`; NaN agrees with NaN, infinities with themselves.
#[track_caller]
pub fn assert_close(what: &str, got: &[f32], want: &[f32], abs: f32, rel: f32) {
    assert_eq!(got.len(), want.len(), "{what}: length");
    for (i, (&g, &w)) in got.iter().zip(want).enumerate() {
        let same = (g.is_nan() && w.is_nan()) || g == w || (g - w).abs() <= abs + rel * w.abs();
        assert!(same, "{what}[{i}]: kernel {g}, twin {w}");
    }
}
