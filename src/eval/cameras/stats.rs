//! What came of the solves, summed up by kinds of takes.

use serde::Serialize;

use super::Depth;
use super::record::{Line, Way};
use crate::camera::FocalSource;

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
    /// Of them told: refused as standing, or with a word that the depth is the network's alone.
    pub told: usize,
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
    /// Takes of cameras that travel that the solver says do not.
    pub travel_denied: usize,
}

/// Sums up, by the source of depth.
pub fn summaries(lines: &[Line]) -> Vec<Summary> {
    let mut depths: Vec<Depth> = lines.iter().map(|l| l.settings.depth).collect();
    depths.sort_unstable();
    depths.dedup();
    depths.into_iter().map(|d| summary(lines, d)).collect()
}

fn summary(lines: &[Line], depth: Depth) -> Summary {
    let own: Vec<&Line> = lines.iter().filter(|l| l.settings.depth == depth).collect();
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
    group(&|l| {
        let place = crate::mock::understand(&l.case.prompt, l.case.seed).place;
        format!("{place:?}").to_lowercase()
    });
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
            told: of.iter().filter(|l| l.told_still()).count(),
        }
    });
    Summary {
        depth,
        travel_denied: travels.iter().filter(|l| l.told_still()).count(),
        rows,
        still: still.into(),
    }
}
