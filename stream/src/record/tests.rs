//! The bytes that were written so far are read for ever.

use domain::{
    Address, AutonomousSystem, CapturedClick, ClickId, ClickRule, ClientHints, Consent, Device, GeoPlace, JudgedAgent, LinkId, Method,
    Outcome, ReducedAddress, RuleId, SignalSet, Signals, UserAgentFacts, Verdict, VerdictReason, VisitorKey, WorkspaceId,
};
use proptest::prelude::*;
use uuid::Uuid;

use super::*;

fn click() -> CapturedClick {
    CapturedClick {
        id: ClickId(Uuid::from_u128(1)),
        workspace: WorkspaceId(Uuid::from_u128(2)),
        link: LinkId(Uuid::from_u128(3)),
        link_version: 4,
        outcome: Outcome::Redirected,
        status: 302,
        method: Method::Get,
        url: "http://x/a".into(),
        target: "https://y/".into(),
        address: Address::Full([203, 0, 113, 9].into()),
        user_agent: Some("ua".into()),
        referrer: None,
        accept_language: Some("de".into()),
        redirect_micros: 7,
        rule: None,
        above_rate: false,
        signals: Signals::default(),
        judged: None,
    }
}

fn hex(click: &CapturedClick) -> String {
    encode_record(click).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Records written before there were rules are these, too.
#[test]
fn golden_bytes() {
    let hex = hex(&click());
    assert_eq!(
        hex,
        "010a1000000000000000000000000000000001121000000000000000000000000000000002\
         1a1000000000000000000000000000000003200430ae02420a687474703a2f2f782f614a0a\
         68747470733a2f2f792f5204cb0071095a0275616a0264657007"
    );
    assert_eq!(decode_record(&encode_record(&click())), Ok(click()));
}

#[test]
fn golden_bytes_of_a_rule() {
    let of = |variant: Option<&str>| {
        let rule = ClickRule { id: RuleId(Uuid::from_u128(5)), name: "DE".into(), variant: variant.map(str::to_owned) };
        CapturedClick { rule: Some(rule), ..click() }
    };
    let (plain, with_variant) = (of(None), of(Some("B")));
    let rule = "a2011000000000000000000000000000000005aa01024445";
    assert_eq!(hex(&plain), hex(&click()) + rule);
    assert_eq!(hex(&with_variant), hex(&click()) + rule + "b2010142");
    for click in [plain, with_variant] {
        assert_eq!(decode_record(&encode_record(&click)), Ok(click));
    }
}

#[test]
fn golden_bytes_of_a_reduced_address() {
    let network = "203.0.113.0/24".to_owned();
    let country = GeoPlace { country: Some("DE".into()), ..GeoPlace::default() };
    let full =
        GeoPlace { region: Some("DE-BE".into()), city: Some("B".into()), latitude: Some(52.5), longitude: Some(-1.0), ..country.clone() };
    let click = |place| CapturedClick {
        address: Address::Reduced(Box::new(ReducedAddress { place, network: network.clone(), ..ReducedAddress::default() })),
        ..click()
    };
    // As with an address, which is no longer there, and a field at the end.
    let rest = hex(&self::click()).replace("5204cb007109", "");
    let (nothing, place) = (click(GeoPlace::default()), click(full));
    assert_eq!(hex(&nothing), format!("{rest}f2011032{}", "0e3230332e302e3131332e302f3234"));
    assert_eq!(
        hex(&place),
        format!("{rest}f201300a024445120544452d42451a014221{}29{}320e3230332e302e3131332e302f3234", "0000000000404a40", "000000000000f0bf")
    );
    for click in [nothing, place, click(country)] {
        assert_eq!(decode_record(&encode_record(&click)), Ok(click));
    }
}

#[test]
fn golden_bytes_of_a_reduced_visitor() {
    let address = ReducedAddress {
        geo_version: Some(2),
        system: Some(AutonomousSystem { number: 3, name: Some("N".into()) }),
        system_version: Some(4),
        visitor: Some(VisitorKey { key: "v".into(), recipe: 1 }),
        ..ReducedAddress::default()
    };
    let click = CapturedClick { address: Address::Reduced(Box::new(address)), ..click() };
    let rest = hex(&self::click()).replace("5204cb007109", "");
    assert_eq!(hex(&click), format!("{rest}f2010e{}", "380240034a014e52017658016004"));
    // As of before the system's database had a version.
    let before = format!("{rest}f2010c{}", "380240034a014e5201765801");
    assert_eq!(hex(&click).replace("f2010e", "f2010c").strip_suffix("6004"), Some(before.as_str()));
    assert_eq!(decode_record(&encode_record(&click)), Ok(click));
}

#[test]
fn golden_bytes_of_one_too_many() {
    let above = CapturedClick { above_rate: true, ..click() };
    assert_eq!(hex(&above), hex(&click()) + "f80101");
    assert_eq!(decode_record(&encode_record(&above)), Ok(above));
}

#[test]
fn golden_bytes_of_signals() {
    let hints = ClientHints { brands: Some("B".into()), platform: None, platform_version: Some("1".into()), model: None };
    let consent = Consent { given: true, visitor: Some("v".into()) };
    let signals = Signals { set: SignalSet::TAKEN | SignalSet::GPC, hints: Some(Box::new(hints)), consent: Some(Box::new(consent)) };
    let click = CapturedClick { signals, ..click() };
    assert_eq!(hex(&click), hex(&self::click()) + "8002818040" + "8a02060a01421a0131" + "920205080112" + "0176");
    assert_eq!(decode_record(&encode_record(&click)), Ok(click));
}

#[test]
fn a_later_version_waits_and_a_later_field_is_ignored() {
    let mut bytes = encode_record(&click());
    // Field 100.
    bytes.extend([0xa0, 0x06, 5]);
    assert_eq!(decode_record(&bytes), Ok(click()));
    bytes[0] = 9;
    assert_eq!(decode_record(&bytes), Err(RecordError::UnknownVersion(9)));
}

#[test]
fn golden_bytes_of_an_agent_that_is_not_written() {
    let facts = UserAgentFacts {
        browser: Some("Firefox".into()),
        browser_version: None,
        os: Some("iOS".into()),
        os_version: Some("17".into()),
        device: Device::Mobile,
    };
    let judged = JudgedAgent { facts, verdict: Verdict::Human, reason: VerdictReason::NoSignal, rules_version: 300 };
    let judged = CapturedClick { judged: Some(Box::new(judged)), ..click() };
    let bytes = "9a02170a0746697265666f781a03694f5322023137280240ac02";
    assert_eq!(hex(&judged), hex(&click()) + bytes);
    assert_eq!(decode_record(&encode_record(&judged)), Ok(judged.clone()));
    // A later program's reason loses no click.
    let later = encode_record(&judged).iter().copied().chain([0x9a, 2, 3, 0x38, 0xe7, 7]).collect::<Vec<_>>();
    assert_eq!(decode_record(&later).unwrap().judged.unwrap().reason, VerdictReason::NoSignal);
}

proptest! {
    #[test]
    fn any_bytes_are_read_or_refused(mut bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        let _ = decode_record(&bytes);
        bytes.insert(0, VERSION);
        let _ = decode_record(&bytes);
    }
}
