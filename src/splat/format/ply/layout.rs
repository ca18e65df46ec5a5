//! Which properties of `vertex` hold what of a splat.

use super::super::super::harmonics::{MOST, MOST_DEGREE, coefficients};
use super::header::{Element, Header, Holds, Scalar};

/// Logarithm of the third scale of flat splats, which their files leave out: ln 1e-6.
pub(super) const FLAT: f32 = -13.815_511;
/// Numbers of a splat of degree 0.
pub(super) const SMALL: usize = 14;
/// Numbers of a splat of the highest degree that is kept.
pub(super) const LARGE: usize = SMALL + 3 * (MOST - 1);

/// What the colour of a splat is made from.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Colour {
    /// The first coefficient of spherical harmonics.
    Harmonics,
    /// Display values of this type.
    Display(Scalar),
}

/// The properties of a splat, as indices into the element's.
#[derive(Debug)]
pub(super) struct Layout {
    /// x y z, colour r g b, opacity, three scales, rotation w x y z; from degree 1 on the other coefficients of r, of g and
    /// of b; then [`Self::higher`] ones above degree 3; then the normal, where there is one.
    pub columns: Vec<usize>,
    pub higher: usize,
    /// Scales that the file has: 3, 2 of flat splats, 1 of round ones.
    pub scales: usize,
    pub colour: Colour,
    /// Degree of the file's spherical harmonics, 0 to 4.
    pub sh_degree: u32,
    /// Whether a property is a part of a splat, one an entry.
    pub used: Vec<bool>,
}

/// The names of colours in place of `f_dc`.
const DISPLAY: [[&str; 3]; 3] = [
    ["red", "green", "blue"],
    ["r", "g", "b"],
    ["diffuse_red", "diffuse_green", "diffuse_blue"],
];

impl Layout {
    /// Finds the properties of a splat.
    ///
    /// # Errors
    /// In words: what is missing, and what the file looks like.
    pub fn find(element: &Element<'_>, header: &Header<'_>) -> Result<Self, String> {
        let has = |name: &str| element.find(name).is_some();
        let display = DISPLAY.iter().find(|names| names.iter().all(|n| has(n)));
        let (colours, colour) = match display {
            Some(names) if !(0..3).any(|i| has(&format!("f_dc_{i}"))) => (
                names.map(String::from),
                Colour::Display(scalar(element, names[0])),
            ),
            _ => (numbered("f_dc_"), Colour::Harmonics),
        };
        let [first, second, third] = numbered("scale_");
        let (scales, names) = match (has(&first), has(&second), has(&third)) {
            (true, true, false) => (2, [first.clone(), second, first]),
            (true, false, false) => (1, [first.clone(), first.clone(), first]),
            _ => (3, [first, second, third]),
        };
        let mut wanted: Vec<String> = ["x", "y", "z"].map(String::from).to_vec();
        wanted.extend(colours);
        wanted.push("opacity".into());
        wanted.extend(names);
        wanted.extend((0..4).map(|i| format!("rot_{i}")));
        let mut missing: Vec<&str> = Vec::new();
        for name in &wanted {
            match element.find(name).map(|i| element.properties[i].holds) {
                Some(Holds::One(_)) => {}
                Some(Holds::List { .. }) => {
                    return Err(format!(
                        "the vertex property '{name}' is a list; a splat has one number there"
                    ));
                }
                None => missing.push(name),
            }
        }
        if !missing.is_empty() {
            let (names, verb) = match missing.as_slice() {
                [one] => (format!("property '{one}'"), "is"),
                many => (format!("properties '{}'", many.join("', '")), "are"),
            };
            return Err(format!(
                "the vertex {names} {verb} missing; this PLY holds {}",
                seems(element, header)
            ));
        }
        let (channel, sh_degree) = harmonics(element)?;
        // Channel-major: all of r, then of g, then of b.
        let rest = |low: usize, high: usize| {
            (0..3).flat_map(move |c| {
                (low..high.max(low)).map(move |k| format!("f_rest_{}", c * channel + k))
            })
        };
        let kept = channel.min(MOST - 1);
        wanted.extend(rest(0, kept));
        let higher = wanted.len();
        wanted.extend(rest(kept, channel));
        let higher = wanted.len() - higher;
        let normals = ["nx", "ny", "nz"];
        let is_single = |name: &&str| element.find(name).is_some_and(|i| single(element, i));
        if normals.iter().all(is_single) {
            wanted.extend(normals.map(String::from));
        }
        let columns: Vec<usize> = wanted.iter().filter_map(|n| element.find(n)).collect();
        let mut used = vec![false; element.properties.len()];
        for column in &columns {
            let name = &element.properties[*column].name;
            if element.properties[column + 1..]
                .iter()
                .any(|p| p.name == *name)
            {
                return Err(format!(
                    "the vertex property '{name}' is there more than once"
                ));
            }
            used[*column] = true;
        }
        Ok(Self {
            columns,
            higher,
            scales,
            colour,
            sh_degree,
            used,
        })
    }
}

