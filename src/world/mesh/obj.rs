//! Wavefront OBJ: the points and faces of it.

use super::Found;
use super::polygon::Cutter;

/// Statements that say nothing of where a surface is.
const PASSED: &[&str] = &[
    "vt",
    "vn",
    "vp",
    "o",
    "g",
    "s",
    "mg",
    "usemtl",
    "mtllib",
    "usemap",
    "maplib",
    "l",
    "p",
    "lod",
    "bevel",
    "c_interp",
    "d_interp",
    "shadow_obj",
    "trace_obj",
];

/// So many statements that are none of the format's, before any that is, make a file that is no OBJ.
const MANY_UNKNOWN: usize = 20;

/// Reads the bytes of an OBJ file. Lines end as any system ends them; names may be in any encoding, what is read of a line
/// may not.
pub(super) fn read(bytes: &[u8]) -> Result<Found, String> {
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    let mut reader = Reader::default();
    let mut joined: Vec<u8> = Vec::new();
    let (mut first, mut open) = (1, false);
    for (raw, number) in lines(bytes).zip(1usize..) {
        if !open {
            first = number;
            joined.clear();
        }
        // A backslash at the end continues a line.
        let head = raw.trim_ascii_end().strip_suffix(b"\\");
        joined.extend_from_slice(head.unwrap_or(raw));
        open = head.is_some();
        match open {
            true => joined.push(b' '),
            false => reader.line(&joined, first)?,
        }
    }
    if open {
        reader.line(&joined, first)?;
    }
    let mut found = reader.found;
    if reader.unknown > 0 {
        found.notes.push(format!(
            "{} lines of the mesh are no points or flat faces and were left out",
            reader.unknown
        ));
    }
    if reader.cutter.tangled > 0 {
        found.notes.push(format!(
            "{} faces of the mesh cross themselves: they are taken for fans around their first corner, which may not be what was meant",
            reader.cutter.tangled
        ));
    }
    Ok(found)
}

/// Lines that end in LF, CR LF or CR.
fn lines(bytes: &[u8]) -> impl Iterator<Item = &[u8]> {
    let whole = bytes.split(|&b| b == b'\n');
    whole.flat_map(|line| {
        line.strip_suffix(b"\r")
            .unwrap_or(line)
            .split(|&b| b == b'\r')
    })
}

#[derive(Default)]
struct Reader {
    points: Vec<[f64; 3]>,
    found: Found,
    cutter: Cutter,
    corners: Vec<[f64; 3]>,
    /// Statements that are none of the format's.
    unknown: usize,
}

impl Reader {
    fn line(&mut self, line: &[u8], number: usize) -> Result<(), String> {
        let line = line.split(|&b| b == b'#').next().unwrap_or_default();
        let line = line.trim_ascii();
        let kind = line.split(u8::is_ascii_whitespace).next().unwrap_or(line);
        if kind.is_empty() || PASSED.iter().any(|p| p.as_bytes() == kind) {
            return Ok(());
        }
        let told = |e: String| format!("line {number}: {e}");
        let text = std::str::from_utf8(line).map_err(|_| {
            format!("line {number} is no text, so this is neither an .obj nor a .glb mesh")
        })?;
        let mut words = text.split_whitespace();
        match words.next() {
            Some("v") => self.points.push(point(words).map_err(told)?),
            Some("f" | "fo") => {
                self.corners.clear();
                for word in words {
                    let at = corner(word, self.points.len()).map_err(told)?;
                    self.corners.push(self.points[at]);
                }
                if self.corners.len() < 3 {
                    return Err(told("a face needs three corners".to_owned()));
                }
                self.cutter.cut(&self.corners, &mut self.found.triangles);
            }
            Some(word)
                if self.points.is_empty()
                    && self.found.triangles.is_empty()
                    && self.unknown > MANY_UNKNOWN =>
            {
                return Err(told(format!(
                    "'{word}' is no statement of an .obj mesh, as are those before it"
                )));
            }
            _ => self.unknown += 1,
        }
        Ok(())
    }
}

fn point<'a>(mut words: impl Iterator<Item = &'a str>) -> Result<[f64; 3], String> {
    let mut p = [0.0; 3];
    for a in &mut p {
        let word = words.next().ok_or("a point needs three numbers")?;
        *a = word
            .parse()
            .ok()
            .filter(|x: &f64| x.abs() <= f64::from(f32::MAX))
            .ok_or_else(|| format!("'{word}' is not a finite number"))?;
    }
    Ok(p)
}

/// The point of a corner `v`, `v/vt`, `v//vn` or `v/vt/vn`; numbers below 0 count from the last point.
fn corner(word: &str, points: usize) -> Result<usize, String> {
    let text = word.split('/').next().unwrap_or_default();
    let number: i64 = text
        .parse()
        .map_err(|_| format!("'{word}' is not a corner"))?;
    let at = match number {
        1.. => number - 1,
        _ => points as i64 + number,
    };
    usize::try_from(at)
        .ok()
        .filter(|&at| number != 0 && at < points)
        .ok_or_else(|| format!("corner '{word}' is not one of the {points} points before it"))
}
