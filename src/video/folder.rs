//! Lists the images of a folder in the order they were taken.

use std::cmp::Ordering;
use std::collections::HashSet;
use std::path::{Path, PathBuf};

use super::VideoError;
use crate::capture::transforms::{Transforms, Want};
use crate::capture::{Foreign, colmap};
use crate::paths::pattern::{self, Matches};
use crate::paths::{is_list, is_video, natural};
use crate::picture::{self, EXTENSIONS};

/// Names that are told where there are many.
const TOLD: usize = 5;

/// Folders in folders that are looked into.
const MOST_DEEP: u32 = 8;

fn name(path: &Path) -> String {
    path.file_name()
        .map(|name| name.to_string_lossy().into_owned())
        .unwrap_or_default()
}

/// Images in order, and what is odd about their list.
#[derive(Debug, Default)]
pub(super) struct List {
    pub images: Vec<PathBuf>,
    pub faults: Vec<String>,
}

impl From<Vec<PathBuf>> for List {
    fn from(images: Vec<PathBuf>) -> Self {
        Self {
            images,
            faults: Vec::new(),
        }
    }
}

/// The images of `path`, in order:
///
/// - an image: itself;
/// - a pattern (see [`pattern::matches`]): the images that it matches, in natural order;
/// - a `transforms*.json` (Blender or nerfstudio), or a folder with one: what it lists, each once, in natural order of
///   the paths (`file_path` is relative to it and may lack its extension);
/// - a folder with `*.color.png` (7-Scenes), or with one subfolder of them: those, in natural order;
/// - a folder without images, with a model of COLMAP's and a folder `images`: all images in that and its folders, in natural
///   order of the paths;
/// - any other folder: its images, in natural order (`2.png` before `10.png`).
///
/// Depth beside an image, `NAME.depth.png` beside `NAME.png`, is none of them.
///
/// # Errors
/// [`VideoError::Input`] when there are none, when the list is damaged or names what is not there, when several
/// lists or subfolders would fit, or when a pattern matches clips.
pub fn list_images(path: &Path) -> Result<Vec<PathBuf>, VideoError> {
    list(path).map(|list| list.images)
}

/// As [`list_images`], with what is odd: another order than the list's, pictures that are not read.
pub(super) fn list(path: &Path) -> Result<List, VideoError> {
    if pattern::is_pattern(path) {
        return match pattern::matches(path)? {
            Matches::Images(images) => Ok(without_depth(images).into()),
            Matches::Clips(clips) => Err(VideoError::input(
                path,
                format!(
                    "the pattern matches clips ({}); give one of them, or a pattern of images",
                    clips[0].display()
                ),
            )),
        };
    }
    if is_list(path) {
        return from_json(path);
    }
    if !path.is_dir() {
        return Ok(vec![path.to_owned()].into());
    }
    let (files, folders) = entries(path)?;
    let lists: Vec<_> = files
        .iter()
        .filter(|f| is_list(f) && name(f).starts_with("transforms"))
        .collect();
    let preferred = ["transforms.json", "transforms_train.json"];
    let list = preferred
        .iter()
        .find_map(|wanted| lists.iter().find(|f| name(f) == *wanted));
    match (list, lists.as_slice()) {
        (Some(list), _) | (None, [list]) => return from_json(list),
        (None, []) => {}
        (None, _) => {
            let names: Vec<_> = lists.iter().map(|f| name(f)).collect();
            return Err(VideoError::input(
                path,
                format!("it holds {}; name the one to use", names.join(", ")),
            ));
        }
    }
    let is_colour = |file: &PathBuf| name(file).to_ascii_lowercase().ends_with(".color.png");
    let colour: Vec<_> = files.iter().filter(|f| is_colour(f)).cloned().collect();
    if !colour.is_empty() {
        return Ok(colour.into());
    }
    if files.iter().any(|file| picture::is_read(file)) {
        return of_files(path, files);
    }
    if let Some(images) = folders.iter().find(|folder| name(folder) == "images")
        && colmap::find(path).is_some()
    {
        let mut files = Vec::new();
        below(images, MOST_DEEP, &mut files)?;
        return of_files(images, files);
    }
    let mut found = Vec::new();
    for folder in &folders {
        let (files, _) = entries(folder)?;
        let colour: Vec<_> = files.into_iter().filter(is_colour).collect();
        if !colour.is_empty() {
            found.push((folder, colour));
        }
    }
    match found.len() {
        1 => Ok(found.remove(0).1.into()),
        0 => Err(VideoError::input(path, nothing(path, &files, &folders))),
        _ => {
            let names: Vec<_> = found.iter().map(|(f, _)| name(f)).collect();
            Err(VideoError::input(
                path,
                format!(
                    "several subfolders hold images ({}); give one of them",
                    names.join(", ")
                ),
            ))
        }
    }
}

