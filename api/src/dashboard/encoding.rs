//! Which compressed form of a file a browser takes. The forms are made when the dashboard is built.

use axum::http::HeaderValue;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Encoding {
    Brotli,
    Gzip,
}

impl Encoding {
    /// The smaller first.
    pub const ALL: [Self; 2] = [Self::Brotli, Self::Gzip];

    /// What the compressed file's name ends in.
    pub fn suffix(self) -> &'static str {
        match self {
            Self::Brotli => ".br",
            Self::Gzip => ".gz",
        }
    }

    pub fn name(self) -> HeaderValue {
        HeaderValue::from_static(self.token())
    }

    fn token(self) -> &'static str {
        match self {
            Self::Brotli => "br",
            Self::Gzip => "gzip",
        }
    }

    /// Those named in `Accept-Encoding` with a weight above zero, the smaller first.
    pub fn accepted<'a>(headers: impl IntoIterator<Item = &'a HeaderValue>) -> Vec<Self> {
        let named: Vec<&str> = headers.into_iter().filter_map(|value| value.to_str().ok()).flat_map(|value| value.split(',')).collect();
        Self::ALL.into_iter().filter(|encoding| named.iter().any(|range| names(range, encoding.token()))).collect()
    }
}

fn names(range: &str, token: &str) -> bool {
    let mut parts = range.split(';').map(str::trim);
    let wanted = parts.next().is_some_and(|name| name.eq_ignore_ascii_case(token));
    let refused =
        parts.any(|part| part.strip_prefix("q=").and_then(|weight| weight.parse::<f32>().ok()).is_some_and(|weight| weight <= 0.0));
    wanted && !refused
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_the_browser_takes() {
        let of = |text: &'static str| Encoding::accepted(&[HeaderValue::from_static(text)]);
        assert_eq!(of("gzip, deflate, br, zstd"), [Encoding::Brotli, Encoding::Gzip]);
        assert_eq!(of("GZIP;q=0.5, br;q=0"), [Encoding::Gzip]);
        assert_eq!(of("identity"), []);
        assert_eq!(Encoding::accepted(&[]), []);
    }
}
