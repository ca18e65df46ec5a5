//! How closely a kernel and its twin agree, and where they do not.

use super::Binding;

/// What the words of an element hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scalar {
    /// `f32`
    F32,
    /// `u32`
    U32,
    /// `i32`
    I32,
}

/// What is compared of a word.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Unit {
    /// The number that the declaration says.
    Value,
    /// The first three bytes, as levels of colour; the fourth must be the same.
    Colour,
    /// All four bytes, as levels.
    Levels,
    /// Both halves, as numbers of 16 bits.
    Halves,
    /// The bits, but that one NaN is as good as another.
    Bits,
}

/// How far what a kernel writes may be from what its twin writes, word by word.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Agreement {
    unit: Unit,
    absolute: f32,
    relative: f32,
    /// Share of the words that a dispatch changes that may be further apart.
    share: f32,
    /// And so many besides.
    few: u32,
    /// How far those may be, absolute and relative.
    far: [f32; 2],
    /// Bit k: word k of an element is an `f32`, whatever the declaration says.
    floats: u32,
    /// Other limits from a word of an element on, ascending: the word, absolute, relative.
    parts: &'static [(usize, f32, f32)],
}

/// The same values. Floats that are both NaN agree.
pub const EXACT: Agreement = within(0.0, 0.0);

/// The same bits, but that one NaN is as good as another: for words that may hold floats.
pub const BITS: Agreement = Agreement {
    unit: Unit::Bits,
    ..EXACT
};

/// Apart by at most `absolute + relative * |the twin's|`; of integers by at most `absolute`.
pub const fn within(absolute: f32, relative: f32) -> Agreement {
    Agreement {
        unit: Unit::Value,
        absolute,
        relative,
        share: 0.0,
        few: 0,
        far: [absolute, relative],
        floats: 0,
        parts: &[],
    }
}

/// Packed pixels whose colours are apart by at most so many levels a channel; alpha is the same.
pub const fn colours(most: u8) -> Agreement {
    Agreement {
        unit: Unit::Colour,
        ..within(most as f32, 0.0)
    }
}

/// Packed bytes, each apart by at most so many.
pub const fn levels(most: u8) -> Agreement {
    Agreement {
        unit: Unit::Levels,
        ..within(most as f32, 0.0)
    }
}

/// Pairs of 16 bits, each apart by at most so many.
pub const fn halves(most: u16) -> Agreement {
    Agreement {
        unit: Unit::Halves,
        ..within(most as f32, 0.0)
    }
}

impl Agreement {
    /// Of the words that a dispatch changes, this share and `few` besides may be apart by anything: where a kernel
    /// decides at a threshold, rounding takes some to the other side.
    pub const fn but(self, share: f32, few: u32) -> Self {
        Self {
            share,
            few,
            far: [f32::INFINITY, 0.0],
            ..self
        }
    }

    /// Those may be apart by at most `absolute + relative * |the twin's|`. Stands behind [`Agreement::but`].
    pub const fn at_most(self, absolute: f32, relative: f32) -> Self {
        Self {
            far: [absolute, relative],
            ..self
        }
    }

    /// From word `k` of an element on `absolute` and `relative` are others; ascending `(k, absolute, relative)`.
    pub const fn from(self, parts: &'static [(usize, f32, f32)]) -> Self {
        Self { parts, ..self }
    }

    /// What word `k` of an element is usually within.
    fn usual(&self, k: usize) -> [f32; 2] {
        let part = self.parts.iter().rev().find(|part| part.0 <= k);
        part.map_or([self.absolute, self.relative], |part| [part.1, part.2])
    }

    /// Word `k` of an element is an `f32` though the declaration says another type.
    pub const fn float_at(self, k: u32) -> Self {
        Self {
            floats: self.floats | 1 << k,
            ..self
        }
    }
}

