//! Networks on the GPU: each kernel beside its twin at odd sizes, each golden graph beside ONNX Runtime, and the depth stage beside the
//! CPU's.

use candle_core::{DType, Tensor};
use candle_onnx::onnx::tensor_proto::DataType;
use candle_onnx::onnx::{GraphProto, ModelProto, OperatorSetIdProto, ValueInfoProto};
use prost::Message;
use sora_director::depth::{self, DepthError, Model, ModelChoice, Place};
use sora_director::gpu::caps::Limits;
use sora_director::gpu::{AdapterChoice, Gpu, GpuError, groups_1d};
use sora_director::monitor::Silent;
use sora_director::onnx::device::{
    CONV, ConvParams, FOLD, FoldParams, MAP, MATMUL, MapParams, MatmulParams, NORM, NormParams,
    RESAMPLE, ResampleParams, SOFTMAX, SoftmaxParams, TILE, Value, Weights, floats, uploaded,
};
use sora_director::onnx::picture::{CHANNELS, ChannelsParams};
use sora_director::onnx::{Plan, Taps, input_tensor, output_floats};
use sora_director::video::{Frames, VideoInfo};

use super::make::{self, Net, int, ints, longs, node, with};
use super::onnx::{golden, stored, tensor};
use crate::common::parity::Case;
use crate::common::{Rng, gpu};

fn numbers(n: usize, rng: &mut Rng) -> Vec<f32> {
    (0..n).map(|_| rng.normal()).collect()
}

fn tiles(columns: usize, rows: usize, count: usize) -> [u32; 3] {
    [columns.div_ceil(TILE), rows.div_ceil(TILE), count].map(|n| n as u32)
}

#[test]
fn products_match_their_twin_however_their_operands_lie() {
    let mut rng = Rng(3);
    for [m, n, k, count] in [
        [1, 1, 1, 1],
        [64, 64, 16, 1],
        [65, 63, 17, 2],
        [3, 130, 40, 3],
        [129, 2, 5, 1],
    ] {
        let (a, b) = (
            numbers(m * k * count, &mut rng),
            numbers(k * n * count, &mut rng),
        );
        let bias = numbers(n, &mut rng);
        for turn in [false, true] {
            let lie = |rows: usize, columns: usize| match turn {
                true => [1, rows],
                false => [columns, 1],
            };
            let [a_row, a_term] = lie(m, k);
            let [b_term, b_column] = lie(k, n);
            let all = |four: [usize; 4]| four.map(|v| v as u32);
            // The second operand is the same for all where it is turned.
            let b_matrix = if turn { 0 } else { k * n };
            Case::new(
                &MATMUL,
                MatmulParams {
                    size: all([m, n, k, count]),
                    a: all([0, a_row, a_term, m * k]),
                    b: all([0, b_term, b_column, b_matrix]),
                    bias: u32::from(turn),
                    pad: 0,
                    scale: [0.5, 2.0],
                },
            )
            .input(&a)
            .input(&b)
            .input(&bias)
            .output::<f32>(m * n * count)
            .run(tiles(n, m, count));
        }
    }
}

#[test]
fn convolutions_match_their_twin() {
    let mut rng = Rng(4);
    // Channels of a group, height, width, groups; output channels of a group, images; kernel, pads, strides, dilations.
    for (input, [o, images], [kh, kw], pads, step) in [
        ([1, 1, 1, 1], [1, 1], [1, 1], [0, 0], [1, 1, 1, 1]),
        ([3, 9, 7, 1], [70, 1], [3, 3], [1, 1], [1, 1, 1, 1]),
        ([5, 14, 11, 2], [3, 2], [3, 2], [1, 0], [2, 1, 1, 2]),
        ([2, 28, 28, 1], [4, 1], [14, 14], [0, 0], [14, 14, 1, 1]),
        ([1, 6, 5, 6], [1, 1], [5, 5], [2, 2], [1, 1, 1, 1]),
    ] {
        let [c, h, w, groups]: [u32; 4] = input;
        let out = |side: u32, k: u32, pad: u32, stride: u32, dilation: u32| {
            (side + 2 * pad - dilation * (k - 1) - 1) / stride + 1
        };
        let [down, across, dilate_y, dilate_x]: [u32; 4] = step;
        let oh = out(h, kh, pads[0], down, dilate_y);
        let ow = out(w, kw, pads[1], across, dilate_x);
        let all = |list: &[u32]| list.iter().product::<u32>() as usize;
        for bias in [0, 1] {
            Case::new(
                &CONV,
                ConvParams {
                    input,
                    output: [o, oh, ow, images],
                    window: [kh, kw, pads[0], pads[1]],
                    step,
                    bias,
                    ..ConvParams::default()
                },
            )
            .input(&numbers(all(&[images, groups, c, h, w]), &mut rng))
            .input(&numbers(all(&[groups, o, c, kh, kw]), &mut rng))
            .input(&numbers(all(&[groups, o]), &mut rng))
            .output::<f32>(all(&[images, groups, o, oh, ow]))
            .run(tiles(all(&[oh, ow]), o as usize, all(&[images, groups])));
        }
    }
}