/// The images among the `files` of `path`, and the pictures that are not read.
fn of_files(path: &Path, files: Vec<PathBuf>) -> Result<List, VideoError> {
    let faults = unread(&files).into_iter().map(|kinds| {
        format!(
            "pictures of kinds that are not read were left out: {kinds}; {}",
            picture::CONVERT
        )
    });
    let faults = faults.collect();
    let images: Vec<_> = files
        .iter()
        .filter(|file| picture::is_read(file))
        .cloned()
        .collect();
    match images.is_empty() {
        true => Err(VideoError::input(path, nothing(path, &files, &[]))),
        false => Ok(List {
            images: without_depth(images),
            faults,
        }),
    }
}

/// Without the depth that is known of an image: `NAME.depth.png` where the image `NAME` lies beside it.
fn without_depth(mut images: Vec<PathBuf>) -> Vec<PathBuf> {
    const DEPTH: &str = ".depth.png";
    // Also images that a pattern leaves out.
    let folders: HashSet<&Path> = images
        .iter()
        .filter(|file| name(file).ends_with(DEPTH))
        .filter_map(|file| file.parent())
        .collect();
    let mut named: HashSet<PathBuf> = HashSet::new();
    for folder in folders {
        let here = match folder.as_os_str().is_empty() {
            true => Path::new("."),
            false => folder,
        };
        let (files, _) = entries(here).unwrap_or_default();
        for file in files.iter().filter(|file| picture::is_read(file)) {
            let stem = file.file_stem().unwrap_or_default().to_string_lossy();
            named.insert(folder.join(stem.strip_suffix(".color").unwrap_or(&stem)));
        }
    }
    images.retain(|file| match name(file).strip_suffix(DEPTH) {
        Some(bare) => !named.contains(&file.with_file_name(bare)),
        None => true,
    });
    images
}

/// The files in `path` and its folders, `deep` folders down, in natural order of the paths.
fn below(path: &Path, deep: u32, into: &mut Vec<PathBuf>) -> Result<(), VideoError> {
    let (files, folders) = entries(path)?;
    into.extend(files);
    for folder in folders.iter().filter(|_| deep > 0) {
        below(folder, deep - 1, into)?;
    }
    Ok(())
}

/// The pictures among `files` that are not read: how many of each kind, and some names.
fn unread(files: &[PathBuf]) -> Option<String> {
    let mut kinds: Vec<(&str, usize)> = Vec::new();
    let mut names = Vec::new();
    for file in files {
        let Some(kind) = picture::unread(file) else {
            continue;
        };
        names.push(name(file));
        match kinds.iter_mut().find(|(known, _)| *known == kind) {
            Some((_, count)) => *count += 1,
            None => kinds.push((kind, 1)),
        }
    }
    let kinds: Vec<_> = kinds
        .iter()
        .map(|(kind, n)| format!("{n} {kind}"))
        .collect();
    (!kinds.is_empty()).then(|| format!("{} ({})", kinds.join(", "), some(&names)))
}

/// The first names, and that there are more.
fn some(names: &[String]) -> String {
    let shown = names[..names.len().min(TOLD)].join(", ");
    match names.len() > TOLD {
        true => format!("{shown}, ..."),
        false => shown,
    }
}

