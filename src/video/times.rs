//! When each packet's frame is shown, also where a file tells only a part of it, or tells it wrongly.
//!
//! All times are in ticks of the stream's time base until [`Times`] has them in seconds.

/// What a packet says of its time, in ticks.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Stamp {
    /// When its frame is shown.
    pub pts: Option<f64>,
    /// When it is decoded.
    pub dts: Option<f64>,
    /// An edit list or the codec may hide it.
    pub shown: bool,
    /// Decoding can start here.
    pub key: bool,
}

/// The time of every frame that is shown, in seconds, each later than the one before.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Times {
    /// By packet; NaN where nothing is shown.
    at: Vec<f64>,
    /// All of them, in order.
    pub shown: Vec<f64>,
    /// Which packet a frame comes from does not tell its place, so frames are counted as they are shown.
    by_count: bool,
    /// Frames whose own time was another's or out of order.
    pub moved: u64,
    /// Frames without any time of their own.
    pub untimed: u64,
}

impl Times {
    /// As the packets say.
    pub fn stated(stamps: &[Stamp], unit: f64) -> Self {
        let shown = |stamp: &Stamp| stamp.pts.filter(|_| stamp.shown);
        let at: Vec<f64> = stamps
            .iter()
            .map(|stamp| shown(stamp).map_or(f64::NAN, |pts| pts * unit))
            .collect();
        let mut sorted: Vec<f64> = at.iter().copied().filter(|time| !time.is_nan()).collect();
        sorted.sort_by(f64::total_cmp);
        Self {
            at,
            shown: sorted,
            ..Self::default()
        }
    }

    /// What can be found from whatever the packets say. `order` has the packets in the order in which their frames are
    /// shown, without those that show none; `None` where it is not known. Frames are `step` apart where nothing is said.
    pub fn found(stamps: &[Stamp], order: Option<&[usize]>, step: f64, unit: f64) -> Self {
        let is_shown = |&packet: &usize| stamps[packet].shown;
        let packets: Vec<usize> = match order {
            Some(order) => order.iter().copied().filter(is_shown).collect(),
            None => (0..stamps.len()).filter(is_shown).collect(),
        };
        let mut decoded = packets.clone();
        decoded.sort_unstable();
        let pts = |packets: &[usize]| packets.iter().map(|&p| stamps[p].pts).collect::<Vec<_>>();
        let mut own = pts(&packets);
        let untimed = own.iter().zip(&packets);
        let untimed = untimed.filter(|&(pts, &p)| pts.or(stamps[p].dts).is_none());
        let untimed = untimed.count() as u64;
        let all = own.iter().all(Option::is_some);
        let mut base: Vec<_> = decoded.iter().map(|&p| stamps[p].dts).collect();
        if all || (order.is_none() && base.iter().all(Option::is_none)) {
            base = pts(&decoded);
        }
        // What frames show late rises in the order of decoding: those were times of decoding.
        let swap = order.is_none() || (all && backward(&own) > backward(&base));
        // Frames that must be decoded before the first one can be shown, so that none comes too late.
        let place = |packet: &usize| decoded.partition_point(|other| other < packet);
        let late = packets.iter().enumerate();
        let late = late
            .map(|(i, packet)| place(packet).saturating_sub(i))
            .max();
        let base = base.iter().any(Option::is_some).then(|| {
            fill(&mut base, None, step);
            shown(
                base.into_iter().flatten().collect(),
                late.unwrap_or(0),
                step,
            )
        });
        if swap && let Some(base) = &base {
            own = base.iter().copied().map(Some).collect();
        }
        // What comes before the first key picture is not decoded, so its times do not matter.
        let first = stamps.iter().position(|stamp| stamp.key).unwrap_or(0);
        let matter = |dropped: Vec<usize>| dropped.iter().filter(|&&i| packets[i] >= first).count();
        let mut moved = matter(tidy(&mut own, step));
        fill(&mut own, base.as_deref().filter(|_| !all), step);
        moved += matter(tidy(&mut own, step));
        fill(&mut own, None, step);
        let shown: Vec<f64> = own.into_iter().flatten().map(|time| time * unit).collect();
        let mut at = vec![f64::NAN; stamps.len()];
        for (&packet, &time) in packets.iter().zip(&shown) {
            at[packet] = time;
        }
        Self {
            at,
            shown,
            by_count: order.is_none(),
            moved: moved as u64,
            untimed,
        }
    }

    /// The time of the frame that is the `count`th of all that are shown and comes from `packet`.
    pub fn of(&self, count: usize, packet: Option<usize>) -> Option<f64> {
        let time = match self.by_count {
            true => self.shown.get(count),
            false => self.at.get(packet?),
        };
        time.copied().filter(|time| !time.is_nan())
    }