/// Where kernel and twin are apart.
#[derive(Clone, Debug, PartialEq, serde::Serialize)]
pub struct Place {
    /// The buffer's name, the element, and the word of it where it has several: `flow[12].y`.
    pub at: String,
    /// Name of the buffer in the kernel.
    pub binding: &'static str,
    /// The element.
    pub element: usize,
    /// What the kernel wrote.
    pub gpu: String,
    /// What the twin wrote.
    pub twin: String,
    /// How far they are apart; infinite where one of them is not a number.
    pub difference: f64,
    /// How far they may be.
    pub allowed: f64,
}

impl std::fmt::Display for Place {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self {
            at,
            gpu,
            twin,
            difference,
            allowed,
            ..
        } = self;
        write!(
            f,
            "{at}: GPU {gpu}, twin {twin} ({difference:.3e} apart, {allowed:.3e} allowed)"
        )
    }
}

/// One written buffer of one dispatch.
#[derive(Debug, Default)]
pub(super) struct Comparison {
    /// Words that the kernel or the twin changed.
    pub changed: u64,
    /// Words further apart than usual.
    pub apart: u64,
    /// The difference that is largest for what is allowed.
    pub worst: Option<Place>,
    /// What does not agree, in words, and its first place.
    pub fault: Option<(String, Place)>,
}

/// Two words that differ.
#[derive(Clone, Copy)]
struct Pair {
    word: usize,
    gpu: u32,
    twin: u32,
    difference: f64,
    allowed: f64,
}

impl Pair {
    /// How much of what is allowed is used.
    fn weight(&self) -> f64 {
        self.difference / self.allowed.max(1e-30)
    }
}

impl Binding {
    /// What word `k` of an element holds.
    fn scalar(&self, k: usize) -> Scalar {
        if self.agrees.floats >> k & 1 == 1 {
            return Scalar::F32;
        }
        let mut at = 0;
        for &(scalar, count) in self.scalars {
            at += count;
            if k < at {
                return scalar;
            }
        }
        Scalar::U32
    }

    /// How far differing words `k` of an element are apart, and how far they may be usually and at most; `None` where they
    /// agree after all.
    fn difference(&self, (k, scalar): (usize, Scalar), gpu: u32, twin: u32) -> Option<[f64; 3]> {
        let usual = self.agrees.usual(k);
        let far = if self.agrees.parts.is_empty() {
            self.agrees.far
        } else {
            usual
        };
        let reach = |[absolute, relative]: [f32; 2], size: f64| {
            // Nothing times infinity is nothing here.
            let by = if relative > 0.0 && size.is_finite() {
                f64::from(relative) * size
            } else {
                0.0
            };
            f64::from(absolute) + by
        };
        let apart =
            |difference: f64, size: f64| Some([difference, reach(usual, size), reach(far, size)]);
        let bytes = |count: usize| {
            let (g, t) = (gpu.to_le_bytes(), twin.to_le_bytes());
            (0..count).map(|k| g[k].abs_diff(t[k])).max().unwrap_or(0)
        };
        let (g, t) = (f32::from_bits(gpu), f32::from_bits(twin));
        match (self.agrees.unit, scalar) {
            (Unit::Colour, _) if gpu >> 24 != twin >> 24 => Some([f64::INFINITY, 0.0, 0.0]),
            (Unit::Colour, _) => apart(f64::from(bytes(3)), 0.0),
            (Unit::Levels, _) => apart(f64::from(bytes(4)), 0.0),
            (Unit::Halves, _) => {
                let low = (gpu & 0xffff).abs_diff(twin & 0xffff);
                apart(f64::from(low.max((gpu >> 16).abs_diff(twin >> 16))), 0.0)
            }
            (Unit::Bits | Unit::Value, _) if (g.is_nan() && t.is_nan()) && self.floats(scalar) => {
                None
            }
            (Unit::Bits, _) | (Unit::Value, Scalar::U32) => {
                apart(f64::from(gpu.abs_diff(twin)), 0.0)
            }
            (Unit::Value, Scalar::I32) => {
                apart((f64::from(gpu as i32) - f64::from(twin as i32)).abs(), 0.0)
            }
            (Unit::Value, Scalar::F32) if g == t => None,
            (Unit::Value, Scalar::F32) => {
                let difference = (f64::from(g) - f64::from(t)).abs();
                let known = !difference.is_nan();
                apart(
                    if known { difference } else { f64::INFINITY },
                    f64::from(t).abs(),
                )
            }
        }
    }

