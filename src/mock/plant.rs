//! Planting: where and when each drawn defect befalls a scene.

use glam::{DVec2, DVec3, Quat, Vec3};

use super::blur::MOST_SIGMA;
use super::defects::{Kind, Planted};
use super::faults::{Astray, BURST, Span, Veil};
use super::furnish;
use super::piece::{Piece, Skin};
use super::prompt::Colour;
use super::scene::{Role, Scene};
use super::shell::{Gap, PIT, Side};
use crate::numeric::Rng;

impl Scene {
    fn planted_at(&mut self, kind: Kind, [from, to]: Span) -> &mut Planted {
        let rule = kind.rule();
        let severity = self.severity(kind).unwrap_or_default();
        let fps = self.clip.fps;
        self.planted.push(Planted {
            kind,
            severity,
            measure: rule.at(severity),
            unit: rule.unit.to_owned(),
            frames: [from, to],
            seconds: [from as f64 / fps, to as f64 / fps],
            objects: Vec::new(),
            name: None,
            bounds: None,
            from_to: None,
            per_frame: Vec::new(),
        });
        let last = self.planted.len() - 1;
        &mut self.planted[last]
    }

    /// The severity of a defect that is to be planted.
    pub(super) fn severity(&self, kind: Kind) -> Option<f64> {
        let draw = self.draws.iter().find(|d| d.kind == kind && d.drawn);
        draw.map(|d| d.severity)
    }

    fn whole(&self) -> Span {
        [0, self.clip.frames]
    }

    /// The rest of the clip from a frame well inside it.
    fn later(&self, rng: &mut Rng) -> Span {
        let frames = self.clip.frames;
        [
            ((rng.range(0.3, 0.55) * frames as f64) as usize).max(1),
            frames,
        ]
    }

    fn misfit(&mut self, kind: Kind, why: &str) {
        self.misfits.push(format!("{}: {why}", kind.name()));
    }

    /// Chooses where a second camera may stand and where a pit and an opening may be, in every scene: so that a scene
    /// with the defect and without it is the same but for the defect.
    pub(super) fn reserve(&mut self) {
        self.reserve_cut();
        self.reserve_pit();
        self.reserve_gap();
    }

    fn reserve_cut(&mut self) {
        if self.clip.frames < 4 {
            return;
        }
        let [at, _] = self.later(&mut Rng::stream(self.understood.seed, "cut frame"));
        let pose = self.camera_at(at).pose;
        let half = self.site.half();
        let most = Kind::Cut.rule().at(1.0);
        // To the side where there is room, and less far where there is little.
        let room = |by: f64| {
            let p = pose.position + by * pose.rotation.x_axis;
            let across = match self.site.kerb {
                // On its own pavement.
                Some(_) => (p.x.abs() - (half.x - 0.95)).abs() < 0.45,
                None => p.x.abs() < half.x - 0.5,
            };
            across && p.z.abs() < half.y - 0.4
        };
        let farthest = |sign: f64| {
            let steps = (1..=40).map(|k| sign * most * f64::from(k) / 40.0);
            steps.take_while(|by| room(*by)).last().unwrap_or(0.0)
        };
        let (left, right) = (farthest(-1.0), farthest(1.0));
        let by = if left.abs() > right { left } else { right };
        if by.abs() >= 0.3 {
            self.reserved.second_camera = Some((at, by));
        }
    }

