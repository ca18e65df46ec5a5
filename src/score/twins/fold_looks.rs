//! Twin of `kernels/score/fold_looks.wgsl`.

use super::{Shape, largest, ranked};
use crate::gpu::Call;
use crate::score::kernels::{FoldLooksParams, LOOKS_RECORD};

enum Point {
    /// Likeness and colour.
    Steady(f32, f32),
    /// As [`Point::Steady`], of one that moves by itself.
    Moving(f32, f32),
    Lost,
    Other,
}

/// The record of a generation's looks.
pub fn fold_looks(
    q: &FoldLooksParams,
    points: &[[f32; 4]],
    looks: &[[f32; 4]],
) -> [[f32; 4]; LOOKS_RECORD] {
    let shape = Shape {
        across: q.across as usize,
        down: q.down as usize,
    };
    let n = shape.across * shape.down;
    let end = |c: usize| points[q.points_at as usize + c][2];
    let changes: Vec<f32> = (0..n)
        .filter(|c| looks[*c][2] > 4.0 && end(*c) == 0.0)
        .map(|c| looks[c][3])
        .collect();
    let light = ranked(&changes, 0.5);
    let of = |c: usize| {
        let (look, end) = (looks[c], end(c));
        let off = look[1].hypot(0.5 * (look[3] - light));
        match (look[2] > 4.0, end) {
            (true, 0.0) => {
                let v = look[0] * (-off / 12.0).exp();
                let own = points[q.points_at as usize + c][3];
                if own <= 1.0 {
                    Point::Steady(v, off)
                } else {
                    Point::Moving(v, off)
                }
            }
            (true, 1.0) => Point::Lost,
            _ => Point::Other,
        }
    };
    // Likeness, colour and structure of the followed, and of the steady among them.
    let of_all = |steady: bool| -> Vec<[f32; 3]> {
        (0..n)
            .filter_map(|c| match of(c) {
                Point::Steady(v, off) => Some([v, off, looks[c][0]]),
                Point::Moving(v, off) if !steady => Some([v, off, looks[c][0]]),
                _ => None,
            })
            .collect()
    };
    let (all, steady) = (of_all(false), of_all(true));
    let mean = |of: &[[f32; 3]], k: usize| {
        of.iter().map(|v| v[k]).sum::<f32>() / (of.len() as f32).max(1.0)
    };
    let like: Vec<f32> = steady.iter().map(|v| v[0]).collect();
    let colours: Vec<f32> = steady.iter().map(|v| v[1]).collect();
    let gone = (0..n).filter(|c| matches!(of(*c), Point::Lost)).count() as f32;
    let followed = all.len() as f32;
    let tinted: Vec<f32> = (0..n)
        .map(|c| {
            let near: Vec<f32> = shape
                .around(c)
                .filter_map(|k| match of(k) {
                    Point::Steady(_, off) => Some(off),
                    _ => None,
                })
                .collect();
            if near.len() >= 5 {
                near.into_iter().fold(f32::INFINITY, f32::min)
            } else {
                0.0
            }
        })
        .collect();
    let most = largest(&tinted);
    let [tx, ty] = shape.centre(most);
    let mut worst_lost = 0.0f32;
    let unlike: Vec<f32> = (0..n)
        .map(|c| {
            let (mut best, mut here, mut away) = (0.0f32, 0.0f32, 0.0);
            for k in shape.around(c) {
                match of(k) {
                    Point::Steady(v, _) => {
                        best = best.max(v);
                        here += 1.0;
                    }
                    Point::Lost => away += 1.0,
                    Point::Moving(..) | Point::Other => (),
                }
            }
            if here + away >= 5.0 {
                worst_lost = worst_lost.max(away / (here + away));
            }
            if here >= 5.0 { -best } else { -1.0 }
        })
        .collect();
    let worst = largest(&unlike);
    let [x, y] = shape.centre(worst);
    [
        [
            followed,
            mean(&all, 0),
            ranked(&like, 0.1),
            ranked(&like, 0.5),
        ],
        [
            gone / (followed + gone).max(1.0),
            ranked(&like, 0.05),
            mean(&all, 2),
            mean(&all, 1),
        ],
        [-unlike[worst], x, y, worst_lost],
        [ranked(&colours, 0.9), tinted[most], tx, ty],
        [steady.len() as f32, mean(&steady, 0), mean(&steady, 1), 0.0],
    ]
}

/// The kernel.
pub fn twin(call: &mut Call<'_>) {
    let p: FoldLooksParams = call.params();
    call.put(
        2,
        p.at as usize,
        &fold_looks(&p, call.read(0), call.read(1)),
    );
}
