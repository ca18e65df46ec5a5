//! Which of several outputs is the depth, and how it is read.

use sora_director::depth::{DepthKind, Options};

use super::make::{Net, answer, floats, int, node, normal_mean, options, refusal, says, with};

/// The mean of the channels as `mean`, and outputs made from it.
fn net(outputs: &[(&str, &str)]) -> Net {
    let mut net = Net::mean("mean");
    net.outputs.clear();
    for (name, op) in outputs {
        net = match *op {
            "three" => net.node(with(
                node("Concat", &["mean", "mean", "mean"], &[name]),
                vec![int("axis", 1)],
            )),
            "small" => net.node(node("GlobalAveragePool", &["mean"], &[name])),
            op => net.node(node(op, &["mean"], &[name])),
        };
        net = net.output(name);
    }
    net
}

fn taken(net: Net) -> (String, f32, Vec<String>) {
    let folder = tempfile::tempdir().unwrap();
    let path = net.save(folder.path(), "relative.onnx");
    let (map, reading) = answer(&options(&path)).unwrap();
    (reading.output, map.values[0], reading.notes)
}

#[test]
fn the_output_called_depth_is_taken_wherever_it_stands() {
    for outputs in [
        &[("depth_conf", "Sigmoid"), ("depth", "Identity")][..],
        &[("depth", "Identity"), ("depth_conf", "Sigmoid")],
        &[("confidence", "Sigmoid"), ("predicted_depth", "Identity")],
        &[
            ("predicted_normal", "three"),
            ("normal_confidence", "Sigmoid"),
            ("predicted_depth", "Identity"),
        ],
        &[("sky_mask", "Sigmoid"), ("disparity", "Identity")],
        &[("depth", "three"), ("pred", "Identity")],
        &[("focal_length", "small"), ("1234", "Identity")],
        &[("depthUncertainty", "Sigmoid"), ("depthMap", "Identity")],
        &[
            ("points", "three"),
            ("mask", "Sigmoid"),
            ("out", "Identity"),
        ],
    ] {
        let (name, value, notes) = taken(net(outputs));
        let want = outputs.iter().find(|(_, op)| *op == "Identity").unwrap().0;
        assert_eq!(name, want);
        assert!((value - normal_mean()).abs() < 1e-5, "{outputs:?}: {value}");
        assert!(notes.is_empty(), "{notes:?}");
    }
}

#[test]
fn a_choice_that_nothing_tells_is_told_and_can_be_given() {
    let two = [("a1", "Sigmoid"), ("b2", "Identity")];
    let (name, _, notes) = taken(net(&two));
    assert_eq!(name, "a1");
    says(
        &notes[0],
        &["'a1'", "'b2'", "--network-output", "depth.output"],
    );
    let folder = tempfile::tempdir().unwrap();
    let path = net(&two).save(folder.path(), "relative.onnx");
    let given = |name: &str| {
        answer(&Options {
            output: Some(name.into()),
            ..options(&path)
        })
    };
    let (map, reading) = given("b2").unwrap();
    assert_eq!(reading.output, "b2");
    assert!((map.values[0] - normal_mean()).abs() < 1e-5);
    assert!(reading.notes.is_empty(), "{:?}", reading.notes);
    says(
        &given("c").unwrap_err().to_string(),
        &["relative.onnx", "no output 'c'", "'a1', 'b2'"],
    );
}

#[test]
fn networks_without_a_depth_are_refused_with_their_outputs() {
    let error = refusal(net(&[("depth_conf", "Sigmoid"), ("normals", "three")]));
    says(
        &error,
        &[
            "'depth_conf' [1, 1, 48, 64]",
            "'normals' [1, 3, 48, 64]",
            "--network-output depth_conf",
        ],
    );
    says(
        &refusal(net(&[("depth", "three")])),
        &["[1, 3, 48, 64]", "no depth network"],
    );
    says(
        &refusal(net(&[("a", "three"), ("b", "small")])),
        &["'a' [1, 3, 48, 64]", "none of its outputs"],
    );
}

/// Sixteen-bit millimetres become metres.
#[test]
fn integer_outputs_are_read_and_units_obeyed() {
    let net = Net::mean("mean")
        .weight(floats("k", &[], &[1000.0]))
        .node(node("Abs", &["mean"], &["positive"]))
        .node(node("Mul", &["positive", "k"], &["mm"]))
        .node(with(
            node("Cast", &["mm"], &["depth_mm"]),
            vec![int("to", 4)],
        ))
        .output("depth_mm");
    let folder = tempfile::tempdir().unwrap();
    let (map, reading) = answer(&options(&net.save(folder.path(), "net.onnx"))).unwrap();
    assert_eq!(
        (reading.kind, reading.output.as_str()),
        (DepthKind::Metric, "depth_mm")
    );
    assert!(
        (map.values[0] - normal_mean().abs()).abs() < 1.1e-3,
        "{}",
        map.values[0]
    );
    says(&reading.notes[0], &["0.001 m"]);
}
