//! The visitor's language from Accept-Language (RFC 9110, 12.5.4).

/// The primary subtag of the language with the highest weight; of equals the first.
pub fn first(header: &str) -> Option<String> {
    let mut best: Option<(f32, &str)> = None;
    for item in header.split(',').take(16) {
        let mut parts = item.split(';');
        let tag = parts.next().unwrap_or_default().trim();
        let weight = parts.find_map(|part| part.trim().strip_prefix("q=")?.trim().parse().ok()).unwrap_or(1.0_f32);
        let primary = tag.split('-').next().unwrap_or_default();
        let plausible = (2..=3).contains(&primary.len()) && primary.bytes().all(|byte| byte.is_ascii_alphabetic());
        if plausible && weight > 0.0 && best.is_none_or(|(best, _)| weight > best) {
            best = Some((weight, primary));
        }
    }
    best.map(|(_, primary)| primary.to_ascii_lowercase())
}

#[cfg(test)]
mod tests {
    use super::first;

    #[test]
    fn the_heaviest_wins_and_of_equals_the_first() {
        assert_eq!(first("de-DE,de;q=0.9,en;q=0.8").as_deref(), Some("de"));
        assert_eq!(first("en;q=0.5, PT-br").as_deref(), Some("pt"));
        assert_eq!(first("fr, nl").as_deref(), Some("fr"));
        assert_eq!(first("zh-Hant-TW;q=1.0").as_deref(), Some("zh"));
        for text in ["", "*", "en;q=0", "12", ";;;", "x-klingon"] {
            assert_eq!(first(text), None, "{text}");
        }
    }
}
