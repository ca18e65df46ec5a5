//! Twin of `kernels/score/cells.wgsl`.

use crate::gpu::Call;
use crate::motion::twins::sample;
use crate::score::kernels::CellsParams;

/// One step's fields.
pub struct Fields<'a> {
    /// Luma of the first frame.
    pub a: &'a [f32],
    /// Luma of the second.
    pub b: &'a [f32],
    /// Flow from the first to the second.
    pub flow: &'a [[f32; 2]],
    /// Consistency.
    pub state: &'a [u32],
    /// Own motion.
    pub own: &'a [f32],
    /// Flow from the first frame to the one before it.
    pub before: &'a [[f32; 2]],
}

/// The four vectors of each cell.
pub fn cells(q: &CellsParams, f: &Fields<'_>) -> Vec<[f32; 4]> {
    let (w, h, cell) = (q.width as usize, q.height as usize, q.cell as usize);
    let mut out = Vec::new();
    for y0 in (0..h).step_by(cell) {
        for x0 in (0..w).step_by(cell) {
            let (x1, y1) = ((x0 + cell).min(w), (y0 + cell).min(h));
            out.extend(one(q, f, [x0, y0, x1, y1]));
        }
    }
    out
}

fn one(q: &CellsParams, f: &Fields<'_>, [x0, y0, x1, y1]: [usize; 4]) -> [[f32; 4]; 4] {
    let (w, h) = (q.width as usize, q.height as usize);
    let mut s = [0.0f32; 19];
    for y in y0..y1 {
        for x in x0..x1 {
            let at = y * w + x;
            let p = f.a[at];
            let mut u = f.flow[at];
            if !(u[0].abs() < 1e6 && u[1].abs() < 1e6) {
                u = [0.0; 2];
            }
            let right = if x + 1 < w { f.a[at + 1] - p } else { 0.0 };
            let low = if y + 1 < h { f.a[at + w] - p } else { 0.0 };
            let change = [0, 1].map(|c| q.scale * u[c] + q.scale_before * f.before[at][c]);
            let change = change[0].hypot(change[1]);
            let change = if change < 8.0 { change } else { 8.0 };
            let r = sample(
                f.b,
                q.width,
                q.height,
                (x as f32 + u[0]).clamp(0.0, w as f32 - 1.0),
                (y as f32 + u[1]).clamp(0.0, h as f32 - 1.0),
            );
            let (d, o) = (r - p, f.own[at]);
            let i = (f.state[at] & 1) as f32;
            let g = if f.state[at] == 3 { 1.0 } else { 0.0 };
            let terms = [
                (right * right + low * low).sqrt(),
                p,
                p * p,
                u[0],
                u[1],
                u[0].hypot(u[1]),
                if q.has_before != 0 { change } else { 0.0 },
                i,
                g,
                i * d.abs().min(48.0),
                g * d,
                g * d * d,
                i * p,
                i * p * p,
                i * r,
                i * r * r,
                i * p * r,
                g * o.max(0.0),
                if o > 1.0 { g } else { 0.0 },
            ];
            s.iter_mut().zip(terms).for_each(|(s, t)| *s += t);
        }
    }
    let n = ((x1 - x0) * (y1 - y0)) as f32;
    let [
        grad,
        sa,
        saa,
        mu,
        mv,
        speed,
        change,
        inside,
        good,
        off,
        r1,
        r2,
        ia,
        iaa,
        sb,
        sbb,
        sab,
        moving,
        alone,
    ] = s;
    let (m, v) = (inside.max(1.0), good.max(1.0));
    let (ma, mb) = (ia / m, sb / m);
    let va = (iaa / m - ma * ma).max(0.0);
    let vb = (sbb / m - mb * mb).max(0.0);
    let vab = sab / m - ma * mb;
    let ssim = (2.0 * ma * mb + 6.5025) * (2.0 * vab + 58.5225)
        / ((ma * ma + mb * mb + 6.5025) * (va + vb + 58.5225));
    let all = sa / n;
    [
        [inside / n, good / m, off / m, r1 / v],
        [
            grad / n,
            (r2 / v - (r1 / v) * (r1 / v)).max(0.0).sqrt(),
            0.0,
            if inside > 0.0 { ssim } else { 1.0 },
        ],
        [
            q.scale * mu / n,
            q.scale * mv / n,
            q.scale * speed / n,
            moving / v,
        ],
        [
            change / n,
            alone / n,
            (saa / n - all * all).max(0.0).sqrt(),
            all,
        ],
    ]
}

/// The kernel.
pub fn twin(call: &mut Call<'_>) {
    let fields = Fields {
        a: call.read(0),
        b: call.read(1),
        flow: call.read(2),
        state: call.read(3),
        own: call.read(4),
        before: call.read(5),
    };
    call.put(6, 0, &cells(&call.params(), &fields));
}
