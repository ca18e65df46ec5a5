//! The file's wire format, walked before it is decoded: whether it is whole, and what decoding it will hold in memory.
//!
//! A decoded message takes hundreds of bytes where two in the file are enough to ask for one, so the sum is taken
//! first and a file that asks for too much is refused.

use candle_onnx::onnx::{
    AttributeProto, FunctionProto, GraphProto, ModelProto, NodeProto, OperatorSetIdProto,
    SparseTensorProto, StringStringEntryProto, TensorAnnotation, TensorProto, TensorShapeProto,
    TrainingInfoProto, TypeProto, ValueInfoProto, tensor_shape_proto::Dimension,
};

use super::OnnxError;

/// Bytes that decoding any file may hold beside twice its length.
const BOUND: usize = 24 << 20;

/// Messages inside one another at most; a whole network needs about ten, and three more for each graph inside a node.
const DEEPEST: usize = 40;

/// What a field of a message holds.
enum Holds {
    /// Another message.
    Message(&'static Shape),
    /// Numbers as varints, each so many bytes when decoded.
    Varints(usize),
}

/// A message: its size when decoded, and the fields that grow. All others are taken as bytes or a number.
struct Shape {
    size: usize,
    fields: &'static [(u32, Holds)],
}

impl Shape {
    const fn of<T>(fields: &'static [(u32, Holds)]) -> Self {
        Self {
            size: size_of::<T>(),
            fields,
        }
    }
}

use Holds::{Message, Varints};

static MODEL: Shape = Shape::of::<ModelProto>(&[
    (7, Message(&GRAPH)),
    (8, Message(&OPSET)),
    (14, Message(&ENTRY)),
    (20, Message(&TRAINING)),
    (25, Message(&FUNCTION)),
]);
static GRAPH: Shape = Shape::of::<GraphProto>(&[
    (1, Message(&NODE)),
    (5, Message(&TENSOR)),
    (11, Message(&VALUE)),
    (12, Message(&VALUE)),
    (13, Message(&VALUE)),
    (14, Message(&ANNOTATION)),
    (15, Message(&SPARSE)),
]);
static NODE: Shape = Shape::of::<NodeProto>(&[(5, Message(&ATTRIBUTE))]);
static ATTRIBUTE: Shape = Shape::of::<AttributeProto>(&[
    (5, Message(&TENSOR)),
    (6, Message(&GRAPH)),
    (8, Varints(8)),
    (10, Message(&TENSOR)),
    (11, Message(&GRAPH)),
    (14, Message(&TYPE)),
    (15, Message(&TYPE)),
    (22, Message(&SPARSE)),
    (23, Message(&SPARSE)),
]);
static TENSOR: Shape = Shape::of::<TensorProto>(&[
    (1, Varints(8)),
    (5, Varints(4)),
    (7, Varints(8)),
    (11, Varints(8)),
    (13, Message(&ENTRY)),
]);
static SPARSE: Shape = Shape::of::<SparseTensorProto>(&[
    (1, Message(&TENSOR)),
    (2, Message(&TENSOR)),
    (3, Varints(8)),
]);
static VALUE: Shape = Shape::of::<ValueInfoProto>(&[(2, Message(&TYPE))]);
static TYPE: Shape = Shape::of::<TypeProto>(&[
    (1, Message(&SHAPED)),
    (4, Message(&SEQUENCE)),
    (5, Message(&MAP)),
    (8, Message(&SHAPED)),
    (9, Message(&SEQUENCE)),
]);
static SHAPED: Shape = Shape::of::<TypeProto>(&[(2, Message(&DIMENSIONS))]);
static SEQUENCE: Shape = Shape::of::<TypeProto>(&[(1, Message(&TYPE))]);
static MAP: Shape = Shape::of::<TypeProto>(&[(2, Message(&TYPE))]);
static DIMENSIONS: Shape = Shape::of::<TensorShapeProto>(&[(1, Message(&DIMENSION))]);
static DIMENSION: Shape = Shape::of::<Dimension>(&[]);
static OPSET: Shape = Shape::of::<OperatorSetIdProto>(&[]);
static ENTRY: Shape = Shape::of::<StringStringEntryProto>(&[]);
static ANNOTATION: Shape = Shape::of::<TensorAnnotation>(&[(2, Message(&ENTRY))]);
static TRAINING: Shape = Shape::of::<TrainingInfoProto>(&[
    (1, Message(&GRAPH)),
    (2, Message(&GRAPH)),
    (3, Message(&ENTRY)),
    (4, Message(&ENTRY)),
]);
static FUNCTION: Shape = Shape::of::<FunctionProto>(&[
    (7, Message(&NODE)),
    (9, Message(&OPSET)),
    (11, Message(&ATTRIBUTE)),
]);

/// The top level's fields and their wire types (0 a varint, 2 a length and bytes), by the ONNX specification.
const TOP: &[(u32, u8)] = &[
    (1, 0),
    (2, 2),
    (3, 2),
    (4, 2),
    (5, 0),
    (6, 2),
    (7, 2),
    (8, 2),
    (14, 2),
    (20, 2),
    (25, 2),
    (26, 2),
];

/// Checks that the bytes are a whole ONNX file that can be decoded within its own size and the bound.
///
/// # Errors
/// [`OnnxError::Cut`], [`OnnxError::Decode`].
pub(super) fn check(bytes: &[u8]) -> Result<(), OnnxError> {
    let mut at = bytes;
    let mut known = 0;
    while !at.is_empty() {
        let stood = at;
        match Field::next(&mut at) {
            Some(field) if TOP.contains(&(field.number, field.wire)) => known += 1,
            // Fields of later versions are passed over once the file is known for what it is.
            Some(_) if known > 0 => {}
            None if known > 0 => return Err(OnnxError::Cut(missing(bytes.len(), stood))),
            _ => {
                return Err(OnnxError::Decode(
                    "its first bytes are no ONNX file's".into(),
                ));
            }
        }
    }
    let limit = bytes.len().saturating_mul(2).saturating_add(BOUND);
    let held = held(bytes, &MODEL, 0).map_err(|why| OnnxError::Decode(why.to_owned()))?;
    if held > limit {
        return Err(OnnxError::Decode(format!(
            "{} bytes that would take {} MiB of memory to decode, most of it empty",
            bytes.len(),
            held >> 20
        )));
    }
    Ok(())
}

/// How long the file should be, from the field at whose start it still made sense; at least one byte more otherwise.
fn missing(have: usize, mut field: &[u8]) -> [usize; 2] {
    let start = have - field.len();
    let more = varint(&mut field)
        .filter(|tag| tag & 7 == 2)
        .and_then(|_| varint(&mut field))
        .and_then(|length| usize::try_from(length).ok())
        .map(|length| (have - field.len()).saturating_add(length));
    [have, more.unwrap_or(start).max(have + 1)]
}

struct Field<'a> {
    number: u32,
    wire: u8,
    body: &'a [u8],
}

