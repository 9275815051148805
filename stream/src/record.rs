//! A captured click as bytes: a version byte, then protobuf fields. Fields are only ever added; a
//! reader ignores those it does not know. The bytes are golden in the tests.

use std::net::IpAddr;

use domain::{
    Address, AutonomousSystem, CapturedClick, ClickId, ClickRule, ClientHints, Consent, GeoPlace, LinkId, Method, Outcome, ReducedAddress,
    RuleId, SignalSet, Signals, VisitorKey, WorkspaceId,
};
use prost::Message;
use prost::encoding::{WireType, encode_key, encode_varint, encoded_len_varint};
use uuid::Uuid;

pub(crate) const VERSION: u8 = 1;

#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RecordError {
    /// Written by a later program; this one must wait for its successor.
    #[error("the record has version {0}, which this program does not know")]
    UnknownVersion(u8),
    #[error("the record is malformed")]
    Malformed,
}

#[derive(Clone, PartialEq, Message)]
struct Record {
    #[prost(bytes = "vec", tag = "1")]
    id: Vec<u8>,
    #[prost(bytes = "vec", tag = "2")]
    workspace: Vec<u8>,
    #[prost(bytes = "vec", tag = "3")]
    link: Vec<u8>,
    #[prost(int32, tag = "4")]
    link_version: i32,
    #[prost(uint32, tag = "5")]
    outcome: u32,
    #[prost(uint32, tag = "6")]
    status: u32,
    #[prost(uint32, tag = "7")]
    method: u32,
    #[prost(string, tag = "8")]
    url: String,
    #[prost(string, tag = "9")]
    target: String,
    /// 4 or 16 bytes, or none: unknown, or reduced.
    #[prost(bytes = "vec", tag = "10")]
    ip: Vec<u8>,
    #[prost(string, optional, tag = "11")]
    user_agent: Option<String>,
    #[prost(string, optional, tag = "12")]
    referrer: Option<String>,
    #[prost(string, optional, tag = "13")]
    accept_language: Option<String>,
    #[prost(uint32, tag = "14")]
    redirect_micros: u32,
    /// Empty where no rule decided.
    #[prost(bytes = "vec", tag = "20")]
    rule_id: Vec<u8>,
    #[prost(string, tag = "21")]
    rule_name: String,
    #[prost(string, optional, tag = "22")]
    variant: Option<String>,
    #[prost(bool, tag = "31")]
    above_rate: bool,
    /// Only where there is no address.
    #[prost(message, optional, tag = "30")]
    reduced: Option<Reduced>,
    #[prost(uint32, tag = "32")]
    signals: u32,
    #[prost(message, optional, tag = "33")]
    hints: Option<Hints>,
    #[prost(message, optional, tag = "34")]
    consent: Option<Consented>,
}

#[derive(Clone, PartialEq, Message)]
struct Hints {
    #[prost(string, optional, tag = "1")]
    brands: Option<String>,
    #[prost(string, optional, tag = "2")]
    platform: Option<String>,
    #[prost(string, optional, tag = "3")]
    platform_version: Option<String>,
    #[prost(string, optional, tag = "4")]
    model: Option<String>,
}

#[derive(Clone, PartialEq, Message)]
struct Consented {
    #[prost(bool, tag = "1")]
    given: bool,
    #[prost(string, optional, tag = "2")]
    visitor: Option<String>,
}

/// A reduced address.
#[derive(Clone, PartialEq, Message)]
struct Reduced {
    #[prost(string, optional, tag = "1")]
    country: Option<String>,
    #[prost(string, optional, tag = "2")]
    region: Option<String>,
    #[prost(string, optional, tag = "3")]
    city: Option<String>,
    #[prost(double, optional, tag = "4")]
    latitude: Option<f64>,
    #[prost(double, optional, tag = "5")]
    longitude: Option<f64>,
    #[prost(string, tag = "6")]
    network: String,
    #[prost(int64, optional, tag = "7")]
    geo_version: Option<i64>,
    #[prost(uint32, optional, tag = "8")]
    system: Option<u32>,
    #[prost(string, optional, tag = "9")]
    system_name: Option<String>,
    #[prost(string, optional, tag = "10")]
    visitor: Option<String>,
    #[prost(int32, tag = "11")]
    visitor_recipe: i32,
}