    fn reserve_pit(&mut self) {
        let most = Kind::Hole.rule().at(1.0);
        let mut rng = Rng::stream(self.understood.seed, "pit");
        let [low, high] = self.site.flat();
        let middle = self.clip.frames / 2;
        let walked: Vec<DVec2> = match self.understood.count() {
            0 => Vec::new(),
            _ => self.circuit.track.places().collect(),
        };
        let wide = self.breadth();
        for k in 0..3000 {
            // Smaller ones where none of its size fits.
            let side = most * [1.0, 0.75, 0.5][k / 1000];
            let stretch = rng.range(0.85, 1.18);
            let half = DVec2::new(side * stretch, side / stretch) / 2.0;
            let at = DVec2::new(
                rng.range(low.x + 0.15, high.x - 0.15),
                rng.range(low.y + 0.15, high.y - 0.15),
            );
            let (min, max) = (at - half, at + half);
            let within = max.x < high.x - 0.1
                && min.x > low.x + 0.1
                && max.y < high.y - 0.1
                && min.y > low.y + 0.1;
            let gap = |p: &DVec2| p.distance(p.clamp(min, max));
            let clear = walked.iter().all(|p| gap(p) > 0.2 + wide - 0.32);
            let corners = [min, DVec2::new(max.x, min.y), max, DVec2::new(min.x, max.y)];
            let far = if self.understood.outdoors() { 9.0 } else { 5.5 };
            let seen = corners.iter().all(|c| {
                self.sees(middle, DVec3::new(c.x, 0.0, c.y))
                    .is_some_and(|(_, z)| (0.8..far).contains(&z))
            });
            if within && clear && seen && self.off_camera(at) > half.length() {
                self.reserved.pit = Some([min, max]);
                return;
            }
        }
    }

    /// Plants a cut where it was drawn.
    pub(super) fn plan_cut(&mut self) {
        let Some(severity) = self.severity(Kind::Cut) else {
            return;
        };
        let Some((at, most)) = self.reserved.second_camera else {
            return self.misfit(Kind::Cut, "no room for another camera, or under 4 frames");
        };
        let measure = Kind::Cut.rule().at(severity).min(most.abs());
        let before = self.camera_at(at).pose.position;
        self.faults.cut = Some((at, measure * most.signum()));
        let after = self.camera_at(at).pose.position;
        let planted = self.planted_at(Kind::Cut, [at, self.clip.frames]);
        planted.measure = measure;
        planted.from_to = Some([before.to_array(), after.to_array()]);
    }

    /// Plants a pit (least and greatest x, z) where it was drawn.
    pub(super) fn plan_pit(&mut self) -> Option<[DVec2; 2]> {
        let severity = self.severity(Kind::Hole)?;
        let Some([min, max]) = self.reserved.pit else {
            self.misfit(Kind::Hole, "no place in view off everyone's way");
            return None;
        };
        let (at, half) = ((min + max) / 2.0, (max - min) / 2.0);
        let most = 2.0 * (half.x * half.y).sqrt();
        let side = Kind::Hole.rule().at(severity).min(most);
        let half = half * (side / most);
        let (min, max) = (at - half, at + half);
        let whole = self.whole();
        let planted = self.planted_at(Kind::Hole, whole);
        planted.measure = side;
        planted.bounds = Some([[min.x, -f64::from(PIT), min.y], [max.x, 0.0, max.y]]);
        Some([min, max])
    }

    fn reserve_gap(&mut self) {
        let mut rng = Rng::stream(self.understood.seed, "opening");
        let middle = self.clip.frames / 2;
        let e = self.site.extent;
        let most = Kind::OpenBoundary.rule().at(1.0) as f32;
        let seen = |scene: &Self, side: Side, along: f32| {
            let low = side.point(e, along, 0.0, 0.0).as_dvec3();
            let ground = scene.site.ground(DVec2::new(low.x, low.z));
            let at = low.with_y(ground + 1.2);
            scene.sees(middle, at).is_some_and(|(_, z)| z > 1.0)
        };
        for k in 0..900 {
            // Narrower ones where none of its width fits.
            let width = most * [1.0, 0.65, 0.4][k / 300];
            let side = Side::ALL[rng.below(4)];
            let half = side.half(e);
            if half < width / 2.0 + 0.1 {
                continue;
            }
            let at = rng.range32(-half + width / 2.0 + 0.05, half - width / 2.0 - 0.05);
            let (from, to) = (at - width / 2.0, at + width / 2.0);
            if seen(self, side, from) && seen(self, side, to) {
                self.reserved.gap = Some(Gap { side, from, to });
                return;
            }
        }
    }

