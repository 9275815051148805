//! The audience: countries with their share of it, their clocks, languages and how many of their
//! people are on phones. A country over several zones stands here once for each.

#[derive(Debug)]
pub(super) struct Country {
    /// ISO 3166-1 alpha-2.
    pub code: &'static str,
    /// IANA time zone.
    pub zone: &'static str,
    /// Its weight in the audience.
    pub share: f64,
    /// The part of its people that use phones.
    pub mobile: f64,
    /// Language preferences of browsers, most wanted first within each, with their weights.
    pub languages: &'static [(&'static [&'static str], f64)],
}

const fn country(
    code: &'static str,
    zone: &'static str,
    share: f64,
    mobile: f64,
    languages: &'static [(&'static [&'static str], f64)],
) -> Country {
    Country { code, zone, share, mobile, languages }
}

const ENGLISH_US: &[&str] = &["en-US", "en"];
const ENGLISH_GB: &[&str] = &["en-GB", "en-US", "en"];
const SPANISH_US: &[&str] = &["es-US", "es", "en-US", "en"];
const SPANISH_MX: &[&str] = &["es-MX", "es", "en-US", "en"];
const GERMAN: &[&str] = &["de-DE", "de", "en-US", "en"];
const TURKISH: &[&str] = &["tr-TR", "tr", "en-US", "en"];

pub(super) const COUNTRIES: [Country; 29] = [
    country("US", "America/New_York", 13.0, 0.48, &[(ENGLISH_US, 0.9), (SPANISH_US, 0.1)]),
    country("US", "America/Los_Angeles", 8.0, 0.50, &[(ENGLISH_US, 0.85), (SPANISH_US, 0.15)]),
    country("DE", "Europe/Berlin", 14.0, 0.52, &[(GERMAN, 0.86), (ENGLISH_US, 0.09), (TURKISH, 0.05)]),
    country("GB", "Europe/London", 9.0, 0.54, &[(ENGLISH_GB, 1.0)]),
    country("FR", "Europe/Paris", 6.5, 0.53, &[(&["fr-FR", "fr", "en-US", "en"], 1.0)]),
    country("NL", "Europe/Amsterdam", 4.0, 0.50, &[(&["nl-NL", "nl", "en-US", "en"], 0.8), (ENGLISH_US, 0.2)]),
    country("ES", "Europe/Madrid", 3.5, 0.60, &[(&["es-ES", "es", "en"], 0.85), (&["ca", "es-ES", "es", "en"], 0.15)]),
    country("IT", "Europe/Rome", 3.5, 0.60, &[(&["it-IT", "it", "en-US", "en"], 1.0)]),
    country("PL", "Europe/Warsaw", 3.0, 0.56, &[(&["pl-PL", "pl", "en-US", "en"], 1.0)]),
    country("SE", "Europe/Stockholm", 2.0, 0.52, &[(&["sv-SE", "sv", "en-US", "en"], 1.0)]),
    country("CH", "Europe/Zurich", 2.0, 0.50, &[(&["de-CH", "de", "en"], 0.7), (&["fr-CH", "fr", "en"], 0.3)]),
    country("AT", "Europe/Vienna", 2.0, 0.54, &[(&["de-AT", "de", "en"], 1.0)]),
    country("PT", "Europe/Lisbon", 1.0, 0.58, &[(&["pt-PT", "pt", "en"], 1.0)]),
    country("CZ", "Europe/Prague", 1.2, 0.50, &[(&["cs-CZ", "cs", "en"], 1.0)]),
    country("UA", "Europe/Kyiv", 1.0, 0.50, &[(&["uk-UA", "uk", "en-US", "en"], 1.0)]),
    country("CA", "America/Toronto", 4.0, 0.50, &[(&["en-CA", "en-US", "en"], 0.8), (&["fr-CA", "fr", "en"], 0.2)]),
    country("BR", "America/Sao_Paulo", 6.0, 0.68, &[(&["pt-BR", "pt", "en-US", "en"], 1.0)]),
    country("MX", "America/Mexico_City", 3.0, 0.66, &[(SPANISH_MX, 1.0)]),
    country("AR", "America/Argentina/Buenos_Aires", 1.5, 0.62, &[(&["es-AR", "es", "en"], 1.0)]),
    country("IN", "Asia/Kolkata", 8.0, 0.78, &[(&["en-IN", "en-GB", "en-US", "en"], 0.75), (&["hi-IN", "hi", "en"], 0.25)]),
    country("JP", "Asia/Tokyo", 5.0, 0.58, &[(&["ja", "en-US", "en"], 1.0)]),
    country("KR", "Asia/Seoul", 2.5, 0.60, &[(&["ko-KR", "ko", "en-US", "en"], 1.0)]),
    country("ID", "Asia/Jakarta", 3.0, 0.80, &[(&["id-ID", "id", "en-US", "en"], 1.0)]),
    country("SG", "Asia/Singapore", 1.5, 0.55, &[(&["en-SG", "en", "zh-CN", "zh"], 1.0)]),
    country("TR", "Europe/Istanbul", 2.0, 0.70, &[(TURKISH, 1.0)]),
    country("AU", "Australia/Sydney", 3.0, 0.54, &[(&["en-AU", "en-GB", "en"], 1.0)]),
    country("NZ", "Pacific/Auckland", 0.8, 0.54, &[(&["en-NZ", "en-GB", "en"], 1.0)]),
    country("ZA", "Africa/Johannesburg", 1.5, 0.70, &[(&["en-ZA", "en-GB", "en"], 0.9), (&["af-ZA", "af", "en"], 0.1)]),
    country("NG", "Africa/Lagos", 1.5, 0.82, &[(&["en-NG", "en-GB", "en"], 1.0)]),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_country_can_be_drawn_and_understood() {
        for country in &COUNTRIES {
            assert!(jiff::tz::TimeZone::get(country.zone).is_ok(), "{}", country.zone);
            assert_eq!(country.code.len(), 2);
            assert!(country.share > 0.0 && (0.0..=1.0).contains(&country.mobile), "{}", country.code);
            let weights: f64 = country.languages.iter().map(|(_, weight)| weight).sum();
            assert!((weights - 1.0).abs() < 1e-9, "{}", country.code);
            assert!(country.languages.iter().all(|(tags, _)| !tags.is_empty()), "{}", country.code);
        }
    }
}
