//! Cameras of other tools: known by name, not read.

use std::fmt;
use std::path::{Path, PathBuf};

use serde::de::{Deserialize, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};

use super::json;

/// A kind of camera files that is not read.
#[derive(Debug, PartialEq, Eq)]
pub struct Foreign {
    /// Whose they are.
    pub name: &'static str,
    /// Files and folders, relative to the capture's folder, of which any tells the kind.
    signs: &'static [&'static str],
    /// Names under which a file of the kind is given itself.
    files: &'static [&'static str],
    /// Keys of its JSON; all are there.
    keys: &'static [&'static str],
    /// Its JSON is a list of objects with the keys.
    list: bool,
    /// What to do to have its cameras used.
    mend: &'static str,
}

const POSES_MEND: &str =
    "to use them, write a transforms.json of them (nerfstudio's format: OpenGL cameras, +Z up)";
const NS_MEND: &str =
    "to use them, make a transforms.json of them with nerfstudio's `ns-process-data`";

const NONE: Foreign = Foreign {
    name: "",
    signs: &[],
    files: &[],
    keys: &[],
    list: false,
    mend: POSES_MEND,
};

static KINDS: [Foreign; 16] = [
    Foreign {
        name: "the TUM RGB-D format",
        signs: &["groundtruth.txt", "rgb.txt"],
        files: &[
            "rgb.txt",
            "depth.txt",
            "groundtruth.txt",
            "associations.txt",
            "associate.txt",
            "accelerometer.txt",
        ],
        ..NONE
    },
    Foreign {
        name: "INRIA's 3D Gaussian Splatting",
        signs: &["cameras.json"],
        keys: &["img_name", "position", "rotation"],
        list: true,
        ..NONE
    },
    Foreign {
        name: "LLFF",
        signs: &["poses_bounds.npy"],
        files: &["poses_bounds.npy", "hwf_cxcy.npy"],
        mend: "to use them, make a transforms.json of them, such as with instant-ngp's `llff2nerf.py`",
        ..NONE
    },
    Foreign {
        name: "nerfstudio's exported dataparser transform",
        signs: &["dataparser_transforms.json"],
        keys: &["transform", "scale"],
        mend: "it holds no cameras, only how a training moved them: give the transforms.json of the pictures",
        ..NONE
    },
    Foreign {
        name: "nerfstudio's camera paths",
        signs: &["camera_path.json"],
        keys: &["camera_path", "keyframes"],
        mend: "they are views to render, not of the pictures: give the transforms.json of the pictures",
        ..NONE
    },
    Foreign {
        name: "Polycam",
        signs: &[
            "keyframes/corrected_cameras",
            "keyframes/cameras",
            "corrected_cameras",
            "mesh_info.json",
        ],
        keys: &["t_00", "t_11", "t_23"],
        mend: "to use them, make a transforms.json of them with nerfstudio's `ns-process-data polycam`",
        ..NONE
    },
    Foreign {
        name: "Record3D",
        signs: &["EXR_RGBD/metadata.json", "metadata.json"],
        keys: &["K", "poses"],
        mend: "to use them, make a transforms.json of them with nerfstudio's `ns-process-data record3d`",
        ..NONE
    },
    Foreign {
        name: "ARKit (3D Scanner App)",
        signs: &["frame_00000.json"],
        keys: &["cameraPoseARFrame"],
        ..NONE
    },
    Foreign {
        name: "ARKitScenes",
        signs: &["lowres_wide.traj", "lowres_wide_intrinsics"],
        files: &["lowres_wide.traj"],
        mend: "to use them, make a transforms.json of them with nerfstudio's `ns-process-data`, or use its `arkitscenes` parser's numbers",
        ..NONE
    },
    Foreign {
        name: "ScanNet",
        signs: &["intrinsic/intrinsic_color.txt"],
        ..NONE
    },
    Foreign {
        name: "NeuS (DTU)",
        signs: &["cameras_sphere.npz", "cameras.npz"],
        files: &["cameras_sphere.npz", "cameras.npz", "cameras_large.npz"],
        ..NONE
    },
    Foreign {
        name: "OpenMVG",
        signs: &["sfm_data.json"],
        keys: &["sfm_data_version"],
        ..NONE
    },
    Foreign {
        name: "Meshroom",
        signs: &["cameras.sfm"],
        files: &["cameras.sfm"],
        keys: &["views", "intrinsics", "poses"],
        mend: NS_MEND,
        ..NONE
    },
    Foreign {
        name: "Metashape",
        signs: &["cameras.xml"],
        files: &["cameras.xml"],
        mend: "to use them, make a transforms.json of them with nerfstudio's `ns-process-data metashape`",
        ..NONE
    },
    Foreign {
        name: "Replica (NICE-SLAM)",
        signs: &["traj.txt"],
        files: &["traj.txt"],
        ..NONE
    },
    Foreign {
        name: "this program",
        // Its own results say nothing of the pictures that lie beside them.
        keys: &["cameras", "frames", "unit", "focal_source"],
        mend: "they are results: compare with them by `director track --truth`",
        ..NONE
    },
];

impl Foreign {
    /// Why a file of this kind is no input, with the mend.
    pub fn refusal(&self) -> String {
        format!(
            "these are cameras of {}, which are not read; {}, or give the pictures alone, whose cameras are then solved",
            self.name, self.mend
        )
    }

