//! Twin of `kernels/score/fold.wgsl`.

use super::{Shape, largest, ranked};
use crate::gpu::Call;
use crate::motion::objects::OBJECTS;
use crate::score::kernels::{CELL, FoldParams, STEP};

type Cells<'a> = &'a [[f32; 4]];

fn signal(cells: Cells<'_>, c: usize) -> f32 {
    let (a, gradient) = (cells[c * CELL], cells[c * CELL + 1][0]);
    (a[2] / (gradient + 4.0)).min(2.0) + (1.0 - a[1]) * a[0]
}

/// The record of the step `now` between `before` and `after`.
pub fn fold(
    q: &FoldParams,
    before: Cells<'_>,
    now: Cells<'_>,
    after: Cells<'_>,
    model: &[[f32; 4]],
    objects: &[[f32; 4]],
) -> [[f32; 4]; STEP] {
    let shape = Shape {
        across: q.across as usize,
        down: q.down as usize,
    };
    let n = shape.across * shape.down;
    let by = n.max(1) as f32;
    let (has_before, has_after) = (q.sides & 1 != 0, q.sides & 2 != 0);
    let of = |f: &dyn Fn(&[[f32; 4]]) -> f32| -> Vec<f32> {
        (0..n).map(|c| f(&now[c * CELL..(c + 1) * CELL])).collect()
    };
    let mean = |f: &dyn Fn(&[[f32; 4]]) -> f32| of(f).iter().sum::<f32>() / by;
    let signals: Vec<f32> = (0..n).map(|c| signal(now, c)).collect();
    let side: Vec<f32> = (0..n)
        .map(|c| {
            let b = if has_before { signal(before, c) } else { 0.0 };
            let a = if has_after { signal(after, c) } else { 0.0 };
            b.max(a).max(0.0)
        })
        .collect();
    let strain = if has_before {
        (0..n)
            .map(|c| strain_change(shape, before, now, c))
            .sum::<f32>()
            / by
    } else {
        0.0
    };
    let impulses: Vec<f32> = (0..n)
        .map(|c| {
            let side = shape.around(c).map(|k| side[k]).fold(0.0, f32::max);
            if has_before || has_after {
                signals[c] - side
            } else {
                0.0
            }
        })
        .collect();
    let median = ranked(&impulses, 0.5);
    let events: Vec<f32> = impulses
        .iter()
        .map(|i| (i - median.max(0.0)).clamp(0.0, 2.0))
        .collect();
    let around = |values: &[f32]| -> Vec<f32> {
        (0..n)
            .map(|c| {
                let near: Vec<f32> = shape.around(c).map(|k| values[k]).collect();
                near.iter().sum::<f32>() / near.len() as f32
            })
            .collect()
    };
    let spread = around(&events);
    let event = largest(&spread);
    let changes = of(&|c| c[3][0]);
    let usual = ranked(&changes, 0.5);
    let jolts = around(&changes);
    let jolt = largest(&jolts);
    let share =
        |values: &[f32], limit: f32| values.iter().filter(|v| **v > limit).count() as f32 / by;
    let inside = mean(&|c| c[0][0]);
    let good = mean(&|c| c[0][1]).max(1e-3 / by);
    let near = |c: usize| {
        let off = |a: usize, b: usize| a.abs_diff(b) <= 4;
        let a = shape.across;
        off(c % a, event % a) && off(c / a, event / a)
    };
    let mass = (0..n)
        .filter(|c| near(*c))
        .map(|c| events[c].min(1.0))
        .sum::<f32>();
    let each = objects[1..].iter().step_by(2);
    let [ex, ey] = shape.centre(event);
    let [jx, jy] = shape.centre(jolt);
    [
        [
            inside,
            mean(&|c| c[0][0] * c[0][1]) / inside.max(1e-3 / by),
            mean(&|c| c[2][2]),
            mean(&|c| c[0][2]),
        ],
        [
            mean(&|c| c[1][0]),
            mean(&|c| c[1][1] * c[0][1]) / good,
            mean(&|c| c[0][3].abs() * c[0][1]) / good,
            0.0,
        ],
        [
            mean(&|c| c[1][3]),
            ranked(&of(&|c| c[1][3]), 0.1),
            mean(&|c| c[3][0]),
            usual,
        ],
        [ranked(&changes, 0.9), mean(&|c| c[3][1]), strain, 0.0],
        [spread[event], ex, ey, share(&events, 0.25)],
        [median, jolts[jolt], jx, jy],
        [
            ranked(&of(&|c| c[0][3].abs()), 0.9),
            mean(&|c| c[3][2]),
            mean(&|c| c[2][3]),
            ranked(&signals, 0.9),
        ],
        [jolts[jolt] - usual, jx, jy, share(&changes, usual + 1.0)],
        model[0],
        model[1],
        model[2],
        model[3],
        [
            objects[0][0],
            each.clone().map(|o| o[2]).sum::<f32>() / by,
            objects[0][3] / by,
            each.filter(|o| o[1] >= 2.0)
                .map(|o| o[3])
                .fold(0.0, f32::max),
        ],
        [mass, 0.0, 0.0, 0.0],
    ]
}

fn strain_change(shape: Shape, before: Cells<'_>, now: Cells<'_>, c: usize) -> f32 {
    let (x, y) = (c % shape.across, c / shape.across);
    let left = if x == 0 { c } else { c - 1 };
    let right = if x + 1 == shape.across { c } else { c + 1 };
    let up = if y == 0 { c } else { c - shape.across };
    let low = if y + 1 == shape.down {
        c
    } else {
        c + shape.across
    };
    let flow = |cells: Cells<'_>, c: usize, k: usize| cells[c * CELL + 2][k];
    let slope = |a: usize, b: usize, k: usize| {
        (flow(now, b, k) - flow(now, a, k)) - (flow(before, b, k) - flow(before, a, k))
    };
    let (xx, yy) = (slope(left, right, 0), slope(up, low, 1));
    let shear = 0.5 * (slope(left, right, 1) + slope(up, low, 0));
    (xx * xx + yy * yy + shear * shear).sqrt()
}

/// The kernel.
pub fn twin(call: &mut Call<'_>) {
    let p: FoldParams = call.params();
    let objects = &call.read(4)[..OBJECTS];
    let [before, now, after] = [0, 1, 2].map(|i| call.read(i));
    let record = fold(&p, before, now, after, call.read(3), objects);
    call.put(5, p.at as usize, &record);
}
