//! How figures are written.

/// The middle one of an odd number of figures.
pub fn median(figures: &[f64]) -> f64 {
    percentile(figures, 0.5)
}

/// The smallest figure that so large a share is not above (nearest rank).
pub fn percentile(figures: &[f64], share: f64) -> f64 {
    let mut sorted = figures.to_vec();
    sorted.sort_by(f64::total_cmp);
    let rank = (share * sorted.len() as f64).ceil() as usize;
    sorted.get(rank.max(1) - 1).copied().unwrap_or(f64::NAN)
}

/// Thousands.
pub fn thousands(figure: f64) -> String {
    format!("{:.1} k", figure / 1_000.0)
}

/// Whether what is measured is as it should be.
pub fn holds(yes: bool) -> &'static str {
    if yes { "holds" } else { "DOES NOT HOLD" }
}
