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

fn one_a_square(dots: &mut Vec<Dot>, side: i32) {
    let square = |d: &Dot| (d.set, d.x.div_euclid(side), d.y.div_euclid(side));
    dots.sort_unstable_by_key(|d| (square(d), -d.y, d.x));
    dots.dedup_by_key(|d| square(d));
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
