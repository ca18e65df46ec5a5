//! What came of the solves, summed up by kinds of takes.

use serde::Serialize;

use super::Depth;
use super::masks::View;
use super::record::Line;
use super::spoil::Spoil;
use crate::camera::{FocalSource, Way};

/// Median and 95th percentile.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Spread {
    /// Values.
    pub count: usize,
    /// Their median.
    pub median: f64,
    /// 95% are not larger.
    pub high: f64,
}

impl Spread {
    /// Of values; `None` for none.
    pub fn of(values: impl Iterator<Item = f64>) -> Option<Self> {
        let mut all: Vec<f64> = values.collect();
        all.sort_by(f64::total_cmp);
        let at = |share: f64| {
            let x = share * (all.len() - 1) as f64;
            let (low, high) = (x.floor() as usize, x.ceil() as usize);
            all[low] + (all[high] - all[low]) * (x - low as f64)
        };
        (!all.is_empty()).then(|| Self {
            count: all.len(),
            median: at(0.5),
            high: at(0.95),
        })
    }
}

/// Takes of one kind.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Row {
    /// What they have in common.
    pub of: String,
    /// How many there are.
    pub takes: usize,
    /// How many were refused.
    pub refused: usize,
    /// Least share of frames that have cameras, of those solved.
    pub registered: Option<f64>,
    /// Absolute trajectory error over the true path.
    pub ate: Option<Spread>,
    /// Error of a step's turn in degrees.
    pub rotation: Option<Spread>,
    /// Error of the focal length, without sign.
    pub focal: Option<Spread>,
    /// The same where the solver says that it is estimated.
    pub focal_estimated: Option<Spread>,
    /// How far a frame's aligned depth is off the others', as a logarithm, of each take's worst frame.
    pub drift: Option<Spread>,
    /// Seconds of the solve, its flow left out.
    pub seconds: Option<Spread>,
}

impl Row {
    fn of(name: &str, lines: &[&Line]) -> Self {
        let solved = || lines.iter().filter_map(|l| l.solved());
        let focal = |source: Option<FocalSource>| {
            let some = solved().filter(move |s| source.is_none_or(|f| s.focal_source == f));
            Spread::of(some.map(|s| s.focal_error.abs()))
        };
        Self {
            of: name.to_owned(),
            takes: lines.len(),
            refused: lines.iter().filter(|l| l.solved().is_none()).count(),
            registered: solved().map(|s| s.registered).reduce(f64::min),
            ate: Spread::of(lines.iter().filter_map(|l| l.ate_share())),
            rotation: Spread::of(solved().map(|s| s.rpe[1])),
            focal: focal(None),
            focal_estimated: focal(Some(FocalSource::Estimated)),
            drift: Spread::of(solved().filter_map(|s| Some(s.depth?[0]))),
            seconds: Spread::of(lines.iter().map(|l| l.seconds[1])),
        }
    }
}

/// What came of takes whose camera stands or turns.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Still {
    /// What the camera does.
    pub way: Way,
    /// Takes.
    pub takes: usize,
    /// Of them told for what they are.
    pub told: usize,
    /// Of them refused.
    pub refused: usize,
    /// Error of the focal length where the turning told it, as a share.
    pub focal_estimated: Option<Spread>,
}

/// Masks of some views, pooled over their pixels.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct MaskRow {
    /// What the views have in common.
    pub of: String,
    /// Takes that they are of.
    pub takes: usize,
    /// Views.
    pub views: usize,
    /// Share of what moves that is masked; `None` where nothing moves.
    pub recall: Option<f64>,
    /// Share of what is masked that moves itself; `None` where nothing moves or is masked.
    pub precision: Option<f64>,
    /// The same with movers' shadows and mirror images among what moves.
    pub with_shadows: Option<f64>,
    /// Of what moves or is masked, what is both; shadows and mirror images left out.
    pub iou: Option<f64>,
    /// Share of shadows and mirror images that is masked; `None` where no mover is seen, or nothing of them.
    pub cast: Option<f64>,
    /// Share of the pictures that is masked for nothing.
    pub extra: f64,
}

impl MaskRow {
    fn of(name: &str, views: &[(&Line, &View)]) -> Self {
        let mut names: Vec<&str> = views.iter().map(|(l, _)| l.case.name.as_str()).collect();
        names.sort_unstable();
        names.dedup();
        let sum =
            |f: &dyn Fn(&View) -> u32| -> f64 { views.iter().map(|(_, v)| f64::from(f(v))).sum() };
        let (hit, extra, missed) = (sum(&|v| v.hit), sum(&|v| v.extra), sum(&|v| v.missed));
        let (cast, cast_missed) = (sum(&|v| v.cast), sum(&|v| v.cast_missed));
        let moves = hit + missed > 0.0;
        let share = |a: f64, b: f64| (moves && b > 0.0).then(|| a / b);
        Self {
            of: name.to_owned(),
            takes: names.len(),
            views: views.len(),
            recall: share(hit, hit + missed),
            precision: share(hit, hit + cast + extra),
            with_shadows: share(hit + cast, hit + cast + extra),
            iou: share(hit, hit + extra + missed),
            cast: share(cast, cast + cast_missed),
            extra: extra / sum(&|v| v.pixels).max(1.0),
        }
    }
}

/// Least share of the picture that a mover has to count as seen.
const SEEN: f64 = 0.01;

