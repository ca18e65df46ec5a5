// Products of matrices by tiles of 64 by 64 of the result: 256 threads, each with 4 by 4 of it, 16 terms of the sums at a
// time. Whoever uses it fills `left` (row by row of a tile, its 16 terms side by side) and `right` (term by term, 64 columns
// side by side).
const TILE: u32 = 64u;
const TERMS: u32 = 16u;
var<workgroup> left: array<f32, 1024>;
var<workgroup> right: array<f32, 1024>;

// Adds the products of 16 terms to what a thread has of the tile; terms in their order, so that sums are the same on every run.
fn add_terms(sums: ptr<function, array<vec4<f32>, 4>>, thread: vec2<u32>) {
    for (var t = 0u; t < TERMS; t++) {
        let at = t * TILE + 4u * thread.x;
        let b = vec4<f32>(right[at], right[at + 1u], right[at + 2u], right[at + 3u]);
        let a = 4u * thread.y * TERMS + t;
        (*sums)[0] += left[a] * b;
        (*sums)[1] += left[a + TERMS] * b;
        (*sums)[2] += left[a + 2u * TERMS] * b;
        (*sums)[3] += left[a + 3u * TERMS] * b;
    }
}