#[test]
fn functions_of_elements_match_their_twin() {
    let mut rng = Rng(5);
    let a = numbers(6 * 50, &mut rng);
    let b = numbers(50, &mut rng);
    let positive: Vec<f32> = a.iter().map(|v| v.abs() + 0.1).collect();
    let mut lost = a.clone();
    lost.iter_mut().step_by(3).for_each(|v| *v = f32::NAN);
    for what in 0..25 {
        for second in [0, 1] {
            // Logarithms and roots are of what has them.
            let a = match what {
                4 | 13 | 14 | 21 => &positive,
                24 => &lost,
                _ => &a,
            };
            // Turned: 50 rows of 6, one b a row; the result has a gap after each row.
            Case::new(
                &MAP,
                MapParams {
                    count: 300,
                    what,
                    second,
                    pad: 0,
                    first: [0, 0, 2, 0],
                    numbers: [0.3, 0.4, 0.0, 0.0],
                    dims: [[1, 1, 1, 1], [1, 1, 50, 6]],
                    a: [[0; 4], [0, 0, 1, 50]],
                    b: [[0; 4], [0, 0, 1, 0]],
                    y: [[0; 4], [0, 0, 7, 1]],
                },
            )
            .input(a)
            .input(&b)
            .update(&vec![0.25f32; 2 + 50 * 7])
            .run(groups_1d(300, MAP.workgroup[0]));
        }
    }
}

#[test]
fn rows_match_their_twins() {
    let mut rng = Rng(6);
    for (rows, length) in [(1u32, 1u32), (3, 64), (5, 200), (70_000, 3)] {
        let n = (rows * length) as usize;
        let x = numbers(n, &mut rng);
        let groups = groups_1d(rows as usize, 1);
        let softmax = SoftmaxParams {
            rows,
            length,
            ..SoftmaxParams::default()
        };
        Case::new(&SOFTMAX, softmax)
            .input(&x)
            .output::<f32>(n)
            .run(groups);
        for what in 0..2 {
            let fold = FoldParams {
                rows,
                length,
                what,
                pad: 0,
            };
            Case::new(&FOLD, fold)
                .input(&x)
                .output::<f32>(rows as usize)
                .run(groups);
        }
        for period in [0, 2] {
            let each = if period == 0 { length } else { period } as usize;
            let norm = NormParams {
                rows,
                length,
                period,
                epsilon: 1e-3,
            };
            Case::new(&NORM, norm)
                .input(&x)
                .input(&numbers(each, &mut rng))
                .input(&numbers(each, &mut rng))
                .output::<f32>(n)
                .run(groups);
        }
    }
}

#[test]
fn resampling_and_channels_match_their_twins() {
    let mut rng = Rng(7);
    for (outer, inputs, inner, outputs) in [(1u32, 1u32, 1u32, 4u32), (3, 17, 5, 9), (2, 4, 1, 30)]
    {
        let taps = Taps::area(inputs as usize, outputs as usize);
        // As the kernel is given them: so many of each place.
        let each = (2.0 * (inputs as f32 / outputs as f32).max(1.0)).ceil() as u32 + 1;
        let index: Vec<u32> = (0..outputs * each).map(|_| rng.u32() % inputs).collect();
        let weight: Vec<f32> = (0..outputs * each)
            .map(|i| if i % 3 == 0 { 0.0 } else { rng.f32() })
            .collect();
        assert_eq!(taps.len(), outputs as usize);
        let count = outer * outputs * inner;
        let params = ResampleParams {
            count,
            inputs,
            outputs,
            inner,
            taps: each,
            first: 1,
            ..ResampleParams::default()
        };
        Case::new(&RESAMPLE, params)
            .input(&numbers(1 + (outer * inputs * inner) as usize, &mut rng))
            .input(&index)
            .input(&weight)
            .output::<f32>(count as usize)
            .run(groups_1d(count as usize, RESAMPLE.workgroup[0]));
    }
    let rgba: Vec<u32> = (0..130).map(|_| rng.u32()).collect();
    let params = ChannelsParams {
        count: 130,
        less: [0.485, 0.456, 0.406, 0.0],
        times: [4.4, 4.5, 4.6, 0.0],
        ..ChannelsParams::default()
    };
    Case::new(&CHANNELS, params)
        .input(&rgba)
        .output::<f32>(390)
        .run(groups_1d(130, CHANNELS.workgroup[0]));
}

