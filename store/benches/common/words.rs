//! What clicks can say of their visitors: about as many values as the clicks of a busy workspace have, the
//! first ones most often.

use super::dice::{Dice, Skew};

const COUNTRIES: &str = "US DE GB FR IN BR CA JP ES IT NL AU PL MX SE CH AT BE TR ID ZA DK NO FI PT IE CZ RO GR HU \
    AR CL CO PE VE EC UY BO PY CR PA GT DO CU HN NI SV JM TT BS KR CN TW HK SG MY TH VN PH PK BD LK NP MM KH LA \
    NZ FJ PG IL SA AE QA KW OM JO LB IQ IR EG MA TN DZ LY NG KE GH TZ UG ET ZM ZW MZ AO CM CI SN ML MG RW BW NA \
    UA RU BY KZ UZ GE AM AZ RS HR SI SK BG LT LV EE IS LU MT CY";
const SYLLABLES: [&str; 16] =
    ["ber", "lin", "ham", "ton", "ville", "san", "mar", "rio", "nov", "gra", "ost", "wil", "del", "kai", "mün", "or"];
pub const BROWSERS: [&str; 25] = [
    "Chrome",
    "Safari",
    "Edge",
    "Firefox",
    "Samsung Internet",
    "Opera",
    "Instagram",
    "Facebook",
    "Brave",
    "Vivaldi",
    "DuckDuckGo",
    "UC Browser",
    "Yandex Browser",
    "Android Browser",
    "LinkedIn",
    "Pinterest",
    "Snapchat",
    "TikTok",
    "WeChat",
    "Line",
    "QQ Browser",
    "Silk",
    "Internet Explorer",
    "Chromium",
    "Whale",
];
pub const SYSTEMS: [&str; 15] = [
    "Windows",
    "Android",
    "iOS",
    "macOS",
    "Linux",
    "ChromeOS",
    "iPadOS",
    "Ubuntu",
    "Tizen",
    "KaiOS",
    "webOS",
    "Fedora",
    "FreeBSD",
    "HarmonyOS",
    "PlayStation",
];
const LANGUAGES: &str = "en de es fr pt it nl pl ja hi sv tr id da nb fi cs ro el hu ko zh th vi ar he uk ru sr hr";
const SITES: [&str; 8] = ["news", "blog", "shop", "forum", "mail", "search", "social", "club"];

/// All values, with how often each is met.
#[derive(Clone, Debug)]
pub struct Words {
    pub countries: Vec<&'static str>,
    pub regions: Vec<String>,
    pub cities: Vec<String>,
    pub cities_skew: Skew,
    pub browsers_skew: Skew,
    pub systems_skew: Skew,
    pub languages: Vec<&'static str>,
    pub languages_skew: Skew,
    pub hosts: Vec<String>,
    pub hosts_skew: Skew,
    pub campaigns: Vec<String>,
    pub campaigns_skew: Skew,
    /// Networks' operators.
    pub operators: Vec<String>,
    pub operators_skew: Skew,
}

impl Default for Words {
    fn default() -> Self {
        let mut dice = Dice::new(7);
        let countries: Vec<&str> = COUNTRIES.split_whitespace().take(120).collect();
        let regions = (0..600).map(|index| format!("{}-{:02}", countries[index % countries.len()], index / countries.len() + 1)).collect();
        Self {
            regions,
            cities: (0..1_500).map(|_| name(&mut dice)).collect(),
            cities_skew: Skew::zipf(1_500, 0.9),
            browsers_skew: Skew::zipf(BROWSERS.len(), 1.3),
            systems_skew: Skew::zipf(SYSTEMS.len(), 1.1),
            languages: LANGUAGES.split(' ').collect(),
            languages_skew: Skew::zipf(30, 1.2),
            hosts: (0..300).map(|index| format!("{}.{}.example", SITES[index % SITES.len()], name(&mut dice).to_lowercase())).collect(),
            hosts_skew: Skew::zipf(300, 1.1),
            campaigns: (0..40).map(|index| format!("{}-{}", name(&mut dice).to_lowercase(), 2020 + index % 7)).collect(),
            campaigns_skew: Skew::zipf(40, 1.0),
            operators: (0..400).map(|_| format!("{} Telecom", name(&mut dice))).collect(),
            operators_skew: Skew::zipf(400, 1.0),
            countries,
        }
    }
}

impl Words {
    /// The region that a city is in, and the country that this is in.
    pub fn around(&self, city: usize) -> (&str, &'static str) {
        let region = city % self.regions.len();
        (&self.regions[region], self.countries[region % self.countries.len()])
    }
}

fn name(dice: &mut Dice) -> String {
    let mut name: String = (0..2 + dice.below(3)).map(|_| SYLLABLES[dice.below(SYLLABLES.len())]).collect();
    if let Some(first) = name.get_mut(..1) {
        first.make_ascii_uppercase();
    }
    name
}