    /// The word may be a NaN.
    fn floats(&self, scalar: Scalar) -> bool {
        self.agrees.unit == Unit::Bits || scalar == Scalar::F32
    }

    /// Compares what was written to this buffer.
    pub(super) fn compare(&self, before: &[u32], gpu: &[u32], twin: &[u32]) -> Comparison {
        let each = (self.stride / 4).max(1);
        let scalars: Vec<Scalar> = (0..each).map(|k| self.scalar(k)).collect();
        let mut out = Comparison::default();
        let (mut worst, mut first, mut broken): (Option<Pair>, Option<Pair>, Option<Pair>) =
            (None, None, None);
        for (word, ((&was, &g), &t)) in before.iter().zip(gpu).zip(twin).enumerate() {
            if g == t {
                out.changed += u64::from(g != was);
                continue;
            }
            out.changed += 1;
            let k = word % each;
            let found = self.difference((k, scalars[k]), g, t);
            let Some([difference, allowed, far]) = found else {
                continue;
            };
            let pair = Pair {
                word,
                gpu: g,
                twin: t,
                difference,
                allowed,
            };
            if worst.is_none_or(|w| pair.weight() > w.weight()) {
                worst = Some(pair);
            }
            if difference > allowed {
                out.apart += 1;
                first = first.or(Some(pair));
            }
            // One that is no finite number beside one that is, is never near.
            if difference > far || difference.is_infinite() {
                broken = broken.or(Some(Pair {
                    allowed: far,
                    ..pair
                }));
            }
        }
        let place = |pair: Pair| self.place(pair, scalars[pair.word % each], each);
        out.worst = worst.map(place);
        let most = f64::from(self.agrees.share) * out.changed as f64 + f64::from(self.agrees.few);
        out.fault = if let Some(pair) = broken {
            let place = place(pair);
            Some((place.to_string(), place))
        } else if out.apart as f64 > most {
            first.map(place).map(|place| {
                let words = format!(
                    "{} of {} words apart, {most:.0} may be; the first is {place}",
                    out.apart, out.changed
                );
                (words, place)
            })
        } else {
            None
        };
        out
    }

    fn place(&self, pair: Pair, scalar: Scalar, each: usize) -> Place {
        let (element, k) = (pair.word / each, pair.word % each);
        let field = self.fields.iter().rev().find(|(_, at)| *at <= 4 * k);
        let part = match field {
            Some((name, at)) => format!(".{name}[{}]", k - at / 4),
            None if each == 1 => String::new(),
            None => format!(".{}", ["x", "y", "z", "w"].get(k).unwrap_or(&"?")),
        };
        let show = |word: u32| match (self.agrees.unit, scalar) {
            (Unit::Colour | Unit::Levels, _) => {
                let [r, g, b, a] = word.to_le_bytes();
                format!("({r} {g} {b} {a})")
            }
            (Unit::Halves, _) => format!("({} {})", word & 0xffff, word >> 16),
            (Unit::Bits, _) => format!("{word:#010x}"),
            (Unit::Value, Scalar::F32) => f32::from_bits(word).to_string(),
            (Unit::Value, Scalar::U32) => word.to_string(),
            (Unit::Value, Scalar::I32) => (word as i32).to_string(),
        };
        Place {
            at: format!("{}[{element}]{part}", self.name),
            binding: self.name,
            element,
            gpu: show(pair.gpu),
            twin: show(pair.twin),
            difference: pair.difference,
            allowed: pair.allowed,
        }
    }
}
