//! Convolution and its transpose in two dimensions.

use candle_core::{Result, Tensor, bail};
use rayon::prelude::*;

use super::super::cpu::{self, Then};
use super::super::node::{Args, Built, Node};
use super::linear::product;
use super::{float_vec, made, maybe, need, sane, with_floats};

/// Floats of one band's columns at most: what a core's caches hold well enough.
const BAND: usize = 1 << 20;

/// Where a window lies: the attributes that convolution and pooling share.
#[derive(Clone, Debug)]
pub(in super::super) struct Window {
    pub strides: [usize; 2],
    dilations: [usize; 2],
    /// Top, left, bottom, right.
    pads: [usize; 4],
    auto: Auto,
    ceil: bool,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Auto {
    Not,
    Valid,
    SameUpper,
    SameLower,
}

fn numbers<const N: usize>(
    node: &Node,
    name: &str,
    default: usize,
    least: i64,
) -> std::result::Result<[usize; N], String> {
    match node.ints(name)? {
        None => Ok([default; N]),
        Some(v) if v.len() == N && v.iter().all(|&x| x >= least && x < 1 << 20) => {
            let mut out = [0; N];
            for (o, x) in out.iter_mut().zip(v) {
                *o = x as usize;
            }
            Ok(out)
        }
        Some(v) => Err(format!(
            "{name} {v:?}: two spatial dimensions are supported"
        )),
    }
}

impl Window {
    pub fn read(node: &Node) -> std::result::Result<Self, String> {
        Ok(Self {
            strides: numbers(node, "strides", 1, 1)?,
            dilations: numbers(node, "dilations", 1, 1)?,
            pads: numbers(node, "pads", 0, 0)?,
            auto: match node.text("auto_pad", "NOTSET")?.as_str() {
                "NOTSET" => Auto::Not,
                "VALID" => Auto::Valid,
                "SAME_UPPER" => Auto::SameUpper,
                "SAME_LOWER" => Auto::SameLower,
                other => return Err(format!("auto_pad '{other}' is not supported")),
            },
            ceil: node.int("ceil_mode", 0)? != 0,
        })
    }

    /// Without padding and dilation.
    pub fn is_plain(&self) -> bool {
        self.pads == [0; 4] && self.dilations == [1; 2] && self.auto == Auto::Not
    }

    /// Pads and output size for an input of `size` under a kernel.
    pub fn place(&self, size: [usize; 2], kernel: [usize; 2]) -> Result<Placed> {
        let mut placed = Placed {
            out: [0; 2],
            before: [0; 2],
            strides: self.strides,
            dilations: self.dilations,
        };
        for i in 0..2 {
            let (n, s) = (size[i], self.strides[i]);
            let span = self.dilations[i] * (kernel[i].max(1) - 1) + 1;
            let (a, b) = match self.auto {
                Auto::Not => (self.pads[i], self.pads[i + 2]),
                Auto::Valid => (0, 0),
                same => {
                    let all = ((n.div_ceil(s).max(1) - 1) * s + span).saturating_sub(n);
                    let small = all / 2;
                    if same == Auto::SameUpper {
                        (small, all - small)
                    } else {
                        (all - small, small)
                    }
                }
            };
            if n + a + b < span || kernel[i] == 0 {
                bail!("a kernel of {kernel:?} on {size:?}");
            }
            let free = n + a + b - span;
            placed.out[i] = if self.ceil {
                free.div_ceil(s)
            } else {
                free / s
            } + 1;
            // With ceil_mode no window may begin in the padding after the end.
            if self.ceil && (placed.out[i] - 1) * s >= n + a {
                placed.out[i] -= 1;
            }
            placed.before[i] = a;
        }
        Ok(placed)
    }
}

/// A window placed on an input of known size.
#[derive(Clone, Debug)]
pub(in super::super) struct Placed {
    pub out: [usize; 2],
    pub before: [usize; 2],
    pub strides: [usize; 2],
    pub dilations: [usize; 2],
}

impl Placed {
    /// Input place of kernel tap `k` at output place `o` along axis `i`, if inside `n`.
    pub fn at(&self, i: usize, o: usize, k: usize, n: usize) -> Option<usize> {
        (o * self.strides[i] + k * self.dilations[i])
            .checked_sub(self.before[i])
            .filter(|&p| p < n)
    }

    /// Output places whose tap `k` lies inside `n` along axis `i`.
    fn inside(&self, i: usize, k: usize, n: usize) -> std::ops::Range<usize> {
        let shift = k * self.dilations[i];
        let from = self.before[i]
            .saturating_sub(shift)
            .div_ceil(self.strides[i]);
        let to = (n + self.before[i])
            .saturating_sub(shift)
            .div_ceil(self.strides[i]);
        from..to.min(self.out[i]).max(from)
    }