impl Layout {
    /// The degree that is kept.
    pub fn kept_degree(&self) -> u32 {
        self.sh_degree.min(MOST_DEGREE)
    }

    /// Coefficients of a splat that are kept.
    pub fn kept(&self) -> usize {
        coefficients(self.kept_degree())
    }
}

fn numbered(prefix: &str) -> [String; 3] {
    [0, 1, 2].map(|i| format!("{prefix}{i}"))
}

fn single(element: &Element<'_>, index: usize) -> bool {
    matches!(element.properties[index].holds, Holds::One(_))
}

fn scalar(element: &Element<'_>, name: &str) -> Scalar {
    match element.find(name).map(|i| element.properties[i].holds) {
        Some(Holds::One(scalar)) => scalar,
        _ => Scalar::U8,
    }
}

/// Coefficients `f_rest` a channel, and their degree.
pub(super) fn harmonics(element: &Element<'_>) -> Result<(usize, u32), String> {
    let named = |p: &&super::header::Property<'_>| p.name.starts_with("f_rest_");
    let count = element.properties.iter().filter(named).count();
    let found = (0..count).map_while(|i| element.find(&format!("f_rest_{i}")));
    let mut singles = 0;
    for index in found {
        if !single(element, index) {
            return Err(format!(
                "the property 'f_rest_{singles}' is a list; a splat has one number there"
            ));
        }
        singles += 1;
    }
    if singles < count {
        return Err(format!(
            "the property 'f_rest_{singles}' is missing, and there are {count} called f_rest"
        ));
    }
    match count {
        0 => Ok((0, 0)),
        9 => Ok((3, 1)),
        24 => Ok((8, 2)),
        45 => Ok((15, 3)),
        72 => Ok((24, 4)),
        n => Err(format!(
            "{n} properties f_rest; spherical harmonics have 0, 9, 24, 45 or 72"
        )),
    }
}

/// What a file that lacks something of a splat looks like, with the mend.
fn seems(element: &Element<'_>, header: &Header<'_>) -> String {
    const EXPORT: &str = "export Gaussian splats from the tool that made it";
    let any = |prefix: &str| {
        element
            .properties
            .iter()
            .any(|p| p.name.starts_with(prefix))
    };
    let filled = |names: [&str; 3]| {
        let mut elements = header.elements.iter();
        elements.any(|e| e.count > 0 && names.contains(&&*e.name))
    };
    if any("f_anchor_feat") || any("f_offset") {
        format!("the anchors of Scaffold-GS, which need its networks; {EXPORT}")
    } else if any("packed_") {
        "a part of SuperSplat's compressed layout; it has an element 'chunk' and packed_position, packed_rotation, \
         packed_scale and packed_color"
            .into()
    } else if any("scale_") || any("rot_") || any("f_dc_") {
        "a part of a splat only; export it anew with all of x, y, z, f_dc_0 to 2 (or red, green, blue), opacity, \
         scale_0 to 2, rot_0 to 3"
            .into()
    } else if filled(["face", "tristrips", "triangles"]) {
        format!("a mesh, no Gaussian splats; {EXPORT}")
    } else if DISPLAY.iter().any(|names| any(names[0])) {
        format!("a point cloud with colours, no Gaussian splats; {EXPORT}")
    } else if any("x") {
        format!("a point cloud, no Gaussian splats; {EXPORT}")
    } else {
        format!("no Gaussian splats; {EXPORT}")
    }
}