/// Operators of the table that have no kernel, or not for all that the golden graphs ask of them: they run on the host.
const ON_HOST: [&str; 80] = [
    "Acos",
    "Acosh",
    "ArgMax",
    "ArgMin",
    "Asin",
    "Asinh",
    "Atan",
    "Atanh",
    "Attention",
    "AveragePool",
    "BatchNormalization",
    "Cast",
    "CastLike",
    "Ceil",
    "Celu",
    "ConvTranspose",
    "Cos",
    "Cosh",
    "CumSum",
    "DepthToSpace",
    "Einsum",
    "Equal",
    "Floor",
    "Gather",
    "GatherElements",
    "GatherND",
    "Gelu",
    "Gemm",
    "Greater",
    "GreaterOrEqual",
    "GridSample",
    "GroupNormalization",
    "If",
    "IsNaN",
    "Less",
    "LessOrEqual",
    "LogSoftmax",
    "LpNormalization",
    "MatMul",
    "Max",
    "MaxPool",
    "Mean",
    "Min",
    "Mish",
    "Mod",
    "NonZero",
    "Pad",
    "Pow",
    "RMSNormalization",
    "ReduceL1",
    "ReduceL2",
    "ReduceLogSum",
    "ReduceLogSumExp",
    "ReduceMax",
    "ReduceMean",
    "ReduceMin",
    "ReduceProd",
    "ReduceSum",
    "ReduceSumSquare",
    "RotaryEmbedding",
    "Round",
    "ScatterElements",
    "ScatterND",
    "Selu",
    "Sign",
    "Sin",
    "Sinh",
    "Slice",
    "Softmax",
    "Softplus",
    "Softsign",
    "SpaceToDepth",
    "Sum",
    "Swish",
    "Tan",
    "ThresholdedRelu",
    "Tile",
    "TopK",
    "Trilu",
    "Where",
];

#[test]
fn every_golden_output_on_the_gpu_agrees_with_onnx_runtime() {
    let mut on_host = std::collections::BTreeSet::new();
    let (mut checked, mut made) = (0, 0);
    for file in golden() {
        let bytes = std::fs::read(&file).unwrap();
        let model = ModelProto::decode(bytes.as_slice()).unwrap();
        let kept = &model.graph.as_ref().unwrap().initializer;
        let find = |name: String| kept.iter().find(|w| w.name == name).unwrap();
        let plan = Plan::decode(&bytes).unwrap();
        let weights = Weights::new(&gpu(), &plan);
        let fed = |p: &sora_director::onnx::Port| {
            let tensor: Tensor = tensor(find(format!("in/{}", p.name)));
            uploaded(&weights, &tensor).unwrap()
        };
        let ran = plan
            .run_on(&weights, plan.inputs().iter().map(fed).collect())
            .unwrap_or_else(|e| panic!("{}: {e}", file.display()));
        on_host.extend(ran.on_host);
        for (name, got) in plan.outputs().zip(&ran.outputs) {
            let (dims, want, float) = stored(find(format!("out/{name}")));
            let label = format!("{} {name}", file.file_name().unwrap().display());
            assert_eq!(got.dims(), dims, "{label}");
            let got: Vec<f64> = match got {
                Value::Host(tensor) => {
                    assert_eq!(tensor.dtype() == DType::F32, float, "{label}");
                    let flat = tensor.to_dtype(DType::F64).unwrap().flatten_all();
                    flat.unwrap().to_vec1().unwrap()
                }
                value => {
                    assert!(float, "{label}");
                    made += 1;
                    let values = floats(&weights, value).unwrap();
                    values.into_iter().map(f64::from).collect()
                }
            };
            for (i, (g, w)) in got.iter().zip(&want).enumerate() {
                let close = g == w
                    || g.is_nan() && w.is_nan()
                    || float && (g - w).abs() <= 5e-5 + 5e-5 * w.abs();
                assert!(close, "{label}[{i}]: {g}, ONNX Runtime {w}");
            }
            checked += 1;
        }
    }
    assert!(checked > 300 && made > 100, "{made} of {checked} outputs");
    let on_host: Vec<&str> = on_host.iter().map(String::as_str).collect();
    assert_eq!(on_host, ON_HOST);
}

