//! The size that a network is fed: its own, the one that is given, or sides in the multiples that it takes.

use std::str::FromStr;

use crate::onnx::{Front, Port};

/// Long side in pixels for a network that takes any size.
const ANY_SIZE: usize = 518;

/// Largest side that can be asked for, in pixels.
pub(crate) const MOST: u32 = 8192;

/// Multiples that are tried: patches of the vision transformers that many networks build on, and what networks that
/// halve their picture a few times need.
const MULTIPLES: [usize; 7] = [14, 32, 16, 64, 8, 28, 128];

/// Squares of networks that take one size and declare any.
const SQUARES: [usize; 5] = [518, 384, 512, 256, 224];

/// A size that a person gives. Written as `640x480`, or as the long side alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(try_from = "Written", into = "Written")]
pub enum InputSize {
    /// The long side in pixels, rounded to what the network takes; the other keeps the picture's aspect.
    Long(u32),
    /// Width and height in pixels.
    Sides([u32; 2]),
}

/// An [`InputSize`] as files have it.
#[derive(serde::Serialize, serde::Deserialize)]
#[serde(untagged)]
enum Written {
    Long(u32),
    Sides([u32; 2]),
    Text(String),
}

impl From<InputSize> for Written {
    fn from(size: InputSize) -> Self {
        match size {
            InputSize::Long(long) => Self::Long(long),
            InputSize::Sides(sides) => Self::Sides(sides),
        }
    }
}

impl TryFrom<Written> for InputSize {
    type Error = String;
    fn try_from(written: Written) -> Result<Self, String> {
        match written {
            Written::Long(long) => Self::Long(long).checked(),
            Written::Sides(sides) => Self::Sides(sides).checked(),
            Written::Text(text) => text.parse(),
        }
    }
}

impl FromStr for InputSize {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        let side = |s: &str| s.trim().parse::<u32>().ok();
        let size = match text.split_once(['x', 'X', '*']) {
            Some((w, h)) => side(w).zip(side(h)).map(|(w, h)| Self::Sides([w, h])),
            None => side(text).map(Self::Long),
        };
        size.ok_or_else(|| format!("'{text}' is not {}", Self::WANTED))?
            .checked()
    }
}

impl InputSize {
    /// What is wanted, in words that follow "is not".
    pub const WANTED: &str =
        "WIDTHxHEIGHT or a long side in pixels, each from 1 to 8192, such as 640x480 or 512";

    fn checked(self) -> Result<Self, String> {
        let sides = match self {
            Self::Long(long) => [long; 2],
            Self::Sides(sides) => sides,
        };
        if sides.iter().all(|s| (1..=MOST).contains(s)) {
            Ok(self)
        } else {
            Err(format!("{self} is not {}", Self::WANTED))
        }
    }
}

impl std::fmt::Display for InputSize {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Long(long) => write!(f, "{long}"),
            Self::Sides([w, h]) => write!(f, "{w}x{h}"),
        }
    }
}

/// What a network takes, as far as it is known before it ran.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Sides {
    /// Its own width and height in pixels, where it has them.
    pub own: [Option<usize>; 2],
    /// What free sides must be multiples of, by the graph.
    pub multiple: Option<usize>,
    /// What a person gave.
    pub given: Option<InputSize>,
}

/// A size to try, and the multiple that its free sides were rounded to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Try {
    /// Width and height in pixels.
    pub size: [usize; 2],
    pub multiple: Option<usize>,
}

impl std::fmt::Display for Try {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let [w, h] = self.size;
        match self.multiple {
            Some(multiple) => write!(f, "{w}x{h} (multiples of {multiple})"),
            None => write!(f, "{w}x{h}"),
        }
    }
}

impl Sides {
    /// By the declared dimensions `at` (width, height) of an input and what the graph begins with.
    pub fn of(port: &Port, at: [usize; 2], front: &Front, given: Option<InputSize>) -> Self {
        let own = at.map(|i| port.dims.get(i).copied().flatten());
        let symbol = at
            .iter()
            .filter_map(|&i| factor(port.symbols.get(i)?))
            .reduce(lcm);
        let stride = Some(front.stride).filter(|s| *s > 1 && 14 % s != 0);
        Self {
            own,
            multiple: symbol.or(front.patch).or(stride),
            given,
        }
    }

