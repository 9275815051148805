//! The bytes of misses, and what a program makes of them that knows of none.

use domain::{
    Address, CapturedMiss, Device, DomainId, JudgedAgent, Method, MissId, ReducedAddress, SignalSet, UserAgentFacts, Verdict,
    VerdictReason, WorkspaceId,
};
use proptest::prelude::*;
use uuid::Uuid;

use super::*;

fn miss() -> CapturedMiss {
    CapturedMiss {
        id: MissId(Uuid::from_u128(1)),
        workspace: WorkspaceId(Uuid::from_u128(2)),
        domain: DomainId(Uuid::from_u128(3)),
        slug: Some("sale".into()),
        method: Method::Head,
        address: Address::Full([203, 0, 113, 9].into()),
        user_agent: Some("ua".into()),
        signals: SignalSet::TAKEN | SignalSet::GPC,
        judged: None,
    }
}

fn hex(miss: &CapturedMiss) -> String {
    Captured::Miss(miss.clone()).encode().iter().map(|byte| format!("{byte:02x}")).collect()
}

const IDS: &str = "020a1000000000000000000000000000000001121000000000000000000000000000000002";
const DOMAIN: &str = "c2021000000000000000000000000000000003";

#[test]
fn golden_bytes() {
    assert_eq!(hex(&miss()), format!("{IDS}38015204cb0071095a0275618002818040{DOMAIN}ca020473616c65"));
    let facts = UserAgentFacts { browser: None, browser_version: None, os: None, os_version: None, device: Device::Mobile };
    let judged = JudgedAgent { facts, verdict: Verdict::Bot, reason: VerdictReason::NoUserAgent, rules_version: 3 };
    let address = ReducedAddress { network: "203.0.113.0/24".into(), ..ReducedAddress::default() };
    let strict = CapturedMiss {
        slug: None,
        address: Address::Reduced(Box::new(address)),
        user_agent: None,
        judged: Some(Box::new(judged)),
        ..miss()
    };
    let (network, agent) = ("f2011032".to_owned() + "0e3230332e302e3131332e302f3234", hex(&strict));
    let agent = &agent[agent.find("9a02").unwrap()..agent.find(DOMAIN).unwrap()];
    assert_eq!(hex(&strict), format!("{IDS}3801{network}8002818040{agent}{DOMAIN}"));
    for miss in [miss(), strict] {
        assert_eq!(decode_captured(&Captured::Miss(miss.clone()).encode()), Ok(Captured::Miss(miss)));
    }
}

#[test]
fn a_program_that_knows_of_clicks_alone_leaves_it_to_a_later_one() {
    assert_eq!(decode_record(&Captured::Miss(miss()).encode()), Err(RecordError::UnknownVersion(MISS_VERSION)));
}

#[test]
fn what_can_be_no_slug_is_not_read_as_one() {
    for slug in ["a/b", "", &"x".repeat(65)] {
        let odd = CapturedMiss { slug: Some(slug.to_owned()), ..miss() };
        assert_eq!(decode_captured(&Captured::Miss(odd).encode()), Ok(Captured::Miss(CapturedMiss { slug: None, ..miss() })));
    }
}

#[test]
fn a_later_field_is_ignored_and_a_later_version_waits() {
    let mut bytes = Captured::Miss(miss()).encode();
    // Field 100.
    bytes.extend([0xa0, 0x06, 5]);
    assert_eq!(decode_captured(&bytes), Ok(Captured::Miss(miss())));
    bytes[0] = 9;
    assert_eq!(decode_captured(&bytes), Err(RecordError::UnknownVersion(9)));
}

proptest! {
    #[test]
    fn any_bytes_are_read_or_refused(mut bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        bytes.insert(0, MISS_VERSION);
        let _ = decode_captured(&bytes);
    }
}
