//! Paths that name several files: patterns, lists and videos by their names, and the natural order of names.

pub mod pattern;

use std::cmp::Ordering;
use std::path::{Path, PathBuf};

/// Why a path names nothing that can be used.
#[derive(Debug, thiserror::Error)]
#[error("{path}: {reason}")]
pub struct PathError {
    /// The path.
    pub path: PathBuf,
    /// What is wrong with it and what to do.
    pub reason: String,
}

/// Extensions by which a pattern's match is taken for a video; a video that is named itself may have any.
const VIDEO_EXTENSIONS: [&str; 22] = [
    "mp4", "m4v", "mov", "mkv", "webm", "avi", "mpg", "mpeg", "ts", "m2ts", "mts", "wmv", "flv",
    "ogv", "3gp", "3g2", "gif", "y4m", "mxf", "h264", "hevc", "ivf",
];

fn has_extension(path: &Path, wanted: &[&str]) -> bool {
    path.extension()
        .and_then(|e| e.to_str())
        .is_some_and(|e| wanted.contains(&e.to_ascii_lowercase().as_str()))
}

/// By its extension a video.
pub fn is_video(path: &Path) -> bool {
    has_extension(path, &VIDEO_EXTENSIONS)
}

/// By its extension a list of images, such as `transforms.json`.
pub fn is_list(path: &Path) -> bool {
    has_extension(path, &["json"])
}

/// Natural order: runs of digits by their number, other text by its letters.
pub fn natural(a: &str, b: &str) -> Ordering {
    let (mut x, mut y) = (a, b);
    while let (Some(p), Some(q)) = (x.chars().next(), y.chars().next()) {
        if p.is_ascii_digit() && q.is_ascii_digit() {
            let (m, n) = (digits(&mut x), digits(&mut y));
            let order = m.len().cmp(&n.len()).then_with(|| m.cmp(n));
            if order.is_ne() {
                return order;
            }
        } else if p != q {
            return p.cmp(&q);
        } else {
            (x, y) = (&x[p.len_utf8()..], &y[q.len_utf8()..]);
        }
    }
    // Equal but for leading zeros or an ending: any fixed order will do.
    x.len().cmp(&y.len()).then_with(|| a.cmp(b))
}

/// Cuts the run of digits off the front of `text`, leading zeros left out.
fn digits<'t>(text: &mut &'t str) -> &'t str {
    let end = text
        .find(|c: char| !c.is_ascii_digit())
        .unwrap_or(text.len());
    let (run, rest) = text.split_at(end);
    *text = rest;
    run.trim_start_matches('0')
}

#[cfg(test)]
mod tests {
    use super::natural;

    #[test]
    fn names_are_ordered_by_their_numbers() {
        let mut names = [
            "r_10.png",
            "r_2.png",
            "a9b1",
            "r_02b.png",
            "a10",
            "a9",
            "ä1",
            "1",
            "01",
        ];
        names.sort_by(|a, b| natural(a, b));
        let want = [
            "01",
            "1",
            "a9",
            "a9b1",
            "a10",
            "r_2.png",
            "r_02b.png",
            "r_10.png",
            "ä1",
        ];
        assert_eq!(names, want);
    }
}