impl Reduced {
    fn of(address: &ReducedAddress) -> Self {
        let ReducedAddress { place, geo_version, system, network, visitor } = address.clone();
        let GeoPlace { country, region, city, latitude, longitude } = place;
        let (system, system_name) = system.map_or((None, None), |system| (Some(system.number), system.name));
        let (visitor, recipe) = visitor.map_or((None, 0), |visitor| (Some(visitor.key), visitor.recipe));
        Self {
            country,
            region,
            city,
            latitude,
            longitude,
            network,
            geo_version,
            system,
            system_name,
            visitor,
            visitor_recipe: recipe.into(),
        }
    }

    fn address(self) -> ReducedAddress {
        let recipe = i16::try_from(self.visitor_recipe).unwrap_or_default();
        let Self { country, region, city, latitude, longitude, .. } = self;
        ReducedAddress {
            place: GeoPlace { country, region, city, latitude, longitude },
            geo_version: self.geo_version,
            system: self.system.map(|number| AutonomousSystem { number, name: self.system_name }),
            network: self.network,
            visitor: self.visitor.map(|key| VisitorKey { key, recipe }),
        }
    }
}

pub fn encode_record(click: &CapturedClick) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(512);
    encode_record_into(click, &mut bytes);
    bytes
}

/// Appends the record to `bytes`. Written field by field, in the order of their tags, since a message to be
/// encoded would own a copy of each text.
pub fn encode_record_into(click: &CapturedClick, bytes: &mut Vec<u8>) {
    bytes.push(VERSION);
    let mut fields = Fields(bytes);
    fields.bytes(1, click.id.0.as_bytes());
    fields.bytes(2, click.workspace.0.as_bytes());
    fields.bytes(3, click.link.0.as_bytes());
    fields.number(4, i64::from(click.link_version).cast_unsigned());
    fields.number(5, click.outcome.code().unsigned_abs().into());
    fields.number(6, click.status.into());
    fields.number(7, click.method.code().unsigned_abs().into());
    fields.bytes(8, click.url.as_bytes());
    fields.bytes(9, click.target.as_bytes());
    match &click.address {
        Address::Full(IpAddr::V4(ip)) => fields.bytes(10, &ip.octets()),
        Address::Full(IpAddr::V6(ip)) => fields.bytes(10, &ip.octets()),
        Address::Unknown | Address::Reduced(_) => {}
    }
    fields.text(11, click.user_agent.as_deref());
    fields.text(12, click.referrer.as_deref());
    fields.text(13, click.accept_language.as_deref());
    fields.number(14, click.redirect_micros.into());
    if let Some(rule) = &click.rule {
        fields.bytes(20, rule.id.0.as_bytes());
        fields.bytes(21, rule.name.as_bytes());
        fields.text(22, rule.variant.as_deref());
    }
    if let Address::Reduced(address) = &click.address {
        fields.message(30, &Reduced::of(address));
    }
    fields.number(31, click.above_rate.into());
    fields.number(32, click.signals.set.bits().into());
    if let Some(hints) = &click.signals.hints {
        let ClientHints { brands, platform, platform_version, model } = &**hints;
        fields.texts(33, &[brands, platform, platform_version, model]);
    }
    if let Some(consent) = &click.signals.consent {
        fields.message(34, &Consented { given: consent.given, visitor: consent.visitor.clone() });
    }
}

/// Protobuf fields as prost writes them: a number that is zero and bytes that are none are left out.
struct Fields<'a>(&'a mut Vec<u8>);

impl Fields<'_> {
    fn number(&mut self, tag: u32, value: u64) {
        if value != 0 {
            encode_key(tag, WireType::Varint, self.0);
            encode_varint(value, self.0);
        }
    }

    fn bytes(&mut self, tag: u32, bytes: &[u8]) {
        if !bytes.is_empty() {
            self.whole(tag, bytes);
        }
    }

    /// An empty text is not the same as none.
    fn text(&mut self, tag: u32, text: Option<&str>) {
        if let Some(text) = text {
            self.whole(tag, text.as_bytes());
        }
    }

    fn whole(&mut self, tag: u32, bytes: &[u8]) {
        encode_key(tag, WireType::LengthDelimited, self.0);
        encode_varint(bytes.len() as u64, self.0);
        self.0.extend_from_slice(bytes);
    }

    /// A message whose fields from 1 on are these texts.
    fn texts(&mut self, tag: u32, texts: &[&Option<String>]) {
        let lengths = texts.iter().filter_map(|text| text.as_ref()).map(|text| text.len());
        // A tag below 16 is one byte.
        let length: usize = lengths.map(|length| 1 + encoded_len_varint(length as u64) + length).sum();
        encode_key(tag, WireType::LengthDelimited, self.0);
        encode_varint(length as u64, self.0);
        for (tag, text) in (1..).zip(texts) {
            self.text(tag, text.as_deref());
        }
    }

    fn message(&mut self, tag: u32, message: &impl Message) {
        self.whole(tag, &message.encode_to_vec());
    }
}

