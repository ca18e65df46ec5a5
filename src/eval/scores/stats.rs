//! The statistics of the protocol: rank correlation, paired wins, the area under the ROC curve with its interval.

use crate::numeric::Rng;

/// Draws of the bootstrap.
pub const DRAWS: usize = 1000;

/// Ranks from 1; equal values share the mean of theirs.
pub fn ranks(values: &[f64]) -> Vec<f64> {
    let mut order: Vec<usize> = (0..values.len()).collect();
    order.sort_by(|&a, &b| values[a].total_cmp(&values[b]));
    let mut ranks = vec![0.0; values.len()];
    let mut from = 0;
    while from < order.len() {
        let mut to = from + 1;
        while to < order.len() && values[order[to]] == values[order[from]] {
            to += 1;
        }
        // Places from + 1 to `to`.
        let mean = (from + 1 + to) as f64 / 2.0;
        for &i in &order[from..to] {
            ranks[i] = mean;
        }
        from = to;
    }
    ranks
}

/// Spearman's rank correlation of two lists of the same length; 0 where one is constant.
pub fn spearman(a: &[f64], b: &[f64]) -> f64 {
    let (a, b) = (ranks(a), ranks(b));
    let (ma, mb) = (mean(&a), mean(&b));
    let (mut ab, mut aa, mut bb) = (0.0, 0.0, 0.0);
    for (x, y) in a.iter().zip(&b) {
        ab += (x - ma) * (y - mb);
        aa += (x - ma) * (x - ma);
        bb += (y - mb) * (y - mb);
    }
    if aa > 0.0 && bb > 0.0 {
        ab / (aa * bb).sqrt()
    } else {
        0.0
    }
}

/// The mean; 0 of nothing.
pub fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / (values.len().max(1) as f64)
}

/// 1 where the clean score is above the corrupted one, a half where they are equal, else 0.
pub fn win(clean: f64, corrupted: f64) -> f64 {
    if corrupted < clean {
        1.0
    } else if corrupted == clean {
        0.5
    } else {
        0.0
    }
}

/// The area under the ROC curve of scores that tell clean clips from corrupted ones: the share of pairs, of any two
/// clips, in which the clean score is above the corrupted one. `corrupted[j]` holds the scores of clip `j` by seed.
pub fn auc(clean: &[f64], corrupted: &[Vec<f64>]) -> f64 {
    let pairs = pairs(clean, corrupted);
    let all: Vec<f64> = pairs.concat();
    mean(&all)
}

/// The 95 % interval of [`auc`] by the bootstrap: clips are drawn with replacement, [`DRAWS`] times.
pub fn auc_interval(clean: &[f64], corrupted: &[Vec<f64>], seed: u64) -> [f64; 2] {
    let pairs = pairs(clean, corrupted);
    let n = pairs.len();
    if n == 0 {
        return [0.0; 2];
    }
    let mut rng = Rng::stream(seed, "bootstrap");
    let mut areas: Vec<f64> = (0..DRAWS)
        .map(|_| {
            let drawn: Vec<usize> = (0..n).map(|_| rng.below(n)).collect();
            redrawn(&pairs, &drawn)
        })
        .collect();
    areas.sort_by(f64::total_cmp);
    [0.025, 0.975].map(|share| areas[((DRAWS - 1) as f64 * share).round() as usize])
}

/// The area over drawn clips. A clip that is drawn twice would meet itself more often than it does among all clips, and it
/// is easily told from itself: pairs of a clip with itself keep their share.
fn redrawn(pairs: &[Vec<f64>], drawn: &[usize]) -> f64 {
    let own: Vec<f64> = drawn.iter().map(|&i| pairs[i][i]).collect();
    let others: Vec<f64> = drawn
        .iter()
        .flat_map(|&i| {
            drawn
                .iter()
                .filter(move |&&j| j != i)
                .map(move |&j| pairs[i][j])
        })
        .collect();
    if others.is_empty() {
        return mean(&own);
    }
    let share = 1.0 / drawn.len() as f64;
    share * mean(&own) + (1.0 - share) * mean(&others)
}

