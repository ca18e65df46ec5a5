//! Twin of `kernels/score/fold_paths.wgsl`.

use super::{Shape, largest, ranked};
use crate::gpu::Call;
use crate::score::kernels::{FoldPathsParams, PATHS_RECORD};

/// The record of a generation's paths.
pub fn fold_paths(q: &FoldPathsParams, paths: &[[f32; 4]]) -> [[f32; 4]; PATHS_RECORD] {
    let shape = Shape {
        across: q.across as usize,
        down: q.down as usize,
    };
    let n = shape.across * shape.down;
    let long = |c: &usize| paths[c * 2][0] >= 3.0;
    let of = |f: &dyn Fn(usize) -> f32| -> Vec<f32> { (0..n).filter(long).map(f).collect() };
    let sum = |f: &dyn Fn(usize) -> f32| (0..n).map(f).sum::<f32>();
    let gone = |c: usize| f32::from(u8::from(paths[c * 2][1] == 1.0));
    let lost = sum(&gone);
    let followed = sum(&|c| paths[c * 2][0]);
    let jerks = of(&|c| paths[c * 2][3]);
    let worst = of(&|c| paths[c * 2 + 1][3]);
    let spread: Vec<f32> = (0..n)
        .map(|c| {
            let near = shape.around(c).filter(long);
            near.map(|k| paths[k * 2 + 1][3].min(16.0)).sum::<f32>() / 9.0
        })
        .collect();
    let at = largest(&spread);
    let [x, y] = shape.centre(at);
    [
        [
            jerks.len() as f32,
            ranked(&jerks, 0.5),
            ranked(&jerks, 0.9),
            ranked(&of(&|c| paths[c * 2 + 1][2]), 0.75),
        ],
        [
            sum(&|c| paths[c * 2 + 1][0]) / sum(&|c| paths[c * 2 + 1][1]).max(1.0),
            lost / (followed + lost).max(1.0),
            sum(&|c| paths[c * 2][0] * paths[c * 2][2]) / followed.max(1.0),
            ranked(&worst, 0.9),
        ],
        [ranked(&worst, 0.5), spread[at], x, y],
    ]
}

/// The kernel.
pub fn twin(call: &mut Call<'_>) {
    let p: FoldPathsParams = call.params();
    call.put(1, p.at as usize, &fold_paths(&p, call.read(0)));
}
