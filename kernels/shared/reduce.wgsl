// What segmented reductions combine: 0 wrapping sums of u32; 1 sums, 2 minima, 3 maxima of f32 as bits. Minima and
// maxima pass over NaN, whose test is on bits because a compiler may assume that floats are none.

fn empty(op: u32) -> u32 {
    return select(select(0u, 0x7f800000u, op == 2u), 0xff800000u, op == 3u);
}

fn combine(a: u32, b: u32, op: u32) -> u32 {
    let x = bitcast<f32>(a);
    let y = bitcast<f32>(b);
    let nan = (b & 0x7fffffffu) > 0x7f800000u;
    let low = select(a, b, !nan & (y < x));
    let high = select(a, b, !nan & (y > x));
    let sum = select(a + b, bitcast<u32>(x + y), op == 1u);
    return select(select(sum, low, op == 2u), high, op == 3u);
}
