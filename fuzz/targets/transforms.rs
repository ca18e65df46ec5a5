#![no_main]

use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use sora_director::camera::known::known;

/// A picture of 2 x 2 pixels.
const PNG: &[u8] = &[
    137, 80, 78, 71, 13, 10, 26, 10, 0, 0, 0, 13, 73, 72, 68, 82, 0, 0, 0, 2, 0, 0, 0, 2, 8, 2, 0,
    0, 0, 253, 212, 154, 115, 0, 0, 0, 11, 73, 68, 65, 84, 120, 218, 99, 96, 64, 6, 0, 0, 14, 0, 1,
    58, 53, 4, 86, 0, 0, 0, 0, 73, 69, 78, 68, 174, 66, 96, 130,
];

/// A folder in memory with three pictures, the way a data set has them.
struct Place {
    file: PathBuf,
    images: Vec<PathBuf>,
}

static PLACE: LazyLock<Place> = LazyLock::new(|| {
    let memory = Path::new("/dev/shm");
    let root = match memory.is_dir() {
        true => memory.to_owned(),
        false => std::env::temp_dir(),
    };
    let folder = root.join(format!("director-fuzz-{}", std::process::id()));
    std::fs::create_dir_all(folder.join("images")).expect("a folder");
    let images: Vec<PathBuf> = ["a.png", "b.png", "c.png"]
        .map(|name| folder.join("images").join(name))
        .to_vec();
    for image in &images {
        std::fs::write(image, PNG).expect("a picture");
    }
    Place {
        file: folder.join("transforms.json"),
        images,
    }
});

fuzz_target!(|bytes: &[u8]| {
    let place = &*PLACE;
    std::fs::write(&place.file, bytes).expect("written");
    let _ = bounded::within(bytes, 16, || {
        known(&place.file, &place.images, &[0.0, 0.5, 1.0], 64, 48)
    });
});
