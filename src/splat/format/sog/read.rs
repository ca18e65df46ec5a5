//! Reading: version 2 in one archive, and version 1, which has ranges in place of codebooks.

use serde::Deserialize;

use super::super::builder::{Builder, Splat};
use super::super::{SplatFile, counted};
use super::codebook::ENTRIES;
use super::files::{Files, MEND};
use super::{DOCUMENT, HALF_ROOT, PALETTE_ROW, others, rest};

/// Bytes that the document may take.
const DOCUMENT_BYTES: usize = 1 << 20;

/// Splats that any file may tell of; beyond, a byte for each is the least that their positions take. Small files may unpack to any
/// size.
const FREE: usize = 1 << 18;

/// Pixels that an image may have besides those that are needed, and times those.
const SPARE: usize = 1 << 16;
const TIMES: usize = 2;

/// Degrees above 0; in version 1 the width of the palette's image tells which.
const BANDS: [u32; 3] = [1, 2, 3];

/// The document.
#[derive(Deserialize)]
struct Document {
    version: Option<serde_json::Value>,
    count: Option<u64>,
    antialias: Option<bool>,
    model: Option<String>,
    means: Part,
    scales: Part,
    quats: Part,
    sh0: Part,
    #[serde(rename = "shN")]
    harmonics: Option<Part>,
}

/// What the document tells of some images.
#[derive(Deserialize)]
struct Part {
    files: Vec<String>,
    mins: Option<Bounds>,
    maxs: Option<Bounds>,
    codebook: Option<Vec<Option<f64>>>,
    count: Option<u64>,
    bands: Option<u32>,
    shape: Option<Vec<u64>>,
    encoding: Option<String>,
}

/// Ends of a range, for each channel or for all.
#[derive(Deserialize)]
#[serde(untagged)]
enum Bounds {
    All(f64),
    Each(Vec<f64>),
}

/// What a byte of a channel means.
type Table = [f32; ENTRIES];

/// What the file's bytes hold. Opacity is kept off 0 and 1 by a quarter of a step, so that its logit is finite.
///
/// # Errors
/// In words: no archive, what is missing in it, a version that is not known, or images that do not fit.
pub fn parse(bytes: &[u8]) -> Result<SplatFile, String> {
    let mut files = Files::of(bytes)?;
    let text = files.get(DOCUMENT, DOCUMENT_BYTES)?;
    let document: Document = serde_json::from_slice(&text)
        .map_err(|e| format!("{DOCUMENT} is not the document of a SOG file: {e}"))?;
    let version = match document.version.as_ref().map(|v| (v.as_u64(), v)) {
        None | Some((Some(1), _)) => 1,
        Some((Some(2), _)) => 2,
        Some((_, other)) => {
            return Err(format!(
                "it is a SOG file of version {other}; versions 1 and 2 are read: {MEND}"
            ));
        }
    };
    let count = document.splats(version, bytes.len())?;
    let [low, high] = document.means.images("means", count, &mut files)?;
    let [quats] = document.quats.images("quats", count, &mut files)?;
    let [scales] = document.scales.images("scales", count, &mut files)?;
    let [sh0] = document.sh0.images("sh0", count, &mut files)?;
    let axes: [(f64, f64); 3] = document.means.ranges("means")?;
    if let Some(encoding) = &document.quats.encoding
        && encoding != "quaternion_packed"
    {
        return Err(format!(
            "its rotations have the encoding '{encoding}', which is not known; {MEND}"
        ));
    }
    let sizes: [Table; 3] = document.scales.tables("scales", version)?;
    let mut colours: [Table; 4] = document.sh0.tables("sh0", version)?;
    if version == 2 {
        colours[3] = std::array::from_fn(|byte| {
            let alpha = (byte as f32).clamp(0.25, 254.75) / 255.0;
            (alpha / (1.0 - alpha)).ln()
        });
    }
    let harmonics = match &document.harmonics {
        Some(part) if count > 0 => Harmonics::of(part, version, count, &mut files)?,
        _ => None,
    };
    let degree = harmonics.as_ref().map_or(0, |h| h.degree);
    let mut out = Builder::new(count, degree);
    let (mut unknown, mut astray) = (0, 0);
    let mut sh = vec![[0.0; 3]; rest(degree) + 1];
    let lookup = |tables: &[Table], pixel: [u8; 4]| -> [f32; 3] {
        std::array::from_fn(|c| tables[c][usize::from(pixel[c])])
    };
    for i in 0..count {
        let position = std::array::from_fn(|axis| {
            let q = u16::from_le_bytes([low[i][axis], high[i][axis]]);
            let (least, most) = axes[axis];
            let v = least + (most - least) * f64::from(q) / 65_535.0;
            v.abs().exp_m1().copysign(v) as f32
        });
        let rotation = unpacked(quats[i]);
        unknown += usize::from(rotation.is_none());
        sh[0] = lookup(&colours, sh0[i]);
        if let Some(harmonics) = &harmonics
            && !harmonics.put(i, &mut sh[1..])
        {
            astray += 1;
        }
        out.push(&Splat {
            position,
            log_scale: lookup(&sizes, scales[i]),
            opacity_logit: colours[3][usize::from(sh0[i][3])],
            rotation: rotation.unwrap_or([1.0, 0.0, 0.0, 0.0]),
            sh: &sh,
        });
    }
    let format = match version {
        1 => "SOG (version 1)",
        _ => "SOG (version 2)",
    };
    let mut out = out.finish(format, degree);
    if unknown > 0 {
        out.notes.push(format!(
            "rotations of {} are in no known form and are taken as unturned",
            counted(unknown)
        ));
    }
    if astray > 0 {
        out.notes.push(format!(
            "view-dependent colours of {} are not in the file's palette and are left out",
            counted(astray)
        ));
    }
    out.notes.append(&mut files.notes);
    out.unused.extend(document.trained());
    Ok(out)
}