/// Of each clean clip against each corrupted one, the mean win over the seeds.
fn pairs(clean: &[f64], corrupted: &[Vec<f64>]) -> Vec<Vec<f64>> {
    let against = |c: f64, scores: &Vec<f64>| {
        let wins: Vec<f64> = scores.iter().map(|&s| win(c, s)).collect();
        mean(&wins)
    };
    let row = |&c: &f64| corrupted.iter().map(|s| against(c, s)).collect();
    clean.iter().map(row).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const LEVELS: [f64; 5] = [0.0, 1.0, 2.0, 3.0, 4.0];

    #[test]
    fn ranks_of_equal_values_are_their_mean() {
        assert_eq!(ranks(&[3.0, 1.0, 3.0, 2.0]), [3.5, 1.0, 3.5, 2.0]);
        assert_eq!(ranks(&[5.0; 3]), [2.0; 3]);
        assert_eq!(ranks(&[0.0, -0.0, 1.0]), [1.5, 1.5, 3.0]);
        assert!(ranks(&[]).is_empty());
    }

    #[test]
    fn spearman_is_1_for_any_rise_0_for_a_constant() {
        assert_eq!(spearman(&LEVELS, &[0.1, 0.2, 0.3, 5.0, 9.0]), 1.0);
        assert_eq!(spearman(&LEVELS, &[0.9, 0.8, 0.3, 0.2, 0.0]), -1.0);
        assert_eq!(spearman(&LEVELS, &[0.4; 5]), 0.0);
        assert_eq!(spearman(&[], &[]), 0.0);
    }

    #[test]
    fn spearman_of_hand_computed_cases() {
        // Ranks 1 2 3 5 4: 1 - 6 * 2 / (5 * 24) = .9.
        assert!((spearman(&LEVELS, &[1.0, 2.0, 3.0, 5.0, 4.0]) - 0.9).abs() < 1e-12);
        // Ranks 2 1 4 3 5: 1 - 6 * 4 / 120 = .8.
        assert!((spearman(&LEVELS, &[2.0, 1.0, 4.0, 3.0, 5.0]) - 0.8).abs() < 1e-12);
        // Ranks 1.5 1.5 4 4 4: covariance 7.5, variances 10 and 7.5: 7.5 / sqrt(75) = .8660.
        let tied = spearman(&LEVELS, &[0.0, 0.0, 1.0, 1.0, 1.0]);
        assert!((tied - 0.75_f64.sqrt()).abs() < 1e-12, "{tied}");
    }

    #[test]
    fn wins_count_ties_as_halves() {
        assert_eq!(
            [win(0.5, 0.4), win(0.5, 0.5), win(0.5, 0.6)],
            [1.0, 0.5, 0.0]
        );
    }

    #[test]
    fn the_area_of_hand_computed_cases() {
        let one = |v: &[f64]| v.iter().map(|&s| vec![s]).collect::<Vec<_>>();
        assert_eq!(auc(&[0.8, 0.9], &one(&[0.1, 0.2])), 1.0);
        assert_eq!(auc(&[0.5, 0.5], &one(&[0.5, 0.5])), 0.5);
        // .6 beats .5 only, .8 beats .5 and .7: 3 of 4.
        assert_eq!(auc(&[0.6, 0.8], &one(&[0.5, 0.7])), 0.75);
        // Two seeds of one clip: .5 beats .4, ties with .5.
        assert_eq!(auc(&[0.5], &[vec![0.4, 0.5]]), 0.75);
        assert_eq!(auc(&[], &[]), 0.0);
    }

    #[test]
    fn the_interval_holds_the_area_and_is_the_same_each_time() {
        let clean: Vec<f64> = (0..20).map(|i| 0.4 + 0.03 * f64::from(i)).collect();
        let corrupted: Vec<Vec<f64>> = clean.iter().map(|c| vec![c - 0.1, c - 0.2]).collect();
        let area = auc(&clean, &corrupted);
        let [low, high] = auc_interval(&clean, &corrupted, 1);
        assert!(low < area && area < high, "{low} {area} {high}");
        assert!(high - low < 0.3 && high <= 1.0);
        assert_eq!(auc_interval(&clean, &corrupted, 1), [low, high]);
        // Each clip is told from itself, and two of them not at all: half, but for the diagonal.
        let same: Vec<Vec<f64>> = [0.5; 4].map(|c: f64| vec![c]).to_vec();
        let mut pairs = pairs(&[0.5; 4], &same);
        for i in 0..4 {
            pairs[i][i] = 1.0;
        }
        assert_eq!(redrawn(&pairs, &[0, 1, 2, 3]), 0.625);
        assert_eq!(redrawn(&pairs, &[2, 2, 0, 2]), 0.625);
        assert_eq!(redrawn(&pairs, &[1; 4]), 1.0);
        // Where all is told apart there is nothing to vary.
        let far: Vec<Vec<f64>> = clean.iter().map(|c| vec![c - 5.0]).collect();
        assert_eq!(auc_interval(&clean, &far, 1), [1.0, 1.0]);
        assert_eq!(auc_interval(&[], &[], 1), [0.0, 0.0]);
    }
}
