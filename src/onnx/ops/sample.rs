//! GridSample: values of a picture at places that another tensor names.

use candle_core::bail;
use rayon::prelude::*;

use super::super::node::{Built, Node};
use super::taps::cubic;
use super::{made, need, sane, with_floats};

#[derive(Clone, Copy)]
enum Mode {
    Nearest,
    Linear,
    Cubic,
}

#[derive(Clone, Copy)]
enum Outside {
    Zeros,
    Border,
    Reflection,
}

#[derive(Clone, Copy)]
struct Rule {
    mode: Mode,
    outside: Outside,
    corners: bool,
}

impl Rule {
    fn of(node: &Node) -> std::result::Result<Self, String> {
        Ok(Self {
            mode: match node.text("mode", "linear")?.as_str() {
                "nearest" => Mode::Nearest,
                "linear" | "bilinear" => Mode::Linear,
                "cubic" | "bicubic" => Mode::Cubic,
                other => return Err(format!("mode '{other}' is not supported")),
            },
            outside: match node.text("padding_mode", "zeros")?.as_str() {
                "zeros" => Outside::Zeros,
                "border" => Outside::Border,
                "reflection" => Outside::Reflection,
                other => return Err(format!("padding_mode '{other}' is not supported")),
            },
            corners: node.int("align_corners", 0)? != 0,
        })
    }

    /// Where on an axis of `n` places the coordinate `x` of -1 to 1 lies.
    fn place(self, x: f32, n: usize) -> f32 {
        let n = n as f32;
        let at = match self.corners {
            true => (x + 1.0) / 2.0 * (n - 1.0),
            false => ((x + 1.0) * n - 1.0) / 2.0,
        };
        // Far outside is all the same, and what is nowhere is outside.
        if at.is_nan() {
            -1e9
        } else {
            at.clamp(-1e9, 1e9)
        }
    }

    /// The place of `n` that stands for place `i`, which may lie outside; `None` where nothing does.
    fn inside(self, i: i64, n: usize) -> Option<usize> {
        let last = n as i64 - 1;
        match self.outside {
            Outside::Zeros => usize::try_from(i).ok().filter(|&i| i < n),
            Outside::Border => Some(i.clamp(0, last) as usize),
            Outside::Reflection => {
                // Mirrors stand at the outer places' centres or at their outer edges; doubled, both are whole numbers.
                let (low, span) = match self.corners {
                    true => (0, last),
                    false => (-1, n as i64),
                };
                if span == 0 {
                    return Some(0);
                }
                let far = (2 * i - low).rem_euclid(4 * span);
                let back = if far > 2 * span { 4 * span - far } else { far };
                Some(((back + low) / 2).clamp(0, last) as usize)
            }
        }
    }
}

impl Rule {
    /// Places and weights along an axis.
    fn taps(self, x: f32, n: usize) -> ([(Option<usize>, f32); 4], usize) {
        let mut at = self.place(x, n);
        if matches!(self.mode, Mode::Linear) {
            // As the border holds its value and a mirror its place.
            match self.outside {
                Outside::Zeros => {}
                Outside::Border => at = at.clamp(0.0, n as f32 - 1.0),
                Outside::Reflection => at = self.reflected(at, n),
            }
        }
        let from = at.floor();
        let f = at - from;
        let i = from as i64;
        let none = (None, 0.0);
        match self.mode {
            Mode::Nearest => {
                let i = at.round_ties_even() as i64;
                ([(self.inside(i, n), 1.0), none, none, none], 1)
            }
            Mode::Linear => {
                let taps = [
                    (self.inside(i, n), 1.0 - f),
                    (self.inside(i + 1, n), f),
                    none,
                    none,
                ];
                (taps, 2)
            }
            Mode::Cubic => {
                let w = cubic(f, -0.75);
                let tap = |k: usize| (self.inside(i - 1 + k as i64, n), w[k]);
                ([tap(0), tap(1), tap(2), tap(3)], 4)
            }
        }
    }

    fn reflected(self, at: f32, n: usize) -> f32 {
        let (low, span) = match self.corners {
            true => (0.0, n as f32 - 1.0),
            false => (-0.5, n as f32),
        };
        if span <= 0.0 {
            return 0.0;
        }
        let far = (at - low).rem_euclid(2.0 * span);
        let back = if far > span { 2.0 * span - far } else { far };
        (back + low).clamp(0.0, n as f32 - 1.0)
    }
}

/// GridSample of pictures.
pub(in super::super) fn grid_sample(node: &Node) -> Built {
    let rule = Rule::of(node)?;
    Ok(Box::new(move |args| {
        let (x, grid) = (need(args, 0)?, need(args, 1)?);
        if x.rank() != 4 || grid.rank() != 4 {
            bail!(
                "shapes {:?} and {:?}: two spatial dimensions are supported",
                x.dims(),
                grid.dims()
            );
        }
        let (n, c, h, w) = x.dims4()?;
        let (m, oh, ow, two) = grid.dims4()?;
        if m != n || two != 2 || h == 0 || w == 0 {
            bail!("shapes {:?} and {:?}", x.dims(), grid.dims());
        }
        sane(&[n, c, oh, ow])?;
        let area = oh * ow;
        let mut y = vec![0f32; n * c * area];
        with_floats(x, |x| {
            with_floats(grid, |grid| {
                if y.is_empty() {
                    return Ok(());
                }
                y.par_chunks_mut(area).enumerate().for_each(|(plane, y)| {
                    let x = &x[plane * h * w..][..h * w];
                    let grid = &grid[plane / c * area * 2..][..area * 2];
                    for (y, at) in y.iter_mut().zip(grid.as_chunks::<2>().0) {
                        let (columns, many) = rule.taps(at[0], w);
                        let (rows, _) = rule.taps(at[1], h);
                        for &(row, weight) in &rows[..many] {
                            let Some(row) = row else { continue };
                            let line: f32 = columns[..many]
                                .iter()
                                .filter_map(|&(i, f)| Some(x[row * w + i?] * f))
                                .sum();
                            *y += line * weight;
                        }
                    }
                });
                Ok(())
            })
        })?;
        Ok(vec![made(y, &[n, c, oh, ow])?])
    }))
}
