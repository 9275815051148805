//! Clicks as a worker would store them, the same in every run.

use std::sync::Arc;

use domain::{Channel, Click, ClickId, ClickRule, LocalDay, Method, Millis, Outcome, Parameter, SignalSet, Utm, VisitorKey, WorkspaceId};
use jiff::tz::TimeZone;
use store::Incoming;

use super::dice::{Dice, Skew};
use super::timeline::Timeline;
use super::visitor::Visitor;
use super::words::Words;
use super::world::{World, experiment};

/// Of a day's clicks, those of a visitor that it has not seen: 1.6 clicks for each.
const NEW_VISITORS: f64 = 1.0 / 1.6;
const SOURCES: [&str; 6] = ["newsletter", "google", "facebook", "linkedin", "partner", "poster"];
const MEDIUMS: [&str; 5] = ["email", "cpc", "social", "referral", "qr"];

pub struct Clicks<I> {
    instants: I,
    world: Arc<World>,
    words: Words,
    dice: Dice,
    sources: Skew,
    /// The visitors of the day so far, for each tenant.
    visitors: Vec<Vec<u64>>,
    day: LocalDay,
    record: Arc<[u8]>,
    frame: Arc<str>,
}

/// Clicks of these workspaces at these times, in order.
pub fn clicks(world: Arc<World>, timeline: Timeline) -> Clicks<impl Iterator<Item = Millis>> {
    Clicks {
        instants: timeline.instants(Dice::new(2)),
        words: Words::default(),
        dice: Dice::new(3),
        sources: Skew::zipf(SOURCES.len(), 1.0),
        visitors: vec![Vec::new(); world.tenants.len()],
        world,
        day: LocalDay(0),
        record: [0; 300].into(),
        frame: "1-0".into(),
    }
}

impl<I: Iterator<Item = Millis>> Iterator for Clicks<I> {
    type Item = Incoming;

    fn next(&mut self) -> Option<Incoming> {
        let at = self.instants.next()?;
        let day = LocalDay::of(at, &TimeZone::UTC);
        if day != self.day {
            self.visitors.iter_mut().for_each(Vec::clear);
            self.day = day;
        }
        let tenant = self.world.skew.draw(&mut self.dice);
        let number = self.visitor(tenant);
        let (workspace, click) = (self.world.tenants[tenant].id, self.click(tenant, number, at));
        Some(Incoming { workspace, click, day: Some(day), record: self.record.clone(), frame: self.frame.clone() })
    }
}

impl<I> Clicks<I> {
    fn visitor(&mut self, tenant: usize) -> u64 {
        let known = &mut self.visitors[tenant];
        if known.is_empty() || self.dice.happens(NEW_VISITORS) {
            let number = self.dice.next();
            known.push(number);
            return number;
        }
        known[self.dice.below(known.len())]
    }

    fn click(&mut self, tenant: usize, number: u64, at: Millis) -> Click {
        let Visitor {
            key,
            verdict,
            reason,
            place,
            device,
            browser,
            browser_version,
            os,
            os_version,
            language,
            user_agent,
            network,
            system,
        } = Visitor::of(number, &self.words);
        let (dice, words) = (&mut self.dice, &self.words);
        let tenant = &self.world.tenants[tenant];
        let link = tenant.skew.draw(dice);
        let utm = if dice.happens(1.0 / 3.0) { campaign(dice, words, &self.sources) } else { Utm::default() };
        let referrer_host = dice.happens(0.55).then(|| words.hosts[words.hosts_skew.draw(dice)].clone());
        let parameters = dice.happens(0.2).then(|| Parameter { key: "ref".into(), value: format!("p{}", dice.below(5_000)) });
        let rule = experiment(link).map(|id| ClickRule { id, name: "Landing page".into(), variant: Some(variant(number).into()) });
        let slug = &tenant.slugs[link];
        Click {
            id: ClickId::new(at, dice.entropy()),
            seq: 0,
            link: tenant.links[link],
            link_version: 1,
            outcome: outcome(dice),
            status: 302,
            method: Method::Get,
            url: address(slug, &utm, parameters.as_ref()),
            target: format!("https://shop.example.com/offers/{slug}?item={link}"),
            verdict,
            verdict_reason: reason,
            place,
            browser,
            browser_version,
            os,
            os_version,
            device,
            language,
            user_agent: Some(user_agent),
            referrer: referrer_host.as_ref().map(|host| format!("https://{host}/stories/{}", number % 100)),
            channel: Some(channel(&utm, referrer_host.as_deref())),
            referrer_host,
            utm,
            parameters: parameters.into_iter().collect(),
            network: Some(network),
            redirect_micros: dice.lognormal(80.0, 0.6) as u32,
            rule,
            rules_version: 3,
            geo_version: Some(1_771_000_000),
            system: Some(system),
            system_version: Some(1_771_000_000),
            visitor: Some(VisitorKey { ..key }),
            ip: None,
            signals: SignalSet::TAKEN | SignalSet::ACCEPT | SignalSet::ACCEPT_HTML | SignalSet::ACCEPT_LANGUAGE,
        }
    }
}

/// All but two in a hundred are sent on to the target.
fn outcome(dice: &mut Dice) -> Outcome {
    match dice.below(100) {
        0 => Outcome::Fallback,
        1 => Outcome::Expired,
        _ => Outcome::Redirected,
    }
}

fn campaign(dice: &mut Dice, words: &Words, sources: &Skew) -> Utm {
    let source = sources.draw(dice);
    Utm {
        source: Some(SOURCES[source].into()),
        medium: Some(MEDIUMS[source % MEDIUMS.len()].into()),
        campaign: Some(words.campaigns[words.campaigns_skew.draw(dice)].clone()),
        term: dice.happens(0.1).then(|| format!("term {}", dice.below(60))),
        content: dice.happens(0.3).then(|| format!("banner-{}", dice.below(20))),
    }
}

fn channel(utm: &Utm, referrer: Option<&str>) -> Channel {
    match (utm.medium.as_deref(), referrer.and_then(|host| host.split('.').next())) {
        (Some("email"), _) | (None, Some("mail")) => Channel::Email,
        (Some("qr"), _) => Channel::Qr,
        (Some(_), _) => Channel::Campaign,
        (None, Some("search")) => Channel::Search,
        (None, Some("social")) => Channel::Social,
        (None, Some(_)) => Channel::Referral,
        (None, None) => Channel::Direct,
    }
}

fn variant(number: u64) -> &'static str {
    if number.is_multiple_of(2) { "short" } else { "long" }
}

fn address(slug: &str, utm: &Utm, parameter: Option<&Parameter>) -> String {
    let mut address = format!("https://go.example/{slug}");
    let named = [("utm_source", &utm.source), ("utm_medium", &utm.medium), ("utm_campaign", &utm.campaign)];
    let named = named.into_iter().filter_map(|(name, value)| Some((name, value.as_deref()?)));
    let all = named.chain(parameter.map(|parameter| (parameter.key.as_str(), parameter.value.as_str())));
    for (index, (name, value)) in all.enumerate() {
        address.push(if index == 0 { '?' } else { '&' });
        address.extend([name, "=", value]);
    }
    address
}

/// The workspace of most of them.
pub fn large(world: &World) -> WorkspaceId {
    world.large().id
}
