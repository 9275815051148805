//! The few special functions that the tests of this folder need.

/// Coefficients of Lanczos's approximation with g = 7 and nine terms (Godfrey 2001), good to 1e-15 relative.
const LANCZOS: [f64; 9] = [
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

/// The logarithm of the gamma function, for positive numbers.
pub(super) fn ln_gamma(x: f64) -> f64 {
    // Γ(x) = Γ(x + 1) / x keeps the approximation where it is good.
    if x < 0.5 {
        return ln_gamma(x + 1.0) - x.ln();
    }
    let x = x - 1.0;
    let series = LANCZOS.iter().enumerate().skip(1).fold(LANCZOS[0], |sum, (at, coefficient)| sum + coefficient / (x + at as f64));
    let shifted = x + 7.5;
    0.5 * (2.0 * std::f64::consts::PI).ln() + (x + 0.5) * shifted.ln() - shifted + series.ln()
}

/// The logarithm of the beta function, for positive numbers.
pub(super) fn ln_beta(a: f64, b: f64) -> f64 {
    ln_gamma(a) + ln_gamma(b) - ln_gamma(a + b)
}

pub(super) fn logistic(log_odds: f64) -> f64 {
    1.0 / (1.0 + (-log_odds).exp())
}

/// The logarithm of the sum of the numbers with these logarithms.
pub(super) fn log_sum(logarithms: &[f64]) -> f64 {
    let most = logarithms.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    if most.is_finite() { most + logarithms.iter().map(|one| (one - most).exp()).sum::<f64>().ln() } else { most }
}

/// Where `holds` turns from true at `inside` to false at `outside`, from the outside by less than a millionth of
/// their distance; `outside` itself where it never does.
pub(super) fn edge(inside: f64, outside: f64, holds: impl Fn(f64) -> bool) -> f64 {
    if holds(outside) {
        return outside;
    }
    let (mut inside, mut outside) = (inside, outside);
    for _ in 0..24 {
        let middle = f64::midpoint(inside, outside);
        if holds(middle) { inside = middle } else { outside = middle }
    }
    outside
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gamma_of_whole_numbers_is_the_factorial() {
        let mut factorial = 0.0_f64;
        for n in 1_u32..170 {
            assert!((ln_gamma(f64::from(n)) - factorial).abs() < 1e-12 * factorial.abs().max(1.0), "{n}");
            factorial += f64::from(n).ln();
        }
        assert!((ln_gamma(0.5) - std::f64::consts::PI.sqrt().ln()).abs() < 1e-14);
        assert!((ln_beta(0.5, 0.5) - std::f64::consts::PI.ln()).abs() < 1e-14);
    }

    #[test]
    fn an_edge_is_found_or_is_the_end() {
        assert!((edge(0.0, 8.0, |x| x < 2.0) - 2.0).abs() < 1e-6);
        assert!((edge(8.0, 0.0, |x| x > 2.0) - 2.0).abs() < 1e-6);
        assert!((edge(0.0, 8.0, |_| true) - 8.0).abs() < f64::EPSILON);
    }
}
