//! Twin of `kernels/score/fold_looks.wgsl`.

use super::{Shape, largest, ranked};
use crate::score::kernels::{FoldLooksParams, LOOKS_RECORD};

enum Point {
    Followed(f32),
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
    let of = |c: usize| {
        let (look, end) = (looks[c], points[q.points_at as usize + c][2]);
        match (look[2] > 4.0, end) {
            (true, 0.0) => Point::Followed(look[0] * (-look[1] / 12.0).exp() * look[3]),
            (true, 1.0) => Point::Lost,
            _ => Point::Other,
        }
    };
    let like: Vec<f32> = (0..n)
        .filter_map(|c| match of(c) {
            Point::Followed(v) => Some(v),
            _ => None,
        })
        .collect();
    let gone = (0..n).filter(|c| matches!(of(*c), Point::Lost)).count() as f32;
    let followed = like.len() as f32;
    let by = followed.max(1.0);
    let sum = |k: usize| {
        (0..n)
            .filter(|c| matches!(of(*c), Point::Followed(_)))
            .map(|c| looks[c][k])
            .sum::<f32>()
            / by
    };
    let mut worst_lost = 0.0f32;
    let unlike: Vec<f32> = (0..n)
        .map(|c| {
            let (mut total, mut here, mut away) = (0.0, 0.0f32, 0.0);
            for k in shape.around(c) {
                match of(k) {
                    Point::Followed(v) => {
                        total += v;
                        here += 1.0;
                    }
                    Point::Lost => away += 1.0,
                    Point::Other => (),
                }
            }
            if here + away >= 5.0 {
                worst_lost = worst_lost.max(away / (here + away).max(1.0));
            }
            if here >= 4.0 { -total / here } else { -1.0 }
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
            ranked(&like, 0.25),
            sum(0),
            sum(1),
        ],
        [-unlike[worst], x, y, worst_lost],
    ]
}
