//! Curves reduced to what the pixels can show.

/// Buckets across a picture at full detail: one a pixel.
pub(crate) const BUCKETS: usize = 1000;

/// A curve: pieces of `(seconds, value)`, broken where there is nothing to show.
pub(crate) type Pieces = Vec<Vec<(f64, f64)>>;

/// The steps of a series that lie in `lo..hi`, as pieces between gaps.
///
/// Where there are more steps than `buckets`, each bucket keeps its first, least, greatest and last value:
/// the line drawn through them is the one through all (M4: Jugel et al., "M4: a visualization-oriented time
/// series data aggregation", VLDB 2014). A gap narrower than a bucket is not drawn.
pub(crate) fn reduce(
    len: usize,
    buckets: usize,
    (lo, hi): (f64, f64),
    time: impl Fn(usize) -> f64,
    value: impl Fn(usize) -> Option<f64>,
) -> Pieces {
    let inside = |i: &usize| (lo..=hi).contains(&time(*i));
    let Some(first) = (0..len).find(inside) else { return Vec::new() };
    let last = (first..len).take_while(inside).last().unwrap_or(first);
    let width = (last - first + 1).div_ceil(buckets.max(1));
    let mut pieces: Pieces = Vec::new();
    let mut open = false;
    for start in (first..=last).step_by(width) {
        let bucket = (start..(start + width).min(last + 1)).filter_map(|i| value(i).map(|v| (time(i), v)));
        let kept = m4(bucket);
        if kept.is_empty() {
            open = false;
            continue;
        }
        if !open {
            pieces.push(Vec::new());
            open = true;
        }
        if let Some(piece) = pieces.last_mut() {
            piece.extend(kept);
        }
    }
    pieces
}

fn m4(bucket: impl Iterator<Item = (f64, f64)>) -> Vec<(f64, f64)> {
    let mut four: Option<[(f64, f64); 4]> = None;
    for point in bucket {
        let [_, least, greatest, last] = four.get_or_insert([point; 4]);
        if point.1 < least.1 {
            *least = point;
        }
        if point.1 > greatest.1 {
            *greatest = point;
        }
        *last = point;
    }
    let mut kept = four.map(Vec::from).unwrap_or_default();
    kept.sort_by(|a, b| a.0.total_cmp(&b.0));
    kept.dedup();
    kept
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_short_curve_is_kept_whole_and_gaps_break_it() {
        let values = [Some(1.0), Some(2.0), None, Some(3.0)];
        let pieces = reduce(4, BUCKETS, (0.0, 10.0), |i| i as f64, |i| values[i]);
        assert_eq!(pieces, [vec![(0.0, 1.0), (1.0, 2.0)], vec![(3.0, 3.0)]]);
    }

    #[test]
    fn a_long_curve_keeps_its_spike() {
        let pieces = reduce(
            1_000_000,
            BUCKETS,
            (0.0, 1e6),
            |i| i as f64,
            |i| Some(if i == 777_777 { 9.0 } else { 1.0 }),
        );
        assert_eq!(pieces.len(), 1);
        assert!(pieces[0].len() <= 4 * BUCKETS);
        assert!(pieces[0].contains(&(777_777.0, 9.0)));
    }

    #[test]
    fn a_window_keeps_what_lies_in_it() {
        let pieces = reduce(100, BUCKETS, (10.0, 12.0), |i| i as f64, |i| Some(i as f64));
        assert_eq!(pieces, [vec![(10.0, 10.0), (11.0, 11.0), (12.0, 12.0)]]);
        assert!(reduce(0, BUCKETS, (0.0, 1.0), |i| i as f64, |_| None).is_empty());
    }
}
