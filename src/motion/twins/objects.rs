//! Twin of `kernels/motion/objects.wgsl`.

use crate::gpu::Call;
use crate::motion::objects::{MOST, OBJECTS, ObjectsParams};

const ROUNDS: usize = 24;

struct Object {
    cells: u32,
    place: [f32; 2],
    speed: [f32; 2],
}

/// The objects of a step.
pub fn objects(
    q: &ObjectsParams,
    flow: &[[f32; 2]],
    own: &[f32],
    before: &[[f32; 4]],
) -> [[f32; 4]; OBJECTS] {
    let found = find(q, flow, own);
    let has_before = q.has_before != 0;
    let known = if has_before {
        (before[0][0] as usize).min(MOST)
    } else {
        0
    };
    let mut number = if has_before { before[0][1] } else { 0.0 };
    let mut taken = [false; MOST];
    let mut out = [[0.0f32; 4]; OBJECTS];
    for (k, object) in found.iter().enumerate() {
        let size = object.cells as f32;
        let mut least = q.cell as f32 * (1.5 + 0.5 * size.sqrt());
        let mut from = None;
        for j in 0..known {
            let [x, y, u, v] = before[2 + 2 * j];
            let off = (x + u - object.place[0]).hypot(y + v - object.place[1]);
            if off < least && !taken[j] {
                least = off;
                from = Some(j);
            }
        }
        out[1 + 2 * k] = match from {
            Some(j) => {
                taken[j] = true;
                let [id, age, ..] = before[1 + 2 * j];
                let [_, _, u, v] = before[2 + 2 * j];
                let change = (object.speed[0] - u).hypot(object.speed[1] - v);
                [id, age + 1.0, size, change]
            }
            None => {
                number += 1.0;
                [number - 1.0, 0.0, size, 0.0]
            }
        };
        let ([x, y], [u, v]) = (object.place, object.speed);
        out[2 + 2 * k] = [x, y, u, v];
    }
    let mut lost = [0.0f32; 2];
    let edge = q.cell as f32;
    for j in 0..known {
        let [_, age, size, _] = before[1 + 2 * j];
        let [x, y, u, v] = before[2 + 2 * j];
        let (x, y) = (x + u, y + v);
        let inside =
            x > edge && y > edge && x < q.width as f32 - edge && y < q.height as f32 - edge;
        if inside && age >= 2.0 && !taken[j] {
            lost = [lost[0] + 1.0, lost[1] + size];
        }
    }
    out[0] = [found.len() as f32, number, lost[0], lost[1]];
    out
}

/// The largest groups of cells that move by themselves, largest first.
fn find(q: &ObjectsParams, flow: &[[f32; 2]], own: &[f32]) -> Vec<Object> {
    let (across, down, cell) = (q.across as usize, q.down as usize, q.cell as usize);
    let (w, h) = (q.width as usize, q.height as usize);
    let n = across * down;
    let mut speeds = vec![[0i32; 2]; n];
    let mut label: Vec<usize> = (0..n)
        .map(|c| {
            let (x0, y0) = (c % across * cell, c / across * cell);
            let (x1, y1) = ((x0 + cell).min(w), (y0 + cell).min(h));
            let (mut moving, mut sum) = (0.0f32, [0.0f32; 2]);
            for y in y0..y1 {
                for x in x0..x1 {
                    let at = y * w + x;
                    if own[at] > 1.0 {
                        moving += 1.0;
                        sum = [sum[0] + flow[at][0], sum[1] + flow[at][1]];
                    }
                }
            }
            speeds[c] = sum.map(|s| (64.0 * s / moving.max(1.0)).clamp(-1e5, 1e5) as i32);
            let most = 2.0 * moving > ((x1 - x0) * (y1 - y0)) as f32;
            if most { c + 1 } else { 0 }
        })
        .collect();
    for _ in 0..ROUNDS {
        label = (0..n)
            .map(|c| {
                if label[c] == 0 {
                    return 0;
                }
                let (x, y) = (c % across, c / across);
                let near = [
                    (x > 0).then(|| c - 1),
                    (x + 1 < across).then_some(c + 1),
                    (y > 0).then(|| c - across),
                    (y + 1 < down).then_some(c + across),
                ];
                let near = near.into_iter().flatten().map(|k| label[k]);
                let best = near.filter(|l| *l != 0).fold(label[c], usize::min);
                best.min(label[best - 1])
            })
            .collect();
    }
    let mut groups: Vec<(usize, Object)> = (0..n)
        .filter_map(|k| {
            let of: Vec<usize> = (0..n)
                .filter(|c| label[*c] == k + 1 && label[k] == k + 1)
                .collect();
            let size = of.len() as f32;
            let sum = |f: &dyn Fn(usize) -> i32| of.iter().map(|c| f(*c)).sum::<i32>() as f32;
            let place = [sum(&|c| (c % across) as i32), sum(&|c| (c / across) as i32)]
                .map(|s| cell as f32 * (s / size + 0.5));
            let speed = [0, 1].map(|i| sum(&|c| speeds[c][i]) / (64.0 * size));
            (of.len() > 1).then_some((
                k,
                Object {
                    cells: of.len() as u32,
                    place,
                    speed,
                },
            ))
        })
        .collect();
    groups.sort_by(|a, b| b.1.cells.cmp(&a.1.cells).then(a.0.cmp(&b.0)));
    groups.truncate(MOST);
    groups.into_iter().map(|(_, object)| object).collect()
}

/// The kernel.
pub fn twin(call: &mut Call<'_>) {
    call.put(
        3,
        0,
        &objects(&call.params(), call.read(0), call.read(1), call.read(2)),
    );
}
