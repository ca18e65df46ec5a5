//! Twin of `kernels/splat/share.wgsl`.

use crate::gpu::Call;

use super::clone::part;
use crate::splat::records::Splat;
use crate::splat::relocate::{CloneParams, Credit};

/// The kernel.
pub fn twin(call: &mut Call<'_>) {
    let p: CloneParams = call.params();
    let copies: &[u32] = call.read(0);
    let n = p.n as usize;
    let [splats, mean, square] = [1, 2, 3].map(|k| call.write::<Splat>(k));
    let [sh_mean, sh_square] = [4, 5].map(|k| call.write::<[f32; 4]>(k));
    let credit: &mut [Credit] = call.write(6);
    for i in 0..n {
        if copies[i] > 0 {
            splats[i] = part(&splats[i], copies[i] + 1, i as u32, p.seed);
            mean[i] = Splat::default();
            square[i] = Splat::default();
            for at in (0..p.planes as usize).map(|plane| plane * n) {
                sh_mean[at + i] = [0.0; 4];
                sh_square[at + i] = [0.0; 4];
            }
        }
        if copies[i] > 0 || credit[i].views >= p.views {
            credit[i] = Credit::default();
        }
    }
    let moved: &mut [u32] = call.write(7);
    moved[0] += copies[n];
}