    /// The time of the next frame after `time`.
    pub fn after(&self, time: f64) -> Option<f64> {
        let next = self.shown.partition_point(|&other| other <= time);
        self.shown.get(next).copied()
    }
}

/// The packets' own times can be taken as they are; `second` has the ticks of one.
pub(super) fn are_plain(stamps: &[Stamp], reorders: bool, second: f64) -> bool {
    let mut all = Vec::with_capacity(stamps.len());
    let (mut decoded, mut rises) = (f64::NEG_INFINITY, true);
    for stamp in stamps.iter().filter(|stamp| stamp.shown) {
        let Some(pts) = stamp.pts else {
            return false;
        };
        rises &= all.last().is_none_or(|&last| last < pts);
        all.push(pts);
        if let Some(dts) = stamp.dts {
            // Shown long after it is decoded: one of the two is wrong.
            if dts < decoded || pts - dts > 5.0 * second {
                return false;
            }
            decoded = dts;
        }
    }
    all.sort_by(f64::total_cmp);
    let distinct = all.windows(2).all(|pair| pair[0] < pair[1]);
    // Where frames are shown in another order, times that rise may be those of decoding.
    distinct && !(reorders && rises)
}

/// A place where the timestamps start anew.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Jump {
    /// The last before it, in ticks.
    pub from: f64,
    /// The first after it.
    pub to: f64,
}

/// Lets time go on where timestamps jump: back, as where recordings were joined, or by more than ten seconds ahead
/// where the format knows of such jumps (`ahead`). One packet that is off by itself loses its times. `second` has the
/// ticks of one; frames are `step` apart at a jump. Returns the jumps, and how many packets were off.
pub(super) fn join(stamps: &mut [Stamp], ahead: bool, second: f64, step: f64) -> (Vec<Jump>, u64) {
    // Ahead by more than ten seconds as FFmpeg's own tool has it, or far more than any clip lasts.
    let far = if ahead { 10.0 } else { 100_000.0 } * second;
    let both = |a: Option<f64>, b: Option<f64>| Some(b? - a?);
    let leaps = |a: &Stamp, b: &Stamp| {
        let shown = both(a.pts, b.pts);
        match both(a.dts, b.dts) {
            Some(d) => d > far || (d < -0.1 * second && shown.is_none_or(|shown| shown < 0.0)),
            None => shown.is_some_and(|shown| shown > far || shown < -1.0 * second),
        }
    };
    let timed = |stamp: &Stamp| stamp.dts.or(stamp.pts).is_some();
    let (mut jumps, mut off, mut offset) = (Vec::new(), 0, 0.0);
    // The last two with a time, as they are in the file.
    let mut last: [Option<(usize, Stamp)>; 2] = [None; 2];
    for i in 0..stamps.len() {
        let stamp = stamps[i];
        if !timed(&stamp) {
            continue;
        }
        if let Some((place, before)) = last[1]
            && leaps(&before, &stamp)
        {
            let next = stamps.get(i + 1).filter(|next| timed(next));
            if next.is_some_and(|next| !leaps(&before, next)) {
                (stamps[i].pts, stamps[i].dts) = (None, None);
                off += u64::from(stamp.shown);
                continue;
            }
            if last[0].is_some_and(|(_, earlier)| !leaps(&earlier, &stamp)) {
                (stamps[place].pts, stamps[place].dts) = (None, None);
                off += u64::from(before.shown);
                last[1] = last[0];
            } else {
                let time = |stamp: &Stamp| match before.dts.and(stamp.dts) {
                    Some(_) => stamp.dts,
                    None => stamp.pts,
                };
                if let (Some(from), Some(to)) = (time(&before), time(&stamp)) {
                    offset = from + offset + step - to;
                    jumps.push(Jump { from, to });
                }
            }
        }
        last = [last[1], Some((i, stamp))];
        for time in [&mut stamps[i].pts, &mut stamps[i].dts] {
            *time = time.map(|time| time + offset);
        }
    }
    (jumps, off)
}

/// From when frames are decoded to when they are shown: `late` frames later, but the first at once.
fn shown(mut times: Vec<f64>, late: usize, step: f64) -> Vec<f64> {
    times.sort_by(f64::total_cmp);
    let (Some(&first), Some(&last)) = (times.first(), times.last()) else {
        return times;
    };
    times.extend((1..=late).map(|i| last + step * i as f64));
    let times = times.split_off(late);
    let moved = times[0] - first;
    times.into_iter().map(|time| time - moved).collect()
}

/// How often a time is not later than the one before.
fn backward(times: &[Option<f64>]) -> usize {
    let known: Vec<f64> = times.iter().copied().flatten().collect();
    known.windows(2).filter(|pair| pair[1] <= pair[0]).count()
}

