//! PLY files as the field's tools lay them out.

mod layout;
mod values;

use sora_director::splat::format::{SplatFile, ply};

use super::files::unit_cloud;
use super::maker::{Element, Encoding, Maker};
use crate::common::assert_close;

pub const ALL: [Encoding; 3] = [Encoding::Little, Encoding::Big, Encoding::Ascii];

fn parsed(maker: &Maker) -> SplatFile {
    ply::parse(&maker.bytes()).unwrap_or_else(|error| panic!("{error}"))
}

pub fn fault(bytes: &[u8]) -> String {
    ply::parse(bytes).expect_err("a faulty file")
}

/// Elements as they stand beside `vertex`: scalars, lists with and without items, rows of none.
pub fn others() -> Vec<Element> {
    let mut extrinsic = Element::new("extrinsic");
    extrinsic.rows = vec![Vec::new(); 16];
    let mut faces = Element::new("face");
    faces.rows = vec![Vec::new(); 5];
    let mut odd = Element::new("odd");
    odd.rows = vec![Vec::new(); 3];
    let mut camera = Element::new("camera");
    camera.properties = vec![
        ("float".into(), "x".into()),
        ("float".into(), "rot_0".into()),
    ];
    vec![
        extrinsic.with("float", "extrinsic", |i| i as f64),
        faces
            .with_list("list uchar int", "vertex_indices", |i| {
                (0..i).map(|k| k as f64).collect()
            })
            .with("uchar", "flags", |i| i as f64)
            .with_list("list ushort double", "weights", |i| vec![0.5; 4 - i]),
        odd.with_list("list int float", "nothing", |_| Vec::new()),
        camera,
    ]
}
