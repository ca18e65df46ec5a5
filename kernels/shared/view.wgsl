// A posed image: rows of world-to-camera with the translation in w, fx fy cx cy, and width, height, first element.
struct View {
    row0: vec4<f32>,
    row1: vec4<f32>,
    row2: vec4<f32>,
    intrinsics: vec4<f32>,
    size: vec4<u32>,
}

fn to_camera(view: View, p: vec3<f32>) -> vec3<f32> {
    let q = vec4<f32>(p, 1.0);
    return vec3<f32>(dot(view.row0, q), dot(view.row1, q), dot(view.row2, q));
}
