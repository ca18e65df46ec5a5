//! Small ONNX files that the tests of depth networks write themselves.

use std::path::{Path, PathBuf};

use candle_onnx::onnx::tensor_proto::DataType;
use candle_onnx::onnx::tensor_shape_proto::{Dimension, dimension};
use candle_onnx::onnx::{
    AttributeProto, GraphProto, ModelProto, NodeProto, OperatorSetIdProto, StringStringEntryProto,
    TensorProto, TensorShapeProto, TypeProto, ValueInfoProto, type_proto,
};
use prost::Message;
use sora_director::depth::{DepthError, DepthMap, Model, ModelChoice, Options, Reading};

pub fn node(op: &str, inputs: &[&str], outputs: &[&str]) -> NodeProto {
    NodeProto {
        op_type: op.into(),
        name: format!("the_{}", op.to_lowercase()),
        input: inputs.iter().map(|&s| s.into()).collect(),
        output: outputs.iter().map(|&s| s.into()).collect(),
        ..Default::default()
    }
}

/// A node with attributes.
pub fn with(mut node: NodeProto, attributes: Vec<AttributeProto>) -> NodeProto {
    node.attribute = attributes;
    node
}

pub fn int(name: &str, i: i64) -> AttributeProto {
    AttributeProto {
        name: name.into(),
        i,
        r#type: 2,
        ..Default::default()
    }
}

pub fn ints(name: &str, ints: &[i64]) -> AttributeProto {
    AttributeProto {
        name: name.into(),
        ints: ints.to_vec(),
        r#type: 7,
        ..Default::default()
    }
}

pub fn text(name: &str, s: &str) -> AttributeProto {
    AttributeProto {
        name: name.into(),
        s: s.into(),
        r#type: 3,
        ..Default::default()
    }
}

pub fn floats(name: &str, dims: &[i64], values: &[f32]) -> TensorProto {
    TensorProto {
        name: name.into(),
        dims: dims.to_vec(),
        data_type: DataType::Float as i32,
        raw_data: values.iter().flat_map(|v| v.to_le_bytes()).collect(),
        ..Default::default()
    }
}

pub fn longs(name: &str, values: &[i64]) -> TensorProto {
    TensorProto {
        name: name.into(),
        dims: vec![values.len() as i64],
        data_type: DataType::Int64 as i32,
        raw_data: values.iter().flat_map(|v| v.to_le_bytes()).collect(),
        ..Default::default()
    }
}

/// An input or output; a dimension that is no number is a symbol, and none at all declare nothing.
pub fn port(name: &str, element: DataType, dims: &[&str]) -> ValueInfoProto {
    let dim = |text: &&str| Dimension {
        value: Some(match text.parse() {
            Ok(n) => dimension::Value::DimValue(n),
            Err(_) => dimension::Value::DimParam((*text).into()),
        }),
        ..Default::default()
    };
    let tensor = type_proto::Tensor {
        elem_type: element as i32,
        shape: (!dims.is_empty()).then(|| TensorShapeProto {
            dim: dims.iter().map(dim).collect(),
        }),
    };
    ValueInfoProto {
        name: name.into(),
        r#type: Some(TypeProto {
            value: Some(type_proto::Value::TensorType(tensor)),
            ..Default::default()
        }),
        ..Default::default()
    }
}

/// The pictures of these tests: 64x48.
pub const PICTURE: [&str; 4] = ["1", "3", "48", "64"];

/// A network from `x` to one or more outputs.
pub struct Net {
    pub input: ValueInfoProto,
    pub nodes: Vec<NodeProto>,
    pub outputs: Vec<ValueInfoProto>,
    pub weights: Vec<TensorProto>,
    pub opset: i64,
    pub graph: String,
    pub metadata: Vec<(String, String)>,
}

impl Net {
    /// Takes `x` of this type and shape; nodes and outputs are to follow.
    pub fn new(element: DataType, dims: &[&str]) -> Self {
        Self {
            input: port("x", element, dims),
            nodes: Vec::new(),
            outputs: Vec::new(),
            weights: Vec::new(),
            opset: 17,
            graph: "main_graph".into(),
            metadata: Vec::new(),
        }
    }