#[test]
fn depth_on_the_gpu_is_that_of_the_cpu() {
    let gpu = gpu();
    let [w, h] = [64u32, 36];
    let frames = Frames {
        rgba: (0..2u32)
            .map(|t| {
                let pixel = |i: u32| {
                    let (x, y) = (i % w, i / w);
                    (40 + 3 * x + t) & 255
                        | ((5 * y) & 255) << 8
                        | ((x * y / 9) & 255) << 16
                        | 255 << 24
                };
                let pixels: Vec<u32> = (0..w * h).map(pixel).collect();
                gpu.upload(&pixels).unwrap()
            })
            .collect(),
        width: w,
        height: h,
        times: vec![0.0, 0.1],
        info: VideoInfo::default(),
        faults: Vec::new(),
        sources: Vec::new(),
    };
    let made = |on| {
        let options = depth::Options {
            model: ModelChoice::Embedded,
            on,
            ..depth::Options::default()
        };
        let model = Model::open(&options).unwrap();
        model.estimate(&gpu, &frames, &Silent).unwrap()
    };
    let (cpu, device) = (made(Place::Cpu), made(Place::Gpu));
    for (a, b) in cpu.maps.iter().flatten().zip(device.maps.iter().flatten()) {
        assert_eq!([a.width, a.height], [b.width, b.height]);
        let most = a.values.iter().copied().fold(0.0f32, |m, v| m.max(v.abs()));
        for (a, b) in a.values.iter().zip(&b.values) {
            assert!((a - b).abs() <= 1e-4 * most, "{a} {b}");
        }
    }
    assert_eq!(device.maps.iter().flatten().count(), 2);
    assert!(cpu.maps[0].as_ref().unwrap().values != cpu.maps[1].as_ref().unwrap().values);
}

