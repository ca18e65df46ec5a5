//! Functions of elements.

use super::*;

pub(super) fn binary(what: What) -> Op {
    Box::new(move |tape, fed| {
        let Some(a) = fed.view(tape, 0)? else {
            return Ok(None);
        };
        // A number on the host needs no memory of the device.
        if let Some(number) = fed.number_beside(1, 0) {
            let to = tape.room(&a.dims)?;
            let done = fill(tape, what, &a, &Second::Numbers([number, 0.0]), &to)?;
            return Ok(done.then(|| vec![Value::Device(to)]));
        }
        let Some(b) = fed.view(tape, 1)? else {
            return Ok(None);
        };
        let Ok(dims) = broadcast_dims(&a.dims, &b.dims) else {
            return Ok(None);
        };
        let to = tape.room(&dims)?;
        let done = fill(tape, what, &a, &Second::View(&b), &to)?;
        Ok(done.then(|| vec![Value::Device(to)]))
    })
}

pub(super) fn mapped_unary(
    tape: &mut Tape<'_>,
    fed: &Fed<'_>,
    what: What,
    numbers: [f32; 2],
) -> One {
    let Some(a) = fed.view(tape, 0)? else {
        return Ok(None);
    };
    let to = tape.room(&a.dims)?;
    let done = fill(tape, what, &a, &Second::Numbers(numbers), &to)?;
    Ok(done.then_some(to))
}

pub(super) fn unary(what: What, numbers: [f32; 2]) -> Op {
    Box::new(move |tape, fed| one(mapped_unary(tape, fed, what, numbers)))
}

pub(super) fn clip(node: &Node) -> Option<Op> {
    let fixed = (node.opset < 11).then_some([
        node.float("min", f32::MIN).ok()?,
        node.float("max", f32::MAX).ok()?,
    ]);
    Some(Box::new(move |tape, fed| {
        let bound = |i: usize, default: f32| match fed.has(i) {
            true => fed.number(i),
            false => Some(default),
        };
        let [low, high] = [f32::NEG_INFINITY, f32::INFINITY];
        let bounds = fixed.or_else(|| Some([bound(1, low)?, bound(2, high)?]));
        match bounds {
            Some(bounds) => one(mapped_unary(tape, fed, What::Clip, bounds)),
            None => Ok(None),
        }
    }))
}

/// Between floats, which are all of one width here.
pub(super) fn cast(node: &Node) -> Option<Op> {
    let to = i32::try_from(node.int("to", 0).ok()?).ok()?;
    let floats = [
        Element::Float32,
        Element::Float16,
        Element::Bfloat16,
        Element::Float64,
    ];
    // 0, no type at all, is taken for float32 elsewhere.
    (to != 0 && floats.contains(&Element::of(to)))
        .then(|| -> Op { Box::new(|tape, fed| one(fed.view(tape, 0))) })
}
