// What views made of a splat since it was last judged.
struct Credit {
    weight: f32, // its largest sum of blending weights over an image
    views: f32,  // images that it was in
}