#[test]
fn what_is_picked_turned_and_repeated_is_read_where_it_lies() {
    let wave = |n: usize| -> Vec<f32> { (0..n).map(|i| (i as f32 * 0.7).sin()).collect() };
    let nodes = vec![
        // Two of the inner rows on, so that nothing begins at the beginning.
        node("Slice", &["x", "starts", "ends", "axes"], &["part"]),
        with(
            node("Transpose", &["part"], &["turned"]),
            vec![ints("perm", &[0, 2, 1])],
        ),
        node("MatMul", &["turned", "part"], &["square"]),
        node("Expand", &["right", "two"], &["rights"]),
        node("MatMul", &["square", "rights"], &["product"]),
        node("MatMul", &["turned", "flat"], &["rows"]),
        node("Softmax", &["turned"], &["shares"]),
        node("LayerNormalization", &["turned", "scale"], &["normal"]),
        with(
            node("Split", &["turned"], &["first", "second"]),
            vec![int("axis", 2)],
        ),
        with(
            node("Concat", &["second", "first"], &["swapped"]),
            vec![int("axis", 2)],
        ),
        node("Reshape", &["swapped", "shape"], &["long"]),
        node("Unsqueeze", &["second", "one"], &["picture"]),
        with(
            node("Conv", &["picture", "kernel"], &["blurred"]),
            vec![ints("pads", &[1, 1, 1, 1])],
        ),
        node("Resize", &["picture", "", "scales"], &["larger"]),
        node("Mul", &["second", "number"], &["times"]),
        with(
            node("Gather", &["turned", "last"], &["row"]),
            vec![int("axis", 1)],
        ),
        node("Slice", &["x", "ends", "ends", "axes"], &["nothing"]),
        node("Relu", &["nothing"], &["none"]),
    ];
    let outputs = [
        "product", "rows", "shares", "normal", "long", "blurred", "larger", "times", "row", "none",
    ];
    let port = |name: &&str| ValueInfoProto {
        name: (*name).into(),
        ..Default::default()
    };
    let plan = Plan::build(ModelProto {
        opset_import: vec![OperatorSetIdProto {
            domain: String::new(),
            version: 17,
        }],
        graph: Some(GraphProto {
            node: nodes,
            initializer: vec![
                longs("starts", &[1]),
                longs("ends", &[5]),
                longs("axes", &[1]),
                longs("two", &[2, 1, 1]),
                longs("shape", &[2, -1]),
                longs("one", &[1]),
                longs("last", &[-1]),
                make::floats("right", &[1, 8, 3], &wave(24)),
                make::floats("flat", &[4, 5], &wave(20)),
                make::floats("scale", &[4], &[0.5, 1.0, 1.5, 2.0]),
                make::floats("kernel", &[3, 1, 3, 3], &wave(27)),
                make::floats("scales", &[4], &[1.0, 1.0, 2.0, 2.5]),
                make::floats("number", &[1], &[3.0]),
            ],
            input: vec![port(&"x")],
            output: outputs.iter().map(port).collect(),
            ..Default::default()
        }),
        ..Default::default()
    })
    .unwrap();
    let x = input_tensor(wave(2 * 6 * 8), &[2, 6, 8]).unwrap();
    let want = plan.run(std::slice::from_ref(&x)).unwrap();
    let weights = Weights::new(&gpu(), &plan);
    let fed = uploaded(&weights, &x).unwrap();
    let ran = plan.run_on(&weights, vec![fed]).unwrap();
    // What is empty is nothing for a kernel to do, which is the host's to say.
    assert!(ran.on_host.len() <= 1, "{:?}", ran.on_host);
    for ((name, want), got) in outputs.iter().zip(&want).zip(&ran.outputs) {
        assert_eq!(want.dims(), got.dims(), "{name}");
        let want = output_floats(want).unwrap();
        let got = floats(&weights, got).unwrap();
        for (i, (g, w)) in got.iter().zip(&want).enumerate() {
            assert!(
                (g - w).abs() <= 1e-5 + 1e-5 * w.abs(),
                "{name}[{i}]: {g}, {w}"
            );
        }
    }
    let other = Plan::decode(&std::fs::read(&golden()[0]).unwrap()).unwrap();
    let wrong = Weights::new(&gpu(), &other);
    let error = plan.run_on(&wrong, vec![Value::Host(x)]).unwrap_err();
    assert!(error.to_string().contains("another network"), "{error}");
}

#[test]
fn what_the_gpu_cannot_hold_is_told_as_such_and_runs_on_the_cpu() {
    let small = Gpu::open_within(&AdapterChoice::Auto, Limits::Low(16 << 20)).unwrap();
    let [w, h] = [700u32, 420];
    let frames = Frames {
        rgba: vec![
            small
                .upload(&vec![0xff80_4020u32; (w * h) as usize])
                .unwrap(),
        ],
        width: w,
        height: h,
        times: vec![0.0],
        info: VideoInfo::default(),
        faults: Vec::new(),
        sources: Vec::new(),
    };
    // A tensor of 16 channels at the picture's size is over what a small device binds.
    let net = Net::new(DataType::Float, &["1", "3", "420", "700"])
        .node(node("Conv", &["x", "kernel"], &["many"]))
        .node(node("Conv", &["many", "mean"], &["depth"]))
        .weight(make::floats("kernel", &[16, 3, 1, 1], &[0.1; 48]))
        .weight(make::floats("mean", &[1, 16, 1, 1], &[1.0; 16]))
        .output("depth");
    let folder = tempfile::tempdir().unwrap();
    let file = net.save(folder.path(), "wide.onnx");
    let made = |on| {
        let options = depth::Options {
            model: ModelChoice::Path(file.clone()),
            on,
            ..depth::Options::default()
        };
        let model = Model::open(&options).unwrap();
        model.estimate(&small, &frames, &Silent)
    };
    match made(Place::Gpu) {
        Err(DepthError::Gpu(error)) => {
            assert!(matches!(error, GpuError::TooLarge { .. }), "{error}");
        }
        other => panic!("{other:?}"),
    }
    assert!(made(Place::Cpu).is_ok());
}