    /// Plants an opening in a wall where it was drawn.
    pub(super) fn plan_gap(&mut self) -> Option<Gap> {
        let severity = self.severity(Kind::OpenBoundary)?;
        let Some(most) = self.reserved.gap else {
            self.misfit(Kind::OpenBoundary, "no wall is in view that is wide enough");
            return None;
        };
        let width = (Kind::OpenBoundary.rule().at(severity) as f32).min(most.to - most.from);
        let at = (most.from + most.to) / 2.0;
        let gap = Gap {
            side: most.side,
            from: at - width / 2.0,
            to: at + width / 2.0,
        };
        let e = self.site.extent;
        // Houses differ in height, and are at most so high.
        let top = e.y
            * if self.understood.outdoors() {
                1.15
            } else {
                1.0
            };
        let (a, b) = (
            gap.side.point(e, gap.from, 0.0, 0.0),
            gap.side.point(e, gap.to, top, -0.2),
        );
        let whole = self.whole();
        let planted = self.planted_at(Kind::OpenBoundary, whole);
        planted.measure = f64::from(width);
        planted.bounds = Some([a.min(b), a.max(b)].map(|v| v.as_dvec3().to_array()));
        Some(gap)
    }

    /// Records that hang on all that was planted.
    pub(super) fn settle_records(&mut self) {
        let times = self.faults.times.clone();
        let repeated = times.windows(2).filter(|t| t[0] == t[1]).count();
        let share = repeated as f64 / times.len() as f64;
        let teleport = self.planted.iter().find(|p| p.kind == Kind::Teleport);
        let from_to = teleport.map(|p| p.frames[0]).map(|at| {
            let to = self.subjects_at(at)[0].1.place;
            let kept = self.faults.teleport.take();
            let from = self.subjects_at(at)[0].1.place;
            self.faults.teleport = kept;
            [from.to_array(), to.to_array()]
        });
        for planted in &mut self.planted {
            match planted.kind {
                Kind::Judder => planted.per_frame.clone_from(&times),
                Kind::Duplicates => {
                    planted.per_frame.clone_from(&times);
                    planted.measure = share;
                }
                Kind::Teleport => planted.from_to = from_to,
                _ => {}
            }
        }
    }

    /// Plants what happens over time and what stands in the way.
    pub(super) fn spoil(&mut self) {
        let frames = self.clip.frames;
        let seed = self.understood.seed;
        if let Some(severity) = self.severity(Kind::InvisibleWall) {
            self.plant_veil(Kind::InvisibleWall.rule().at(severity) as f32);
        }
        for kind in [Kind::Blur, Kind::Noise, Kind::Blocks] {
            let Some(severity) = self.severity(kind) else {
                continue;
            };
            let mut rng = Rng::stream(seed, kind.name());
            rng.next();
            rng.next();
            // From the start or from later on; to the end, so that takes differ in how much of them is spoilt.
            let from = (rng.range(-0.3, 0.4).max(0.0) * frames as f64) as usize;
            let measure = kind.rule().at(severity) as f32;
            let span = [from, frames];
            let lines = self.clip.size[1] as f32 / 360.0;
            // Less is no blur at all, more is past what the kernel reaches.
            let sigma = (measure * lines).clamp(0.4, MOST_SIGMA);
            match kind {
                Kind::Blur => self.faults.blur = Some((span, sigma)),
                Kind::Noise => self.faults.noise = Some((span, measure)),
                _ => self.faults.blocks = Some((span, measure)),
            }
            let planted = self.planted_at(kind, span);
            if kind == Kind::Blur {
                planted.measure = f64::from(sigma / lines);
            }
        }
        let over_time = [
            Kind::IdentityDrift,
            Kind::Teleport,
            Kind::Float,
            Kind::Sink,
            Kind::Acceleration,
            Kind::Flicker,
            Kind::Judder,
            Kind::Duplicates,
            Kind::Morph,
            Kind::Vanish,
            Kind::Move,
        ];
        for kind in over_time {
            let Some(severity) = self.severity(kind) else {
                continue;
            };
            if frames < 4 {
                self.misfit(kind, "under 4 frames");
                continue;
            }
            let measure = kind.rule().at(severity);
            let mut rng = Rng::stream(seed, &format!("{} plan", kind.name()));
            match kind {
                Kind::Flicker => self.plant_flicker(measure, &mut rng),
                Kind::Judder | Kind::Duplicates => self.plant_times(kind, measure, &mut rng),
                Kind::Morph => self.plant_morph(measure, &mut rng),
                Kind::Vanish | Kind::Move => self.plant_object(kind, measure, &mut rng),
                _ => self.plant_subject(kind, measure, &mut rng),
            }
        }
    }

