//! How the bytes of a stored frame lie, and what its numbers mean as colour.

use ffmpeg_next::{ffi, format};

use super::ConvertParams;

/// What a stream or a frame says of its colour, by the code points of ITU-T H.273 (0 or 2: it does not say).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Colour {
    pub matrix: i32,
    pub transfer: i32,
    /// 1 limited, 2 full.
    pub range: i32,
    /// FFmpeg's `AVChromaLocation`: 1 left, 2 centre, 3 top left, 4 top, 5 bottom left, 6 bottom.
    pub chroma: i32,
}

impl Colour {
    /// The matrix in words. Untagged means BT.601: writers that leave the tag out are mostly FFmpeg
    /// pipelines, whose converter takes BT.601 when it is told nothing.
    pub fn matrix_name(self, rgb: bool) -> &'static str {
        match self.matrix {
            _ if rgb => "rgb",
            1 => "bt709",
            4 => "fcc",
            7 => "smpte240m",
            8 => "ycgco",
            9 | 10 => "bt2020",
            _ => "bt601",
        }
    }

    /// The transfer in FFmpeg's words.
    pub fn transfer_name(self) -> &'static str {
        match self.transfer {
            1 => "bt709",
            4 => "bt470m",
            5 => "bt470bg",
            6 => "smpte170m",
            7 => "smpte240m",
            8 => "linear",
            9 => "log100",
            10 => "log316",
            11 => "iec61966-2-4",
            12 => "bt1361e",
            13 => "iec61966-2-1",
            14 => "bt2020-10",
            15 => "bt2020-12",
            16 => "smpte2084",
            17 => "smpte428",
            18 => "arib-std-b67",
            _ => "unknown",
        }
    }

    /// The chroma location in FFmpeg's words.
    pub fn chroma_name(self) -> &'static str {
        match self.chroma {
            1 => "left",
            2 => "center",
            3 => "topleft",
            4 => "top",
            5 => "bottomleft",
            6 => "bottom",
            _ => "unspecified",
        }
    }

    /// What the colour will not come out right for, in words.
    pub fn faults(self, rgb: bool) -> Vec<String> {
        let mut faults = Vec::new();
        if matches!(self.transfer, 16 | 18) {
            faults.push(format!(
                "HDR ({}): tone-mapped to SDR, so highlights are compressed",
                self.transfer_name()
            ));
        }
        if !rgb && !matches!(self.matrix, 0..=2 | 4..=9) {
            faults.push(format!(
                "colour matrix {} of H.273 is not converted exactly; taken as {}",
                self.matrix,
                self.matrix_name(rgb)
            ));
        }
        faults
    }
}

/// One component: where its samples are.
#[derive(Clone, Copy, Debug, Default)]
struct Component {
    plane: usize,
    offset: i32,
    step: i32,
    shift: u32,
    mask: u32,
}

/// A stored frame's format and colour.
#[derive(Clone, Debug)]
pub(super) struct Layout {
    pub stored: [u32; 2],
    components: [Component; 4],
    /// Bytes from a row to the next, by plane.
    strides: [i32; 4],
    chroma_log2: [u32; 2],
    chroma_at: [f32; 2],
    rows: [[f32; 4]; 3],
    pub hdr: Option<Hdr>,
    pub rgb: bool,
    pub full_range: bool,
}

/// A high dynamic range that is to be tone-mapped.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Hdr {
    /// HLG (ARIB STD-B67) rather than PQ (SMPTE ST 2084).
    pub hlg: bool,
    /// Brightest light of the source in cd/m2.
    pub peak: f32,
}

impl Layout {
    /// Eight-bit RGBA, rows without gaps.
    pub fn rgba(stored: [u32; 2]) -> Self {
        let component = |offset| Component {
            plane: 0,
            offset,
            step: 4,
            shift: 0,
            mask: 255,
        };
        let unit = |i: usize| std::array::from_fn(|j| if i == j { 1.0 / 255.0 } else { 0.0 });
        Self {
            stored,
            components: [0, 1, 2, 3].map(component),
            strides: [stored[0] as i32 * 4; 4],
            chroma_log2: [0, 0],
            chroma_at: [0.0, 0.0],
            rows: [0, 1, 2].map(unit),
            hdr: None,
            rgb: true,
            full_range: true,
        }
    }

