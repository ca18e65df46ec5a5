// An image between its pixels by Catmull-Rom's cubic, edges mirrored; exact where `at` is a pixel.
// The including kernel declares `image: array<u32>` and `params.size`, and joins `shared/levels`.

fn cubic(f: f32) -> vec4<f32> {
  let f2 = f * f;
  let f3 = f2 * f;
  return vec4<f32>(f2 - 0.5 * (f3 + f), 1.5 * f3 - 2.5 * f2 + 1.0, 2.0 * f2 - 1.5 * f3 + 0.5 * f, 0.5 * (f3 - f2));
}

fn mirrored(first: i32, count: u32) -> vec4<u32> {
  let n = i32(count);
  var i = first + vec4<i32>(0, 1, 2, 3);
  i = select(i, -1 - i, i < vec4<i32>(0));
  i = select(i, 2 * n - 1 - i, i >= vec4<i32>(n));
  return vec4<u32>(clamp(i, vec4<i32>(0), vec4<i32>(n - 1)));
}

fn along(row: u32, x: vec4<u32>, w: vec4<f32>) -> vec3<f32> {
  let first = row * params.size.x;
  return w.x * colour(image[first + x.x]) + w.y * colour(image[first + x.y])
    + w.z * colour(image[first + x.z]) + w.w * colour(image[first + x.w]);
}

// `at` counts pixels; pixel centres are whole numbers here.
fn sampled(at: vec2<f32>) -> vec3<f32> {
  let size = vec2<f32>(params.size);
  let near = clamp(at, -size, 2.0 * size);
  let corner = floor(near);
  let x = mirrored(i32(corner.x) - 1, params.size.x);
  let y = mirrored(i32(corner.y) - 1, params.size.y);
  let wx = cubic(near.x - corner.x);
  let wy = cubic(near.y - corner.y);
  return wy.x * along(y.x, x, wx) + wy.y * along(y.y, x, wx) + wy.z * along(y.z, x, wx) + wy.w * along(y.w, x, wx);
}