impl Document {
    /// Splats that it tells of, where a file of so many bytes can hold them.
    fn splats(&self, version: u32, bytes: usize) -> Result<usize, String> {
        let (count, place) = match version {
            1 => {
                let shape = self.means.shape.as_ref().and_then(|s| s.first());
                (shape.copied(), "means.shape")
            }
            _ => (self.count, "count"),
        };
        let count = count.ok_or_else(|| {
            format!(
                "{DOCUMENT} has no '{place}', which tells the number of splats; the file is damaged"
            )
        })?;
        let most = FREE + bytes;
        match usize::try_from(count) {
            Ok(count) if count <= most => Ok(count),
            _ => Err(format!(
                "{DOCUMENT} tells of {count} splats, which {bytes} bytes do not hold; the file is damaged or cut short"
            )),
        }
    }

    /// For which way of rendering the splats were trained, where it is not the usual one.
    fn trained(&self) -> Option<String> {
        match (self.model.as_deref(), self.antialias) {
            (None | Some("default"), Some(true)) | (Some("antialiased"), _) => {
                Some("that its splats were trained with anti-aliasing".into())
            }
            (None | Some("default"), _) => None,
            (Some("2dgs"), _) => Some("that its splats were trained as flat ones (2DGS)".into()),
            (Some(other), _) => Some(format!("that its splats are of the model '{other}'")),
        }
    }
}

impl Part {
    /// The range of each channel.
    fn ranges<const N: usize>(&self, name: &str) -> Result<[(f64, f64); N], String> {
        let end = |end: &Option<Bounds>, channel: usize| match end {
            Some(Bounds::All(value)) => Some(*value),
            Some(Bounds::Each(values)) => values.get(channel).copied(),
            None => None,
        };
        let mut out = [(0.0, 0.0); N];
        for (channel, range) in out.iter_mut().enumerate() {
            *range = end(&self.mins, channel)
                .zip(end(&self.maxs, channel))
                .ok_or_else(|| {
                    format!("{DOCUMENT} has no range ('mins' and 'maxs') of {N} numbers for '{name}'; the file is damaged")
                })?;
        }
        Ok(out)
    }

    /// What bytes mean, for each channel.
    fn tables<const N: usize>(&self, name: &str, version: u32) -> Result<[Table; N], String> {
        if version == 1 {
            let ranges = self.ranges::<N>(name)?;
            return Ok(ranges.map(|(least, most)| {
                std::array::from_fn(|byte| (least + (most - least) * byte as f64 / 255.0) as f32)
            }));
        }
        let mut codebook = self.codebook.clone().ok_or_else(|| {
            format!("{DOCUMENT} has no codebook for '{name}'; the file is damaged")
        })?;
        // Some files have no first entry, and viewers go on as the others do.
        if let [first @ None, Some(second), .., Some(last)] = codebook.as_mut_slice() {
            *first = Some(*second + (*second - *last) / 255.0);
        }
        // A splat that asks for what is not there has values that are no numbers.
        let entry = |byte: usize| codebook.get(byte).copied().flatten();
        let table = std::array::from_fn(|byte| entry(byte).map_or(f32::NAN, |v| v as f32));
        Ok([table; N])
    }
}

