//! The ONNX plan against ONNX Runtime's outputs, and what it says of graphs that it cannot run.

use std::path::{Path, PathBuf};

use candle_core::{DType, Tensor};
use candle_onnx::onnx::tensor_proto::DataType;
use candle_onnx::onnx::{
    AttributeProto, GraphProto, ModelProto, NodeProto, OperatorSetIdProto, TensorProto,
    ValueInfoProto,
};
use prost::Message;
use sora_director::onnx::{OnnxError, Plan, input_tensor, operators, output_floats};

use crate::common;

pub(super) fn golden() -> Vec<PathBuf> {
    graphs(&PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/golden"))
}

fn graphs(folder: &Path) -> Vec<PathBuf> {
    let mut files: Vec<PathBuf> = std::fs::read_dir(folder)
        .unwrap()
        .map(|e| e.unwrap().path())
        .filter(|p| p.extension().is_some_and(|e| e == "onnx"))
        .collect();
    files.sort();
    files
}

/// A stored tensor as the golden script writes it (always raw bytes): shape, values, whether floats.
pub(super) fn stored(t: &TensorProto) -> (Vec<usize>, Vec<f64>, bool) {
    let raw = &t.raw_data;
    let values = match DataType::try_from(t.data_type).unwrap() {
        DataType::Float => raw
            .as_chunks::<4>()
            .0
            .iter()
            .map(|&b| f64::from(f32::from_le_bytes(b)))
            .collect(),
        DataType::Int64 => raw
            .as_chunks::<8>()
            .0
            .iter()
            .map(|&b| i64::from_le_bytes(b) as f64)
            .collect(),
        DataType::Int32 => raw
            .as_chunks::<4>()
            .0
            .iter()
            .map(|&b| f64::from(i32::from_le_bytes(b)))
            .collect(),
        DataType::Bool => raw.iter().map(|&b| f64::from(b)).collect(),
        other => panic!("{other:?}"),
    };
    let dims = t.dims.iter().map(|&d| d as usize).collect();
    (dims, values, t.data_type == DataType::Float as i32)
}

pub(super) fn tensor(t: &TensorProto) -> Tensor {
    let (dims, values, float) = stored(t);
    let device = candle_core::Device::Cpu;
    let dtype = match t.data_type {
        _ if float => DType::F32,
        x if x == DataType::Bool as i32 => DType::U8,
        _ => DType::I64,
    };
    Tensor::from_vec(values, dims, &device)
        .unwrap()
        .to_dtype(dtype)
        .unwrap()
}

/// Graphs of networks that are too large to be kept here, as `benches/onnx_graphs.py` exports them: a line each of what comes.
#[test]
#[ignore = "needs DIRECTOR_TEST_GRAPHS, a folder that benches/onnx_graphs.py made"]
fn graphs_of_other_networks() {
    let folder = std::env::var("DIRECTOR_TEST_GRAPHS").expect("DIRECTOR_TEST_GRAPHS");
    let files = graphs(Path::new(&folder));
    assert!(!files.is_empty());
    let mut wrong = Vec::new();
    for file in files {
        let name = file.file_stem().unwrap().to_string_lossy().into_owned();
        let bytes = std::fs::read(&file).unwrap();
        let model = ModelProto::decode(bytes.as_slice()).unwrap();
        let weights = &model.graph.as_ref().unwrap().initializer;
        let find = |name: &str| weights.iter().find(|w| w.name == name).unwrap();
        let ran = Plan::decode(&bytes).and_then(|plan| {
            let steps = plan.steps();
            let ports = plan.inputs().iter();
            let inputs: Vec<Tensor> = ports
                .map(|port| tensor(find(&format!("in/{}", port.name))))
                .collect();
            Ok((steps, plan.run(&inputs)?))
        });
        match ran {
            Err(error) => {
                println!("{name} | {error}");
                wrong.push(name);
            }
            Ok((steps, outputs)) => {
                let (dims, want, _) = stored(find("out/y"));
                assert_eq!(outputs[0].dims(), dims, "{name}");
                let got = output_floats(&outputs[0]).unwrap();
                let most = want.iter().fold(0.0f64, |m, w| m.max(w.abs()));
                let off = got
                    .iter()
                    .zip(&want)
                    .map(|(g, w)| (f64::from(*g) - w).abs());
                let off = off.fold(0.0, f64::max) / most;
                println!("{name} | {steps} steps | {off:.1e} of the largest value");
                if !(off < 1e-3) {
                    wrong.push(name);
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:?}");
}

#[test]
fn every_golden_output_agrees_with_onnx_runtime() {
    let mut checked = 0;
    for file in golden() {
        let bytes = std::fs::read(&file).unwrap();
        let model = ModelProto::decode(bytes.as_slice()).unwrap();
        let weights = &model.graph.as_ref().unwrap().initializer;
        let find = |name: String| weights.iter().find(|w| w.name == name).unwrap();
        let plan = Plan::decode(&bytes).unwrap_or_else(|e| panic!("{}: {e}", file.display()));
        let inputs: Vec<Tensor> = plan
            .inputs()
            .iter()
            .map(|p| tensor(find(format!("in/{}", p.name))))
            .collect();
        let outputs = plan
            .run(&inputs)
            .unwrap_or_else(|e| panic!("{}: {e}", file.display()));
        for (name, got) in plan.outputs().zip(&outputs) {
            let (dims, want, float) = stored(find(format!("out/{name}")));
            let label = format!("{} {name}", file.file_name().unwrap().display());
            assert_eq!(got.dims(), dims, "{label}");
            assert_eq!(
                got.dtype() == DType::F32,
                float,
                "{label}: {:?}",
                got.dtype()
            );
            let got: Vec<f64> = got
                .to_dtype(DType::F64)
                .unwrap()
                .flatten_all()
                .unwrap()
                .to_vec1()
                .unwrap();
            for (i, (g, w)) in got.iter().zip(&want).enumerate() {
                let close = g == w
                    || g.is_nan() && w.is_nan()
                    || float && (g - w).abs() <= 2e-5 + 2e-5 * w.abs();
                assert!(close, "{label}[{i}]: {g}, ONNX Runtime {w}");
            }
            checked += 1;
        }
    }
    assert!(checked > 300, "only {checked} outputs");
}

/// As on processors that our kernels are not for.
#[test]
fn every_golden_output_agrees_without_our_kernels() {
    let names = [
        "depth::onnx::every_golden_output_agrees_with_onnx_runtime",
        // Which tells that they are left out.
        "depth::onnx::steps_run_as_one_where_nothing_else_reads_what_lies_between",
    ];
    let mut own = std::process::Command::new(std::env::current_exe().unwrap());
    let done = own
        .arg("--exact")
        .args(names)
        .env("DIRECTOR_CPU", "plain")
        .output()
        .unwrap();
    let told = String::from_utf8_lossy(&done.stdout);
    assert!(done.status.success() && told.contains("2 passed"), "{told}");
}

/// A product, its bias, its function and what is added run as one where there are kernels for that, and not where a value between is read.
#[test]
fn steps_run_as_one_where_nothing_else_reads_what_lies_between() {
    #[cfg(target_arch = "x86_64")]
    let kernels = std::is_x86_feature_detected!("avx2")
        && std::is_x86_feature_detected!("fma")
        && std::env::var_os("DIRECTOR_CPU").is_none_or(|asked| asked != "plain");
    #[cfg(not(target_arch = "x86_64"))]
    let kernels = false;
    let made = |last: [&str; 2]| {
        let mut net = model(
            vec![
                node("MatMul", &["x", "w"], &["m"]),
                node("Add", &["m", "b"], &["a"]),
                node("Relu", &["a"], &["r"]),
                node("Add", &last, &["y"]),
            ],
            "y",
            17,
        );
        let weights = &mut net.graph.as_mut().unwrap().initializer;
        weights.push(super::make::floats("w", &[2, 2], &[1.0, 0.0, 0.0, -1.0]));
        weights.push(super::make::floats("b", &[2], &[0.5, 1.0]));
        let plan = Plan::build(net).unwrap();
        let x = input_tensor(vec![1.0, 2.0], &[1, 2]).unwrap();
        let (y, stats) = plan.run_counted(&[x]).unwrap();
        (output_floats(&y[0]).unwrap(), stats.values)
    };
    assert_eq!(
        made(["r", "x"]),
        (vec![2.5, 2.0], if kernels { 1 } else { 4 })
    );
    // The function and the sum read one value each: only product and bias are one.
    assert_eq!(
        made(["r", "a"]),
        (vec![3.0, -1.0], if kernels { 3 } else { 4 })
    );
}

/// Every operator of the table stands in a golden graph.
#[test]
fn every_supported_operator_has_a_golden_case() {
    let mut seen = std::collections::BTreeSet::new();
    for file in golden() {
        let model = ModelProto::decode(std::fs::read(&file).unwrap().as_slice()).unwrap();
        seen.extend(model.graph.unwrap().node.into_iter().map(|n| n.op_type));
    }
    let missing: Vec<&str> = operators()
        .iter()
        .map(|o| o.name)
        .filter(|n| !seen.contains(*n))
        .collect();
    assert!(missing.is_empty(), "{missing:?}");
}

/// The table of docs/onnx.md is that of the code.
#[test]
fn the_documented_operators_are_those_of_the_table() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/onnx.md");
    let text = std::fs::read_to_string(path).unwrap();
    let mut told = std::collections::BTreeSet::new();
    for line in text.lines().filter(|line| line.starts_with('|')) {
        let cells: Vec<&str> = line.split('|').map(str::trim).collect();
        for pair in cells[1..].chunks_exact(2) {
            if pair[1].starts_with(|c: char| c.is_ascii_digit()) {
                told.insert(format!("{} {}", pair[0], pair[1]));
            }
        }
    }
    let known = operators().iter().map(|o| {
        let (first, last) = o.opsets.clone().into_inner();
        format!("{} {first} to {last}", o.name)
    });
    assert_eq!(told, known.collect());
}

fn node(op: &str, inputs: &[&str], outputs: &[&str]) -> NodeProto {
    NodeProto {
        op_type: op.into(),
        name: format!("the_{}", op.to_lowercase()),
        input: inputs.iter().map(|&s| s.into()).collect(),
        output: outputs.iter().map(|&s| s.into()).collect(),
        ..Default::default()
    }
}

fn model(nodes: Vec<NodeProto>, output: &str, opset: i64) -> ModelProto {
    let port = |name: &str| ValueInfoProto {
        name: name.into(),
        ..Default::default()
    };
    ModelProto {
        opset_import: vec![OperatorSetIdProto {
            domain: String::new(),
            version: opset,
        }],
        graph: Some(GraphProto {
            node: nodes,
            input: vec![port("x")],
            output: vec![port(output)],
            ..Default::default()
        }),
        ..Default::default()
    }
}

#[test]
fn values_are_freed_after_their_last_use() {
    let names: Vec<String> = (0..40).map(|i| format!("v{i}")).collect();
    let mut nodes = vec![node("Relu", &["x"], &["v0"])];
    for pair in names.windows(2) {
        nodes.push(node("Sigmoid", &[&pair[0]], &[&pair[1]]));
    }
    // An output that nobody reads dies at once, too.
    nodes.push(node("Exp", &["x"], &["unread"]));
    nodes.push(node("Add", &["v39", "x"], &["y"]));
    let plan = Plan::build(model(nodes, "y", 17)).unwrap();
    let x = input_tensor(vec![1.0; 6], &[2, 3]).unwrap();
    let (outputs, stats) = plan.run_counted(&[x]).unwrap();
    assert_eq!(stats.values, 42);
    assert_eq!(stats.peak_values, 3, "x, one value, and the next one");
    assert_eq!(outputs[0].dims(), [2, 3]);
}

#[test]
fn constants_are_folded() {
    let mut shape = node("Constant", &[], &["c"]);
    shape.attribute = vec![AttributeProto {
        name: "value_float".into(),
        f: 4.0,
        r#type: 1,
        ..Default::default()
    }];
    let nodes = vec![
        shape,
        node("Sqrt", &["c"], &["r"]),
        node("Mul", &["x", "r"], &["y"]),
    ];
    let plan = Plan::build(model(nodes, "y", 17)).unwrap();
    assert_eq!(plan.steps(), 1);
    let y = plan
        .run(&[input_tensor(vec![1.0, 3.0], &[2]).unwrap()])
        .unwrap();
    assert_eq!(output_floats(&y[0]).unwrap(), [2.0, 6.0]);
}

#[test]
fn faulty_graphs_are_told_by_node_operator_and_opset() {
    let build = |nodes, output, opset| {
        Plan::build(model(nodes, output, opset))
            .unwrap_err()
            .to_string()
    };
    let mut foreign = node("FusedConv", &["x"], &["y"]);
    foreign.domain = "com.microsoft".into();
    for (error, parts) in [
        (
            build(vec![node("Det", &["x"], &["y"])], "y", 17),
            vec!["'the_det'", "Det", "opset 17"],
        ),
        (
            build(vec![node("Gelu", &["x"], &["y"])], "y", 17),
            vec!["'the_gelu'", "opset 17", "20 to"],
        ),
        (
            build(vec![node("Relu", &["x"], &["y"])], "y", 6),
            vec!["Relu", "opset 6", "7 to"],
        ),
        (
            build(vec![node("Relu", &["x"], &["y"])], "y", 99),
            vec!["Relu", "opset 99"],
        ),
        (
            build(vec![foreign], "y", 17),
            vec!["'the_fusedconv'", "com.microsoft.FusedConv"],
        ),
        (
            build(vec![node("Concat", &["x"], &["y"])], "y", 17),
            vec!["'the_concat'", "Concat", "'axis'"],
        ),
        (
            build(vec![node("Relu", &["gone"], &["y"])], "y", 17),
            vec!["'the_relu'", "'gone'"],
        ),
        (
            build(vec![node("Relu", &["x"], &["y"])], "z", 17),
            vec!["output 'z'"],
        ),
        (
            build(vec![node("Relu", &["x"], &["x"])], "x", 17),
            vec!["two values", "'x'"],
        ),
    ] {
        for part in parts {
            assert!(error.contains(part), "{part} is not in: {error}");
        }
    }
}

#[test]
fn run_time_faults_name_the_node() {
    let plan = Plan::build(model(vec![node("Conv", &["x", "x"], &["y"])], "y", 17)).unwrap();
    let x = input_tensor(vec![0.0; 6], &[2, 3]).unwrap();
    let error = plan.run(&[x]).unwrap_err();
    assert!(matches!(error, OnnxError::Node { .. }), "{error}");
    assert!(error.to_string().contains("'the_conv'"), "{error}");
    assert!(matches!(plan.run(&[]), Err(OnnxError::Input(_))));
}

/// Cut anywhere, or with bytes turned over, a file gives an error or a plan, never a panic.
#[test]
fn damaged_files_do_not_panic() {
    let mut rng = common::Rng(3);
    for file in golden() {
        let bytes = std::fs::read(&file).unwrap();
        // The graph ends the file, so a cut in it shows.
        assert!(
            Plan::decode(&bytes[..bytes.len() / 2]).is_err(),
            "{}",
            file.display()
        );
        for k in 0..30 {
            let mut bad = bytes.clone();
            if k % 3 == 0 {
                bad.truncate(rng.u32() as usize % bad.len());
            }
            for _ in 0..3.min(bad.len()) {
                let at = rng.u32() as usize % bad.len();
                bad[at] = rng.u32() as u8;
            }
            let Ok(plan) = Plan::decode(&bad) else {
                continue;
            };
            let inputs: Vec<Tensor> = plan
                .inputs()
                .iter()
                .map(|p| {
                    let dims: Vec<usize> = p.dims.iter().map(|d| d.unwrap_or(1).min(8)).collect();
                    input_tensor(vec![0.5; dims.iter().product()], &dims).unwrap()
                })
                .collect();
            // What it answers does not matter.
            drop(plan.run(&inputs));
        }
    }
}

/// The same picture as `depth_anything` of tests/golden/make.py draws.
#[test]
fn the_real_network_agrees_with_onnx_runtime() {
    let Some(file) = common::shared("models/depth_anything_v2_small_294x518.onnx") else {
        return;
    };
    let plan = Plan::read(&file).unwrap();
    let (mean, std) = ([0.485f32, 0.456, 0.406], [0.229f32, 0.224, 0.225]);
    let mut image = Vec::new();
    for c in 0..3 {
        for y in 0..294i32 {
            for x in 0..518i32 {
                let shade = if (x - 300).abs() < 60 && (y - 160).abs() < 70 {
                    230 - y / 2
                } else if y < 147 {
                    60 + x * 120 / 517
                } else {
                    90 + (x / (1 + (y - 140) / 8) + y / 16) % 2 * 100
                };
                let shade = shade * (10 - c as i32) / 10;
                image.push((shade as f32 / 255.0 - mean[c]) / std[c]);
            }
        }
    }
    let answer = plan
        .run(&[input_tensor(image, &[1, 3, 294, 518]).unwrap()])
        .unwrap();
    let answer = output_floats(&answer[0]).unwrap();
    let golden = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/tests/golden/depth_anything_v2_small_294x518.f32"
    );
    let bytes = std::fs::read(golden).unwrap();
    let want: Vec<f32> = bytes
        .as_chunks::<4>()
        .0
        .iter()
        .map(|&b| f32::from_le_bytes(b))
        .collect();
    assert_eq!(want.len(), 21 * 37);
    let worst = want
        .iter()
        .enumerate()
        .map(|(i, w)| (answer[i / 37 * 14 * 518 + i % 37 * 14] - w).abs())
        .fold(0.0, f32::max);
    assert!(worst < 1e-3, "largest error {worst}");
}
