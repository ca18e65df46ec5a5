//! Twin of `kernels/score/fold_looks.wgsl`.

use super::{Shape, largest, ranked};
use crate::score::kernels::{FoldLooksParams, LOOKS_RECORD};

enum Point {
    /// Likeness and colour.
    Followed(f32, f32),
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
            (true, 0.0) => Point::Followed(look[0] * (-off / 12.0).exp(), off),
            (true, 1.0) => Point::Lost,
            _ => Point::Other,
        }
    };
    let like: Vec<f32> = (0..n)
        .filter_map(|c| match of(c) {
            Point::Followed(v, _) => Some(v),
            _ => None,
        })
        .collect();
    let gone = (0..n).filter(|c| matches!(of(*c), Point::Lost)).count() as f32;
    let followed = like.len() as f32;
    let by = followed.max(1.0);
    let colours: Vec<f32> = (0..n)
        .filter_map(|c| match of(c) {
            Point::Followed(_, off) => Some(off),
            _ => None,
        })
        .collect();
    let structure = (0..n)
        .filter(|c| matches!(of(*c), Point::Followed(..)))
        .map(|c| looks[c][0])
        .sum::<f32>();
    let tinted: Vec<f32> = (0..n)
        .map(|c| {
            let near: Vec<f32> = shape
                .around(c)
                .filter_map(|k| match of(k) {
                    Point::Followed(_, off) => Some(off),
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
                    Point::Followed(v, _) => {
                        best = best.max(v);
                        here += 1.0;
                    }
                    Point::Lost => away += 1.0,
                    Point::Other => (),
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
            like.iter().sum::<f32>() / by,
            ranked(&like, 0.1),
            ranked(&like, 0.5),
        ],
        [
            gone / (followed + gone).max(1.0),
            ranked(&like, 0.05),
            structure / by,
            colours.iter().sum::<f32>() / by,
        ],
        [-unlike[worst], x, y, worst_lost],
        [ranked(&colours, 0.9), tinted[most], tx, ty],
    ]
}
