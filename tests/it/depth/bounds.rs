//! What faulty files ask for is refused before it is done: no absurd memory, no endless work.

use std::time::{Duration, Instant};

use candle_onnx::onnx::{AttributeProto, GraphProto, ModelProto, NodeProto};
use prost::Message;
use sora_director::onnx::{Plan, input_tensor, output_floats};

use super::make::{Net, floats, int, ints, longs, node, says, text, with};

/// Decodes a graph of these nodes, the last of which makes `y`, beside a network that works.
fn decode(net: Net) -> Result<Plan, String> {
    let begin = Instant::now();
    let decoded = Plan::decode(&net.output("y").bytes()).map_err(|e| e.to_string());
    assert!(
        begin.elapsed() < Duration::from_secs(20),
        "{:?}",
        begin.elapsed()
    );
    decoded
}

fn net() -> Net {
    Net::mean("depth").weight(longs("huge", &[1 << 20, 1 << 20]))
}

#[test]
fn constants_of_absurd_shapes_are_refused_by_node() {
    let long = |i: i64| longs("n", &[i]);
    let cases = [
        (
            "'the_constantofshape'",
            net().node(node("ConstantOfShape", &["huge"], &["y"])),
        ),
        (
            "'the_expand'",
            net()
                .weight(long(1))
                .node(node("Expand", &["n", "huge"], &["y"])),
        ),
        (
            "'the_range'",
            net()
                .weight(floats("a", &[], &[0.0]))
                .weight(floats("b", &[], &[1e9]))
                .weight(floats("c", &[], &[1.0]))
                .node(node("Range", &["a", "b", "c"], &["y"])),
        ),
        (
            "'the_tile'",
            net()
                .weight(long(1 << 29))
                .weight(floats("v", &[1], &[1.0]))
                .node(node("Tile", &["v", "n"], &["y"])),
        ),
        (
            "'the_tile'",
            net()
                .weight(longs("times", &[1 << 29, 0]))
                .weight(floats("v", &[1, 1], &[1.0]))
                .node(node("Tile", &["v", "times"], &["y"])),
        ),
        (
            "'the_pad'",
            net()
                .weight(longs("pads", &[1 << 40, 1 << 40]))
                .weight(floats("v", &[1], &[1.0]))
                .node(node("Pad", &["v", "pads"], &["y"])),
        ),
        (
            "'the_resize'",
            net()
                .weight(longs("sizes", &[0, 1 << 30]))
                .weight(floats("v", &[1, 1], &[1.0]))
                .node(node("Resize", &["v", "", "", "sizes"], &["y"])),
        ),
        (
            "'the_matmul'",
            net()
                .weight(floats("tall", &[9000, 1], &[1.0; 9000]))
                .weight(floats("wide", &[1, 9000], &[1.0; 9000]))
                .node(node("MatMul", &["tall", "wide"], &["y"])),
        ),
    ];
    for (name, net) in cases {
        match decode(net) {
            Err(error) => says(&error, &[name]),
            // A product that is only large waits for the run.
            Ok(plan) => assert!(name == "'the_matmul'" && plan.steps() == 2, "{name}"),
        }
    }
}

#[test]
fn work_on_constants_waits_for_the_run_where_it_is_too_much() {
    // 64 doublings of a constant, and a convolution of 4096 taps on a picture of as many.
    let mut grows = net().weight(floats("v", &[1], &[1.0]));
    let mut last = "v".to_owned();
    for i in 0..64 {
        let next = if i == 63 {
            "y".to_owned()
        } else {
            format!("v{i}")
        };
        grows = grows.node(with(
            node("Concat", &[&last, &last], &[&next]),
            vec![int("axis", 0)],
        ));
        last = next;
    }
    let steps = decode(grows).unwrap().steps();
    assert!((2..64).contains(&steps), "{steps}");
    let heavy = net()
        .weight(floats("picture", &[1, 1, 64, 64], &[1.0; 4096]))
        .node(with(
            node("Conv", &["picture", "picture"], &["y"]),
            vec![ints("pads", &[1 << 12; 4])],
        ));
    assert_eq!(decode(heavy).unwrap().steps(), 2);
}