    fn plant_flicker(&mut self, measure: f64, rng: &mut Rng) {
        let frames = self.clip.frames;
        let mut gains = vec![1.0; frames];
        for gain in &mut gains {
            if rng.unit() < 0.4 {
                let by = measure * rng.range(0.7, 1.0);
                *gain = if rng.coin() { 1.0 + by } else { 1.0 - by };
            }
        }
        // At least one jump, whatever the draws.
        gains[frames / 2] = 1.0 - measure;
        gains[frames / 2 - 1] = 1.0;
        self.faults.gains = gains.iter().map(|g| *g as f32).collect();
        let whole = self.whole();
        self.planted_at(Kind::Flicker, whole).per_frame = gains;
    }

    fn plant_times(&mut self, kind: Kind, measure: f64, rng: &mut Rng) {
        let frames = self.clip.frames;
        if kind == Kind::Judder {
            let early_or_late =
                |rng: &mut Rng| rng.sign() * measure * rng.range(0.6, 1.0) / self.clip.fps;
            let offsets: Vec<f64> = (0..frames).map(|_| early_or_late(rng)).collect();
            let end = self.clip.seconds();
            for (time, offset) in self.faults.times.iter_mut().zip(offsets) {
                *time = (*time + offset).clamp(0.0, end);
            }
        } else {
            for f in 1..frames {
                // One at least, in the middle.
                if rng.unit() < measure || f == frames / 2 {
                    self.faults.times[f] = self.faults.times[f - 1];
                }
            }
        }
        let whole = self.whole();
        self.planted_at(kind, whole);
    }

    fn plant_morph(&mut self, measure: f64, rng: &mut Rng) {
        let span = self.later(rng);
        let mut objects = furnish::by_size(self, span[0]);
        objects.truncate(3);
        // What hangs on the walls as well.
        let flat = self
            .objects
            .iter()
            .filter(|o| matches!(o.name.as_str(), "picture" | "window" | "door"))
            .map(|o| o.id);
        objects.extend(flat.take(3));
        let Some(&first) = objects.first() else {
            return self.misfit(Kind::Morph, "nothing is in view that could");
        };
        let bounds = furnish::bounds(self, first).map(|v| v.as_dvec3().to_array());
        let name = self.objects[first as usize - 1].name.clone();
        self.faults.morph = Some((objects.clone(), measure as f32, span[0]));
        let planted = self.planted_at(Kind::Morph, span);
        planted.objects = objects;
        planted.name = Some(name);
        planted.bounds = Some(bounds);
    }

