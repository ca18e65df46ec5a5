//! How many pages a TIFF has.

use std::fs::File;
use std::io::{BufReader, Read, Seek, SeekFrom};
use std::path::Path;

/// Pages that are counted, so that a chain of pages that bites its tail ends.
const MOST: usize = 10_000;

/// In words that only the first page was taken, where there are more.
pub(super) fn other_pages(path: &Path) -> Option<String> {
    let mut file = BufReader::new(File::open(path).ok()?);
    let pages = pages(&mut file).unwrap_or(1);
    (pages > 1).then(|| {
        format!("it has {pages} pages, of which the first was taken; save each as a picture")
    })
}

/// Walks over the file's directories. Thumbnails and smaller copies are no pages.
fn pages(file: &mut (impl Read + Seek)) -> std::io::Result<usize> {
    let mut start = [0; 8];
    file.read_exact(&mut start)?;
    let mut numbers = Numbers {
        file,
        little: start[0] == b'I',
        big: start[2] == 43 || start[3] == 43,
    };
    let mut next = if numbers.big {
        numbers.number(8)?
    } else {
        let [_, _, _, _, at @ ..] = start;
        match numbers.little {
            true => u64::from(u32::from_le_bytes(at)),
            false => u64::from(u32::from_be_bytes(at)),
        }
    };
    let (count, offset) = if numbers.big { (8, 8) } else { (2, 4) };
    let mut pages = 0;
    for _ in 0..MOST {
        if next == 0 {
            break;
        }
        numbers.file.seek(SeekFrom::Start(next))?;
        let entries = numbers.number(count)?.min(4096);
        let mut kind = 0;
        for _ in 0..entries {
            let (tag, _, _) = (
                numbers.number(2)?,
                numbers.number(2)?,
                numbers.number(offset)?,
            );
            // A long lies at the start of its field, whatever the order of bytes.
            let value = numbers.number(4)?;
            numbers.number(offset - 4)?;
            if tag == 254 {
                kind = value;
            }
        }
        // NewSubfileType: bit 0 a smaller copy, bit 2 a mask.
        pages += usize::from(kind & 0b101 == 0);
        next = numbers.number(offset)?;
    }
    Ok(pages)
}

struct Numbers<'a, R> {
    file: &'a mut R,
    little: bool,
    big: bool,
}

impl<R: Read> Numbers<'_, R> {
    /// A whole number of so many bytes, 8 at most.
    fn number(&mut self, bytes: usize) -> std::io::Result<u64> {
        let mut held = [0; 8];
        self.file.read_exact(&mut held[..bytes])?;
        Ok(match self.little {
            true => u64::from_le_bytes(held),
            false => u64::from_be_bytes(held) >> (8 * (8 - bytes.max(1))),
        })
    }
}
