//! Rows: softmax, normalisation, means, and resampling along a side.

use super::*;

/// Over the last side.
pub(super) fn softmax(node: &Node) -> Option<Op> {
    let old = node.opset < 13;
    let axis = node.int("axis", if old { 1 } else { -1 }).ok()?;
    Some(Box::new(move |tape, fed| {
        let Some(x) = origin(tape, fed, 0)? else {
            return Ok(None);
        };
        let Ok(axis) = axis_of(axis, x.dims.len()) else {
            return Ok(None);
        };
        if (!old && axis + 1 != x.dims.len()) || x.count() == 0 {
            return Ok(None);
        }
        let length: usize = x.dims[axis..].iter().product();
        let to = tape.room(&x.dims)?;
        let rows = x.count() / length;
        let params = SoftmaxParams {
            rows: rows as u32,
            length: length as u32,
            ..SoftmaxParams::default()
        };
        tape.run(
            &SOFTMAX,
            &params,
            &[&x.buffer, &to.buffer],
            groups_1d(rows, 1),
        )?;
        Ok(Some(vec![Value::Device(to)]))
    }))
}

/// Rows of so many elements, normalised.
pub(super) fn normalised(
    tape: &mut Tape<'_>,
    fed: &Fed<'_>,
    length: usize,
    period: usize,
    epsilon: f32,
) -> One {
    let (Some(x), Some(scale)) = (origin(tape, fed, 0)?, origin(tape, fed, 1)?) else {
        return Ok(None);
    };
    let each = if period == 0 { length } else { period };
    let bias = match fed.has(2) {
        true => origin(tape, fed, 2)?,
        false => Some(View::whole(tape.zeros(each)?, &[each])),
    };
    let Some(bias) = bias.filter(|b| b.count() == each && scale.count() == each && x.count() > 0)
    else {
        return Ok(None);
    };
    let to = tape.room(&x.dims)?;
    let rows = x.count() / length;
    let params = NormParams {
        rows: rows as u32,
        length: length as u32,
        period: period as u32,
        epsilon,
    };
    let buffers: [&dyn crate::gpu::AnyBuffer; 4] =
        [&x.buffer, &scale.buffer, &bias.buffer, &to.buffer];
    tape.run(&NORM, &params, &buffers, groups_1d(rows, 1))?;
    Ok(Some(to))
}

pub(super) fn layer_norm(node: &Node) -> Option<Op> {
    node.one_output().ok()?;
    let (axis, epsilon) = (
        node.int("axis", -1).ok()?,
        node.float("epsilon", 1e-5).ok()?,
    );
    Some(Box::new(move |tape, fed| {
        let Some(dims) = fed.dims(0) else {
            return Ok(None);
        };
        match axis_of(axis, dims.len()) {
            Ok(axis) => one(normalised(
                tape,
                fed,
                dims[axis..].iter().product(),
                0,
                epsilon,
            )),
            Err(_) => Ok(None),
        }
    }))
}

pub(super) fn instance_norm(node: &Node) -> Option<Op> {
    let epsilon = node.float("epsilon", 1e-5).ok()?;
    Some(Box::new(move |tape, fed| match fed.dims(0) {
        Some(dims) if dims.len() >= 3 => one(normalised(
            tape,
            fed,
            dims[2..].iter().product(),
            dims[1],
            epsilon,
        )),
        _ => Ok(None),
    }))
}

/// All of a channel as one number.
pub(super) fn global(tape: &mut Tape<'_>, fed: &Fed<'_>, what: u32) -> One {
    let Some(x) = origin(tape, fed, 0)?.filter(|x| x.dims.len() >= 3 && x.count() > 0) else {
        return Ok(None);
    };
    let rows = x.dims[0] * x.dims[1];
    let mut dims = vec![1; x.dims.len()];
    dims[..2].copy_from_slice(&x.dims[..2]);
    let to = tape.room(&dims)?;
    let params = FoldParams {
        rows: rows as u32,
        length: (x.count() / rows) as u32,
        what,
        pad: 0,
    };
    tape.run(&FOLD, &params, &[&x.buffer, &to.buffer], groups_1d(rows, 1))?;
    Ok(Some(to))
}

pub(super) fn resample(node: &Node) -> Option<Op> {
    let plan = resize::Resizing::of(node).ok()?;
    Some(Box::new(move |tape, fed| {
        let Some(mut x) = dense(tape, fed, 0)? else {
            return Ok(None);
        };
        let Ok(passes) = plan.passes(&x.dims, &fed.on_host()) else {
            return Ok(None);
        };
        for (axis, places, scale) in passes {
            let inputs = x.dims[axis];
            let key = format!("{:?} {inputs} {places} {scale}", plan.rule);
            let taps = || plan.rule.taps(inputs, places, scale).ok();
            let Some(made) = along(tape, &x, axis, taps, key)? else {
                return Ok(None);
            };
            x = made;
        }
        Ok(Some(vec![Value::Device(x)]))
    }))
}

/// Resamples a contiguous view along one side by taps, which `key` names and which are made once.
pub(in super::super) fn along(
    tape: &mut Tape<'_>,
    x: &View,
    axis: usize,
    taps: impl FnOnce() -> Option<Taps>,
    key: String,
) -> One {
    debug_assert!(x.is_contiguous());
    let Some(Resampler {
        index,
        weight,
        places,
        each,
    }) = tape.taps(taps, key)?
    else {
        return Ok(None);
    };
    let mut dims = x.dims.clone();
    dims[axis] = places;
    let count: usize = dims.iter().product();
    if count == 0 || x.count() == 0 {
        return Ok(None);
    }
    let to = tape.room(&dims)?;
    let params = ResampleParams {
        count: count as u32,
        inputs: x.dims[axis] as u32,
        outputs: places as u32,
        inner: x.dims[axis + 1..].iter().product::<usize>() as u32,
        taps: each as u32,
        first: x.first as u32,
        ..ResampleParams::default()
    };
    let groups = groups_1d(count, RESAMPLE.workgroup[0]);
    tape.run(
        &RESAMPLE,
        &params,
        &[&x.buffer, &index, &weight, &to.buffer],
        groups,
    )?;
    Ok(Some(to))
}