    fn plant_object(&mut self, kind: Kind, measure: f64, rng: &mut Rng) {
        let mut span = self.later(rng);
        let seen = furnish::by_size(self, span[0]);
        let taken = match kind {
            Kind::Move => self.faults.vanish.map(|(o, _)| o),
            _ => None,
        };
        let Some(&object) = seen.iter().find(|o| Some(**o) != taken) else {
            return self.misfit(kind, "no prop is in view");
        };
        let [low, high] = furnish::bounds(self, object);
        let middle = ((low + high) / 2.0).as_dvec3();
        let name = self.objects[object as usize - 1].name.clone();
        let mut from_to = None;
        let mut told = measure;
        if kind == Kind::Vanish {
            let left = span[1] - span[0];
            let gone = ((measure * left as f64).round() as usize).clamp(2, left);
            span[1] = span[0] + gone;
            told = gone as f64 / left as f64;
            self.faults.vanish = Some((object, span));
        } else {
            let half = self.site.half();
            let wide = (high - low).as_dvec3() / 2.0;
            let radius = wide.x.hypot(wide.z);
            let others: Vec<[Vec3; 2]> = self
                .objects
                .iter()
                .filter(|o| o.role == Role::Prop && o.id != object)
                .map(|o| furnish::bounds(self, o.id))
                .collect();
            let free = |by: DVec3| {
                let at = middle + by;
                let flat = DVec2::new(at.x, at.z);
                let apart = |low: DVec2, high: DVec2| flat.distance(flat.clamp(low, high)) > radius;
                let level = |v: Vec3| DVec2::new(f64::from(v.x), f64::from(v.z));
                at.x.abs() + wide.x < half.x
                    && at.z.abs() + wide.z < half.y
                    && (self.site.ground(flat) - f64::from(low.y)).abs() < 0.02
                    && self.off_camera(flat) > radius + 0.4
                    && self.off_circuit(flat) > radius
                    && self.reserved.pit.is_none_or(|[a, b]| apart(a, b))
                    && others.iter().all(|[a, b]| apart(level(*a), level(*b)))
                    && self.sees(span[0], at).is_some()
            };
            let to = (0..96)
                .map(|_| {
                    let turn = rng.range(0.0, std::f64::consts::TAU);
                    DVec3::new(turn.sin(), 0.0, turn.cos()) * measure
                })
                .find(|by| free(*by));
            let Some(by) = to else {
                return self.misfit(kind, "no free place near the prop");
            };
            // While nobody looks, if there is such a time with a look before and one after; else from one frame to
            // the next.
            let seen = |f: usize, by: DVec3| self.sees(f, middle + by).is_some();
            let frames = self.clip.frames;
            let hidden = (1..frames).find(|&f| {
                !seen(f, DVec3::ZERO)
                    && !seen(f, by)
                    && (0..f).any(|f| seen(f, DVec3::ZERO))
                    && (f..frames).any(|f| seen(f, by))
            });
            let at = hidden.unwrap_or(span[0]);
            span = [at, self.clip.frames];
            self.faults.moved = Some((object, by.as_vec3(), at));
            from_to = Some([middle.to_array(), (middle + by).to_array()]);
        }
        let planted = self.planted_at(kind, span);
        planted.measure = told;
        planted.objects = vec![object];
        planted.name = Some(name);
        planted.bounds = Some([low, high].map(|v| v.as_dvec3().to_array()));
        planted.from_to = from_to;
    }

