//! When each packet's frame is shown, also where a file tells only a part of it, or tells it wrongly.
//!
//! All times are in ticks of the stream's time base until [`Times`] has them in seconds.

use crate::numeric::median;

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
    /// shown, without those that show none; `None` where it is not known. `off` frames lost their times for being far off.
    /// Frames are `step` apart where nothing is said.
    pub fn found(
        stamps: &[Stamp],
        order: Option<&[usize]>,
        off: usize,
        step: f64,
        unit: f64,
    ) -> Self {
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
        let untimed = untimed.count().saturating_sub(off) as u64;
        let all = own.iter().filter(|time| time.is_none()).count() <= off;
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
            moved: (moved + off) as u64,
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
    let step = median(&mut steps).unwrap_or(step);
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

#[cfg(test)]
mod tests {
    use super::{Stamp, Times, are_plain};

    /// Packets with these times of showing and decoding, in tenths; NaN for none.
    fn stamps(pts: &[f64], dts: &[f64]) -> Vec<Stamp> {
        let known = |time: f64| Some(time).filter(|time| !time.is_nan());
        let both = pts.iter().zip(dts);
        both.enumerate()
            .map(|(i, (&pts, &dts))| Stamp {
                pts: known(pts),
                dts: known(dts),
                shown: true,
                key: i == 0,
            })
            .collect()
    }

    const NONE: [f64; 9] = [f64::NAN; 9];
    /// I P B B P B B: the order of showing.
    const ORDER: [usize; 7] = [0, 2, 3, 1, 5, 6, 4];

    fn close(found: &[f64], want: &[f64]) {
        let near = |(a, b): (&f64, &f64)| (a - b).abs() < 1e-9;
        assert!(
            found.len() == want.len() && found.iter().zip(want).all(near),
            "{found:?} is not {want:?}"
        );
    }

    fn tidied(pts: &[f64]) -> (Vec<f64>, u64) {
        let order: Vec<usize> = (0..pts.len()).collect();
        let times = Times::found(&stamps(pts, &NONE), Some(&order), 0, 1.0, 1.0);
        assert!(times.shown.is_sorted_by(|a, b| a < b), "{times:?}");
        (times.shown, times.moved)
    }

    #[test]
    fn one_bad_time_moves_no_other() {
        // Repeated, back, ahead, at either end, twice, and two in a row.
        for (pts, want) in [
            (
                [0.0, 1.0, 2.0, 2.0, 4.0, 5.0],
                [0.0, 1.0, 2.0, 3.0, 4.0, 5.0],
            ),
            (
                [0.0, 1.0, 2.0, 1.5, 4.0, 5.0],
                [0.0, 1.0, 2.0, 3.0, 4.0, 5.0],
            ),
            (
                [0.0, 1.0, 90.0, 3.0, 4.0, 5.0],
                [0.0, 1.0, 2.0, 3.0, 4.0, 5.0],
            ),
            (
                [0.0, 2.0, 2.0, 3.0, 4.0, 5.0],
                [0.0, 1.0, 2.0, 3.0, 4.0, 5.0],
            ),
            (
                [9.0, 1.0, 2.0, 3.0, 4.0, 5.0],
                [0.0, 1.0, 2.0, 3.0, 4.0, 5.0],
            ),
            (
                [0.0, 0.0, 2.0, 3.0, 4.0, 5.0],
                [0.0, 1.0, 2.0, 3.0, 4.0, 5.0],
            ),
            (
                [0.0, 1.0, 2.0, 3.0, 4.0, 4.0],
                [0.0, 1.0, 2.0, 3.0, 4.0, 5.0],
            ),
            (
                [0.0, 1.0, 2.0, 3.0, 4.0, 0.0],
                [0.0, 1.0, 2.0, 3.0, 4.0, 5.0],
            ),
            // Half the gap where the rate is not constant: no other moves.
            (
                [0.0, 1.0, 1.0, 2.0, 3.0, 9.0],
                [0.0, 1.0, 1.5, 2.0, 3.0, 9.0],
            ),
        ] {
            let (times, moved) = tidied(&pts);
            close(&times, &want);
            assert_eq!(moved, 1, "{pts:?}");
        }
        let (times, moved) = tidied(&[0.0, 1.0, 2.0, 2.0, 2.0, 5.0, 6.0, 6.0, 8.0]);
        close(&times, &[0.0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0]);
        assert_eq!(moved, 3);
        let (times, moved) = tidied(&[5.0; 4]);
        close(&times, &[5.0, 6.0, 7.0, 8.0]);
        assert_eq!(moved, 3);
        // A row of them far ahead: the longest rising row keeps its times.
        let (times, moved) = tidied(&[0.0, 1.0, 50.0, 51.0, 4.0, 5.0, 6.0]);
        close(&times, &[0.0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0]);
        assert_eq!(moved, 2);
        // A missing frame is no fault.
        assert_eq!(tidied(&[0.0, 1.0, 3.0, 4.0]), (vec![0.0, 1.0, 3.0, 4.0], 0));
        assert_eq!(tidied(&[]), (vec![], 0));
        assert_eq!(tidied(&[7.0]), (vec![7.0], 0));
    }

    #[test]
    fn times_of_decoding_become_times_of_showing() {
        let rising: Vec<f64> = (0..7).map(f64::from).collect();
        // As in AVI, and as where a file gives them for those of showing.
        for stamps in [stamps(&NONE, &rising), stamps(&rising, &rising)] {
            let times = Times::found(&stamps, Some(&ORDER), 0, 1.0, 0.5);
            close(&times.shown, &[0.0, 0.5, 1.0, 1.5, 2.0, 2.5, 3.0]);
            assert_eq!((times.moved, times.untimed), (0, 0));
            // The third packet is the second that is shown.
            assert_eq!((times.of(9, Some(2)), times.of(9, None)), (Some(0.5), None));
            assert_eq!((times.after(0.5), times.after(3.0)), (Some(1.0), None));
            // Where the order is not known, frames are counted.
            let times = Times::found(&stamps, None, 0, 1.0, 0.5);
            assert_eq!(
                (times.of(1, Some(2)), times.of(7, Some(2))),
                (Some(0.5), None)
            );
        }
        // A gap lies where the frames after it are shown, one frame later than it is decoded.
        let gap = stamps(&NONE, &[0.0, 1.0, 2.0, 3.0, 4.0, 9.0, 10.0]);
        let times = Times::found(&gap, Some(&ORDER), 0, 1.0, 1.0);
        close(&times.shown, &[0.0, 1.0, 2.0, 3.0, 8.0, 9.0, 10.0]);
    }

    #[test]
    fn missing_times_follow_from_those_that_are_there() {
        let n = f64::NAN;
        // By the times of decoding: the rate changes within.
        let dts = [0.0, 1.0, 2.0, 3.0, 5.0, 7.0, 9.0];
        let times = Times::found(
            &stamps(&[1.0, n, n, 3.0, n, n, 9.0], &dts),
            Some(&ORDER),
            0,
            1.0,
            1.0,
        );
        assert_eq!((times.moved, times.untimed), (0, 0));
        close(
            &times.shown,
            &[1.0, 2.0, 3.0, 5.0, 7.0, 9.0, 10.0].map(|t| t),
        );
        // Evenly, and by the rate at the ends.
        let some = stamps(&[n, n, n, 2.0, n, n, 5.0], &NONE);
        let times = Times::found(&some, Some(&ORDER), 0, 1.0, 1.0);
        close(&times.shown, &[0.0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0]);
        assert_eq!(times.untimed, 5);
        let none = Times::found(&stamps(&NONE, &NONE), None, 0, 0.25, 2.0);
        close(&none.shown[..3], &[0.0, 0.5, 1.0]);
        // What is not shown takes no time.
        let mut hidden = stamps(&NONE, &NONE);
        hidden[1].shown = false;
        assert_eq!(
            Times::found(&hidden, Some(&ORDER), 0, 1.0, 1.0).shown.len(),
            6
        );
    }

    #[test]
    fn whole_times_are_taken_as_they_are() {
        let shown = [0.0, 3.0, 1.0, 2.0, 6.0, 4.0, 5.0];
        let dts = [-1.0, 0.0, 1.0, 2.0, 3.0, 4.0, 5.0];
        assert!(are_plain(&stamps(&shown, &dts), true, 10.0));
        let times = Times::stated(&stamps(&shown, &dts), 0.5);
        assert_eq!(times.of(0, Some(1)), Some(1.5));
        close(&times.shown, &[0.0, 0.5, 1.0, 1.5, 2.0, 2.5, 3.0]);
        let odd = |place: usize, time: f64| {
            let mut shown = shown;
            shown[place] = time;
            are_plain(&stamps(&shown, &dts), true, 10.0)
        };
        assert!(!odd(2, f64::NAN) && !odd(2, 2.0) && !odd(2, 90.0));
        // They rise though the frames are reordered: those are times of decoding.
        assert!(!are_plain(&stamps(&dts, &dts), true, 10.0));
        assert!(are_plain(&stamps(&dts, &dts), false, 10.0));
    }
}
