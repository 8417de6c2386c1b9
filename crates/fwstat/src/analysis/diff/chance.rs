//! How likely chance is.
//!
//! Responsible for: the tail of the binomial distribution, and when counts vary more than chance lets them.
//! Must not know: what is counted.
//! Tested by: the unit tests below, against sums.

use libm::{exp, log, log1p};

/// The natural logarithm of the gamma function, for positive numbers: Lanczos' approximation, to 14 digits.
fn ln_gamma(x: f64) -> f64 {
    const G: f64 = 7.0;
    const TERMS: [f64; 9] = [
        0.999_999_999_999_809_9,
        676.520_368_121_885_1,
        -1_259.139_216_722_402_8,
        771.323_428_777_653_1,
        -176.615_029_162_140_6,
        12.507_343_278_686_905,
        -0.138_571_095_265_720_12,
        9.984_369_578_019_572e-6,
        1.505_632_735_149_311_6e-7,
    ];
    let x = x - 1.0;
    let sum = TERMS.iter().enumerate().skip(1).fold(TERMS[0], |sum, (at, term)| sum + term / (x + at as f64));
    let t = x + G + 0.5;
    0.5 * log(2.0 * std::f64::consts::PI) + (x + 0.5) * log(t) - t + log(sum)
}

/// The natural logarithm of the regularised incomplete beta function I_x(a, b).
fn ln_beta(x: f64, a: f64, b: f64) -> f64 {
    if x <= 0.0 {
        return f64::NEG_INFINITY;
    }
    if x >= 1.0 {
        return 0.0;
    }
    let front = ln_gamma(a + b) - ln_gamma(a) - ln_gamma(b) + a * log(x) + b * log(1.0 - x);
    if x < (a + 1.0) / (a + b + 2.0) {
        front + log(fraction(x, a, b)) - log(a)
    } else {
        // The other tail, which is the smaller one then.
        let other = exp(front + log(fraction(1.0 - x, b, a)) - log(b));
        log1p(-other.min(1.0))
    }
}

/// Its continued fraction, by Lentz' method.
fn fraction(x: f64, a: f64, b: f64) -> f64 {
    const MOST: usize = 100_000;
    let whole = |value: f64| if value.abs() < 1e-300 { 1e-300 } else { value };
    let mut c = 1.0;
    let mut d = 1.0 / whole(1.0 - (a + b) * x / (a + 1.0));
    let mut result = d;
    for m in 1..MOST {
        let m = m as f64;
        let even = m * (b - m) * x / ((a + 2.0 * m - 1.0) * (a + 2.0 * m));
        d = 1.0 / whole(1.0 + even * d);
        c = whole(1.0 + even / c);
        result *= d * c;
        let odd = -(a + m) * (a + b + m) * x / ((a + 2.0 * m) * (a + 2.0 * m + 1.0));
        d = 1.0 / whole(1.0 + odd * d);
        c = whole(1.0 + odd / c);
        let step = d * c;
        result *= step;
        if (step - 1.0).abs() < 1e-12 {
            break;
        }
    }
    result
}

/// The natural logarithm of the probability that of `before + after` packets, each of which falls into the second
/// period with this probability, so many or more fall there, or so few or fewer: whichever is less, twice, as it is not
/// known beforehand which it will be. Counts need not be whole.
#[must_use]
pub(super) fn ln_chance(before: f64, after: f64, of_after: f64) -> f64 {
    let tail = |few: f64, many: f64, of_many: f64| ln_beta(of_many, many, few + 1.0);
    let rise = if after > 0.0 { tail(before, after, of_after) } else { 0.0 };
    let fall = if before > 0.0 { tail(after, before, 1.0 - of_after) } else { 0.0 };
    (rise.min(fall) + std::f64::consts::LN_2).min(0.0)
}

/// The value that a chi-square sum of so many degrees of freedom is larger than once in a hundred times, about
/// (Wilson and Hilferty 1931).
#[must_use]
pub(super) fn rarely_exceeded(freedom: f64) -> f64 {
    const ONE_IN_A_HUNDRED: f64 = 2.326_3;
    let spread = 2.0 / (9.0 * freedom);
    freedom * (1.0 - spread + ONE_IN_A_HUNDRED * spread.sqrt()).powi(3)
}

/// Its median.
#[must_use]
pub(super) fn median(freedom: f64) -> f64 {
    freedom * (1.0 - 2.0 / (9.0 * freedom)).powi(3)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The tail, summed up term by term.
    fn summed(from: u64, n: u64, p: f64) -> f64 {
        let term = |k: u64| {
            let choose: f64 = (1..=k).map(|i| log((n - k + i) as f64) - log(i as f64)).sum();
            exp(choose + k as f64 * log(p) + (n - k) as f64 * log(1.0 - p))
        };
        (from..=n).map(term).sum()
    }

    #[test]
    fn the_tail_is_the_sum_of_its_terms() {
        for (before, after, p) in [
            (0, 1, 0.5),
            (0, 12, 0.5),
            (3, 9, 0.5),
            (10, 30, 0.3),
            (100, 150, 0.5),
            (7, 2, 0.1),
            (500, 640, 0.48),
        ] {
            let rise = summed(after, before + after, p);
            let fall = summed(before, before + after, 1.0 - p);
            let wanted = (2.0 * rise.min(fall)).min(1.0);
            let found = exp(ln_chance(before as f64, after as f64, p));
            assert!((found / wanted - 1.0).abs() < 1e-7, "{before} {after} {p}: {found} {wanted}");
        }
        // Far out, where sums are too small for a number: 2 to the power of -2,000, twice.
        let ln_two = std::f64::consts::LN_2;
        assert!((ln_chance(0.0, 2_000.0, 0.5) / (-1_999.0 * ln_two) - 1.0).abs() < 1e-9);
        assert!(ln_chance(1e7, 1e7, 0.5) > -0.01);
        assert!(ln_chance(1e7, 1.01e7, 0.5) < -100.0);
    }

    #[test]
    fn quantiles_are_those_of_the_tables() {
        for (freedom, rare, middle) in [(6.0, 16.81, 5.35), (1.0, 6.63, 0.455), (30.0, 50.89, 29.34)] {
            assert!((rarely_exceeded(freedom) / rare - 1.0_f64).abs() < 0.03, "{freedom}");
            assert!((median(freedom) / middle - 1.0_f64).abs() < 0.04, "{freedom}");
        }
    }
}