    fn plant_subject(&mut self, kind: Kind, measure: f64, rng: &mut Rng) {
        let Some(first) = self.walkers.first().map(|w| w.object) else {
            return self.misfit(kind, "there is no subject");
        };
        let name = self.objects[first as usize - 1].name.clone();
        let span = self.later(rng);
        let at = span[0];
        let lifted = self.faults.lift.is_some();
        let astray = |measure: f64| Astray {
            walker: 0,
            from: at,
            measure,
        };
        let mut frames = span;
        let mut told = measure;
        match kind {
            Kind::IdentityDrift => {
                // Another colour than its own.
                let own = self.walkers[0].look.paint();
                let others: Vec<Colour> =
                    [Colour::Purple, Colour::Green, Colour::Black, Colour::White]
                        .into_iter()
                        .filter(|c| own.distance(c.linear().0.into()) > 0.3)
                        .collect();
                let (paint, second) = rng.pick(&others).linear();
                let to = Skin::plain(paint, second, rng);
                let start = (0.15 * self.clip.frames as f64) as usize;
                let end = (0.85 * self.clip.frames as f64) as usize;
                frames = [start, self.clip.frames];
                self.faults.drift = Some((0, to, measure as f32, [start, end.max(start + 1)]));
            }
            Kind::Teleport => {
                // Not onto another one.
                let apart = self.circuit.track.length() / self.walkers.len() as f64;
                let most = if self.walkers.len() > 1 {
                    0.5 * apart
                } else {
                    0.5 * apart.max(1.0)
                };
                told = measure.min(most);
                self.faults.teleport = Some(astray(told));
            }
            Kind::Float | Kind::Sink if lifted => {
                return self.misfit(kind, "the subject is off the ground already");
            }
            Kind::Float => self.faults.lift = Some(astray(measure)),
            Kind::Sink => self.faults.lift = Some(astray(-measure)),
            _ => {
                // What it gains is for good, and must not bring it into another one.
                let apart = self.circuit.track.length() / self.walkers.len() as f64;
                let gained = self.faults.teleport.map_or(0.0, |t| t.measure);
                let room = if self.walkers.len() > 1 {
                    0.5 * apart - gained
                } else {
                    f64::INFINITY
                };
                told = measure.min(room / BURST + 2.0 * self.circuit.speed);
                if told < 1.5 {
                    return self.misfit(kind, "no room before the next subject");
                }
                let last = at + (2.0 * BURST * self.clip.fps).ceil() as usize + 1;
                frames = [at, last.min(self.clip.frames)];
                self.faults.burst = Some(astray(told));
            }
        }
        let planted = self.planted_at(kind, frames);
        planted.measure = told;
        planted.objects = vec![first];
        planted.name = Some(name);
    }

    /// A pane that is hardly seen, across the view and out of the camera's way.
    fn plant_veil(&mut self, opacity: f32) {
        let mut rng = Rng::stream(self.understood.seed, "veil");
        let middle = self.clip.frames / 2;
        let camera = self.camera_at(middle).pose;
        let eye = camera.position;
        let half_site = self.site.half();
        for k in 0..400 {
            let wide = if k < 200 {
                rng.range(0.9, 1.4)
            } else {
                rng.range(0.5, 0.9)
            };
            let tall = rng.range(0.9, 1.1);
            let ahead = rng.range(2.0, 5.0);
            let aside = rng.range(-1.2, 1.2);
            let at = eye
                + ahead * camera.rotation.z_axis.with_y(0.0).normalize_or(DVec3::Z)
                + aside * camera.rotation.x_axis;
            let flat = DVec2::new(at.x, at.z);
            let ground = self.site.ground(flat);
            let toward = DVec2::new(eye.x - at.x, eye.z - at.z);
            let turn = toward.x.atan2(toward.y) + rng.range(-0.4, 0.4);
            let across = DVec2::new(turn.cos(), -turn.sin()) * wide;
            let ends = [flat + across, flat - across];
            let within = ends.iter().all(|p| {
                p.x.abs() < half_site.x - 0.1
                    && p.y.abs() < half_site.y - 0.1
                    && (self.site.ground(*p) - ground).abs() < 0.01
            });
            let seen = self.sees(middle, at.with_y(ground + 1.0)).is_some();
            let clear = (0..=8).all(|i| {
                let p = ends[0].lerp(ends[1], f64::from(i) / 8.0);
                self.off_camera(p) > 0.6
            });
            if within && seen && clear {
                let half = Vec3::new(wide as f32, tall as f32, 0.05);
                let centre = at.with_y(ground + tall).as_vec3();
                let paint = Skin {
                    paint: Vec3::new(0.62, 0.68, 0.72),
                    ..Skin::default()
                };
                let piece = Piece {
                    rotation: Quat::from_rotation_y(turn as f32),
                    ..Piece::block(0, centre, half, paint)
                };
                self.faults.veil = Some(Veil { piece, opacity });
                let (low, high) = piece.bounds();
                let whole = self.whole();
                self.planted_at(Kind::InvisibleWall, whole).bounds =
                    Some([low, high].map(|v| v.as_dvec3().to_array()));
                return;
            }
        }
        self.misfit(
            Kind::InvisibleWall,
            "no place in view out of the camera's way",
        );
    }
}
