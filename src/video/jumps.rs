//! Timestamps that start anew within a file, as where recordings were joined.

use super::times::Stamp;

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
pub(super) fn join(
    stamps: &mut [Stamp],
    ahead: bool,
    second: f64,
    step: f64,
) -> (Vec<Jump>, usize) {
    // Ahead by more than ten seconds as FFmpeg's own tool has it, or far more than any clip lasts.
    let far = if ahead { 10.0 } else { 100_000.0 } * second;
    // Times of decoding that FFmpeg guessed may fall by the frames that a decoder holds back.
    let back = (0.1 * second).max(4.0 * step);
    let both = |a: Option<f64>, b: Option<f64>| Some(b? - a?);
    let leaps = |a: &Stamp, b: &Stamp| {
        let shown = both(a.pts, b.pts);
        match both(a.dts, b.dts) {
            Some(d) => d > far || (d < -back && shown.is_none_or(|shown| shown < 0.0)),
            None => shown.is_some_and(|shown| shown > far || shown < -second.max(16.0 * step)),
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
                off += usize::from(stamp.shown);
                continue;
            }
            // Only among neighbours: in a program stream few packets have times.
            let beside = |&(at, _): &(usize, Stamp)| at + 1 == place && place + 1 == i;
            let earlier = last[0].filter(beside);
            if earlier.is_some_and(|(_, earlier)| !leaps(&earlier, &stamp)) {
                (stamps[place].pts, stamps[place].dts) = (None, None);
                off += usize::from(before.shown);
                last[1] = last[0];
            } else {
                let time = |stamp: &Stamp| match before.dts.and(stamp.dts) {
                    Some(_) => stamp.dts,
                    None => stamp.pts,
                };
                if let (Some(from), Some(to)) = (time(&before), time(&stamp)) {
                    // Those between have no times.
                    offset = from + offset + step * (i - place) as f64 - to;
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

#[cfg(test)]
mod tests {
    use super::{Jump, Stamp, join};

    /// Ten ticks a second, one a frame, decoded as shown.
    fn joined(times: &[f64], ahead: bool) -> (Vec<Option<f64>>, Vec<Jump>, usize) {
        let mut stamps: Vec<Stamp> = times
            .iter()
            .map(|&time| Stamp {
                pts: Some(time),
                dts: Some(time),
                shown: true,
                key: true,
            })
            .collect();
        let (jumps, off) = join(&mut stamps, ahead, 10.0, 1.0);
        (stamps.iter().map(|stamp| stamp.pts).collect(), jumps, off)
    }

    #[test]
    fn time_goes_on_where_it_starts_anew() {
        let some = |times: &[f64]| times.iter().copied().map(Some).collect::<Vec<_>>();
        let steady = [0.0, 1.0, 2.0, 3.0, 4.0, 5.0];
        assert_eq!(joined(&steady, true), (some(&steady), vec![], 0));
        // Back to the start twice; a little back is none.
        let again = [5.0, 6.0, 7.0, 0.0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 0.0, 1.0];
        let (times, jumps, off) = joined(&again, false);
        let want: Vec<f64> = (5..17).map(f64::from).collect();
        assert_eq!(times, some(&want));
        assert!(joined(&[0.0, 1.0, 2.0, 0.0, 1.0], true).1.is_empty());
        assert_eq!((jumps.len(), off), (2, 0));
        assert_eq!(jumps[0], Jump { from: 7.0, to: 0.0 });
        // Ahead by more than ten seconds, where the format knows of that; else it is a pause.
        let pause = [0.0, 1.0, 500.0, 501.0];
        assert_eq!(joined(&pause, true).0, some(&[0.0, 1.0, 2.0, 3.0]));
        assert_eq!(joined(&pause, false), (some(&pause), vec![], 0));
        let short = [0.0, 1.0, 90.0, 91.0];
        assert_eq!(joined(&short, true), (some(&short), vec![], 0));
    }

    #[test]
    fn packets_without_times_pass_before_a_jump() {
        // Each fourth packet has times, as in a program stream, and the second part begins after the eighth.
        let mut stamps = vec![Stamp::default(); 16];
        for (place, time) in [(0, 5.0), (4, 9.0), (8, 0.0), (12, 4.0)] {
            (stamps[place].pts, stamps[place].dts) = (Some(time + 1.0), Some(time));
        }
        let (jumps, off) = join(&mut stamps, true, 10.0, 1.0);
        assert_eq!((jumps, off), (vec![Jump { from: 9.0, to: 0.0 }], 0));
        assert_eq!((stamps[4].dts, stamps[8].dts), (Some(9.0), Some(13.0)));
        assert_eq!((stamps[12].dts, stamps[12].pts), (Some(17.0), Some(18.0)));
    }

    #[test]
    fn a_single_packet_that_is_off_is_no_jump() {
        for (at, time) in [(2, 5e6), (3, -40.0), (2, 40.0)] {
            let mut times = [0.0, 1.0, 2.0, 3.0, 4.0, 5.0];
            times[at] = time;
            let (found, jumps, off) = joined(&times, true);
            let mut want: Vec<Option<f64>> = (0..6).map(|i| Some(f64::from(i))).collect();
            want[at] = None;
            assert_eq!((found, jumps, off), (want, vec![], 1), "{time}");
        }
    }
}
