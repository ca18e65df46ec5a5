//! What depth holds of planted faults, where the depth is known.

use sora_director::eval::agent::case::{FaultKind, cases};
use sora_director::eval::agent::seen::{faults, through};
use sora_director::eval::agent::take::Take;
use sora_director::eval::agent::witness::{Source, Witness, witnesses};
use sora_director::eval::scores::clips::Half;
use sora_director::monitor::Silent;
use sora_director::world::DepthView;

use crate::common::gpu;

/// One take for each kind of fault that stands still and is to be seen.
fn takes() -> Vec<(Take, FaultKind)> {
    let gpu = gpu();
    let folder = tempfile::tempdir().expect("a folder");
    let all = cases(60, Half::Tuning, [96, 54], [0.3, 0.3], 4);
    let kinds = [
        FaultKind::Hole,
        FaultKind::OpenBoundary,
        FaultKind::InvisibleWall,
    ];
    let one = |kind: FaultKind| {
        let with = all
            .iter()
            .filter(|c| c.faults.len() == 1 && c.faults[0].0 == kind);
        let made =
            with.map(|case| Take::make(&gpu, case, &folder.path().join(&case.name), &Silent));
        made.map(|take| take.expect("a take"))
            .find(|take| faults(take).iter().any(|f| f.visible))
            .map(|take| (take, kind))
    };
    kinds.into_iter().filter_map(one).collect()
}

/// The take's views with the depth that `of` makes of the true one, its view and its pixel.
fn views(take: &Take, of: impl Fn(usize, usize, f32) -> f32) -> Vec<DepthView> {
    let pairs = take.cameras.cameras.iter().zip(&take.seen).enumerate();
    pairs
        .map(|(k, (camera, seen))| {
            let depth = seen
                .depth
                .iter()
                .enumerate()
                .map(|(i, d)| of(k, i, *d))
                .collect();
            DepthView::new(*camera, take.case.size, depth, vec![1.0; seen.depth.len()])
        })
        .collect()
}

#[test]
fn true_depth_holds_a_pit_and_an_opening_whole_and_a_pane_not_at_all() {
    let takes = takes();
    assert_eq!(takes.len(), 3, "a take for each kind");
    for (take, kind) in &takes {
        let faults = faults(take);
        let held = |views: &[DepthView], scale: f64| -> f64 {
            let all: Vec<Witness> = witnesses(take, &faults, views, scale, Source::Maps);
            assert_eq!(all.len(), 1, "{kind:?}");
            assert!(all[0].pixels >= 4 && all[0].fault == 0, "{all:?}");
            all[0].held.expect("a share")
        };
        let whole = if *kind == FaultKind::InvisibleWall {
            0.0
        } else {
            1.0
        };
        let truth = held(&views(take, |_, _, d| d), 1.0);
        assert!((truth - whole).abs() < 1e-6, "{kind:?} {truth}");
        // Lengths of another unit.
        let halved = held(&views(take, |_, _, d| 0.5 * d), 2.0);
        assert!((halved - whole).abs() < 1e-6, "{kind:?} {halved}");
        // The fault's first face along every ray: the pane itself, the wall that is missing, the floor over a pit.
        let width = take.case.size[0] as usize;
        let face = views(take, |k, i, d| {
            let camera = &take.cameras.cameras[k];
            let at = glam::DVec2::new((i % width) as f64 + 0.5, (i / width) as f64 + 0.5);
            let ray = sora_director::eval::agent::seen::ray(camera, at);
            through(camera.pose.position, ray, &faults[0].places[0])
                .map_or(d, |[from, _]| (from as f32).min(d))
        });
        let first = held(&face, 1.0);
        assert!((first - (1.0 - whole)).abs() < 1e-3, "{kind:?} {first}");
    }
}

#[test]
fn depth_that_is_off_as_a_whole_holds_no_fault_for_that() {
    let (take, _) = takes().swap_remove(0);
    let faults = faults(&take);
    let at = |factor: f32| {
        let views = views(&take, |_, _, d| factor * d);
        witnesses(&take, &faults, &views, 1.0, Source::Maps)[0].held
    };
    let [own, far] = [at(1.0), at(1.1)].map(|held| held.expect("a share"));
    assert!(
        (own - 1.0).abs() < 1e-6 && (far - 1.0).abs() < 1e-5,
        "{own} {far}"
    );
}

#[test]
fn a_view_of_a_frame_without_a_truth_says_nothing() {
    let (take, _) = takes().swap_remove(0);
    let faults = faults(&take);
    let mut all = views(&take, |_, _, d| d);
    let whole = witnesses(&take, &faults, &all, 1.0, Source::Maps);
    for view in &mut all[1..] {
        view.camera.time += 1.0 / 48.0 + 1.0 / 24.0;
    }
    let first = witnesses(&take, &faults, &all, 1.0, Source::Maps);
    assert!(first[0].pixels < whole[0].pixels, "{first:?} {whole:?}");
    // Smaller pictures of the same frames say the same.
    let half = |view: &DepthView| {
        let [w, h] = [view.width / 2, view.height / 2];
        let at = |i: u32| ((2 * (i / w)) * view.width + 2 * (i % w)) as usize;
        let depth = (0..w * h).map(|i| view.depth[at(i)]).collect();
        DepthView::new(view.camera, [w, h], depth, vec![1.0; (w * h) as usize])
    };
    let small: Vec<DepthView> = views(&take, |_, _, d| d).iter().map(half).collect();
    let held = witnesses(&take, &faults, &small, 1.0, Source::Splats)[0];
    assert_eq!(
        (held.source, held.pixels),
        (Source::Splats, whole[0].pixels)
    );
    assert!((held.held.expect("a share") - 1.0).abs() < 0.2, "{held:?}");
}

#[test]
fn what_says_nothing_holds_nothing_and_is_counted() {
    let (take, _) = takes().swap_remove(0);
    let faults = faults(&take);
    let blind = views(&take, |_, _, _| 0.0);
    for views in [&blind[..], &[]] {
        let all = witnesses(&take, &faults, views, 1.0, Source::Splats);
        assert_eq!((all.len(), all[0].pixels, all[0].held), (1, 0, None));
    }
}