/// Why a folder has no images to give, and what to give in its place.
fn nothing(path: &Path, files: &[PathBuf], folders: &[PathBuf]) -> String {
    if let Some(kinds) = unread(files) {
        return format!(
            "the folder holds pictures of kinds that are not read: {kinds}; {}",
            picture::CONVERT
        );
    }
    let mut words = match Foreign::beside(path) {
        Some((kind, sign)) => format!(
            "the folder holds cameras of {} ({}), which are not read, and no images ({})",
            kind.name,
            sign.strip_prefix(path).unwrap_or(&sign).display(),
            EXTENSIONS.join(", ")
        ),
        None => format!("the folder holds no images ({})", EXTENSIONS.join(", ")),
    };
    let holds = |folder: &&PathBuf| {
        entries(folder).is_ok_and(|(files, _)| files.iter().any(|f| picture::is_read(f)))
    };
    let with: Vec<_> = folders.iter().filter(holds).map(|f| name(f)).collect();
    let clips: Vec<_> = files
        .iter()
        .filter(|f| is_video(f))
        .map(|f| name(f))
        .collect();
    words += &match (with.is_empty(), clips.is_empty()) {
        (false, _) => format!("; give a subfolder that does: {}", some(&with)),
        (true, false) => format!("; give one of its videos: {}", some(&clips)),
        (true, true) => "; give a folder of images or a video file".to_owned(),
    };
    words
}

/// Files and folders in `path` in natural order, hidden ones left out.
fn entries(path: &Path) -> Result<(Vec<PathBuf>, Vec<PathBuf>), VideoError> {
    let unreadable =
        |error: std::io::Error| VideoError::input(path, format!("it cannot be listed: {error}"));
    let (mut files, mut folders) = (Vec::new(), Vec::new());
    for entry in std::fs::read_dir(path).map_err(unreadable)? {
        let found = entry.map_err(unreadable)?.path();
        if name(&found).starts_with('.') {
            continue;
        }
        if found.is_dir() {
            folders.push(found);
        } else if found.is_file() {
            files.push(found);
        }
    }
    files.sort_by(|a, b| natural(&name(a), &name(b)));
    folders.sort_by(|a, b| natural(&name(a), &name(b)));
    Ok((files, folders))
}

/// What a `transforms*.json` lists. Its order is that of its maker's matching, so it says nothing of time: nerfstudio's
/// loader sorts by path too.
fn from_json(path: &Path) -> Result<List, VideoError> {
    let refuse = |reason: String| VideoError::input(path, reason);
    let list = Transforms::read(path, Want::Paths).map_err(refuse)?;
    if list.frames.is_empty() {
        return Err(refuse("it lists no frames".to_owned()));
    }
    let folder = path.parent().unwrap_or(Path::new("."));
    let mut images = Vec::new();
    let mut seen = HashSet::new();
    let (mut again, mut repeats) = (Vec::new(), 0);
    for (index, frame) in list.frames.iter().enumerate() {
        let Some(image) = frame.find(folder, &EXTENSIONS) else {
            let other = frame.find(folder, &["exr", "hdr", "tga", "heic", "avif", "gif"]);
            return Err(refuse(match other {
                Some(other) => format!(
                    "frames[{index}].file_path is '{}', and {} is of a kind that is not read; {}",
                    frame.file_path,
                    name(&other),
                    picture::CONVERT
                ),
                None => format!(
                    "frames[{index}].file_path is '{}', and there is no such image beside it; copy the images there or correct the list",
                    frame.file_path
                ),
            }));
        };
        // `./a.png` and `a.png` are one.
        let image: PathBuf = image.components().collect();
        if seen.insert(image.clone()) {
            images.push(image);
        } else {
            repeats += 1;
            if again.len() <= TOLD {
                again.push(frame.file_path.clone());
            }
        }
    }
    let name = name(path);
    let mut faults = Vec::new();
    if repeats > 0 {
        faults.push(format!(
            "{name} lists images again ({repeats}: {}); each was taken once",
            some(&again)
        ));
    }
    if !images.is_sorted_by(|a, b| by_path(a, b).is_le()) {
        faults.push(format!(
            "the frames of {name} are not in the order of their file names; they were sorted by them, as nerfstudio's loader does"
        ));
        images.sort_by(|a, b| by_path(a, b));
    }
    Ok(List { images, faults })
}