    /// A 64x48 picture of floats whose answer `output` is the mean of the three channels it is fed.
    pub fn mean(output: &str) -> Self {
        Self::new(DataType::Float, &PICTURE).mean_of("x", output)
    }

    pub fn node(mut self, node: NodeProto) -> Self {
        self.nodes.push(node);
        self
    }

    pub fn weight(mut self, weight: TensorProto) -> Self {
        self.weights.push(weight);
        self
    }

    /// Declares an output that some node makes.
    pub fn output(mut self, name: &str) -> Self {
        self.outputs.push(port(name, DataType::Float, &[]));
        self
    }

    /// Adds the mean of `from`'s three channels (N, C, H, W) as an output.
    pub fn mean_of(self, from: &str, output: &str) -> Self {
        let weight = format!("third_{output}");
        self.weight(floats(&weight, &[1, 3, 1, 1], &[1.0 / 3.0; 3]))
            .node(node("Conv", &[from, &weight], &[output]))
            .output(output)
    }

    pub fn model(self) -> ModelProto {
        ModelProto {
            ir_version: 8,
            producer_name: "test".into(),
            opset_import: vec![OperatorSetIdProto {
                domain: String::new(),
                version: self.opset,
            }],
            metadata_props: self
                .metadata
                .into_iter()
                .map(|(key, value)| StringStringEntryProto { key, value })
                .collect(),
            graph: Some(GraphProto {
                name: self.graph,
                node: self.nodes,
                input: vec![self.input],
                output: self.outputs,
                initializer: self.weights,
                ..Default::default()
            }),
            ..Default::default()
        }
    }

    pub fn bytes(self) -> Vec<u8> {
        self.model().encode_to_vec()
    }

    pub fn save(self, folder: &Path, name: &str) -> PathBuf {
        let path = folder.join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, self.bytes()).unwrap();
        path
    }
}

/// Red, green and blue of every pixel of [`picture`].
pub const COLOUR: [u32; 3] = [200, 100, 50];

/// A 64x48 picture of one colour, packed.
pub fn picture() -> Vec<u32> {
    let [r, g, b] = COLOUR;
    vec![r | g << 8 | b << 16 | 255 << 24; 64 * 48]
}

/// What the mean of the channels is when they are fed from 0 to 1.
pub fn unit_mean() -> f32 {
    COLOUR.iter().map(|&c| c as f32 / 255.0).sum::<f32>() / 3.0
}

/// The same under ImageNet's normalisation.
pub fn normal_mean() -> f32 {
    let (mean, std) = ([0.485f32, 0.456, 0.406], [0.229f32, 0.224, 0.225]);
    (0..3)
        .map(|c| (COLOUR[c] as f32 / 255.0 - mean[c]) / std[c])
        .sum::<f32>()
        / 3.0
}

/// A network's answer to the picture, and what was taken for what.
pub fn answer(options: &Options) -> Result<(DepthMap, Reading), DepthError> {
    let model = Model::open(options)?;
    let map = model.estimate_picture(&picture(), 64, 48)?;
    Ok((map, model.reading(64, 48).unwrap()))
}

pub fn options(path: &Path) -> Options {
    Options {
        model: ModelChoice::Path(path.into()),
        ..Options::default()
    }
}

/// The answer of a network whose values are all one; the picture's middle stands for all of it.
pub fn value(net: Net) -> f32 {
    let folder = tempfile::tempdir().unwrap();
    let path = net.save(folder.path(), "net.onnx");
    let (map, _) = answer(&options(&path)).unwrap();
    assert_eq!([map.width, map.height], [64, 48]);
    map.values[24 * 64 + 32]
}

/// Why a network cannot be used.
pub fn refusal(net: Net) -> String {
    let folder = tempfile::tempdir().unwrap();
    let path = net.save(folder.path(), "net.onnx");
    answer(&options(&path)).unwrap_err().to_string()
}

#[track_caller]
pub fn says(error: &str, parts: &[&str]) {
    for part in parts {
        assert!(error.contains(part), "{part} is not in: {error}");
    }
}