    /// A frame of FFmpeg's pixel format `format`, `strides` in bytes by plane; `peak` is the brightest light in cd/m2 that
    /// it says it has.
    ///
    /// # Errors
    /// In words, for formats that are not little-endian integers of at most 16 bits.
    pub fn new(
        format: format::Pixel,
        stored: [u32; 2],
        strides: [i32; 4],
        colour: Colour,
        peak: Option<f32>,
    ) -> Result<Self, String> {
        let described = format.descriptor().ok_or("it has no pixel format")?;
        // SAFETY: a descriptor points into a static table of FFmpeg.
        let table = unsafe { &*described.as_ptr() };
        let refused = ffi::AV_PIX_FMT_FLAG_BE
            | ffi::AV_PIX_FMT_FLAG_PAL
            | ffi::AV_PIX_FMT_FLAG_BITSTREAM
            | ffi::AV_PIX_FMT_FLAG_HWACCEL
            | ffi::AV_PIX_FMT_FLAG_BAYER
            | ffi::AV_PIX_FMT_FLAG_FLOAT;
        let flag = |flags: i32| table.flags & flags as u64 != 0;
        let (rgb, alpha) = (
            flag(ffi::AV_PIX_FMT_FLAG_RGB),
            flag(ffi::AV_PIX_FMT_FLAG_ALPHA),
        );
        let count = usize::from(table.nb_components).min(4);
        let used = &table.comp[..count];
        let fits = |c: &ffi::AVComponentDescriptor| {
            let wide = c.shift + c.depth > 8;
            c.depth > 0
                && c.shift + c.depth <= 16
                && (0..4).contains(&c.plane)
                && !(wide && (c.offset % 2 != 0 || c.step % 2 != 0))
                && !(wide && strides[c.plane as usize] % 2 != 0)
        };
        let name = described.name();
        if flag(refused) || count == 0 || name.starts_with("xyz") || !used.iter().all(fits) {
            return Err(format!(
                "the pixel format {name} is not supported; convert it first, such as with `ffmpeg -i IN -pix_fmt yuv420p OUT.mp4`"
            ));
        }
        let component = |index: usize| {
            let c = &used[index];
            Component {
                plane: c.plane as usize,
                offset: c.offset,
                step: c.step,
                shift: c.shift as u32,
                mask: (1 << c.depth) - 1,
            }
        };
        let colours = count - usize::from(alpha);
        let mut components = [Component::default(); 4];
        for (index, slot) in components.iter_mut().enumerate().take(colours.min(3)) {
            *slot = component(index);
        }
        if alpha {
            components[3] = component(count - 1);
        }
        let grey = colours < 3;
        let full_range = match colour.range {
            1 => false,
            2 => true,
            _ => rgb || grey || name.starts_with("yuvj"),
        };
        let chroma_log2 = if grey || rgb {
            [0, 0]
        } else {
            [table.log2_chroma_w, table.log2_chroma_h].map(u32::from)
        };
        // Siting as a part of the way from the first luma sample to the last that a chroma sample covers.
        // H.264 and its kin say left when they say nothing (ITU-T H.264 E.2.1).
        let siting: [f32; 2] = match colour.chroma {
            2 => [0.5, 0.5],
            3 => [0.0, 0.0],
            4 => [0.5, 0.0],
            5 => [0.0, 1.0],
            6 => [0.5, 1.0],
            _ => [0.0, 0.5],
        };
        let chroma_at = [0, 1].map(|i| siting[i] * ((1 << chroma_log2[i]) - 1) as f32);
        let depths = [0, 1, 2].map(|i| used.get(i).map_or(8, |c| c.depth));
        Ok(Self {
            stored,
            components,
            strides,
            chroma_log2,
            chroma_at,
            rows: rows(colour.matrix, depths, full_range, rgb, grey),
            hdr: match colour.transfer {
                // Where nothing is said, most PQ is mastered at 1000.
                16 => Some(Hdr {
                    hlg: false,
                    peak: peak.unwrap_or(1000.0),
                }),
                18 => Some(Hdr {
                    hlg: true,
                    peak: 1000.0,
                }),
                _ => None,
            },
            rgb,
            full_range,
        })
    }

    /// The same picture where a card's decoder holds it as `held`: in other places, and with each sample in its highest
    /// bits. `None` where that has not the same samples.
    pub fn held_as(mut self, held: format::Pixel) -> Option<Self> {
        let strides = self.strides;
        let held = Self::new(held, self.stored, strides, Colour::default(), None).ok()?;
        let same = held.rgb == self.rgb && held.chroma_log2 == self.chroma_log2;
        let used = |layout: &Self| layout.components.map(|c| c.mask != 0);
        if !same || used(&held) != used(&self) {
            return None;
        }
        for (mine, held) in self.components.iter_mut().zip(held.components) {
            let bits = held.shift + held.mask.count_ones();
            *mine = Component {
                shift: bits.checked_sub(mine.mask.count_ones())?,
                mask: mine.mask,
                ..held
            };
        }
        Some(self)
    }

    /// Rows and bytes of one row that the kernel reads of each plane, plane by plane.
    pub fn planes(&self) -> Vec<(usize, usize)> {
        let mut planes: Vec<(usize, usize)> = Vec::new();
        for (index, c) in self.components.iter().enumerate() {
            if c.mask == 0 {
                continue;
            }
            let log2 = if matches!(index, 1 | 2) {
                self.chroma_log2
            } else {
                [0, 0]
            };
            let [w, h] = [0, 1].map(|i| self.stored[i].div_ceil(1 << log2[i]) as usize);
            let sample = if (c.mask << c.shift) > 255 { 2 } else { 1 };
            let bytes = (w - 1) * c.step as usize + c.offset as usize + sample;
            if planes.len() <= c.plane {
                planes.resize(c.plane + 1, (0, 0));
            }
            let plane = &mut planes[c.plane];
            *plane = (plane.0.max(h), plane.1.max(bytes));
        }
        planes
    }