    /// That a file of this kind lies beside pictures and is not used, with the mend.
    pub fn passed_over(&self, sign: &Path) -> String {
        format!(
            "cameras of {} lie beside the pictures ({}) and are not read; {}",
            self.name,
            sign.display(),
            self.mend
        )
    }

    /// The kind of a file that is given itself, by its name or the keys of its JSON.
    pub fn of_file(path: &Path) -> Option<&'static Self> {
        let name = path.file_name()?.to_str()?.to_ascii_lowercase();
        KINDS
            .iter()
            .find(|kind| kind.files.contains(&name.as_str()))
    }

    /// The kind of a JSON file by the keys of its root, or of the first entry of its root.
    pub fn of_json(text: &[u8]) -> Option<&'static Self> {
        let mut json = serde_json::Deserializer::from_slice(text);
        // What is wrong behind the keys does not matter.
        let keys = Keys::deserialize(&mut json).unwrap_or_default();
        KINDS.iter().find(|kind| {
            let has = |key: &&str| keys.names.iter().any(|name| name == key);
            !kind.keys.is_empty() && kind.list == keys.list && kind.keys.iter().all(has)
        })
    }

    /// Another tool's cameras in the folder, and the file that tells so.
    pub fn beside(folder: &Path) -> Option<(&'static Self, PathBuf)> {
        KINDS.iter().find_map(|kind| {
            let sign = kind
                .signs
                .iter()
                .map(|sign| folder.join(sign))
                .find(|sign| {
                    let json = sign.extension().is_some_and(|e| e == "json");
                    match json && !kind.keys.is_empty() {
                        // Names as plain as `metadata.json` need a look inside.
                        true => std::fs::read(sign).is_ok_and(|raw| {
                            json::standard(&raw).is_ok_and(|text| {
                                Self::of_json(&text).is_some_and(|found| std::ptr::eq(found, kind))
                            })
                        }),
                        false => sign.exists(),
                    }
                })?;
            Some((kind, sign))
        })
    }
}

/// Keys of a JSON's root, or of the first entry where the root is a list.
#[derive(Default)]
struct Keys {
    names: Vec<String>,
    list: bool,
}

/// Keys that are looked at.
const MOST_KEYS: usize = 64;

impl<'de> Deserialize<'de> for Keys {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct Any;
        impl<'de> Visitor<'de> for Any {
            type Value = Keys;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object, or a list of objects")
            }
            fn visit_map<M: MapAccess<'de>>(self, mut map: M) -> Result<Keys, M::Error> {
                let mut keys = Keys::default();
                while let Some((name, IgnoredAny)) = map.next_entry::<String, _>()? {
                    if keys.names.len() < MOST_KEYS {
                        keys.names.push(name);
                    }
                }
                Ok(keys)
            }
            fn visit_seq<S: SeqAccess<'de>>(self, mut seq: S) -> Result<Keys, S::Error> {
                let first: Option<Keys> = seq.next_element()?;
                while seq.next_element::<IgnoredAny>()?.is_some() {}
                Ok(Keys {
                    names: first.unwrap_or_default().names,
                    list: true,
                })
            }
        }
        from.deserialize_any(Any)
    }
}

#[cfg(test)]
mod tests {
    use super::Foreign;

    #[test]
    fn json_of_other_tools_is_known_by_its_keys() {
        let name = |text: &str| Foreign::of_json(text.as_bytes()).map(|kind| kind.name);
        let inria = r#"[{"id": 0, "img_name": "a", "width": 4, "position": [0,0,0], "rotation": [[1]], "fx": 1}]"#;
        assert_eq!(name(inria), Some("INRIA's 3D Gaussian Splatting"));
        assert!(
            name(r#"{"transform": [[1]], "scale": 0.5}"#)
                .expect("known")
                .contains("dataparser")
        );
        assert_eq!(name(r#"{"K": [], "poses": [], "w": 1}"#), Some("Record3D"));
        assert_eq!(
            name(r#"{"cameras": [], "frames": 3, "unit": "metres", "focal_source": "known"}"#),
            Some("this program")
        );
        for other in [
            "",
            "[]",
            "[1]",
            "{}",
            "3",
            r#"{"frames": []}"#,
            r#"[{"a": 1}]"#,
        ] {
            assert_eq!(name(other), None, "{other}");
        }
    }

    #[test]
    fn files_of_other_tools_are_known_by_their_names() {
        let folder = tempfile::tempdir().expect("tempdir");
        let root = folder.path();
        assert!(Foreign::beside(root).is_none());
        std::fs::write(root.join("metadata.json"), "{\"author\": 1}").expect("write");
        assert!(Foreign::beside(root).is_none());
        std::fs::write(root.join("traj.txt"), "").expect("write");
        let (kind, sign) = Foreign::beside(root).expect("Replica");
        assert_eq!(
            (kind.name, sign),
            ("Replica (NICE-SLAM)", root.join("traj.txt"))
        );
        let words = kind.passed_over(&root.join("traj.txt"));
        assert!(
            words.contains("not read") && words.contains("transforms.json"),
            "{words}"
        );
        let named = |name: &str| Foreign::of_file(&root.join(name)).map(|kind| kind.name);
        assert_eq!(named("points3D.bin"), None);
        assert_eq!(named("groundtruth.txt"), Some("the TUM RGB-D format"));
        assert_eq!(named("clip.mp4"), None);
    }
}
