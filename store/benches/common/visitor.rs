//! A visitor: the same whenever the same number comes again.

use domain::{AutonomousSystem, Device, GeoPlace, Verdict, VerdictReason, VisitorKey};

use super::dice::Dice;
use super::words::{BROWSERS, SYSTEMS, Words};

const BOTS: f64 = 0.12;
const BOT_REASONS: [VerdictReason; 6] = [
    VerdictReason::Crawler,
    VerdictReason::LinkPreview,
    VerdictReason::HttpLibrary,
    VerdictReason::AiCrawler,
    VerdictReason::Monitor,
    VerdictReason::Headless,
];

#[derive(Clone, Debug)]
pub struct Visitor {
    pub key: VisitorKey,
    pub verdict: Verdict,
    pub reason: VerdictReason,
    pub place: GeoPlace,
    pub device: Device,
    pub browser: Option<String>,
    pub browser_version: Option<String>,
    pub os: Option<String>,
    pub os_version: Option<String>,
    pub language: Option<String>,
    pub user_agent: String,
    pub network: String,
    pub system: AutonomousSystem,
}

impl Visitor {
    pub fn of(number: u64, words: &Words) -> Self {
        let mut dice = Dice::new(number);
        let (verdict, reason) = judged(&mut dice);
        let bot = verdict == Verdict::Bot;
        let device = if bot { Device::Bot } else { device(&mut dice) };
        let (browser, os) = (BROWSERS[words.browsers_skew.draw(&mut dice)], SYSTEMS[words.systems_skew.draw(&mut dice)]);
        let (major, os_major) = (128 - dice.below(8), 14 - dice.below(5));
        let [.., a, b] = (dice.next() as u32).to_be_bytes();
        let operator = words.operators_skew.draw(&mut dice);
        let (user_agent, browser) = if bot {
            (
                format!(
                    "Mozilla/5.0 (compatible; {}bot/2.{os_major}; +https://www.{a}.example/bot.html)",
                    words.languages[usize::from(b) % 30]
                ),
                None,
            )
        } else {
            let agent = format!(
                "Mozilla/5.0 ({os} {os_major}; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) {browser}/{major}.0.0.0 Safari/537.36"
            );
            (agent, Some(browser))
        };
        Self {
            key: VisitorKey { key: format!("{:032x}", u128::from(number) << 64 | u128::from(number.rotate_left(17))), recipe: 1 },
            place: place(&mut dice, words),
            browser_version: browser.map(|_| format!("{major}.0")),
            browser: browser.map(Into::into),
            os: (!bot).then(|| os.into()),
            os_version: (!bot).then(|| os_major.to_string()),
            language: (!bot).then(|| words.languages[words.languages_skew.draw(&mut dice)].into()),
            network: format!("{}.{a}.{b}.0/24", 60 + operator % 120),
            system: AutonomousSystem { number: 3_000 + operator as u32 * 17, name: Some(words.operators[operator].clone()) },
            verdict,
            reason,
            device,
            user_agent,
        }
    }
}

fn judged(dice: &mut Dice) -> (Verdict, VerdictReason) {
    match dice.share() {
        share if share < BOTS => (Verdict::Bot, BOT_REASONS[dice.below(BOT_REASONS.len())]),
        share if share < BOTS + 0.03 => (Verdict::Suspected, VerdictReason::DataCentre),
        share if share < BOTS + 0.04 => (Verdict::Internal, VerdictReason::OwnTraffic),
        _ => (Verdict::Human, VerdictReason::NoSignal),
    }
}

fn device(dice: &mut Dice) -> Device {
    match dice.share() {
        share if share < 0.55 => Device::Mobile,
        share if share < 0.94 => Device::Desktop,
        share if share < 0.98 => Device::Tablet,
        share if share < 0.985 => Device::Tv,
        _ => Device::Unknown,
    }
}

/// In one of twelve cases the city is not known.
fn place(dice: &mut Dice, words: &Words) -> GeoPlace {
    let city = words.cities_skew.draw(dice);
    let (region, country) = words.around(city);
    if dice.happens(0.08) {
        return GeoPlace { country: Some(country.into()), ..GeoPlace::default() };
    }
    GeoPlace {
        country: Some(country.into()),
        region: Some(region.into()),
        city: Some(words.cities[city].clone()),
        latitude: Some((city * 7 % 1_400) as f64 / 10.0 - 70.0),
        longitude: Some((city * 13 % 3_600) as f64 / 10.0 - 180.0),
    }
}
