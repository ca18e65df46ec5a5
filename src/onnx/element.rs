//! Element types as files name them.

use candle_onnx::onnx::tensor_proto::DataType;

/// What the elements of an input or output are declared as.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Element {
    /// Single precision; also what an input without a declared type takes.
    #[default]
    Float32,
    /// Half precision.
    Float16,
    /// The upper half of single precision.
    Bfloat16,
    /// Double precision.
    Float64,
    /// Bytes from 0 to 255.
    Uint8,
    /// Any other, by its number in the ONNX specification.
    Other(i32),
}

impl Element {
    pub(super) fn of(number: i32) -> Self {
        match DataType::try_from(number) {
            Ok(DataType::Float | DataType::Undefined) => Self::Float32,
            Ok(DataType::Float16) => Self::Float16,
            Ok(DataType::Bfloat16) => Self::Bfloat16,
            Ok(DataType::Double) => Self::Float64,
            Ok(DataType::Uint8) => Self::Uint8,
            _ => Self::Other(number),
        }
    }

    /// The name that the field uses, such as `float16`.
    pub fn name(self) -> String {
        match self {
            Self::Float32 => "float32".to_owned(),
            Self::Float16 => "float16".to_owned(),
            Self::Bfloat16 => "bfloat16".to_owned(),
            Self::Float64 => "float64".to_owned(),
            Self::Uint8 => "uint8".to_owned(),
            Self::Other(number) => name(number),
        }
    }
}

/// The name of an element type by its number; newer than the parser's list are those from 21 on.
pub(super) fn name(number: i32) -> String {
    match number {
        21 => "uint4".to_owned(),
        22 => "int4".to_owned(),
        23 => "float4".to_owned(),
        25 => "uint2".to_owned(),
        26 => "int2".to_owned(),
        _ => DataType::try_from(number).map_or_else(
            |_| format!("element type {number}"),
            |kind| kind.as_str_name().to_lowercase(),
        ),
    }
}