/// Natural order of paths, folder by folder.
fn by_path(a: &Path, b: &Path) -> Ordering {
    let (mut x, mut y) = (a.components(), b.components());
    loop {
        let order = match (x.next(), y.next()) {
            (Some(p), Some(q)) => natural(
                &p.as_os_str().to_string_lossy(),
                &q.as_os_str().to_string_lossy(),
            ),
            (None, None) => return Ordering::Equal,
            (p, q) => p.is_some().cmp(&q.is_some()),
        };
        if order.is_ne() {
            return order;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::list_images;

    #[test]
    fn a_folder_is_listed_by_its_kind() {
        let folder = tempfile::tempdir().expect("tempdir");
        let root = folder.path();
        let touch = |name: &str| {
            let file = root.join(name);
            std::fs::create_dir_all(file.parent().expect("parent")).expect("folder");
            std::fs::write(file, b"").expect("write");
        };
        let names = |path: &str| {
            list_images(&root.join(path)).map(|files| {
                let name = |f: &std::path::PathBuf| super::name(f);
                files.iter().map(name).collect::<Vec<_>>()
            })
        };
        let says = |path: &str, words: &str| {
            let error = names(path).expect_err(words).to_string();
            assert!(error.contains(words) && error.contains(path), "{error}");
        };
        [
            "plain/10.png",
            "plain/9.JPG",
            "plain/.8.png",
            "plain/note.txt",
        ]
        .into_iter()
        .for_each(touch);
        assert_eq!(names("plain").expect("plain"), ["9.JPG", "10.png"]);
        // Depth beside an image is no image; what has none beside it may be one.
        ["plain/9.depth.png", "plain/11.depth.png"]
            .into_iter()
            .for_each(touch);
        let with = ["9.JPG", "10.png", "11.depth.png"];
        assert_eq!(names("plain").expect("plain"), with);
        assert_eq!(
            names("plain/*.png").expect("pattern"),
            ["10.png", "11.depth.png"]
        );
        [
            "rgbd/a/f2.color.png",
            "rgbd/a/f2.depth.png",
            "rgbd/README.md",
        ]
        .into_iter()
        .for_each(touch);
        assert_eq!(names("rgbd").expect("subfolder"), ["f2.color.png"]);
        assert_eq!(names("rgbd/a").expect("folder"), ["f2.color.png"]);
        touch("rgbd/b/f1.color.png");
        says("rgbd", "a, b");
        ["lego/train/r_1.png", "lego/train/r_0.jpg", "lego/other.png"]
            .into_iter()
            .for_each(touch);
        let list = |json: &str| std::fs::write(root.join("lego/transforms_x.json"), json);
        list(r#"{"frames": [{"file_path": "./train/r_1"}, {"file_path": "train/r_0.jpg"}]}"#)
            .expect("write");
        // Sorted by name, whatever the order of the list.
        assert_eq!(names("lego").expect("list"), ["r_0.jpg", "r_1.png"]);
        assert_eq!(names("lego/transforms_x.json").expect("list").len(), 2);
        list(r#"{"frames": [{"file_path": "./train/r_7"}]}"#).expect("write");
        says("lego", "frames[0].file_path is './train/r_7'");
        list(r#"{"frames": 3}"#).expect("write");
        says("lego", "not a list of frames");
        touch("lego/transforms_y.json");
        says("lego", "transforms_x.json, transforms_y.json");
        std::fs::create_dir(root.join("void")).expect("folder");
        says("void", "no images");
    }
}
