//! The numbers of an accessor.

use serde_json::Value;

use super::{list, number};

/// The values of an accessor of a document with `width` (1 to 4) of them an element; `binary` is the file's buffer.
pub(crate) fn values(
    document: &Value,
    binary: &[u8],
    at: usize,
    width: usize,
) -> Result<Vec<f64>, String> {
    let told = |e: &str| format!("accessor {at}: {e}");
    let accessors = list(document, "accessors");
    let accessor = accessors.get(at).ok_or_else(|| told("there is none"))?;
    if accessor.get("sparse").is_some() {
        return Err(told("is sparse, which is not read; export it without"));
    }
    let kind = accessor.get("type").and_then(Value::as_str);
    if kind != Some(["SCALAR", "VEC2", "VEC3", "VEC4"][width - 1]) {
        return Err(told("has another type than its use asks for"));
    }
    let count = number(accessor, "count").ok_or_else(|| told("has no count"))?;
    let component = number(accessor, "componentType").unwrap_or(0);
    let bytes = match component {
        5120 | 5121 => 1,
        5122 | 5123 => 2,
        5125 | 5126 => 4,
        _ => return Err(told("has an unknown component type")),
    };
    let view = number(accessor, "bufferView")
        .and_then(|view| list(document, "bufferViews").get(view))
        .ok_or_else(|| told("has no view of the buffer"))?;
    let buffer = number(view, "buffer").unwrap_or(0);
    let outside = list(document, "buffers")
        .get(buffer)
        .is_none_or(|b| b.get("uri").is_some());
    if buffer != 0 || outside {
        return Err(told("lies outside the file; pack it all into one .glb"));
    }
    let normal = accessor.get("normalized").and_then(Value::as_bool) == Some(true);
    let stride = number(view, "byteStride").unwrap_or(width * bytes);
    // A stride of nothing would let a file of a few bytes stand for any number of values.
    if stride < width * bytes {
        return Err(told("has a byteStride shorter than one of its elements"));
    }
    let short = || told("reaches past the end of the buffer; the file is cut short or damaged");
    let offset = |value: &Value| match value.get("byteOffset") {
        Some(_) => number(value, "byteOffset")
            .ok_or_else(|| told("has a byteOffset that is no whole number from 0 on")),
        None => Ok(0),
    };
    let first = offset(view)?
        .checked_add(offset(accessor)?)
        .ok_or_else(short)?;
    let last = match count {
        0 => Some(first),
        _ => (count - 1)
            .checked_mul(stride)
            .and_then(|n| n.checked_add(first)?.checked_add(width * bytes)),
    };
    if last.is_none_or(|last| last > binary.len()) {
        return Err(short());
    }
    let mut values = Vec::with_capacity(count * width);
    for i in 0..count {
        for k in 0..width {
            let b = &binary[first + i * stride + k * bytes..][..bytes];
            let (value, most) = match (component, b) {
                (5120, &[b]) => (f64::from(b as i8), 127.0),
                (5121, &[b]) => (f64::from(b), 255.0),
                (5122, &[a, b]) => (f64::from(i16::from_le_bytes([a, b])), 32767.0),
                (5123, &[a, b]) => (f64::from(u16::from_le_bytes([a, b])), 65535.0),
                (5125, &[a, b, c, d]) => (f64::from(u32::from_le_bytes([a, b, c, d])), 1.0),
                (_, &[a, b, c, d]) => (f64::from(f32::from_le_bytes([a, b, c, d])), 1.0),
                _ => return Err(short()),
            };
            values.push(if normal {
                (value / most).max(-1.0)
            } else {
                value
            });
        }
    }
    Ok(values)
}