/// Masks by the size and the speed of what moves; for one source of depth, of cameras that travel.
fn masks(travels: &[&Line]) -> Vec<MaskRow> {
    let views = || {
        travels
            .iter()
            .flat_map(|l| l.moving.iter().map(move |v| (*l, v)))
    };
    let row = |name: &str, of: &dyn Fn(&View) -> bool| {
        let some: Vec<(&Line, &View)> = views().filter(|(_, v)| of(v)).collect();
        MaskRow::of(name, &some)
    };
    let seen = |v: &View| v.mover() >= SEEN;
    vec![
        row("movers over 1% of the picture", &seen),
        row("1 to 5%", &|v| seen(v) && v.mover() < 0.05),
        row("5 to 15%", &|v| (0.05..0.15).contains(&v.mover())),
        row("over 15%", &|v| v.mover() >= 0.15),
        row("under .7 m/s", &|v| seen(v) && v.speed < 0.7),
        row(".7 to 1.3 m/s", &|v| {
            seen(v) && (0.7..1.3).contains(&v.speed)
        }),
        row("over 1.3 m/s", &|v| seen(v) && v.speed >= 1.3),
        row("movers under 1%", &|v| v.mover() > 0.0 && !seen(v)),
        row("nothing moves", &|v| v.mover() <= 0.0),
    ]
    .into_iter()
    .filter(|row| row.views > 0)
    .collect()
}

/// The takes by one source of depth.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Summary {
    /// Where depth came from.
    pub depth: Depth,
    /// Takes of cameras that travel: all, by place, by move, by who walks.
    pub rows: Vec<Row>,
    /// The others.
    pub still: Vec<Still>,
    /// Takes of cameras that travel of which the solver says that they do not.
    pub travel_denied: usize,
    /// Masks of what moves, of cameras that travel.
    pub masks: Vec<MaskRow>,
    /// Takes that were spoilt.
    pub spoilt: Vec<Spoilt>,
}

/// Takes that were spoilt in one way.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Spoilt {
    /// In which.
    pub spoil: Spoil,
    /// Takes.
    pub takes: usize,
    /// Of them refused.
    pub refused: usize,
    /// Of them with what is right to say.
    pub right: usize,
    /// The others, by name.
    pub wrong: Vec<String>,
}

impl Spoilt {
    fn of(spoil: Spoil, lines: &[&Line]) -> Option<Self> {
        let of: Vec<&&Line> = lines.iter().filter(|l| l.spoil == Some(spoil)).collect();
        let wrong = of.iter().filter(|l| l.right() != Some(true));
        let wrong: Vec<String> = wrong.map(|l| l.case.name.clone()).collect();
        (!of.is_empty()).then(|| Self {
            spoil,
            takes: of.len(),
            refused: of.iter().filter(|l| l.solved().is_none()).count(),
            right: of.len() - wrong.len(),
            wrong,
        })
    }
}

/// Sums up, by the source of depth.
pub fn summaries(lines: &[Line]) -> Vec<Summary> {
    let mut depths: Vec<Depth> = lines.iter().map(|l| l.settings.depth).collect();
    depths.sort_unstable();
    depths.dedup();
    depths.into_iter().map(|d| summary(lines, d)).collect()
}

fn summary(lines: &[Line], depth: Depth) -> Summary {
    let (spoilt, own): (Vec<&Line>, Vec<&Line>) = lines
        .iter()
        .filter(|l| l.settings.depth == depth)
        .partition(|l| l.spoil.is_some());
    let travels: Vec<&Line> = own
        .iter()
        .copied()
        .filter(|l| l.truth.way == Way::Travels)
        .collect();
    let mut rows = vec![Row::of("all", &travels)];
    let mut group = |name: &dyn Fn(&Line) -> String| {
        let mut names: Vec<String> = travels.iter().map(|l| name(l)).collect();
        names.sort_unstable();
        names.dedup();
        for one in names {
            let some: Vec<&Line> = travels.iter().copied().filter(|l| name(l) == one).collect();
            rows.push(Row::of(&one, &some));
        }
    };
    group(&|l| l.case.place());
    group(&|l| format!("{:?}", l.case.camera).to_lowercase());
    group(&|l| {
        match l.truth.mover {
            m if m <= 0.0 => "nobody in sight",
            m if m < 0.05 => "mover under 5%",
            _ => "mover over 5%",
        }
        .to_owned()
    });
    let still = [Way::Stands, Way::Turns].map(|way| {
        let of: Vec<&&Line> = own.iter().filter(|l| l.truth.way == way).collect();
        Still {
            way,
            takes: of.len(),
            told: of.iter().filter(|l| l.told() == Some(way)).count(),
            refused: of.iter().filter(|l| l.solved().is_none()).count(),
            focal_estimated: Spread::of(
                of.iter()
                    .filter_map(|l| l.solved())
                    .filter(|s| s.focal_source == FocalSource::Estimated)
                    .map(|s| s.focal_error.abs()),
            ),
        }
    });
    Summary {
        depth,
        travel_denied: travels
            .iter()
            .filter(|l| l.told().is_some_and(|w| w != Way::Travels))
            .count(),
        masks: masks(&travels),
        spoilt: Spoil::ALL
            .into_iter()
            .filter_map(|spoil| Spoilt::of(spoil, &spoilt))
            .collect(),
        rows,
        still: still.into(),
    }
}