/// # Errors
/// [`RecordError`] when the bytes are of a later version or no record.
pub fn decode_record(bytes: &[u8]) -> Result<CapturedClick, RecordError> {
    let (version, fields) = bytes.split_first().ok_or(RecordError::Malformed)?;
    if *version != VERSION {
        return Err(RecordError::UnknownVersion(*version));
    }
    let record = Record::decode(fields).map_err(|_| RecordError::Malformed)?;
    let address = match (record.reduced, record.ip.len()) {
        (Some(reduced), _) => Address::Reduced(reduced.address()),
        (None, 0) => Address::Unknown,
        (None, 4) => Address::Full(<[u8; 4]>::try_from(&*record.ip).map_err(|_| RecordError::Malformed)?.into()),
        (None, _) => Address::Full(<[u8; 16]>::try_from(&*record.ip).map_err(|_| RecordError::Malformed)?.into()),
    };
    let rule = match &*record.rule_id {
        [] => None,
        id => Some(ClickRule { id: RuleId(uuid(id)?), name: record.rule_name, variant: record.variant }),
    };
    let hints = |Hints { brands, platform, platform_version, model }| Box::new(ClientHints { brands, platform, platform_version, model });
    let consent = |Consented { given, visitor }| Box::new(Consent { given, visitor });
    let signals =
        Signals { set: SignalSet::from_bits(record.signals), hints: record.hints.map(hints), consent: record.consent.map(consent) };
    Ok(CapturedClick {
        id: ClickId(uuid(&record.id)?),
        workspace: WorkspaceId(uuid(&record.workspace)?),
        link: LinkId(uuid(&record.link)?),
        link_version: record.link_version,
        outcome: known(record.outcome, Outcome::from_code)?,
        status: u16::try_from(record.status).map_err(|_| RecordError::Malformed)?,
        method: known(record.method, Method::from_code)?,
        url: record.url,
        target: record.target,
        address,
        user_agent: record.user_agent,
        referrer: record.referrer,
        accept_language: record.accept_language,
        redirect_micros: record.redirect_micros,
        rule,
        above_rate: record.above_rate,
        signals,
    })
}

fn known<T>(code: u32, from: impl Fn(i16) -> Option<T>) -> Result<T, RecordError> {
    i16::try_from(code).ok().and_then(from).ok_or(RecordError::Malformed)
}

fn uuid(bytes: &[u8]) -> Result<Uuid, RecordError> {
    Uuid::from_slice(bytes).map_err(|_| RecordError::Malformed)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

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
        let full = GeoPlace {
            region: Some("DE-BE".into()),
            city: Some("B".into()),
            latitude: Some(52.5),
            longitude: Some(-1.0),
            ..country.clone()
        };
        let click = |place| CapturedClick {
            address: Address::Reduced(ReducedAddress { place, network: network.clone(), ..ReducedAddress::default() }),
            ..click()
        };
        // As with an address, which is no longer there, and a field at the end.
        let rest = hex(&super::tests::click()).replace("5204cb007109", "");
        let (nothing, place) = (click(GeoPlace::default()), click(full));
        assert_eq!(hex(&nothing), format!("{rest}f2011032{}", "0e3230332e302e3131332e302f3234"));
        assert_eq!(
            hex(&place),
            format!(
                "{rest}f201300a024445120544452d42451a014221{}29{}320e3230332e302e3131332e302f3234",
                "0000000000404a40", "000000000000f0bf"
            )
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
            visitor: Some(VisitorKey { key: "v".into(), recipe: 1 }),
            ..ReducedAddress::default()
        };
        let click = CapturedClick { address: Address::Reduced(address), ..click() };
        let rest = hex(&super::tests::click()).replace("5204cb007109", "");
        assert_eq!(hex(&click), format!("{rest}f2010c{}", "380240034a014e5201765801"));
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
        assert_eq!(hex(&click), hex(&super::tests::click()) + "8002818040" + "8a02060a01421a0131" + "920205080112" + "0176");
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

    proptest! {
        #[test]
        fn any_bytes_are_read_or_refused(mut bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = decode_record(&bytes);
            bytes.insert(0, VERSION);
            let _ = decode_record(&bytes);
        }
    }
}
