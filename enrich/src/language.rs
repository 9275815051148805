//! The visitor's language from Accept-Language (RFC 9110, 12.5.4).

/// The primary subtag of the language with the highest weight; of equals the first. A language whose
/// weight is none is passed over.
pub fn first(header: &str) -> Option<String> {
    let mut best: Option<(u16, &str)> = None;
    for item in header.split(',').take(16) {
        let mut parts = item.split(';').map(str::trim);
        let primary = parts.next().unwrap_or_default().split('-').next().unwrap_or_default();
        let Some(weight) = parts.find_map(weight_of).unwrap_or(Some(1_000)) else { continue };
        let plausible = (2..=3).contains(&primary.len()) && primary.bytes().all(|byte| byte.is_ascii_alphabetic());
        if plausible && weight > 0 && best.is_none_or(|(best, _)| weight > best) {
            best = Some((weight, primary));
        }
    }
    best.map(|(_, primary)| primary.to_ascii_lowercase())
}

/// The weight that a parameter gives, if it is one that should.
fn weight_of(parameter: &str) -> Option<Option<u16>> {
    let (name, value) = parameter.split_once('=')?;
    name.trim().eq_ignore_ascii_case("q").then(|| thousandths(value.trim()))
}

/// RFC 9110, section 12.4.2: from 0 to 1 with at most three digits after the point.
fn thousandths(value: &str) -> Option<u16> {
    let (whole, digits) = value.split_once('.').unwrap_or((value, ""));
    if !matches!(whole, "0" | "1") || digits.len() > 3 || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    format!("{whole}{digits:0<3}").parse().ok().filter(|thousandths| *thousandths <= 1_000)
}

#[cfg(test)]
mod tests {
    use proptest::collection::vec;
    use proptest::option::of;
    use proptest::prelude::*;

    use super::first;

    /// A language as browsers write one, its primary subtag, and its weight in thousandths, if it says one.
    fn item() -> impl Strategy<Value = (String, String, Option<u16>)> {
        let weight = of(prop_oneof![Just(0), Just(1_000), 0..=1_000_u16, (0..=10_u16).prop_map(|tenths| tenths * 100)]);
        let text = ("[a-zA-Z]{2,3}", "(-[A-Za-z0-9]{2,8}){0,2}", "[ \t]{0,2}", "[qQ]");
        (text, weight).prop_map(|((primary, rest, space, q), weight)| {
            let weight_text = weight.map(|weight| format!("{space};{space}{q}={}", f64::from(weight) / 1_000.0)).unwrap_or_default();
            (format!("{space}{primary}{rest}{weight_text}{space}"), primary.to_ascii_lowercase(), weight)
        })
    }

    #[test]
    fn the_heaviest_wins_and_of_equals_the_first() {
        assert_eq!(first("de-DE,de;q=0.9,en;q=0.8").as_deref(), Some("de"));
        assert_eq!(first("en;q=0.5, PT-br").as_deref(), Some("pt"));
        assert_eq!(first("fr, nl").as_deref(), Some("fr"));
        assert_eq!(first("zh-Hant-TW;q=1.0").as_deref(), Some("zh"));
        // Sixteen are read.
        assert_eq!(first(&("de;q=0.1,".repeat(15) + "fr")).as_deref(), Some("fr"));
        assert_eq!(first(&("de;q=0.1,".repeat(16) + "fr")).as_deref(), Some("de"));
        for text in ["", "*", "en;q=0", "en;q=0.000", "12", ";;;", "x-klingon"] {
            assert_eq!(first(text), None, "{text}");
        }
    }

    #[test]
    fn a_language_with_a_wrong_weight_is_passed_over() {
        for weight in [
            "bogus",
            "",
            "1.5",
            "2",
            "-1",
            "+1",
            "NaN",
            "inf",
            "1e0",
            ".5",
            "0.1234",
            "1.001",
            "0,5",
            "01",
            "0.5.5",
            "\u{661}",
            "0.\u{661}",
        ] {
            assert_eq!(first(&format!("de;q={weight}")), None, "{weight}");
            assert_eq!(first(&format!("de;q={weight}, fr;q=0.001")).as_deref(), Some("fr"), "{weight}");
        }
        for weight in ["1", "1.", "1.0", "1.000"] {
            assert_eq!(first(&format!("fr;q=0.999,de ; Q={weight}")).as_deref(), Some("de"), "{weight}");
        }
        assert_eq!(first("fr;q=0.09,de;x=1;q=0.1").as_deref(), Some("de"));
    }

    proptest! {
        #[test]
        fn any_text_has_a_short_language_or_none(text in ".{0,80}", known in "(de|EN|-|,|;|q|=|[01]|\\.|\\*| |ä){0,40}") {
            for language in [first(&text), first(&known)].into_iter().flatten() {
                let is_tag = (2..=3).contains(&language.len()) && language.bytes().all(|byte| byte.is_ascii_lowercase());
                prop_assert!(is_tag, "{}", language);
            }
        }

        /// Sorted by weight, where equals stay in their order, the first is it.
        #[test]
        fn weights_decide(items in vec(item(), 0..20)) {
            let header = items.iter().map(|(text, ..)| text.as_str()).collect::<Vec<_>>().join(",");
            let mut weighed: Vec<_> = items.iter().take(16).map(|(_, primary, weight)| (weight.unwrap_or(1_000), primary)).collect();
            weighed.sort_by_key(|(weight, _)| std::cmp::Reverse(*weight));
            let wanted = weighed.first().filter(|(weight, _)| *weight > 0).map(|(_, primary)| (*primary).clone());
            prop_assert_eq!(first(&header), wanted, "{}", header);
        }
    }
}
