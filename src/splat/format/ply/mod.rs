//! PLY files of Gaussian splats: opacity a logit, scales logarithms, `f_rest` channel-major. Written as binary
//! little-endian f32, or packed as SuperSplat packs them; read in any encoding, with properties of any type in any order, from files that hold
//! other elements besides, and packed.
//!
//! A reader's arrays take 4 bytes a number: at most 4 times the file's bytes (4.7 times where it has fewer than three
//! scales and all its properties are of one byte), and at most 8 MiB for the header. Counts are checked against the
//! bytes that are there before any memory is taken.

use super::SplatFile;
use header::Header;
use rows::Body;

mod compressed;
mod compressed_write;
mod floats;
mod header;
mod layout;
mod plain;
mod rows;
mod text;
mod write;

pub use compressed_write::encode as encode_compressed;
pub use write::encode;

/// Most names of properties or elements that are told.
const TOLD: usize = 8;

/// What the file's bytes hold.
///
/// # Errors
/// In words: not a PLY, a property that is missing, a value that is no number, a file cut short.
pub fn parse(bytes: &[u8]) -> Result<SplatFile, String> {
    let header = Header::parse(bytes)?;
    let vertex = header
        .element("vertex")
        .ok_or_else(|| without_vertex(&header))?;
    let body = Body::locate(bytes, &header);
    let packed = compressed::is(&header, vertex);
    let (mut file, used) = match packed {
        true => compressed::read(&header, &body, vertex)?,
        false => plain::read(&header, &body, vertex)?,
    };
    let properties = &header.elements[vertex].properties;
    let names = properties.iter().zip(&used).filter(|(_, used)| !**used);
    file.unused.extend(listed(
        "vertex properties",
        names.map(|(p, _)| p.name.to_string()),
    ));
    let own: &[&str] = match packed {
        true => &["chunk", "vertex", "sh"],
        false => &["vertex"],
    };
    let own: Vec<Option<usize>> = own.iter().map(|name| header.element(name)).collect();
    let others = header.elements.iter().enumerate();
    let others = others.filter(|(i, e)| e.count > 0 && !own.contains(&Some(*i)));
    file.unused.extend(listed(
        "elements",
        others.map(|(_, e)| format!("{} ({})", e.name, e.count)),
    ));
    match header.comments {
        0 => {}
        1 => file.unused.push("a line of comment".into()),
        n => file.unused.push(format!("{n} lines of comment")),
    }
    if let Some(reason) = body.damage() {
        file.notes
            .push(format!("the splats are whole, but {reason}"));
    }
    if body.left_over > 0 {
        file.notes.push(format!(
            "{} bytes behind the last element are passed over",
            body.left_over
        ));
    }
    Ok(file)
}

fn without_vertex(header: &Header<'_>) -> String {
    let names = header.elements.iter().map(|e| e.name.to_string());
    if header.element("codebook_centers").is_some() {
        "this PLY is packed with codebooks (Reduced 3DGS), which are not read; write it anew without quantisation".into()
    } else {
        match listed("only", names) {
            Some(names) => format!("the PLY header has no element 'vertex', {names}"),
            None => "the PLY header has no element 'vertex'".into(),
        }
    }
}

/// The names behind `what`, the first few of them.
fn listed(what: &str, mut names: impl Iterator<Item = String>) -> Option<String> {
    let first: Vec<String> = names.by_ref().take(TOLD).collect();
    let first = first.join(", ");
    match names.count() {
        0 if first.is_empty() => None,
        0 => Some(format!("{what} {first}")),
        more => Some(format!("{what} {first} and {more} more")),
    }
}
