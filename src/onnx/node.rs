//! One node as its operator's builder sees it: attributes, opset, shape of its inputs and outputs.

use candle_core::Tensor;
use candle_onnx::onnx::attribute_proto::AttributeType;
use candle_onnx::onnx::{GraphProto, NodeProto};

use super::proto;

/// What a step is fed: one entry an input, `None` where the node leaves an optional input out.
pub(super) type Args<'a> = &'a [Option<Tensor>];

/// A built operator: its attributes are read, only tensors are missing.
pub(super) type Run = Box<dyn Fn(Args) -> candle_core::Result<Vec<Tensor>> + Send + Sync>;

/// A builder's answer; the error is in words and gets the node's name later.
pub(super) type Built = Result<Run, String>;

/// What people know a node by: its name, or its first output's.
pub(super) fn title(node: &NodeProto) -> String {
    if node.name.is_empty() {
        node.output.first().cloned().unwrap_or_default()
    } else {
        node.name.clone()
    }
}

/// A node to build.
pub(super) struct Node<'a> {
    pub proto: &'a NodeProto,
    pub opset: i64,
}

impl Node<'_> {
    /// As [`title`].
    pub fn title(&self) -> String {
        title(self.proto)
    }

    fn attribute(
        &self,
        name: &str,
        kind: AttributeType,
    ) -> Result<Option<&candle_onnx::onnx::AttributeProto>, String> {
        match self.proto.attribute.iter().find(|a| a.name == name) {
            // Old exporters leave the type out.
            Some(a) if a.r#type == kind as i32 || a.r#type == 0 => Ok(Some(a)),
            Some(_) => Err(format!("attribute '{name}' has the wrong type")),
            None => Ok(None),
        }
    }

    pub fn has(&self, name: &str) -> bool {
        self.proto.attribute.iter().any(|a| a.name == name)
    }

    pub fn int(&self, name: &str, default: i64) -> Result<i64, String> {
        Ok(self
            .attribute(name, AttributeType::Int)?
            .map_or(default, |a| a.i))
    }

    pub fn float(&self, name: &str, default: f32) -> Result<f32, String> {
        Ok(self
            .attribute(name, AttributeType::Float)?
            .map_or(default, |a| a.f))
    }

    pub fn ints(&self, name: &str) -> Result<Option<Vec<i64>>, String> {
        Ok(self
            .attribute(name, AttributeType::Ints)?
            .map(|a| a.ints.clone()))
    }

    pub fn floats(&self, name: &str) -> Result<Option<Vec<f32>>, String> {
        Ok(self
            .attribute(name, AttributeType::Floats)?
            .map(|a| a.floats.clone()))
    }

    pub fn text(&self, name: &str, default: &str) -> Result<String, String> {
        Ok(match self.attribute(name, AttributeType::String)? {
            Some(a) => String::from_utf8_lossy(&a.s).into_owned(),
            None => default.to_owned(),
        })
    }

    pub fn tensor(&self, name: &str) -> Result<Option<Tensor>, String> {
        match self.attribute(name, AttributeType::Tensor)? {
            Some(a) => match &a.t {
                Some(t) => proto::tensor(t)
                    .map(Some)
                    .map_err(|why| format!("attribute '{name}': {why}")),
                None => Err(format!("attribute '{name}' is empty")),
            },
            None => Ok(None),
        }
    }

    /// A graph inside the node.
    pub fn graph(&self, name: &str) -> Result<&GraphProto, String> {
        match self.attribute(name, AttributeType::Graph)? {
            Some(a) => a.g.as_ref(),
            None => None,
        }
        .ok_or_else(|| format!("it has no graph '{name}'"))
    }

    /// Refuses a node that asks for outputs after the first.
    pub fn one_output(&self) -> Result<(), String> {
        match self.proto.output.iter().skip(1).find(|o| !o.is_empty()) {
            Some(more) => Err(format!("its further output '{more}' is not supported")),
            None => Ok(()),
        }
    }
}
