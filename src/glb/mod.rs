//! Binary glTF 2.0: a document and the one buffer that its accessors read, in one file; where its scene puts its meshes.

use serde_json::{Value, json};

mod accessor;
pub(crate) mod scene;

pub(crate) use accessor::values;

/// Component type of 32-bit floats.
pub(crate) const FLOAT: u32 = 5126;
/// Component type of unsigned 32-bit integers.
pub(crate) const U32: u32 = 5125;

/// What the asset calls its maker.
pub(crate) const GENERATOR: &str = concat!("sora-director ", env!("CARGO_PKG_VERSION"));

/// A file's buffer, with the views and accessors on it.
#[derive(Default)]
pub(crate) struct Body {
    bytes: Vec<u8>,
    views: Vec<Value>,
    accessors: Vec<Value>,
}

impl Body {
    /// Adds `count` elements of type `kind` (`VEC3`, ...) and gives their accessor. Values are 4 bytes wide each, so
    /// that every accessor is aligned.
    pub(crate) fn add<T: bytemuck::NoUninit>(
        &mut self,
        kind: &str,
        component: u32,
        count: usize,
        values: &[T],
    ) -> usize {
        let bytes: &[u8] = bytemuck::cast_slice(values);
        self.views.push(json!({
            "buffer": 0, "byteOffset": self.bytes.len(), "byteLength": bytes.len()
        }));
        self.bytes.extend_from_slice(bytes);
        self.accessors.push(json!({
            "bufferView": self.views.len() - 1, "componentType": component, "count": count, "type": kind
        }));
        self.accessors.len() - 1
    }

    /// Adds points with their bounds, as glTF asks of `POSITION`, and gives their accessor.
    pub(crate) fn add_positions(&mut self, points: &[[f32; 3]]) -> usize {
        let at = self.add("VEC3", FLOAT, points.len(), points);
        let bound = |f: fn(f32, f32) -> f32, start: f32| {
            points
                .iter()
                .fold([start; 3], |b, p| std::array::from_fn(|c| f(b[c], p[c])))
        };
        self.accessors[at]["min"] = json!(bound(f32::min, f32::INFINITY));
        self.accessors[at]["max"] = json!(bound(f32::max, f32::NEG_INFINITY));
        at
    }

    /// Says what an accessor's view is for: glTF's `target`.
    pub(crate) fn mark(&mut self, accessor: usize, target: u32) {
        // Each accessor has a view of its own, of the same number.
        self.views[accessor]["target"] = json!(target);
    }

    /// The file of `document`, whose accessors, views and buffer are set here.
    pub(crate) fn into_file(self, mut document: Value) -> Vec<u8> {
        let filled = !self.bytes.is_empty();
        if filled {
            document["accessors"] = Value::Array(self.accessors);
            document["bufferViews"] = Value::Array(self.views);
            document["buffers"] = json!([{"byteLength": self.bytes.len()}]);
        }
        let mut text = document.to_string().into_bytes();
        text.resize(text.len().next_multiple_of(4), b' ');
        let binary = if filled { 8 + self.bytes.len() } else { 0 };
        let mut out = Vec::with_capacity(20 + text.len() + binary);
        out.extend_from_slice(b"glTF");
        for word in [2, (20 + text.len() + binary) as u32, text.len() as u32] {
            out.extend_from_slice(&word.to_le_bytes());
        }
        out.extend_from_slice(b"JSON");
        out.extend_from_slice(&text);
        if filled {
            out.extend_from_slice(&(self.bytes.len() as u32).to_le_bytes());
            out.extend_from_slice(b"BIN\0");
            out.extend_from_slice(&self.bytes);
        }
        out
    }
}

/// The document and the binary chunk of a file; the error says in words what is wrong.
pub(crate) fn parts(bytes: &[u8]) -> Result<(Value, &[u8]), String> {
    let cut = || "the file is cut short".to_owned();
    let word = |at: usize| -> Result<u32, String> {
        let word = bytes
            .get(at..)
            .and_then(<[u8]>::first_chunk)
            .ok_or_else(cut)?;
        Ok(u32::from_le_bytes(*word))
    };
    if !bytes.starts_with(b"glTF") {
        return Err("this is not a .glb file (it does not start with glTF)".to_owned());
    }
    let (version, length) = (word(4)?, word(8)? as usize);
    if version != 2 {
        return Err(format!(
            "the file is of glTF {version}; only glTF 2 is read"
        ));
    }
    if bytes.len() < length {
        return Err(cut());
    }
    let (mut document, mut binary): (Option<&[u8]>, &[u8]) = (None, &[]);
    let mut at = 12;
    while at + 8 <= length {
        let size = word(at)? as usize;
        let chunk = bytes.get(at + 8..at + 8 + size).ok_or_else(cut)?;
        match &bytes[at + 4..at + 8] {
            b"JSON" if document.is_none() => document = Some(chunk),
            b"BIN\0" if binary.is_empty() => binary = chunk,
            _ => {}
        }
        at += 8 + size.next_multiple_of(4);
    }
    let document = document.ok_or("the file has no document (no JSON chunk)")?;
    let document = serde_json::from_slice(document)
        .map_err(|e| format!("the file's document is damaged: {e}"))?;
    Ok((document, binary))
}

/// The array at a key; empty where there is none.
pub(crate) fn list<'a>(value: &'a Value, key: &str) -> &'a [Value] {
    value
        .get(key)
        .and_then(Value::as_array)
        .map_or(&[], Vec::as_slice)
}

/// The whole number at a key.
pub(crate) fn number(value: &Value, key: &str) -> Option<usize> {
    value
        .get(key)
        .and_then(Value::as_u64)
        .and_then(|n| n.try_into().ok())
}