/// Sides, places and lengths that no honest file has: refused by node, or answered.
#[test]
fn absurd_sides_and_places_are_no_panic() {
    let of = |op: &str, inputs: &[&str], attributes| with(node(op, inputs, &["y"]), attributes);
    let long = |name: &str, i: i64| {
        let mut one = longs(name, &[i]);
        one.dims.clear();
        one
    };
    let query = || {
        let four = |name: &str| floats(name, &[1, 1, 2, 2], &[1.0, 2.0, 3.0, 4.0]);
        let mut net = net().weight(four("q"));
        net.opset = 25;
        net
    };
    let nothing = || net().weight(floats("v", &[1, 1, 0, 0], &[]));
    let refused = [
        net()
            .weight(floats("v", &[2], &[1.0; 2]))
            .weight(long("n", 1))
            .node(of("GatherND", &["v", "n"], vec![])),
        nothing().node(of("SpaceToDepth", &["v"], vec![int("blocksize", 1 << 40)])),
        net()
            .weight(floats("v", &[1, 4], &[1.0; 4]))
            .weight(floats("s", &[2], &[1.0, 1e-20]))
            .node(of(
                "Resize",
                &["v", "", "s"],
                vec![text("mode", "linear"), int("antialias", 1)],
            )),
        query()
            .weight(floats("past", &[1, 1, 1, 2], &[1.0; 2]))
            .node(of("Attention", &["q", "q", "q", "", "past"], vec![])),
    ];
    for net in refused {
        let name = format!("'{}'", net.nodes.last().unwrap().name);
        // What waits for the run is refused there.
        let error = decode(net).and_then(|plan| {
            let picture = input_tensor(vec![0.5; 3 * 48 * 64], &[1, 3, 48, 64]).unwrap();
            plan.run(&[picture]).map(|_| ()).map_err(|e| e.to_string())
        });
        says(&error.unwrap_err(), &[&name]);
    }
    let answered = [
        query().node(of(
            "Attention",
            &["q", "q", "q"],
            vec![int("is_causal", 1), int("right_window_size", i64::MAX)],
        )),
        query().weight(longs("n", &[i64::MIN])).node(of(
            "Attention",
            &["q", "q", "q", "", "", "", "n"],
            vec![],
        )),
        query()
            .weight(floats("e", &[1, 1, 1, 0], &[]))
            .weight(floats("c", &[1, 1, 0], &[]))
            .node(of("RotaryEmbedding", &["e", "c", "c"], vec![])),
        net()
            .weight(floats("v", &[1, 1, 1, 2], &[1.0, 2.0]))
            .weight(floats("at", &[1, 1, 2, 2], &[1e20, 3e38, f32::NAN, -3e38]))
            .node(of(
                "GridSample",
                &["v", "at"],
                vec![text("mode", "bicubic"), text("padding_mode", "reflection")],
            )),
        // Too wide for a band: by columns.
        net()
            .weight(floats("v", &[1, 2, 4, 4], &[1.0; 32]))
            .weight(floats("w", &[1, 2, 3, 3], &[1.0; 18]))
            .node(of(
                "Conv",
                &["v", "w"],
                vec![ints("dilations", &[30_000; 2]), ints("pads", &[30_000; 4])],
            )),
    ];
    for net in answered {
        let name = net.nodes.last().unwrap().op_type.clone();
        let plan = decode(net).unwrap_or_else(|e| panic!("{name}: {e}"));
        let picture = input_tensor(vec![0.5; 3 * 48 * 64], &[1, 3, 48, 64]).unwrap();
        let y = plan
            .run(&[picture])
            .unwrap_or_else(|e| panic!("{name}: {e}"));
        if name == "Conv" {
            assert_eq!(output_floats(&y[1]).unwrap(), [2.0; 16]);
        }
    }
}

/// Networks as they are exported keep being folded.
#[test]
fn ordinary_constants_are_still_folded() {
    let grid = net()
        .weight(longs("from", &[0]))
        .weight(floats("side", &[], &[518.0]))
        .weight(floats("zero", &[], &[0.0]))
        .weight(floats("one", &[], &[1.0]))
        .weight(longs("shape", &[1, 1, 518, 518]))
        .node(node("Range", &["zero", "side", "one"], &["line"]))
        .node(node("Div", &["line", "side"], &["unit"]))
        .node(node("Expand", &["unit", "shape"], &["grid"]))
        .node(node("Relu", &["grid"], &["y"]));
    assert_eq!(decode(grid).unwrap().steps(), 1);
}

#[test]
fn files_that_decode_to_much_more_than_they_are_are_refused() {
    let whole = |node: NodeProto, count| ModelProto {
        graph: Some(GraphProto {
            node: vec![node; count],
            ..Default::default()
        }),
        ..Default::default()
    };
    let empty = with(NodeProto::default(), vec![AttributeProto::default(); 3]);
    let bytes = whole(empty, 60_000).encode_to_vec();
    assert!(bytes.len() < 1 << 20);
    let error = Plan::decode(&bytes).unwrap_err().to_string();
    says(&error, &["not an ONNX file", "MiB of memory"]);
    // Graphs inside the attributes of graphs, without end.
    let mut deep = GraphProto::default();
    for _ in 0..60 {
        let inside = AttributeProto {
            g: Some(deep),
            ..Default::default()
        };
        deep = GraphProto {
            node: vec![with(NodeProto::default(), vec![inside])],
            ..Default::default()
        };
    }
    let deep = ModelProto {
        graph: Some(deep),
        ..Default::default()
    };
    says(
        &Plan::decode(&deep.encode_to_vec()).unwrap_err().to_string(),
        &["too deep"],
    );
}

#[test]
fn numbers_at_the_ends_of_their_range_do_not_overflow() {
    let ends = [i64::MIN, i64::MAX, -1, 0, 1];
    for op in [
        "Pad",
        "Slice",
        "ReduceSum",
        "Split",
        "Unsqueeze",
        "Squeeze",
        "Reshape",
        "Gather",
        "Mod",
    ] {
        for a in ends {
            for b in ends {
                let net = net()
                    .weight(longs("v", &[i64::MAX, i64::MAX, 3]))
                    .weight(longs("a", &[a]))
                    .weight(longs("b", &[b]))
                    .weight(longs("pads", &[a, b]))
                    .weight(longs("axis", &[0]));
                let inputs: &[&str] = match op {
                    "Pad" => &["v", "pads"],
                    "Slice" => &["v", "a", "b"],
                    "Split" => &["v", "pads"],
                    "ReduceSum" => &["v", "axis"],
                    _ => &["v", "a"],
                };
                // What it answers does not matter.
                drop(decode(net.node(node(op, inputs, &["y"]))));
            }
        }
    }
    let block = with(
        node("DepthToSpace", &["x"], &["y"]),
        vec![int("blocksize", i64::MAX)],
    );
    let plan = decode(net().node(block)).unwrap();
    let input = sora_director::onnx::input_tensor(vec![0.0; 3 * 48 * 64], &[1, 3, 48, 64]).unwrap();
    assert!(plan.run(&[input]).is_err());
}
