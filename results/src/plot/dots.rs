//! Thinning of dots: as many as a file of a megabyte can hold, and never an outlier lost.

/// A dot: where it lies in the picture and in the data.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Dot {
    /// Which set of dots it belongs to; sets never thin one another.
    pub(crate) set: usize,
    /// Across, drawing units.
    pub(crate) x: i32,
    /// Up, drawing units.
    pub(crate) y: i32,
    /// Seconds, and the axis' unit.
    pub(crate) at: (f64, f64),
}

/// Keeps one dot of each set in each square of the picture, the highest one, in squares as small as the budget
/// permits; returns them with the squares' side. A dot with no neighbour in its square is always kept: no outlier
/// disappears.
pub(crate) fn thin(mut dots: Vec<Dot>, budget: usize) -> (Vec<Dot>, i32) {
    let mut side = 1;
    loop {
        one_a_square(&mut dots, side);
        if dots.len() <= budget || side > 4096 {
            return (dots, side);
        }
        side += (side / 2).max(1);
    }
}

/// A table of squares a set instead of a sort: linear in the dots, and the picture's area bounds the table.
fn one_a_square(dots: &mut Vec<Dot>, side: i32) {
    dots.sort_by_key(|d| d.set);
    let mut kept = Vec::new();
    for set in dots.chunk_by(|a, b| a.set == b.set) {
        let range = |of: fn(&Dot) -> i32| {
            set.iter().map(of).fold((i32::MAX, i32::MIN), |(lo, hi), v| (lo.min(v), hi.max(v)))
        };
        let ((x0, x1), (y0, y1)) = (range(|d| d.x), range(|d| d.y));
        let (columns, rows) = (((x1 - x0) / side + 1) as usize, ((y1 - y0) / side + 1) as usize);
        let mut squares: Vec<Option<&Dot>> = vec![None; columns * rows];
        for dot in set {
            let at = ((dot.x - x0) / side) as usize * rows + ((dot.y - y0) / side) as usize;
            if squares[at].is_none_or(|best| (dot.y, best.x) > (best.y, dot.x)) {
                squares[at] = Some(dot);
            }
        }
        kept.extend(squares.into_iter().flatten().copied());
    }
    *dots = kept;
}

#[cfg(test)]
mod tests {
    use super::*;

    fn dot(set: usize, x: i32, y: i32) -> Dot {
        Dot { set, x, y, at: (f64::from(x), f64::from(y)) }
    }

    #[test]
    fn within_the_budget_only_dots_on_the_same_spot_merge() {
        let dots = vec![dot(0, 1, 1), dot(0, 1, 1), dot(1, 1, 1), dot(0, 2, 1)];
        assert_eq!(thin(dots, 100).0.len(), 3);
    }

    #[test]
    fn a_lone_dot_survives_any_thinning() {
        let mut dots: Vec<Dot> = (0..300).flat_map(|x| (0..300).map(move |y| dot(0, x, y))).collect();
        dots.push(dot(0, 1500, 900));
        let (kept, _) = thin(dots, 5000);
        assert!(kept.len() <= 5000);
        assert!(kept.contains(&dot(0, 1500, 900)));
        assert!(kept.iter().any(|d| d.y == 299), "the top of the cloud stays");
    }
}
