//! Twin of `kernels/score/paths.wgsl`.

use crate::gpu::Call;
use crate::score::kernels::{PathsParams, RING};

/// The two vectors of each point.
pub fn paths(q: &PathsParams, points: &[[f32; 4]], models: &[[f32; 4]]) -> Vec<[f32; 4]> {
    (0..q.count as usize)
        .flat_map(|i| one(q, points, models, i))
        .collect()
}

fn one(q: &PathsParams, points: &[[f32; 4]], models: &[[f32; 4]], i: usize) -> [[f32; 4]; 2] {
    let count = q.count as usize;
    let half = 0.5 * q.width.max(q.height) as f32;
    let middle = [q.width, q.height].map(|side| 0.5 * (side as f32 - 1.0));
    let mut end = 0.0;
    // Steps, and own steps.
    let (mut all, mut own): (Vec<[f32; 2]>, Vec<[f32; 2]>) = Default::default();
    let mut from = points[i];
    for k in 0..q.steps as usize {
        let to = points[(k + 1) * count + i];
        end = to[2];
        if end != 0.0 {
            continue;
        }
        let place = (q.first as usize + k) % RING;
        let scale = q.scale * q.per.as_flattened()[place];
        let step = [0, 1].map(|c| (to[c] - from[c]) * scale);
        let [x, y] = [0, 1].map(|c| (from[c] - middle[c]) / half);
        let o = place * 4;
        let (a, b) = (models[o], models[o + 1]);
        let plane = [
            a[0] + a[1] * x + a[2] * y + b[2] * x * x + b[3] * x * y,
            a[3] + b[0] * x + b[1] * y + b[2] * x * y + b[3] * y * y,
        ];
        all.push(step);
        own.push([step[0] - plane[0], step[1] - plane[1]]);
        from = to;
    }
    let changes = |v: &[[f32; 2]]| -> Vec<[f32; 2]> {
        v.windows(2)
            .map(|p| [p[1][0] - p[0][0], p[1][1] - p[0][1]])
            .collect()
    };
    let length = |v: &[f32; 2]| v[0].hypot(v[1]);
    let total = |v: Vec<[f32; 2]>| v.iter().map(length).sum::<f32>();
    let (a, b) = (changes(&all), changes(&own));
    let steps = all.len() as f32;
    let speed = all.iter().map(length).sum::<f32>() / steps.max(1.0);
    let under = (steps - 2.0).max(1.0) * (speed + 0.5);
    let jumps = a.iter().filter(|a| length(a) > 3.0).count() as f32;
    let worst = b.iter().map(length).fold(0.0, f32::max);
    [
        [steps, end, speed, total(changes(&a)) / under],
        [
            jumps,
            (steps - 1.0).max(0.0),
            total(changes(&b)) / under,
            worst,
        ],
    ]
}

/// The kernel.
pub fn twin(call: &mut Call<'_>) {
    call.put(2, 0, &paths(&call.params(), call.read(0), call.read(1)));
}