    /// One row of columns: input row (or none) at tap `kx`, zeros outside.
    fn fill(&self, row: Option<&[f32]>, kx: usize, out: &mut [f32]) {
        let Some(row) = row else {
            out.fill(0.0);
            return;
        };
        let inside = self.inside(1, kx, row.len());
        let inside = inside.start.min(out.len())..inside.end.min(out.len());
        out[..inside.start].fill(0.0);
        out[inside.end..].fill(0.0);
        if inside.is_empty() {
            return;
        }
        let first = inside.start * self.strides[1] + kx * self.dilations[1] - self.before[1];
        if self.strides[1] == 1 {
            let n = inside.len();
            out[inside].copy_from_slice(&row[first..first + n]);
        } else {
            let from = row[first..].iter().step_by(self.strides[1]);
            for (o, &x) in out[inside].iter_mut().zip(from) {
                *o = x;
            }
        }
    }
}

/// Conv.
pub(in super::super) fn conv(node: &Node) -> Built {
    let conv = Convolution::of(node)?;
    Ok(Box::new(move |args| Ok(vec![conv.run(args, Then::Keep)?])))
}

/// What Conv does.
pub(in super::super) struct Convolution {
    window: Window,
    groups: usize,
}

impl Convolution {
    pub fn of(node: &Node) -> std::result::Result<Self, String> {
        Ok(Self {
            window: Window::read(node)?,
            groups: node.int("group", 1)?.clamp(1, 1 << 20) as usize,
        })
    }

    /// The result, each element as `then` has it.
    pub fn run(&self, args: Args<'_>, then: Then) -> Result<Tensor> {
        let (window, groups) = (&self.window, self.groups);
        let (x, w) = (need(args, 0)?, need(args, 1)?);
        let bias = maybe(args, 2).map(float_vec).transpose()?;
        let (n, c, h, width) = x.dims4()?;
        let (o, cg, kh, kw) = w.dims4()?;
        if cg * groups != c || o % groups != 0 || bias.as_ref().is_some_and(|b| b.len() != o) {
            bail!(
                "input {:?}, weights {:?}, {groups} groups",
                x.dims(),
                w.dims()
            );
        }
        let placed = window.place([h, width], [kh, kw])?;
        let [oh, ow] = placed.out;
        sane(&[n, o, oh, ow])?;
        let job = Job {
            c: cg,
            h,
            w: width,
            kh,
            kw,
            placed,
            then,
        };
        let mut y = vec![0f32; n * o * oh * ow];
        with_floats(x, |x| {
            let og = o / groups;
            for (image, y) in y.chunks_mut((o * oh * ow).max(1)).enumerate() {
                for (g, y) in y.chunks_mut((og * oh * ow).max(1)).enumerate() {
                    let x = &x[(image * c + g * cg) * h * width..][..cg * h * width];
                    let w = w.narrow(0, g * og, og)?;
                    let bias = bias.as_ref().map(|b| &b[g * og..][..og]);
                    if cg == 1 {
                        job.depthwise(x, &w, bias, y)?;
                        cpu::finish(y, then);
                    } else if !job.direct(x, &w, bias, y)? {
                        job.columns(x, &w, bias, y)?;
                        cpu::finish(y, then);
                    }
                }
            }
            Ok(())
        })?;
        made(y, &[n, o, oh, ow])
    }
}

/// One group's convolution of one image.
struct Job {
    c: usize,
    h: usize,
    w: usize,
    kh: usize,
    kw: usize,
    placed: Placed,
    then: Then,
}

impl Job {
    /// Of stride 1 without columns, where the kernels here can; `false` where not.
    fn direct(&self, x: &[f32], w: &Tensor, bias: Option<&[f32]>, y: &mut [f32]) -> Result<bool> {
        if self.placed.strides != [1; 2] {
            return Ok(false);
        }
        with_floats(w, |weights| {
            let conv = cpu::Conv {
                x,
                size: [self.c, self.h, self.w],
                weights,
                kernel: [self.kh, self.kw],
                dilations: self.placed.dilations,
                before: self.placed.before,
                out: self.placed.out,
                bias,
                then: self.then,
            };
            Ok(cpu::convolve(&conv, y))
        })
    }

