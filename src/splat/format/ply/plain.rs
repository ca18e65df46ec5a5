//! Splats out of the properties of `vertex`.

use super::super::super::harmonics::MOST;
use super::super::builder::{Builder, Splat};
use super::super::{SH0, SplatFile};
use super::floats;
use super::header::{Element, Encoding, Header, Holds, Scalar};
use super::layout::{Colour, FLAT, LARGE, Layout, SMALL};
use super::rows::Body;

/// What reading showed besides the splats.
#[derive(Default)]
struct Seen {
    normals: bool,
    /// Numbers that 32-bit floats do not hold.
    rounded: bool,
    /// The greatest colour of those in display values.
    brightest: f32,
}

/// The file's splats, and which properties of the element are a part of them.
///
/// # Errors
/// In words: a property that is missing, a value that is no number, a file cut short.
pub(super) fn read(
    header: &Header<'_>,
    body: &Body<'_>,
    vertex: usize,
) -> Result<(SplatFile, Vec<bool>), String> {
    let element = &header.elements[vertex];
    let layout = Layout::find(element, header)?;
    body.whole(vertex)?;
    let packed = body.packed(vertex).zip(direct(header, element, &layout));
    let (mut out, seen) = match packed {
        Some(((rows, stride), (spots, words))) => {
            let (out, normals) = floats::read(rows, stride, (&spots, words), &layout);
            let seen = Seen {
                normals,
                ..Seen::default()
            };
            (out, seen)
        }
        None => numbers(header, body, vertex, &layout)?,
    };
    let mut notes = Vec::new();
    if layout.colour != Colour::Harmonics {
        notes.push(display(&layout, seen.brightest, &mut out));
    }
    match layout.scales {
        2 => notes.push("two scales: flat splats (2DGS); the third is taken as ln 1e-6".into()),
        1 => notes.push("one scale: round splats; it is taken for all three axes".into()),
        _ => {}
    }
    let mut file = out.finish(
        match header.encoding {
            Encoding::Ascii => "PLY, ascii",
            Encoding::LittleEndian => "PLY, binary little-endian",
            Encoding::BigEndian => "PLY, binary big-endian",
        },
        layout.sh_degree,
    );
    notes.append(&mut file.notes);
    file.notes = notes;
    if seen.normals {
        file.unused.push("normals".into());
    }
    if seen.rounded {
        file.unused
            .push("digits beyond those of 32-bit floats".into());
    }
    Ok((file, layout.used))
}

/// Offsets in a row of all columns, where they are little-endian f32 and no colours to convert, and whether all that a row
/// holds is 4 bytes wide.
fn direct(
    header: &Header<'_>,
    element: &Element<'_>,
    layout: &Layout,
) -> Option<(Vec<usize>, bool)> {
    if header.encoding != Encoding::LittleEndian || layout.colour != Colour::Harmonics {
        return None;
    }
    let mut spots = Vec::new();
    let mut byte = 0;
    for property in &element.properties {
        let Holds::One(scalar) = property.holds else {
            return None;
        };
        spots.push((byte, scalar));
        byte += scalar.bytes();
    }
    let column = |index: &usize| match spots[*index] {
        (byte, Scalar::F32) => Some(byte),
        _ => None,
    };
    let columns = layout.columns.iter().map(column).collect::<Option<_>>()?;
    Some((columns, spots.iter().all(|(_, scalar)| scalar.bytes() == 4)))
}

/// Any other case.
fn numbers(
    header: &Header<'_>,
    body: &Body<'_>,
    vertex: usize,
    layout: &Layout,
) -> Result<(Builder, Seen), String> {
    let mut seen = Seen::default();
    let mut out = Builder::new(body.room(vertex), layout.kept_degree());
    let count = layout.kept();
    let own = SMALL + 3 * (count - 1);
    let mut rows = body.rows(vertex, &layout.columns);
    let mut found = Vec::new();
    for _ in 0..header.elements[vertex].count {
        rows.next(&mut found)?;
        if let Colour::Display(scalar) = layout.colour {
            for value in &mut found[3..6] {
                *value = shade(*value, scalar);
                if value.is_finite() {
                    seen.brightest = seen.brightest.max(*value as f32);
                }
                *value = (*value - 0.5) / f64::from(SH0);
            }
        }
        let mut values = [0.0; LARGE];
        for (i, (value, number)) in values.iter_mut().zip(&found[..own]).enumerate() {
            *value = *number as f32;
            let colour = layout.colour != Colour::Harmonics && (3..6).contains(&i);
            seen.rounded |= !colour && f64::from(*value) != *number && !number.is_nan();
        }
        let (higher, normal) = found[own..].split_at(layout.higher);
        seen.normals |= normal.iter().any(|v| *v != 0.0);
        if higher.iter().all(|v| v.is_finite()) {
            let sh: [[f32; 3]; MOST] = std::array::from_fn(|k| match k {
                0 => [values[3], values[4], values[5]],
                k if k < count => [0, 1, 2].map(|c| values[SMALL - 1 + c * (count - 1) + k]),
                _ => [0.0; 3],
            });
            out.push(&splat(&values, &sh, layout));
        } else {
            out.skip();
        }
    }
    Ok((out, seen))
}

/// The splat of these values, in the order of [`Layout::columns`].
fn splat<'a>(v: &[f32; LARGE], sh: &'a [[f32; 3]], layout: &Layout) -> Splat<'a> {
    Splat {
        position: [v[0], v[1], v[2]],
        log_scale: [v[7], v[8], if layout.scales == 2 { FLAT } else { v[9] }],
        opacity_logit: v[6],
        rotation: [v[10], v[11], v[12], v[13]],
        sh,
    }
}

/// A display value as a part of 1.
fn shade(value: f64, scalar: Scalar) -> f64 {
    match scalar {
        // Plain C's char, whose sign is the compiler's affair.
        Scalar::I8 => value.rem_euclid(256.0) / 255.0,
        Scalar::U16 | Scalar::I16 => value / 65_535.0,
        Scalar::F16 | Scalar::F32 | Scalar::F64 => value,
        _ => value / 255.0,
    }
}

/// Says how colours were taken, and puts right floats that were meant as 0 to 255.
fn display(layout: &Layout, brightest: f32, out: &mut Builder) -> String {
    match layout.colour {
        Colour::Display(scalar) if scalar.is_float() && brightest > 2.0 => {
            for value in out.splats.sh.chunks_exact_mut(layout.kept()) {
                value[0] = value[0].map(|v| ((0.5 + SH0 * v) / 255.0 - 0.5) / SH0);
            }
            "colours are red, green and blue in place of f_dc, floats beyond 2: taken as 0 to 255"
                .into()
        }
        Colour::Display(scalar) if scalar.is_float() => {
            "colours are red, green and blue in place of f_dc, floats: taken as 0 to 1".into()
        }
        _ => "colours are red, green and blue in place of f_dc".into(),
    }
}