/// Drops the fewest times that stand in the way of each being later than the one before; of two that fit equally well,
/// the one that leaves the steps more even. Returns where.
fn tidy(times: &mut [Option<f64>], step: f64) -> Vec<usize> {
    let known: Vec<(usize, f64)> = times
        .iter()
        .enumerate()
        .filter_map(|(i, time)| Some((i, (*time)?)))
        .collect();
    let mut steps: Vec<f64> = known.windows(2).map(|pair| pair[1].1 - pair[0].1).collect();
    if steps.iter().all(|&step| step > 0.0) {
        return Vec::new();
    }
    steps.retain(|&step| step > 0.0);
    steps.sort_by(f64::total_cmp);
    let step = steps.get(steps.len() / 2).copied().unwrap_or(step);
    let uneven = |a: Option<&(usize, f64)>, b: Option<&(usize, f64)>| match (a, b) {
        (Some(a), Some(b)) => (b.1 - a.1 - (b.0 - a.0) as f64 * step).abs(),
        _ => 0.0,
    };
    let mut kept: Vec<(usize, f64)> = Vec::with_capacity(known.len());
    for (place, this) in known.iter().enumerate() {
        let Some(&before) = kept.last() else {
            kept.push(*this);
            continue;
        };
        if before.1 < this.1 {
            kept.push(*this);
            continue;
        }
        let (earlier, next) = (
            kept.len().checked_sub(2).map(|i| &kept[i]),
            known.get(place + 1),
        );
        let without_before = earlier.is_none_or(|earlier| earlier.1 < this.1);
        let without_this = next.is_none_or(|next| before.1 < next.1);
        let better = || {
            earlier.is_some()
                && uneven(earlier, Some(this)) + uneven(Some(this), next)
                    < uneven(earlier, Some(&before)) + uneven(Some(&before), next)
        };
        if (without_this || before.1 == this.1) && !(without_before && better()) {
            continue;
        }
        if without_before {
            kept.pop();
        }
        kept.push(*this);
    }
    let kept = rising(&kept);
    let mut left = kept.iter().peekable();
    let mut dropped = Vec::new();
    for (i, time) in times.iter_mut().enumerate() {
        let keep = left.next_if(|kept| kept.0 == i).is_some();
        dropped.extend((!keep && time.is_some()).then_some(i));
        *time = time.filter(|_| keep);
    }
    dropped
}

/// The longest row of those that rise, in their order.
fn rising(known: &[(usize, f64)]) -> Vec<(usize, f64)> {
    // Of the rows of each length, the one that ends lowest, and what stands before each in its row.
    let mut ends: Vec<usize> = Vec::new();
    let mut before: Vec<Option<usize>> = Vec::with_capacity(known.len());
    for (i, &(_, time)) in known.iter().enumerate() {
        let length = ends.partition_point(|&end| known[end].1 < time);
        before.push(length.checked_sub(1).map(|l| ends[l]));
        match ends.get_mut(length) {
            Some(end) if known[*end].1 == time => {}
            Some(end) => *end = i,
            None => ends.push(i),
        }
    }
    let mut row = Vec::with_capacity(ends.len());
    let mut at = ends.last().copied();
    while let Some(i) = at {
        row.push(known[i]);
        at = before[i];
    }
    row.reverse();
    row
}

/// Puts the times that are missing between their neighbours: in proportion to `base`, which has one for each, or
/// evenly; `step` apart at the ends.
fn fill(times: &mut [Option<f64>], base: Option<&[f64]>, step: f64) {
    let known: Vec<usize> = (0..times.len()).filter(|&i| times[i].is_some()).collect();
    let mut next = known.iter().copied().peekable();
    let mut last: Option<(usize, f64)> = None;
    for i in 0..times.len() {
        if let Some(time) = times[i] {
            last = Some((i, time));
            next.next();
            continue;
        }
        let later = next.peek().and_then(|&j| Some((j, times[j]?)));
        let apart = |from: usize, to: usize| match base {
            Some(base) => base[to] - base[from],
            None => step * (to - from) as f64,
        };
        times[i] = Some(match (last, later) {
            (Some((a, start)), Some((b, end))) => {
                let whole = apart(a, b);
                let part = match apart(a, i) / whole {
                    part if whole > 0.0 && part > 0.0 && part < 1.0 => part,
                    _ => (i - a) as f64 / (b - a) as f64,
                };
                start + (end - start) * part
            }
            (Some((a, start)), None) => start + apart(a, i),
            (None, Some((b, end))) => end - apart(i, b),
            (None, None) => base.map_or(step * i as f64, |base| base[i]),
        });
    }
}