    /// Bands of output rows: their input windows as the columns of a matrix, then one product a band.
    fn columns(&self, x: &[f32], w: &Tensor, bias: Option<&[f32]>, y: &mut [f32]) -> Result<()> {
        let [oh, ow] = self.placed.out;
        let (o, k) = (w.dims()[0], self.c * self.kh * self.kw);
        sane(&[k, ow])?;
        let w = w.reshape((o, k))?;
        let band = (BAND / (k * ow).max(1)).clamp(1, oh);
        for top in (0..oh).step_by(band) {
            let rows = band.min(oh - top);
            let mut columns = vec![0f32; k * rows * ow];
            columns
                .par_chunks_mut(rows * ow)
                .enumerate()
                .for_each(|(tap, column)| {
                    let (kx, ky, c) = (
                        tap % self.kw,
                        tap / self.kw % self.kh,
                        tap / self.kw / self.kh,
                    );
                    for (i, line) in column.chunks_mut(ow).enumerate() {
                        let row = self
                            .placed
                            .at(0, top + i, ky, self.h)
                            .map(|iy| &x[(c * self.h + iy) * self.w..][..self.w]);
                        self.placed.fill(row, kx, line);
                    }
                });
            let product = product(&w, &made(columns, &[k, rows * ow])?)?;
            with_floats(&product, |p| {
                for (channel, p) in p.chunks(rows * ow).enumerate() {
                    let y = &mut y[(channel * oh + top) * ow..][..rows * ow];
                    match bias {
                        Some(bias) => y
                            .iter_mut()
                            .zip(p)
                            .for_each(|(y, &p)| *y = p + bias[channel]),
                        None => y.copy_from_slice(p),
                    }
                }
                Ok(())
            })?;
        }
        Ok(())
    }

    /// One input channel: each output channel is summed tap by tap.
    fn depthwise(&self, x: &[f32], w: &Tensor, bias: Option<&[f32]>, y: &mut [f32]) -> Result<()> {
        let [oh, ow] = self.placed.out;
        let w = float_vec(w)?;
        let mut line = vec![0f32; ow];
        for (channel, y) in y.chunks_mut((oh * ow).max(1)).enumerate() {
            y.fill(bias.map_or(0.0, |b| b[channel]));
            for tap in 0..self.kh * self.kw {
                let weight = w[channel * self.kh * self.kw + tap];
                for (oy, y) in y.chunks_mut(ow).enumerate() {
                    let Some(iy) = self.placed.at(0, oy, tap / self.kw, self.h) else {
                        continue;
                    };
                    self.placed
                        .fill(Some(&x[iy * self.w..][..self.w]), tap % self.kw, &mut line);
                    y.iter_mut().zip(&line).for_each(|(y, &x)| *y += weight * x);
                }
            }
        }
        Ok(())
    }
}

/// ConvTranspose: one product where windows do not overlap (kernel = stride), candle's own loop otherwise.
pub(in super::super) fn transpose(node: &Node) -> Built {
    let window = Window::read(node)?;
    let more: [usize; 2] = numbers(node, "output_padding", 0, 0)?;
    let [s, s2] = window.strides;
    let [p, ..] = window.pads;
    if node.int("group", 1)? != 1 {
        return Err("group other than 1 is not supported".into());
    }
    if node.has("output_shape") || window.auto != Auto::Not {
        return Err("output_shape and auto_pad are not supported".into());
    }
    let even = s == s2
        && window.pads == [p; 4]
        && more[0] == more[1]
        && window.dilations[0] == window.dilations[1];
    let d = window.dilations[0];
    Ok(Box::new(move |args| {
        let (x, w) = (need(args, 0)?, need(args, 1)?);
        let (n, c, h, width) = x.dims4()?;
        let (cw, o, kh, kw) = w.dims4()?;
        if c != cw {
            bail!("{c} channels, weights for {cw}");
        }
        let side = |i: usize, len: usize, k: usize| {
            ((len.max(1) - 1) * window.strides[i]
                + window.dilations[i] * (k.max(1) - 1)
                + 1
                + more[i])
                .checked_sub(window.pads[i] + window.pads[i + 2])
        };
        let (Some(oh), Some(ow)) = (side(0, h, kh), side(1, width, kw)) else {
            bail!("more padding than output");
        };
        sane(&[n, o, oh, ow])?;
        let apart = [kh, kw] == window.strides && window.pads == [0; 4] && more == [0; 2];
        let y = if apart && window.dilations == [1; 2] {
            let w = w.reshape((c, o * kh * kw))?.t()?.contiguous()?;
            let x = x.reshape((n, c, h * width))?;
            let parts = (0..n)
                .map(|i| product(&w, &x.get(i)?))
                .collect::<Result<Vec<_>>>()?;
            Tensor::stack(&parts, 0)?
                .reshape(vec![n, o, kh, kw, h, width])?
                .permute(vec![0, 1, 4, 2, 5, 3])?
                .contiguous()?
                .reshape((n, o, oh, ow))?
        } else if even {
            x.contiguous()?
                .conv_transpose2d(&w.contiguous()?, p, more[0], s, d)?
        } else {
            bail!("uneven strides, pads, dilations or output padding are not supported");
        };
        Ok(vec![match maybe(args, 2) {
            Some(b) if b.elem_count() == o => y.broadcast_add(&b.reshape((1, o, 1, 1))?)?,
            Some(b) => bail!("a bias of {} for {o} channels", b.elem_count()),
            None => y,
        }])
    }))
}
