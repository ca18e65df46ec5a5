//! What a network is fed: its element type, the order of its dimensions, the range of its values.

use candle_onnx::onnx::tensor_proto::DataType;

use super::make::{
    Net, PICTURE, answer, floats, int, ints, longs, node, normal_mean, options, port, refusal,
    says, unit_mean, value, with,
};

#[track_caller]
fn close(got: f32, want: f32, within: f32) {
    assert!((got - want).abs() <= within, "{got}, {want} expected");
}

/// Bytes divided by 255, as exporters of such networks put it in front.
fn bytes(dims: &[&str], perm: &[i64]) -> Net {
    let mut net = Net::new(DataType::Uint8, dims)
        .weight(floats("k", &[], &[255.0]))
        .weight(longs("zero", &[0]));
    let mut at = "x";
    if dims.len() == 3 {
        net = net.node(node("Unsqueeze", &[at, "zero"], &["batch"]));
        at = "batch";
    }
    if !perm.is_empty() {
        net = net.node(with(
            node("Transpose", &[at], &["turned"]),
            vec![ints("perm", perm)],
        ));
        at = "turned";
    }
    net.node(with(node("Cast", &[at], &["f"]), vec![int("to", 1)]))
        .node(node("Div", &["f", "k"], &["unit"]))
        .mean_of("unit", "depth")
}

#[test]
fn uint8_inputs_take_bytes() {
    for (dims, perm) in [
        (&["1", "48", "64", "3"][..], &[0, 3, 1, 2][..]),
        (&PICTURE, &[]),
        (&["48", "64", "3"], &[0, 3, 1, 2]),
        (&["3", "48", "64"], &[]),
        (&["n", "h", "w", "3"], &[0, 3, 1, 2]),
    ] {
        let net = bytes(dims, perm);
        let folder = tempfile::tempdir().unwrap();
        let (map, _) = answer(&options(&net.save(folder.path(), "net.onnx"))).unwrap();
        close(map.values[0], unit_mean(), 1e-6);
    }
}

#[test]
fn floats_of_every_width_are_normalised() {
    close(value(Net::mean("depth")), normal_mean(), 1e-5);
    let double = Net::new(DataType::Double, &PICTURE)
        .node(with(node("Cast", &["x"], &["f"]), vec![int("to", 1)]))
        .mean_of("f", "depth");
    close(value(double), normal_mean(), 1e-5);
    // Half floats are fed as such: what they cannot hold is lost.
    let half = value(Net::new(DataType::Float16, &PICTURE).mean_of("x", "depth"));
    close(half, normal_mean(), 2e-3);
    assert_ne!(half, value(Net::mean("depth")));
}

#[test]
fn pictures_without_a_batch_and_among_several_are_fed_too() {
    let shaped = |dims: &[&str]| {
        Net::new(DataType::Float, dims)
            .weight(longs("shape", &[1, 3, 48, 64]))
            .node(node("Reshape", &["x", "shape"], &["one"]))
            .mean_of("one", "depth")
    };
    close(value(shaped(&["3", "48", "64"])), normal_mean(), 1e-5);
    close(
        value(shaped(&["1", "1", "3", "48", "64"])),
        normal_mean(),
        1e-5,
    );
    close(
        value(shaped(&["batch", "images", "3", "48", "64"])),
        normal_mean(),
        1e-5,
    );
}

/// The channels of an input that declares only names, or nothing, lie where the names or the graph say.
#[test]
fn channels_are_found_by_names_and_by_the_graph() {
    let last = |dims: &[&str]| {
        Net::new(DataType::Float, dims)
            .node(with(
                node("Transpose", &["x"], &["t"]),
                vec![ints("perm", &[0, 3, 1, 2])],
            ))
            .mean_of("t", "depth")
    };
    let folder = tempfile::tempdir().unwrap();
    for net in [
        last(&["batch", "height", "width", "channels"]),
        last(&["a", "b", "c2", "d"]),
        last(&[]),
        Net::new(
            DataType::Float,
            &["batch_size", "num_channels", "height", "width"],
        )
        .mean_of("x", "depth"),
        Net::new(DataType::Float, &[]).mean_of("x", "depth"),
    ] {
        let (map, reading) = answer(&options(&net.save(folder.path(), "net.onnx"))).unwrap();
        assert_eq!([map.width, map.height], [518, 392], "{reading:?}");
        close(map.values[0], normal_mean(), 1e-4);
    }
}

#[test]
fn networks_that_normalise_by_themselves_are_not_fed_normalised_values() {
    let inside = |scale: f32| {
        let mean = [0.485, 0.456, 0.406].map(|m| m * scale);
        let std = [0.229, 0.224, 0.225].map(|s| s * scale);
        Net::new(DataType::Float, &PICTURE)
            .weight(floats("mean", &[1, 3, 1, 1], &mean))
            .weight(floats("std", &[1, 3, 1, 1], &std))
            .node(node("Sub", &["x", "mean"], &["centred"]))
            .node(node("Div", &["centred", "std"], &["normal"]))
            .mean_of("normal", "depth")
    };
    close(value(inside(1.0)), normal_mean(), 1e-5);
    close(value(inside(255.0)), normal_mean(), 1e-4);
    let folder = tempfile::tempdir().unwrap();
    let (_, reading) = answer(&options(
        &inside(255.0).save(folder.path(), "disparity.onnx"),
    ))
    .unwrap();
    says(&reading.notes[0], &["normalises", "0 to 255"]);
    let signed = Net::new(DataType::Float, &PICTURE)
        .weight(floats("two", &[], &[2.0]))
        .weight(floats("one", &[1], &[1.0]))
        .node(node("Mul", &["two", "x"], &["d"]))
        .node(node("Sub", &["d", "one"], &["s"]))
        .mean_of("s", "depth");
    close(value(signed), 2.0 * unit_mean() - 1.0, 1e-5);
}

#[test]
fn inputs_that_take_no_picture_are_refused_by_name() {
    for (element, name) in [
        (DataType::Int8, "int8"),
        (DataType::Int64, "int64"),
        (DataType::Bool, "bool"),
        (DataType::Uint16, "uint16"),
    ] {
        let net = Net::new(element, &PICTURE)
            .node(with(node("Cast", &["x"], &["f"]), vec![int("to", 1)]))
            .mean_of("f", "depth");
        says(&refusal(net), &["'x'", name, "float export"]);
    }
    for dims in [
        &["1", "4", "48", "64"][..],
        &["2", "3", "48", "64"],
        &["48", "64"],
        &["1"; 6],
    ] {
        let net = Net::new(DataType::Float, dims).mean_of("x", "depth");
        says(
            &refusal(net),
            &["'x'", &dims.join(" x "), "1 x 3 x height x width"],
        );
    }
    let mut two = Net::mean("depth").model();
    two.graph
        .as_mut()
        .unwrap()
        .input
        .push(port("K", DataType::Float, &["3", "3"]));
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("two.onnx");
    std::fs::write(&path, prost::Message::encode_to_vec(&two)).unwrap();
    says(
        &answer(&options(&path)).unwrap_err().to_string(),
        &["2 inputs (x, K)"],
    );
}
