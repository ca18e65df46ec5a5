//! Twin of `kernels/world/differ.wgsl`.

use crate::gpu::Call;
use crate::world::refine::{DifferParams, Neighbour};

const UNSEEN: f32 = 1.2;
const MOST: f32 = 2.0;

struct Look<'a> {
    p: &'a DifferParams,
    neighbours: &'a [Neighbour],
    texture: &'a [f32],
    prior: &'a [f32],
    changes: &'a [f32],
}

impl Look<'_> {
    fn compare(&self, x: u32, y: u32, layer: u32) -> f32 {
        let p = self.p;
        let i = (y * p.width + x) as usize;
        let view = &self.neighbours[(layer / p.candidates) as usize];
        let change = self.changes[(p.first + layer % p.candidates) as usize];
        let inverse = self.prior[i] * (1.0 + change);
        if !(inverse > 1e-6) {
            return UNSEEN;
        }
        let [fx, fy, cx, cy] = p.intrinsics;
        let at = [
            (x as f32 + 0.5 - cx) / fx / inverse,
            (y as f32 + 0.5 - cy) / fy / inverse,
            1.0 / inverse,
        ];
        let along = |r: [f32; 4]| r[0] * at[0] + r[1] * at[1] + r[2] * at[2] + r[3];
        let z = along(view.row2);
        if !(z > 1e-6) {
            return UNSEEN;
        }
        let [fx, fy, cx, cy] = view.intrinsics;
        let u = fx * along(view.row0) / z + cx - 0.5;
        let v = fy * along(view.row1) / z + cy - 0.5;
        let [width, height, first, _] = view.size;
        let inside = u >= 0.0 && v >= 0.0 && u < (width - 1) as f32 && v < (height - 1) as f32;
        if !inside {
            return UNSEEN;
        }
        let (fx, fy) = (u - u.floor(), v - v.floor());
        let at = (first + v as u32 * width + u as u32) as usize;
        let mix = |a: f32, b: f32, f: f32| a * (1.0 - f) + b * f;
        let below = at + width as usize;
        let top = mix(self.texture[at], self.texture[at + 1], fx);
        let bottom = mix(self.texture[below], self.texture[below + 1], fx);
        let own = self.texture[p.base as usize + i];
        (mix(top, bottom, fy) - own).abs().min(MOST)
    }
}

/// The kernel.
pub fn twin(call: &mut Call<'_>) {
    let p: DifferParams = call.params();
    let look = Look {
        p: &p,
        neighbours: call.read(0),
        texture: call.read(1),
        prior: call.read(2),
        changes: call.read(3),
    };
    let pixels = (p.width * p.height) as usize;
    let mut out = Vec::with_capacity(pixels * p.layers as usize);
    for layer in 0..p.layers {
        for y in 0..p.height {
            out.extend((0..p.width).map(|x| look.compare(x, y, layer)));
        }
    }
    call.put(4, 0, &out);
}