    /// Bytes from a row to the next of a plane.
    pub fn stride(&self, plane: usize) -> i32 {
        self.strides[plane]
    }

    /// Eight-bit planar 4:2:0 whose rows are whole words, which has quick kernels.
    pub fn is_plain_420(&self) -> bool {
        let plain = |index: usize| {
            let c = &self.components[index];
            c.plane == index && (c.offset, c.step, c.shift, c.mask) == (0, 1, 0, 255)
        };
        self.hdr.is_none()
            && self.chroma_log2 == [1, 1]
            && self.components[3].mask == 0
            && (0..3).all(|i| plain(i) && self.strides[i] > 0 && self.strides[i] % 16 == 0)
    }

    /// First byte of each plane in the upload buffer, on words of sixteen bytes, and the bytes of them all.
    pub fn starts(&self) -> (Vec<usize>, usize) {
        let mut at = 0;
        let planes = self.planes();
        let starts = planes.iter().enumerate().map(|(plane, &(rows, row))| {
            let start = at;
            // Whole rows, so that wide loads stay inside.
            let stride = self.strides[plane].unsigned_abs() as usize;
            at += (rows * stride.max(row)).next_multiple_of(16);
            start
        });
        (starts.collect(), at)
    }

    /// The kernel's parameters for planes that lie at `starts`.
    pub fn params(&self, starts: &[usize], size: [u32; 2], orient: u32) -> ConvertParams {
        let rows = self.planes();
        let by = |value: fn(&Component) -> u32| self.components.map(|c| value(&c));
        let used = |c: &Component| c.mask != 0;
        let base = self.components.map(|c| {
            if !used(&c) {
                return 0;
            }
            // Stored bottom up: the first row is the last in memory.
            let stride = self.strides[c.plane];
            let up = if stride < 0 {
                -stride * (rows[c.plane].0 as i32 - 1)
            } else {
                0
            };
            starts[c.plane] as i32 + up + c.offset
        });
        let stride = self
            .components
            .map(|c| if used(&c) { self.strides[c.plane] } else { 0 });
        let alpha = self.components[3].mask;
        ConvertParams {
            row_r: self.rows[0],
            row_g: self.rows[1],
            row_b: self.rows[2],
            base,
            stride,
            step: self.components.map(|c| c.step),
            shift: by(|c| c.shift),
            mask: by(|c| c.mask),
            stored: self.stored,
            size,
            chroma_log2: self.chroma_log2,
            chroma_at: self.chroma_at,
            orient,
            alpha_scale: if alpha == 0 { 0.0 } else { 1.0 / alpha as f32 },
            hlg: self.hdr.is_some_and(|hdr| hdr.hlg).into(),
            peak: self.hdr.map_or(0.0, |hdr| hdr.peak),
        }
    }
}

/// RGB in 0..1 as affine rows over raw samples (ITU-T H.273 8.3, equations 20 to 56).
fn rows(matrix: i32, depths: [i32; 3], full: bool, rgb: bool, grey: bool) -> [[f32; 4]; 3] {
    // A sample's value in units of its nominal range: scale * raw + bias.
    let linear = |depth: i32, chroma: bool| {
        let unit = 2f64.powi(depth - 8);
        let (zero, range) = match (full, chroma) {
            (true, false) => (0.0, 256.0 * unit - 1.0),
            (true, true) => (128.0 * unit, 256.0 * unit - 1.0),
            (false, false) => (16.0 * unit, 219.0 * unit),
            (false, true) => (128.0 * unit, 224.0 * unit),
        };
        (1.0 / range, -zero / range)
    };
    let (kr, kb) = match matrix {
        1 => (0.2126, 0.0722),
        4 => (0.30, 0.11),
        7 => (0.212, 0.087),
        9 | 10 => (0.2627, 0.0593),
        _ => (0.299, 0.114),
    };
    let kg: f64 = 1.0 - kr - kb;
    let weights: [[f64; 3]; 3] = if rgb {
        [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]]
    } else if grey {
        [[1.0, 0.0, 0.0]; 3]
    } else if matrix == 8 {
        [[1.0, -1.0, 1.0], [1.0, 1.0, 0.0], [1.0, -1.0, -1.0]]
    } else {
        [
            [1.0, 0.0, 2.0 * (1.0 - kr)],
            [
                1.0,
                -2.0 * kb * (1.0 - kb) / kg,
                -2.0 * kr * (1.0 - kr) / kg,
            ],
            [1.0, 2.0 * (1.0 - kb), 0.0],
        ]
    };
    weights.map(|weights| {
        let mut row = [0.0f64; 4];
        for (i, weight) in weights.into_iter().enumerate() {
            let (scale, bias) = linear(depths[i], i > 0 && !rgb);
            row[i] = weight * scale;
            row[3] += weight * bias;
        }
        row.map(|v| v as f32)
    })
}
