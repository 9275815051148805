//! The time that redirects took, in buckets of a fixed logarithmic histogram, so that cells add up exactly: each
//! power of two microseconds is cut into eight, below eight each is a bucket of its own. What is told of a bucket
//! is its middle, which is within 6.3 % of anything in it.

/// Of microseconds.
pub(crate) fn bucket_of(micros: u32) -> u64 {
    if micros < 8 {
        return micros.into();
    }
    let exponent = micros.ilog2();
    let eighths = micros >> (exponent - 3);
    u64::from((exponent - 2) * 8 + (eighths - 8))
}

/// In microseconds, rounded down.
pub(crate) fn middle_of(bucket: u64) -> u32 {
    let bucket = u32::try_from(bucket).unwrap_or(u32::MAX);
    if bucket < 8 {
        return bucket;
    }
    let (exponent, eighths) = (bucket / 8 + 2, bucket % 8 + 8);
    let width = 1_u64.checked_shl(exponent.saturating_sub(3)).unwrap_or(u64::MAX);
    let middle = u64::from(eighths).saturating_mul(width) + width / 2;
    u32::try_from(middle).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn the_middle_is_near(micros in any::<u32>()) {
            let middle = middle_of(bucket_of(micros));
            prop_assert_eq!(bucket_of(middle), bucket_of(micros));
            prop_assert!(f64::from(middle.abs_diff(micros)) <= 0.063 * f64::from(micros.max(1)));
        }

        #[test]
        fn longer_is_never_a_lower_bucket(one in any::<u32>(), other in any::<u32>()) {
            prop_assert!(bucket_of(one.min(other)) <= bucket_of(one.max(other)));
        }
    }

    #[test]
    fn buckets_join() {
        assert_eq!((0..20).map(bucket_of).collect::<Vec<_>>(), [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 16, 17, 17]);
        assert_eq!(bucket_of(u32::MAX), 239);
        assert_eq!([0, 7, 8, 16, 239].map(middle_of), [0, 7, 8, 17, 4_160_749_568]);
    }
}
