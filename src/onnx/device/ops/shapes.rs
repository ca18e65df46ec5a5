//! What picks, turns, joins or reshapes.

use super::*;

pub(super) fn shape_of(
    start: i64,
    end: i64,
) -> impl Fn(&mut Tape<'_>, &Fed<'_>) -> Result<Option<Vec<Value>>, OnnxError> {
    move |_, fed| {
        let picked = fed.dims(0).map(|dims| shape::picked(dims, start, end));
        let made = picked.and_then(|picked| {
            let n = picked.len();
            made_ints(picked, &[n]).ok()
        });
        Ok(made.map(|made| vec![Value::Host(made)]))
    }
}

/// The same elements with other sides.
pub(super) fn shaped(node: &Node) -> Option<Op> {
    let to = shape::Shaping::of(node).ok()?;
    Some(Box::new(move |tape, fed| {
        let Some(dims) = fed.dims(0) else {
            return Ok(None);
        };
        if fed.has(1) && fed.host(1).is_none() {
            return Ok(None);
        }
        let Ok(dims) = to.dims(dims, fed.host(1)) else {
            return Ok(None);
        };
        Ok(dense(tape, fed, 0)?
            .filter(|x| x.count() == dims.iter().product::<usize>())
            .map(|x| vec![Value::Device(x.shaped(&dims))]))
    }))
}

pub(super) fn slice(node: &Node) -> Option<Op> {
    let old = index::Cuts::fixed(node).ok()?;
    Some(Box::new(move |tape, fed| {
        let Some(mut x) = fed.view(tape, 0)? else {
            return Ok(None);
        };
        let Ok(cuts) = index::Cuts::read(old.as_ref(), &fed.on_host()) else {
            return Ok(None);
        };
        for [axis, start, end, step] in cuts.each() {
            let Some(axis) = axis_of(axis, x.dims.len()).ok().filter(|_| step == 1) else {
                return Ok(None);
            };
            let (from, to) = index::span(x.dims[axis], start, end);
            x = x.narrowed(axis, from, to - from);
        }
        Ok(Some(vec![Value::Device(x)]))
    }))
}

/// One place of a side.
pub(super) fn gather(axis: i64) -> Op {
    Box::new(move |tape, fed| {
        let (Some(x), Some(at)) = (fed.view(tape, 0)?, fed.host(1)) else {
            return Ok(None);
        };
        let (Ok(axis), Ok(picked)) = (axis_of(axis, x.dims.len()), ints(at)) else {
            return Ok(None);
        };
        let n = x.dims[axis] as i64;
        let place = match picked.as_slice() {
            [i] if *i < 0 => i + n,
            [i] => *i,
            _ => return Ok(None),
        };
        if !(0..n).contains(&place) {
            return Ok(None);
        }
        let one = x.narrowed(axis, place as usize, 1);
        Ok(match at.rank() {
            0 => Some(vec![Value::Device(one.without(axis))]),
            1 => Some(vec![Value::Device(one)]),
            _ => None,
        })
    })
}

pub(super) fn split(node: &Node) -> Option<Op> {
    let axis = node.int("axis", 0).ok()?;
    let parts = index::Parts::of(node).ok()?;
    Some(Box::new(move |tape, fed| {
        let Some(x) = fed.view(tape, 0)? else {
            return Ok(None);
        };
        let Ok(axis) = axis_of(axis, x.dims.len()) else {
            return Ok(None);
        };
        if fed.has(1) && fed.host(1).is_none() {
            return Ok(None);
        }
        let Ok(sizes) = parts.sizes(x.dims[axis], fed.host(1)) else {
            return Ok(None);
        };
        let mut from = 0;
        let made = sizes.into_iter().map(|n| {
            let part = x.narrowed(axis, from, n);
            from += n;
            Value::Device(part)
        });
        Ok(Some(made.collect()))
    }))
}

pub(super) fn concat(axis: i64) -> Op {
    Box::new(move |tape, fed| {
        let mut parts = Vec::with_capacity(fed.len());
        for i in 0..fed.len() {
            match fed.view(tape, i)? {
                Some(view) if view.count() > 0 => parts.push(view),
                Some(_) => {}
                None => return Ok(None),
            }
        }
        let Some(first) = parts.first().cloned() else {
            return Ok(None);
        };
        let Ok(axis) = axis_of(axis, first.dims.len()) else {
            return Ok(None);
        };
        let alike = |part: &View| {
            part.dims.len() == first.dims.len()
                && (0..first.dims.len()).all(|k| k == axis || part.dims[k] == first.dims[k])
        };
        if !parts.iter().all(alike) || first.dims.len() > MOST_SIDES {
            return Ok(None);
        }
        let mut dims = first.dims.clone();
        dims[axis] = parts.iter().map(|part| part.dims[axis]).sum();
        let whole = tape.room(&dims)?;
        let mut from = 0;
        for part in &parts {
            let to = whole.narrowed(axis, from, part.dims[axis]);
            from += part.dims[axis];
            fill(tape, What::Copy, part, &Second::Numbers([0.0; 2]), &to)?;
        }
        Ok(Some(vec![Value::Device(whole)]))
    })
}