impl<'a> Field<'a> {
    /// The next field, with `at` moved after it; `None` where there is no whole one.
    fn next(at: &mut &'a [u8]) -> Option<Self> {
        let tag = varint(at)?;
        let number = u32::try_from(tag >> 3).ok().filter(|&n| n > 0)?;
        let wire = (tag & 7) as u8;
        let whole = *at;
        let length = match wire {
            0 => {
                varint(at)?;
                whole.len() - at.len()
            }
            1 => 8,
            2 => usize::try_from(varint(at)?).ok()?,
            5 => 4,
            _ => return None,
        };
        let from = if wire == 2 { *at } else { whole };
        let (body, rest) = from.split_at_checked(length)?;
        *at = rest;
        Some(Self { number, wire, body })
    }
}

fn varint(at: &mut &[u8]) -> Option<u64> {
    let mut value = 0u64;
    for i in 0..10 {
        let (&byte, rest) = at.split_first()?;
        *at = rest;
        value |= u64::from(byte & 127) << (7 * i).min(63);
        if byte < 128 {
            return Some(value);
        }
    }
    None
}

/// Bytes that a message takes when decoded, beside its own place in its parent.
fn held(mut at: &[u8], shape: &Shape, depth: usize) -> Result<usize, &'static str> {
    if depth > DEEPEST {
        return Err("messages lie too deep in one another");
    }
    let mut sum = 0usize;
    while !at.is_empty() {
        let field = Field::next(&mut at).ok_or("a field that its message cuts short")?;
        let holds = shape.fields.iter().find(|(n, _)| *n == field.number);
        sum = sum.saturating_add(match holds {
            // A list of messages grows by doubling, and starts with room for four.
            Some((_, Message(inside))) if field.wire == 2 => {
                4 * inside.size + held(field.body, inside, depth + 1)?
            }
            Some((_, Varints(each))) => {
                let count = field.body.iter().filter(|b| **b < 128).count();
                each * if field.wire == 2 { count } else { 4 }
            }
            // Text and bytes: themselves, and their place in a list.
            _ if field.wire == 2 => field.body.len() + 4 * size_of::<String>(),
            _ => 0,
        });
    }
    Ok(sum)
}

#[cfg(test)]
mod tests {
    use super::*;
    use prost::Message as _;

    #[test]
    fn whole_cut_and_foreign_files_are_told_apart() {
        let model = ModelProto {
            ir_version: 8,
            producer_name: "test".into(),
            graph: Some(GraphProto {
                node: vec![NodeProto::default(); 100],
                ..GraphProto::default()
            }),
            ..ModelProto::default()
        };
        let bytes = model.encode_to_vec();
        assert!(check(&bytes).is_ok());
        let Err(OnnxError::Cut([have, need])) = check(&bytes[..bytes.len() / 2]) else {
            panic!("cut");
        };
        assert_eq!([have, need], [bytes.len() / 2, bytes.len()]);
        assert!(matches!(
            check(b"\x89PNG\r\n\x1a\n"),
            Err(OnnxError::Decode(_))
        ));
    }

    #[test]
    fn a_file_of_empty_messages_is_refused_before_it_is_decoded() {
        let model = ModelProto {
            graph: Some(GraphProto {
                node: vec![NodeProto::default(); 400_000],
                ..GraphProto::default()
            }),
            ..ModelProto::default()
        };
        let error = check(&model.encode_to_vec()).expect_err("too much");
        assert!(error.to_string().contains("MiB"), "{error}");
    }
}
