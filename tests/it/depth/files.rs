//! Files that are no whole ONNX network: named for what they are, with the mend.

use std::path::Path;

use candle_onnx::onnx::StringStringEntryProto;
use candle_onnx::onnx::tensor_proto::DataLocation;
use prost::Message;
use sora_director::depth::{Model, ModelChoice};

use super::make::{Net, answer, normal_mean, options, says};

fn load(path: &Path) -> String {
    Model::load(&ModelChoice::Path(path.into()))
        .unwrap_err()
        .to_string()
}

#[test]
fn pointers_pages_and_other_formats_are_named() {
    let folder = tempfile::tempdir().unwrap();
    let pointer = "version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 99060839\n";
    let safetensors = [
        &60u64.to_le_bytes()[..],
        b"{\"w\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4]}}",
    ]
    .concat();
    let mut archive = b"PK\x03\x04".to_vec();
    archive.extend([0; 26]);
    archive.extend(b"depth/data.pkl");
    let cases: &[(&[u8], &[&str])] = &[
        (
            pointer.as_bytes(),
            &["Git LFS", "`git lfs pull`", "99060839"],
        ),
        (
            b"<!doctype html><html><title>404: not here</title>",
            &["web page", "404: not here"],
        ),
        (
            b"{\"error\": \"Access to this model is restricted\"}",
            &["text", "restricted"],
        ),
        (b"", &["empty"]),
        (&safetensors, &["safetensors"]),
        (&archive, &["PyTorch", "torch.onnx.export"]),
        (b"\x80\x02\x8a\nl\xfc\x9cF\xf9 j\xa8P\x19.", &["pickle"]),
        (b"\x1c\0\0\0TFL3\x14\0", &["TensorFlow Lite"]),
        (b"\x18\0\0\0ORTM\0\0", &[".ort"]),
        (
            b"<?xml version=\"1.0\"?>\n<net name=\"depth\" version=\"11\">",
            &["OpenVINO"],
        ),
        (b"\xd0\xcf\x11\xe0 something else", &["not an ONNX file"]),
    ];
    for (bytes, parts) in cases {
        let path = folder.path().join("net.onnx");
        std::fs::write(&path, bytes).unwrap();
        let error = load(&path);
        says(&error, parts);
        says(&error, &["net.onnx"]);
        assert!(!error.contains('\n') && !error.contains("opset"), "{error}");
    }
}

#[test]
fn a_file_that_is_cut_short_says_how_much_is_missing() {
    let whole = Net::mean("depth").bytes();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("cut.onnx");
    for cut in [20, whole.len() / 2, whole.len() - 1] {
        std::fs::write(&path, &whole[..cut]).unwrap();
        says(
            &load(&path),
            &["cut.onnx", "cut short", &format!("{cut} bytes")],
        );
    }
}

/// The mean of the channels with its weights in `data`, and that file's bytes.
fn external(data: &str) -> (Vec<u8>, Vec<u8>) {
    let mut model = Net::mean("depth").model();
    let weight = &mut model.graph.as_mut().unwrap().initializer[0];
    // As exporters lay them, not at the beginning.
    let mut bytes = vec![7u8; 64];
    bytes.extend(std::mem::take(&mut weight.raw_data));
    weight.set_data_location(DataLocation::External);
    weight.external_data = [("location", data), ("offset", "64"), ("length", "12")]
        .map(|(key, value)| StringStringEntryProto {
            key: key.into(),
            value: value.into(),
        })
        .to_vec();
    (model.encode_to_vec(), bytes)
}

#[test]
fn weights_beside_the_network_are_read() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("relative.onnx");
    let (network, data) = external("relative.onnx_data");
    std::fs::write(&path, network).unwrap();
    let beside = folder.path().join("relative.onnx_data");
    std::fs::write(&beside, &data).unwrap();
    let (map, _) = answer(&options(&path)).unwrap();
    assert!((map.values[0] - normal_mean()).abs() < 1e-5);
    // They are part of what the network is.
    let before = Model::open(&options(&path)).unwrap().sha256().to_owned();
    let mut other = data.clone();
    other[70] ^= 1;
    std::fs::write(&beside, other).unwrap();
    assert_ne!(Model::open(&options(&path)).unwrap().sha256(), before);

    std::fs::write(&beside, &data[..70]).unwrap();
    says(
        &load(&path),
        &["'third_depth'", "relative.onnx_data", "byte 76", "has 70"],
    );
    std::fs::write(
        &beside,
        "version https://git-lfs.github.com/spec/v1\nsize 76\n",
    )
    .unwrap();
    says(&load(&path), &["relative.onnx_data", "`git lfs pull`"]);
    std::fs::remove_file(&beside).unwrap();
    let missing = beside.display().to_string();
    says(
        &load(&path),
        &["'third_depth'", &missing, "lay it beside the network"],
    );
}

#[test]
fn weights_outside_the_networks_folder_are_not_read() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("secret"), [0; 100]).unwrap();
    std::fs::create_dir(folder.path().join("inside")).unwrap();
    for location in ["../secret", "/etc/passwd", "", "a/../../secret"] {
        let path = folder.path().join("inside/net.onnx");
        std::fs::write(&path, external(location).0).unwrap();
        says(&load(&path), &["not below the network's folder"]);
    }
}