    /// Whether the given size is one that the network takes, as far as it says so.
    pub fn allows_given(&self) -> bool {
        match (self.given, self.own) {
            (Some(InputSize::Sides([w, h])), [ow, oh]) => {
                ow.is_none_or(|o| o == w as usize) && oh.is_none_or(|o| o == h as usize)
            }
            (Some(InputSize::Long(long)), [Some(w), Some(h)]) => w.max(h) == long as usize,
            _ => true,
        }
    }

    /// The sizes to try for a picture of `width` x `height`, in order.
    pub fn tries(&self, width: usize, height: usize) -> Vec<Try> {
        let fixed = match (self.given, self.own) {
            (_, [Some(w), Some(h)]) => Some([w, h]),
            (Some(InputSize::Sides(sides)), _) => Some(sides.map(|s| s as usize)),
            _ => None,
        };
        if let Some(size) = fixed {
            return vec![Try {
                size,
                multiple: None,
            }];
        }
        let long = match self.given {
            Some(InputSize::Long(long)) => long as usize,
            _ => ANY_SIZE,
        };
        let scale = long as f64 / width.max(height).max(1) as f64;
        let mut tries: Vec<Try> = Vec::new();
        let mut add = |size: [usize; 2], multiple| {
            if !tries.iter().any(|t| t.size == size) {
                tries.push(Try { size, multiple });
            }
        };
        for multiple in self.multiple.into_iter().chain(MULTIPLES) {
            let free = |n: usize| {
                ((n as f64 * scale / multiple as f64).round() as usize).max(1) * multiple
            };
            let [w, h] = self.own;
            let size = [
                w.unwrap_or_else(|| free(width)),
                h.unwrap_or_else(|| free(height)),
            ];
            add(size, Some(multiple));
        }
        if self.given.is_none() && self.own == [None; 2] {
            SQUARES.iter().for_each(|&side| add([side; 2], None));
        }
        tries
    }
}

/// The factor in a dimension's name such as `14*h` or `32*_d0`.
fn factor(symbol: &str) -> Option<usize> {
    let (a, b) = symbol.split_once('*')?;
    let number = |s: &str| s.trim_matches(['(', ')', ' ']).parse::<usize>().ok();
    number(a)
        .or_else(|| number(b))
        .filter(|n| (2..=256).contains(n))
}

fn lcm(a: usize, b: usize) -> usize {
    let (mut x, mut y) = (a, b);
    while y != 0 {
        (x, y) = (y, x % y);
    }
    a / x.max(1) * b
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_read_and_refused() {
        assert_eq!("640x480".parse(), Ok(InputSize::Sides([640, 480])));
        assert_eq!("513 X 385".parse(), Ok(InputSize::Sides([513, 385])));
        assert_eq!("512".parse(), Ok(InputSize::Long(512)));
        for bad in ["", "x", "640x", "0x10", "9000", "-1", "640x480x3", "big"] {
            let error = bad.parse::<InputSize>().expect_err(bad);
            assert!(error.contains("640x480"), "{error}");
        }
        let read: Result<InputSize, _> = serde_json::from_str("[640, 480]");
        assert_eq!(read.ok(), Some(InputSize::Sides([640, 480])));
    }

    #[test]
    fn multiples_come_from_the_graph_first() {
        let sides = |multiple, given| Sides {
            own: [None; 2],
            multiple,
            given,
        };
        let first = |s: &Sides| s.tries(640, 480)[0].size;
        assert_eq!(first(&sides(None, None)), [518, 392]);
        assert_eq!(first(&sides(Some(32), None)), [512, 384]);
        assert_eq!(
            first(&sides(Some(16), Some(InputSize::Long(256)))),
            [256, 192]
        );
        let given = sides(Some(32), Some(InputSize::Sides([100, 75])));
        assert_eq!(given.tries(640, 480).len(), 1);
        assert_eq!(first(&given), [100, 75]);
        let all = sides(None, None).tries(640, 480);
        assert!(all.iter().any(|t| t.size == [512, 384]));
        assert!(all.iter().any(|t| t.size == [384, 384]));
        assert_eq!(factor("14*dynamic"), Some(14));
        assert_eq!(factor("height"), None);
    }
}
