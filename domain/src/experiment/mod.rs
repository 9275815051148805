//! What an experiment has shown so far: the variants of a rule, how often each was met and led to a conversion, and
//! what may be concluded, at every look. Pure mathematics of counts; docs/experiments.md says it for users.

mod best;
mod comparison;
mod rate;
mod result;
mod shares;
mod special;

#[cfg(test)]
mod simulation;

pub use best::probabilities_to_be_best;
pub use comparison::Comparison;
pub use rate::rate_interval;
pub use result::{
    ALPHA, ExperimentResult, ExperimentStatus, MINIMUM_CONVERSIONS, MINIMUM_EXPOSURES, TriedVariant, VariantResult, experiment_result,
};
pub use shares::{MISMATCH_ALPHA, is_mismatch};

/// How often a variant was met, and how many of these clicks converted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tried {
    exposures: u64,
    conversions: u64,
}

impl Tried {
    /// No more conversions than exposures: what is above is cut.
    pub fn new(exposures: u64, conversions: u64) -> Self {
        Self { exposures, conversions: conversions.min(exposures) }
    }

    pub fn exposures(self) -> u64 {
        self.exposures
    }

    pub fn conversions(self) -> u64 {
        self.conversions
    }

    /// Exposures without a conversion.
    pub fn missed(self) -> u64 {
        self.exposures - self.conversions
    }

    /// `None` without exposures.
    pub fn rate(self) -> Option<f64> {
        (self.exposures > 0).then(|| self.conversions as f64 / self.exposures as f64)
    }
}

/// Of a rate or a difference of rates, both ends included.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Interval {
    pub low: f64,
    pub high: f64,
}

/// A rate less another one.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Difference {
    pub estimate: f64,
    pub interval: Interval,
}
