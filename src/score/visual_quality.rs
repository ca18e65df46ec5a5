//! Visual quality of single frames at their own size: sharp, free of noise and blocks, not clipped, with contrast.

use super::Notes;
use super::evidence::{Evidence, QualityRecord, mean};

const NAME: &str = "visual_quality";

/// Fine detail against that of the quarter size, less what noise gives: white noise of deviation 1 has a P97 of
/// 1.74 in |x - B x|, B the 3x3 binomial.
fn sharpness(q: &QualityRecord) -> f64 {
    let detail = (q.detail * q.detail - (1.74 * q.noise).powi(2))
        .max(0.0)
        .sqrt();
    detail / (q.body + 1.0)
}

/// The score of one frame.
pub(super) fn of(q: &QualityRecord) -> f64 {
    (1.0 - (-(sharpness(q) / 0.28).powf(1.3)).exp())
        * (-q.noise / 6.0 - (q.blocks - 0.1).max(0.0) / 0.6 - q.clipped / 0.3).exp()
        * (1.0 - (-q.contrast / 15.0).exp())
}

pub(super) fn score(e: &Evidence, notes: &mut Notes) -> f64 {
    let mut put = |name, f: &dyn Fn(&QualityRecord) -> f64| {
        notes.put(NAME, name, mean(e.quality.iter().map(f)));
    };
    put("sharpness", &sharpness);
    put("detail", &|q| q.detail);
    put("body", &|q| q.body);
    put("noise", &|q| q.noise);
    put("blocks", &|q| q.blocks);
    put("clipped", &|q| q.clipped);
    put("contrast", &|q| q.contrast);
    // A repeated frame shows nothing new.
    let value = mean(e.quality.iter().map(of)) * (1.0 - 0.1 * e.duplicates);
    notes.moments(
        NAME,
        "a frame of low quality",
        0.2,
        e.quality
            .iter()
            .map(|q| (e.times[q.frame], None, value - of(q))),
    );
    value
}