/// View-dependent colours: a palette, and the entry of each splat.
struct Harmonics {
    degree: u32,
    /// Coefficients, entry by entry.
    entries: Vec<[f32; 3]>,
    labels: Vec<[u8; 4]>,
}

impl Harmonics {
    /// None where the document tells of a palette without bands.
    fn of(
        part: &Part,
        version: u32,
        count: usize,
        files: &mut Files,
    ) -> Result<Option<Self>, String> {
        if version == 2 && part.bands == Some(0) {
            return Ok(None);
        }
        let [centroids, labels] = part.names("shN")?;
        // All that labels can tell apart, at the highest degree.
        let most = SPARE * rest(3);
        let palette = files.image(centroids, 0, most, most)?;
        let width_of = |bands: u32| PALETTE_ROW * rest(bands);
        let degree = match part.bands {
            Some(bands) if version == 2 => bands,
            None if version == 2 => {
                return Err(format!(
                    "{DOCUMENT} has no 'bands' for 'shN'; the file is damaged"
                ));
            }
            _ => BANDS
                .into_iter()
                .find(|bands| width_of(*bands) == palette.width)
                .unwrap_or(0),
        };
        if !BANDS.contains(&degree) || width_of(degree) != palette.width {
            return Err(format!(
                "the palette of view-dependent colours, {centroids}, is {} pixels wide and of {degree} bands; 1, 2 and 3 bands of 192, 512 and 960 pixels are read",
                palette.width
            ));
        }
        let tables: [Table; 3] = part.tables("shN", version)?;
        let told = match version {
            1 => usize::MAX,
            _ => part.count.map_or(usize::MAX, |n| n.min(1 << 32) as usize),
        };
        let most = told.saturating_mul(rest(degree));
        let entries = palette
            .pixels
            .iter()
            .take(most)
            .map(|pixel| std::array::from_fn(|c| tables[c][usize::from(pixel[c])]));
        let entries = entries.collect();
        let labels = files
            .image(labels, count, count, TIMES * count + SPARE)?
            .pixels;
        Ok(Some(Self {
            degree,
            entries,
            labels,
        }))
    }

    /// Gives a splat's coefficients, or zeros where its entry is not there.
    fn put(&self, splat: usize, sh: &mut [[f32; 3]]) -> bool {
        let [low, high, ..] = self.labels[splat];
        let start = usize::from(u16::from_le_bytes([low, high])) * sh.len();
        match self.entries.get(start..start + sh.len()) {
            Some(entry) => sh.copy_from_slice(entry),
            None => sh.fill([0.0; 3]),
        }
        start + sh.len() <= self.entries.len()
    }
}

impl Part {
    /// Its images, a pixel a splat.
    fn images<const N: usize>(
        &self,
        name: &str,
        count: usize,
        files: &mut Files,
    ) -> Result<[Vec<[u8; 4]>; N], String> {
        let mut out = [const { Vec::new() }; N];
        for (image, file) in out.iter_mut().zip(self.names::<N>(name)?) {
            *image = files
                .image(file, count, count, TIMES * count + SPARE)?
                .pixels;
        }
        Ok(out)
    }

    /// The names of its images.
    fn names<const N: usize>(&self, name: &str) -> Result<[&str; N], String> {
        let names: Vec<&str> = self.files.iter().map(String::as_str).collect();
        names.first_chunk().copied().ok_or_else(|| {
            format!(
                "{DOCUMENT} names {} files for '{name}', which needs {N}; the file is damaged",
                names.len()
            )
        })
    }
}

/// A rotation of three bytes and the part that is left out; none where the last byte does not tell it.
fn unpacked([a, b, c, mode]: [u8; 4]) -> Option<[f32; 4]> {
    let largest = usize::from(mode.checked_sub(252)?);
    let parts = [a, b, c].map(|byte| (f32::from(byte) / 127.5 - 1.0) * HALF_ROOT);
    let mut q = [0.0; 4];
    for (place, part) in others(largest).into_iter().zip(parts) {
        q[place] = part;
    }
    let square: f32 = parts.iter().map(|v| v * v).sum();
    q[largest] = (1.0 - square).max(0.0).sqrt();
    Some(q)
}
