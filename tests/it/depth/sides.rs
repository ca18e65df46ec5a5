//! The size that a network is fed: found from its graph, tried, or given.

use candle_onnx::onnx::tensor_proto::DataType;
use sora_director::depth::{InputSize, Model, ModelChoice, Options, Reading};

use super::make::{Net, answer, floats, ints, longs, node, options, refusal, says, text, with};

/// Halves the picture so many times and adds each half back: sides must be multiples of 2^levels. The strides lie in
/// slices, where no graph tells them, if `hidden`.
fn unet(levels: u32, hidden: bool, dims: &[&str]) -> Net {
    let step = 1i64 << levels;
    let net = Net::new(DataType::Float, dims)
        .mean_of("x", "full")
        .weight(longs("from", &[0, 0]))
        .weight(longs("to", &[i64::MAX; 2]))
        .weight(longs("axes", &[2, 3]))
        .weight(longs("steps", &[step; 2]))
        .weight(floats(
            "scales",
            &[4],
            &[1.0, 1.0, step as f32, step as f32],
        ));
    let mut net = if hidden {
        net.node(node(
            "Slice",
            &["full", "from", "to", "axes", "steps"],
            &["low"],
        ))
    } else {
        let window = vec![
            ints("kernel_shape", &[step; 2]),
            ints("strides", &[step; 2]),
        ];
        net.node(with(node("MaxPool", &["full"], &["low"]), window))
    };
    net.outputs.clear();
    let nearest = vec![
        text("mode", "nearest"),
        text("coordinate_transformation_mode", "asymmetric"),
        text("nearest_mode", "floor"),
    ];
    net.node(with(
        node("Resize", &["low", "", "scales"], &["up"]),
        nearest,
    ))
    .node(node("Add", &["up", "full"], &["disparity"]))
    .output("disparity")
}

/// Patches of `side` pixels, one number each, as large as the picture again.
fn vit(side: i64) -> Net {
    let n = (3 * side * side) as usize;
    let patch = vec![ints("strides", &[side; 2])];
    Net::new(DataType::Float, &["batch", "3", "height", "width"])
        .weight(floats(
            "patch",
            &[1, 3, side, side],
            &vec![1.0 / n as f32; n],
        ))
        .weight(floats(
            "scales",
            &[4],
            &[1.0, 1.0, side as f32, side as f32],
        ))
        .node(with(node("Conv", &["x", "patch"], &["tokens"]), patch))
        .node(with(
            node("Resize", &["tokens", "", "scales"], &["disparity"]),
            vec![text("mode", "linear")],
        ))
        .output("disparity")
}

const FREE: [&str; 4] = ["b", "3", "h", "w"];

fn read(net: Net, size: Option<InputSize>) -> Reading {
    let folder = tempfile::tempdir().unwrap();
    let path = net.save(folder.path(), "net.onnx");
    let options = Options {
        size,
        ..options(&path)
    };
    let (map, reading) = answer(&options).unwrap();
    let [w, h] = reading.size;
    assert_eq!([map.width as usize, map.height as usize], [w, h]);
    reading
}

#[test]
fn multiples_are_found_from_strides_patches_and_names() {
    for (net, size) in [
        (unet(5, false, &FREE), [512, 384]),
        (unet(4, false, &FREE), [512, 384]),
        (unet(1, false, &FREE), [518, 392]),
        (unet(5, true, &["1", "3", "32*h", "32*w"]), [512, 384]),
        (unet(5, false, &["1", "3", "192", "w"]), [512, 192]),
        (vit(14), [518, 392]),
        (vit(16), [512, 384]),
        (
            Net::new(DataType::Float, &FREE).mean_of("x", "disparity"),
            [518, 392],
        ),
    ] {
        let reading = read(net, None);
        assert_eq!(reading.size, size);
        assert!(reading.notes.is_empty(), "{:?}", reading.notes);
    }
}

#[test]
fn multiples_that_no_graph_tells_are_tried_and_told() {
    let reading = read(unet(5, true, &FREE), None);
    assert_eq!(reading.size, [512, 384]);
    says(
        &reading.notes[0],
        &[
            "518x392 (multiples of 14)",
            "Add",
            "512x384",
            "--size",
            "depth.size",
        ],
    );
    assert!(!reading.notes[0].contains('\n'));
    // Only the size that its constants were made for is taken, and the file does not say so.
    let fixed = Net::new(DataType::Float, &FREE)
        .mean_of("x", "mean")
        .weight(floats("places", &[1, 1, 224, 224], &vec![1.0; 224 * 224]))
        .node(node("Add", &["mean", "places"], &["disparity"]));
    let mut fixed = fixed.output("disparity");
    fixed.outputs.remove(0);
    assert_eq!(read(fixed, None).size, [224, 224]);
}

#[test]
fn a_given_size_is_used_or_refused_with_the_mend() {
    let given = |net, text: &str| read(net, Some(text.parse().unwrap())).size;
    assert_eq!(given(unet(5, true, &FREE), "96x64"), [96, 64]);
    assert_eq!(given(unet(5, false, &FREE), "256"), [256, 192]);
    assert_eq!(given(vit(16), "160"), [160, 128]);
    let folder = tempfile::tempdir().unwrap();
    let path = unet(5, true, &FREE).save(folder.path(), "net.onnx");
    let fails = |path: &std::path::Path, text: &str| {
        let options = Options {
            size: Some(text.parse().unwrap()),
            ..options(path)
        };
        answer(&options).unwrap_err().to_string()
    };
    says(
        &fails(&path, "100x80"),
        &["100x80", "Add", "--size", "depth.size"],
    );
    let own = Net::mean("disparity").save(folder.path(), "own.onnx");
    says(&fails(&own, "96x64"), &["64x48 only", "96x64"]);
    // Of several networks those that take the size are left.
    let both = Options {
        model: ModelChoice::AnyOf(vec![own, path]),
        size: Some(InputSize::Sides([96, 64])),
        ..Options::default()
    };
    let model = Model::open(&both).unwrap();
    assert_eq!(model.for_size(64, 48).unwrap().name, "net");
}

#[test]
fn what_was_tried_is_told_where_nothing_works() {
    let never = Net::new(DataType::Float, &FREE)
        .weight(floats("odd", &[1, 3, 7, 5], &[1.0; 105]))
        .node(node("Add", &["x", "odd"], &["sum"]))
        .mean_of("sum", "disparity");
    says(
        &refusal(never),
        &[
            "518x392 (multiples of 14)",
            "512x384",
            "384x384",
            "'the_add'",
            "--size WxH",
            "depth.size",
        ],
    );
}

/// What comes does not depend on the pictures before.
#[test]
fn sizes_are_tried_anew_for_each_size_of_pictures() {
    let folder = tempfile::tempdir().unwrap();
    let path = unet(5, true, &FREE).save(folder.path(), "net.onnx");
    let size = |first: &[[u32; 2]]| {
        let model = Model::open(&options(&path)).unwrap();
        for &[w, h] in first {
            model
                .estimate_picture(&vec![0; (w * h) as usize], w, h)
                .unwrap();
        }
        model.reading(40, 30).unwrap().size
    };
    assert_eq!(size(&[[40, 30]]), size(&[[64, 48], [30, 40], [40, 30]]));
}
