//! Reads candle-onnx's protobuf: tensors, declared shapes.

use candle_core::{Device, Tensor};
use candle_onnx::onnx::tensor_proto::{DataLocation, DataType};
use candle_onnx::onnx::tensor_shape_proto::dimension;
use candle_onnx::onnx::{TensorProto, ValueInfoProto, type_proto};
use half::{bf16, f16};

use super::element::{self, Element};
use super::mend;
use super::plan::{self, Port};
use super::room::checked_size;

/// A tensor in the plan's types: floats as f32, integers as i64, booleans as u8.
///
/// # Errors
/// In words: element type, external data, or a data length that does not fit the shape.
pub(super) fn tensor(proto: &TensorProto) -> Result<Tensor, String> {
    if proto.data_location() == DataLocation::External || !proto.external_data.is_empty() {
        return Err("its data lies in a separate file".into());
    }
    let dims: Vec<usize> = proto
        .dims
        .iter()
        .map(|&d| usize::try_from(d).map_err(|_| format!("shape {:?}", proto.dims)))
        .collect::<Result<_, _>>()?;
    let count = checked_size(&dims)?;
    if mend::is_quantised_type(proto.data_type) {
        return Err(format!(
            "{} values, as only quantised networks have them: take the float export (float32 or float16)",
            element::name(proto.data_type)
        ));
    }
    let kind = DataType::try_from(proto.data_type)
        .map_err(|_| format!("unknown element type {}", proto.data_type))?;
    let made = match kind {
        DataType::Float => typed(floats(proto, count)?, &dims),
        DataType::Double => {
            let data = if proto.raw_data.is_empty() {
                proto.double_data.iter().map(|&x| x as f32).collect()
            } else {
                raw(&proto.raw_data, |b| f64::from_le_bytes(b) as f32)
            };
            typed(fits(data, count)?, &dims)
        }
        DataType::Float16 => {
            let data = halves(proto, |bits| f16::from_bits(bits).to_f32());
            typed(fits(data, count)?, &dims)
        }
        DataType::Bfloat16 => {
            let data = halves(proto, |bits| bf16::from_bits(bits).to_f32());
            typed(fits(data, count)?, &dims)
        }
        DataType::Int64 => {
            let data = if proto.raw_data.is_empty() {
                proto.int64_data.clone()
            } else {
                raw(&proto.raw_data, i64::from_le_bytes)
            };
            typed(fits(data, count)?, &dims)
        }
        DataType::Int32 => typed(small_ints(proto, count, i32::from_le_bytes)?, &dims),
        DataType::Int16 => typed(small_ints(proto, count, i16::from_le_bytes)?, &dims),
        DataType::Int8 => typed(small_ints(proto, count, i8::from_le_bytes)?, &dims),
        DataType::Uint8 => typed(small_ints(proto, count, u8::from_le_bytes)?, &dims),
        DataType::Uint16 => typed(small_ints(proto, count, u16::from_le_bytes)?, &dims),
        DataType::Bool => {
            let data: Vec<i64> = small_ints(proto, count, u8::from_le_bytes)?;
            let data: Vec<u8> = data.iter().map(|&x| u8::from(x != 0)).collect();
            Tensor::from_vec(data, dims.as_slice(), &Device::Cpu)
        }
        DataType::Uint32 => {
            let data = if proto.raw_data.is_empty() {
                proto.uint64_data.iter().map(|&x| x as i64).collect()
            } else {
                raw(&proto.raw_data, |b| u32::from_le_bytes(b).into())
            };
            typed(fits(data, count)?, &dims)
        }
        other => {
            return Err(format!(
                "{} values are not supported; export it again with floats",
                other.as_str_name().to_lowercase()
            ));
        }
    };
    made.map_err(|e| plan::words(&e))
}

fn typed<T: candle_core::WithDType>(data: Vec<T>, dims: &[usize]) -> candle_core::Result<Tensor> {
    Tensor::from_vec(data, dims, &Device::Cpu)
}

fn raw<const N: usize, T>(bytes: &[u8], read: impl Fn([u8; N]) -> T) -> Vec<T> {
    let (whole, _) = bytes.as_chunks::<N>();
    whole.iter().map(|&b| read(b)).collect()
}

fn fits<T>(data: Vec<T>, count: usize) -> Result<Vec<T>, String> {
    if data.len() == count {
        Ok(data)
    } else {
        Err(format!("{} values where its shape has {count}", data.len()))
    }
}

fn floats(proto: &TensorProto, count: usize) -> Result<Vec<f32>, String> {
    let data = if proto.raw_data.is_empty() {
        proto.float_data.clone()
    } else {
        raw(&proto.raw_data, f32::from_le_bytes)
    };
    fits(data, count)
}

fn halves(proto: &TensorProto, read: impl Fn(u16) -> f32) -> Vec<f32> {
    if proto.raw_data.is_empty() {
        proto.int32_data.iter().map(|&x| read(x as u16)).collect()
    } else {
        raw(&proto.raw_data, |b| read(u16::from_le_bytes(b)))
    }
}

fn small_ints<const N: usize, T: Into<i64>>(
    proto: &TensorProto,
    count: usize,
    read: impl Fn([u8; N]) -> T,
) -> Result<Vec<i64>, String> {
    let data = if proto.raw_data.is_empty() {
        proto.int32_data.iter().map(|&x| i64::from(x)).collect()
    } else {
        raw(&proto.raw_data, |b| read(b).into())
    };
    fits(data, count)
}

/// What an input or output declares of itself.
pub(super) fn port(value: &ValueInfoProto, slot: usize) -> Port {
    let mut port = Port {
        name: value.name.clone(),
        dims: Vec::new(),
        symbols: Vec::new(),
        element: Element::default(),
        slot,
    };
    let kind = value.r#type.as_ref().and_then(|t| t.value.as_ref());
    let Some(type_proto::Value::TensorType(tensor)) = kind else {
        return port;
    };
    port.element = Element::of(tensor.elem_type);
    for dim in tensor.shape.iter().flat_map(|s| &s.dim) {
        let (size, symbol) = match &dim.value {
            Some(dimension::Value::DimValue(n)) => {
                (usize::try_from(*n).ok().filter(|&n| n > 0), String::new())
            }
            Some(dimension::Value::DimParam(symbol)) => (None, symbol.clone()),
            None => (None, String::new()),
        };
        port.dims.push(size);
        port.symbols.push(symbol);
    }
    port
}
