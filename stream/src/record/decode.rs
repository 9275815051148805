//! From bytes to a click or a miss. What is out of range makes a record malformed, never another click.

use domain::{
    Address, CapturedClick, CapturedMiss, ClickId, ClickRule, ClientHints, Consent, DomainId, LinkId, Method, MissId, Outcome, RuleId,
    SignalSet, Signals, Slug, WorkspaceId,
};
use prost::Message as _;
use uuid::Uuid;

use super::form::{Consented, Hints, MissRecord, Record, Reduced};
use super::{Captured, MISS_VERSION, RecordError, VERSION};

/// Whatever was captured.
///
/// # Errors
/// [`RecordError`] when the bytes are of a later version or no record.
pub fn decode_captured(bytes: &[u8]) -> Result<Captured, RecordError> {
    match bytes.split_first() {
        Some((&MISS_VERSION, fields)) => decode_miss(fields).map(Captured::Miss),
        _ => decode_record(bytes).map(|click| Captured::Click(Box::new(click))),
    }
}

/// A click, as programs read it that know of nothing else.
///
/// # Errors
/// [`RecordError`] when the bytes are of a later version or no record; those of a miss are of a later one.
pub fn decode_record(bytes: &[u8]) -> Result<CapturedClick, RecordError> {
    let (version, fields) = bytes.split_first().ok_or(RecordError::Malformed)?;
    if *version != VERSION {
        return Err(RecordError::UnknownVersion(*version));
    }
    let record = Record::decode(fields).map_err(|_| RecordError::Malformed)?;
    let address = address(record.reduced, &record.ip)?;
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
        judged: record.judged.map(|judged| judged.agent().map(Box::new).ok_or(RecordError::Malformed)).transpose()?,
    })
}

fn decode_miss(fields: &[u8]) -> Result<CapturedMiss, RecordError> {
    let record = MissRecord::decode(fields).map_err(|_| RecordError::Malformed)?;
    Ok(CapturedMiss {
        id: MissId(uuid(&record.id)?),
        workspace: WorkspaceId(uuid(&record.workspace)?),
        domain: DomainId(uuid(&record.domain)?),
        slug: record.slug.filter(|slug| Slug::can_be(slug)),
        method: known(record.method, Method::from_code)?,
        address: address(record.reduced, &record.ip)?,
        user_agent: record.user_agent,
        signals: SignalSet::from_bits(record.signals),
        judged: record.judged.map(|judged| judged.agent().map(Box::new).ok_or(RecordError::Malformed)).transpose()?,
    })
}

fn address(reduced: Option<Reduced>, ip: &[u8]) -> Result<Address, RecordError> {
    Ok(match (reduced, ip.len()) {
        (Some(reduced), _) => Address::Reduced(Box::new(reduced.address())),
        (None, 0) => Address::Unknown,
        (None, 4) => Address::Full(<[u8; 4]>::try_from(ip).map_err(|_| RecordError::Malformed)?.into()),
        (None, _) => Address::Full(<[u8; 16]>::try_from(ip).map_err(|_| RecordError::Malformed)?.into()),
    })
}

fn known<T>(code: u32, from: impl Fn(i16) -> Option<T>) -> Result<T, RecordError> {
    i16::try_from(code).ok().and_then(from).ok_or(RecordError::Malformed)
}

fn uuid(bytes: &[u8]) -> Result<Uuid, RecordError> {
    Uuid::from_slice(bytes).map_err(|_| RecordError::Malformed)
}
